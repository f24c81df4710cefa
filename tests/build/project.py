"""A project in a temporary folder: its specs, builds of them, and a package that takes as long as a test wants."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from imagespec.build.local.backend import LocalBackend
from imagespec.build.record import Record
from imagespec.build.result import BuildResult, CheckResult, LayerResult, Target
from imagespec.compiler import compile_all

ROOT = Path(__file__).parent.parent.parent
SERIES = f"{sys.version_info.major}.{sys.version_info.minor}"

_BACKEND = """
import os, pathlib, time, zipfile

METADATA = "Metadata-Version: 2.1\\nName: slow\\nVersion: 1.0\\n"
WHEEL = "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"

def get_requires_for_build_wheel(config_settings=None):
    return []

def prepare_metadata_for_build_wheel(folder, config_settings=None):
    info = pathlib.Path(folder, "slow-1.0.dist-info")
    info.mkdir()
    info.joinpath("METADATA").write_text(METADATA)
    info.joinpath("WHEEL").write_text(WHEEL)
    return info.name

def build_wheel(folder, config_settings=None, metadata_directory=None):
    here = pathlib.Path(__file__).parent
    with open(here.parent / "started", "a") as started:
        started.write(f"{os.getpid()}\\n")
    while not (here.parent / "go").exists():
        time.sleep(0.02)
    with zipfile.ZipFile(pathlib.Path(folder, "slow-1.0-py3-none-any.whl"), "w") as wheel:
        wheel.writestr("slow.py", "")
        info = "slow-1.0.dist-info"
        wheel.writestr(f"{info}/METADATA", METADATA)
        wheel.writestr(f"{info}/WHEEL", WHEEL)
        wheel.writestr(f"{info}/RECORD", "")
    return "slow-1.0-py3-none-any.whl"
"""


@dataclass(slots=True)
class Seen:
    """Everything that a build told."""

    notes: list[str] = field(default_factory=list)
    started_ops: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    layers: list[LayerResult] = field(default_factory=list)
    checks: list[CheckResult] = field(default_factory=list)

    def note(self, spec: str, text: str) -> None:
        self.notes.append(text)

    def started(self, spec: str, op: str, position: int, of: int) -> None:
        self.started_ops.append(op)

    def log(self, spec: str, line: str) -> None:
        self.lines.append(line)

    def finished(self, spec: str, layer: LayerResult) -> None:
        self.layers.append(layer)

    def checking(self, spec: str, count: int) -> None:
        self.lines.append(f"runs {count}")

    def checked(self, spec: str, check: CheckResult) -> None:
        self.checks.append(check)


class Project:
    """Specs under `specs/`, built under `.imagespec`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / ".imagespec"
        self.environ = {**os.environ, "UV_HTTP_RETRIES": "0", "NO_COLOR": "1"}
        for name in ("MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET"):
            self.environ.pop(name, None)
        # where the Python of the tests lies, and no others: uv looks into each that it meets
        self.environ["PATH"] = os.pathsep.join([f"{sys.base_prefix}/bin", "/usr/bin", "/bin"])
        self.environ["MODAL_CONFIG_PATH"] = str(folder / "no-modal.toml")
        (folder / "specs").mkdir()

    def spec(self, name: str, text: str, base: str = f'debian_slim: "{SERIES}"') -> Path:
        """Write a spec; paths in it are relative to the project."""
        path = self.folder / "specs" / f"{name}.yaml"
        path.write_text(f"root: ..\nbase: {{{base}}}\n{textwrap.dedent(text)}")
        return path

    def file(self, name: str, text: str = "") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    def target(self, name: str) -> Target:
        targets, diagnostics = compile_all([self.folder / "specs" / f"{name}.yaml"])
        assert targets, diagnostics
        return targets[0]

    def build(self, *names: str, force: bool = False) -> tuple[list[BuildResult], Seen]:
        seen = Seen()
        targets = [self.target(name) for name in names]
        return LocalBackend(self.home, self.environ).build(targets, seen, force=force), seen

    def one(self, name: str, *, force: bool = False) -> tuple[BuildResult, Seen]:
        (result,), seen = self.build(name, force=force)
        return result, seen

    @property
    def record(self) -> Record:
        return Record(self.home)

    def environments(self) -> set[str]:
        folder = self.home / "local" / "environments"
        return {path.name for path in folder.iterdir()} if folder.is_dir() else set()

    def making(self) -> list[Path]:
        folder = self.home / "local" / "making"
        return list(folder.iterdir()) if folder.is_dir() else []

    # ------------------------------------------------------------------------------------- the command line

    def command(self, *args: str) -> list[str]:
        return [sys.executable, "-m", "imagespec", *args]

    def start(self, *args: str) -> subprocess.Popen[str]:
        """The command line in a session of its own, as in a terminal of its own."""
        return subprocess.Popen(
            self.command(*args),
            cwd=self.folder,
            env={**self.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def cli(self, *args: str) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        with self.start(*args) as process:
            out, err = process.communicate()
        return process.returncode, out, err

    # ------------------------------------------------------------------------------------- the slow package

    def slow_package(self) -> str:
        """A requirement whose installation waits until `go`; it needs no network."""
        self.file("slow/backend.py", _BACKEND)
        self.file(
            "slow/pyproject.toml", '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        )
        return f"slow @ {(self.folder / 'slow').as_uri()}"

    def started(self) -> list[int]:
        """The processes that began to build the slow package."""
        file = self.folder / "started"
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    def go(self) -> None:
        (self.folder / "go").touch()


def until(condition: Callable[[], object], what: str, seconds: float = 30) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def states(result: BuildResult) -> Sequence[tuple[str, str]]:
    return [(layer.op, layer.state) for layer in result.layers]
