"""What every way of building takes and gives: the backends' protocol, their progress, their results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from imagespec.diagnostic import Diagnostic
from imagespec.image.layers import Image
from imagespec.lock.held import Held
from imagespec.spec.parse import Parsed

State: TypeAlias = Literal["kept", "rebuilt"]


@dataclass(frozen=True, slots=True)
class Target:
    """One spec to build: its image, the digest of each layer, the file that findings point into, and its lock."""

    image: Image
    digests: tuple[str, ...]
    parsed: Parsed
    held: Held


@dataclass(frozen=True, slots=True)
class LayerResult:
    """A layer that stands now. `seconds` is wall time, 0 where it was kept."""

    op: str
    digest: str
    state: State
    seconds: float


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One of the spec's checks. `recorded`: it passed on the same digest before, and was not run again."""

    command: str
    ok: bool
    output: str
    recorded: bool = False


@dataclass(frozen=True, slots=True)
class BuildResult:
    """What became of one spec. Not ok: `error` says which layer failed, or a check did."""

    spec: str
    backend: str
    ok: bool
    seconds: float
    layers: tuple[LayerResult, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    error: Diagnostic | None = None


class Progress(Protocol):
    """Who watches a build. Called from several threads; `spec` is a spec's name."""

    def note(self, spec: str, text: str) -> None:
        """Something that the user should know, such as what this backend cannot hold."""

    def started(self, spec: str, op: str, position: int, of: int) -> None:
        """A layer is being built: the `position`-th (from 1) of all."""

    def log(self, spec: str, line: str) -> None:
        """A line that the build printed."""

    def finished(self, spec: str, layer: LayerResult) -> None:
        """A layer stands."""

    def checking(self, spec: str, count: int) -> None:
        """So many checks are run now, those from the record aside."""

    def checked(self, spec: str, check: CheckResult) -> None:
        """A check was run, or read from the record."""


class Backend(Protocol):
    """A way of building."""

    name: str

    def build(self, targets: Sequence[Target], progress: Progress, *, force: bool) -> list[BuildResult]:
        """Build all, layers that they share once, independent ones at the same time; run the checks inside."""

    def run(self, target: Target, command: Sequence[str], progress: Progress, environ: Mapping[str, str]) -> int:
        """Run a command in the built image, its output going where ours goes; the command's exit code."""
