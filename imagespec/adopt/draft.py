"""What existing code says about an image, before it is a spec."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imagespec.diagnostic import Diagnostic, Span
from imagespec.spec.operations import AnyOperation


@dataclass(frozen=True, slots=True)
class Written:
    """One operation, and where the code that it was read from stands."""

    operation: AnyOperation
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An image as code describes it: its operations in the order written, the base first.

    `root` is the folder against which relative paths resolve; `todo` what could not be known without running the code,
    or has no counterpart in a spec, each with its line: what the author has to look at. `gpus` are those of the
    functions that use the image, `apps` the files that they stand in.
    """

    name: str
    operations: tuple[Written, ...]
    root: Path
    todo: tuple[Diagnostic, ...] = ()
    gpus: tuple[str, ...] = ()
    apps: tuple[Path, ...] = ()
