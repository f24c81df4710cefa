"""A project that is built with buildah, for the tests of the container backend and of plans."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from imagespec.build.container.backend import ContainerBackend, Work
from imagespec.build.container.engines import Buildah
from imagespec.build.result import BuildResult
from tests import bases
from tests.build.project import Project, Seen


class Containers(Project):
    """A project that is built with buildah, on a base that is the stand-in for Python."""

    def __init__(self, folder: Path, storage: dict[str, str]) -> None:
        super().__init__(folder)
        programs = folder / "bin"  # buildah alone: whatever else is installed is not asked
        programs.mkdir()
        (programs / "buildah").symlink_to(shutil.which("buildah") or "")
        self.environ |= {**storage, "PATH": str(programs)}

    def backend(self) -> ContainerBackend:
        return ContainerBackend(self.home, self.environ)

    def build(self, *names: str, force: bool = False) -> tuple[list[BuildResult], Seen]:
        seen = Seen()
        return self.backend().build([self.target(name) for name in names], seen, force=force), seen

    def small(self, name: str, text: str) -> Path:
        """A spec on a base that costs nothing to build on."""
        return self.spec(name, text, base=f"registry: '{bases.PYTHONS[0]}'")

    def buildah(self, *arguments: str) -> str:
        done = subprocess.run(["buildah", *arguments], env=self.environ, capture_output=True, text=True, check=True)
        return done.stdout

    def seen_by(self, name: str, *command: str) -> str:
        """What a command prints in the image of a spec."""
        target = self.target(name)
        work = Work(self.home, self.environ, Buildah(), Seen())
        return work.captured(work.stand(target, []), command)[1]

    def containers(self) -> list[str]:
        return self.buildah("containers", "--quiet").split()
