"""A project, an index for it, and the command line in this process."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from imagespec.cli.main import cli
from imagespec.lock.lockfile import Lock, load
from tests.build.project import Project
from tests.lock.index import Index


class Workshop(Project):
    """Specs whose packages come from `index`, and nothing of uv's that another test has left."""

    def __init__(self, folder: Path, index: Index, patch: pytest.MonkeyPatch) -> None:
        super().__init__(folder)
        self.index = index
        self.environ |= index.variables(folder / "uv-cache") | {"XDG_CACHE_HOME": str(folder / "cache")}
        for name in ("MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET"):
            patch.delenv(name, raising=False)
        for name, value in self.environ.items():
            patch.setenv(name, value)
        patch.chdir(folder)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, standard output and standard error of `imagespec …`."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as exited:
            cli.main(arguments, prog_name="imagespec")
        code = exited.value.code
        assert isinstance(code, int)
        return code, out.getvalue(), err.getvalue()

    def lock(self, *arguments: str) -> str:
        """What a `lock` that must succeed prints."""
        code, out, err = self.run("lock", *arguments)
        assert code == 0, err
        return out

    def refused(self, *arguments: str) -> str:
        """What a `lock` that must fail says; the locks are what they were."""
        before = self.lock_files()
        code, _, err = self.run("lock", *arguments)
        assert code == 1, err
        assert "Traceback" not in err, err
        assert self.lock_files() == before
        return err

    def path(self, name: str) -> Path:
        return self.folder / "specs" / f"{name}.lock.yaml"

    def locked(self, name: str = "one") -> Lock:
        """The lock of a spec, which must be whole."""
        found = load(self.path(name))
        assert isinstance(found, Lock), found
        return found

    def versions(self, name: str = "one") -> dict[str, str]:
        return {package.name: package.version for package in self.locked(name).packages}

    def lock_files(self) -> dict[str, bytes]:
        """Every file among the specs that is none of them, by name."""
        every = (self.folder / "specs").iterdir()
        return {path.name: path.read_bytes() for path in every if path.suffix != ".yaml" or ".lock" in path.name}
