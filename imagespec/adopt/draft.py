"""What existing code says about an image, before it is a spec."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from imagespec.diagnostic import Diagnostic, Span
from imagespec.spec.operations import AnyOperation


@dataclass(frozen=True, slots=True)
class Written:
    """One operation, and where the code that it was read from stands.

    `todo` is what of it could not be known, and is left out of the operation. An operation that cannot be told at all
    is `None`. `notes` is what else there is to say, with nothing left to do.
    """

    operation: AnyOperation | None
    span: Span
    todo: tuple[Diagnostic, ...] = ()
    notes: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An image as code describes it: its operations in the order written, the base first.

    `root` is the folder against which relative paths resolve, and on which modules are looked up; `todo` what is to be
    said about the image beside its operations: what the author has to do; `notes` what there is only to know. `gpus`
    are those of the functions that use the image, `apps` the files that they stand in. `made_by` says how to find the
    image in the running code, for a proof: a Python file, then a variable of it and what leads on from there, or `@`
    and an app, or `@`, a function that runs on it, and which of that name it is.
    """

    name: str
    operations: tuple[Written, ...]
    root: Path
    todo: tuple[Diagnostic, ...] = ()
    notes: tuple[Diagnostic, ...] = ()
    gpus: tuple[str, ...] = ()
    apps: tuple[Path, ...] = ()
    made_by: tuple[str | int, ...] = ()
    exact: bool = True

    def findings(self) -> Iterator[Diagnostic]:
        """Everything that the author has to look at."""
        for written in self.operations:
            yield from (*written.todo, *written.notes)
        yield from (*self.todo, *self.notes)
