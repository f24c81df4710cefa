"""What will be built: a tuple of layers, each one builder method of `modal.Image` with its arguments, nothing unset.

A section of a spec and a step come out alike here. Where a value stands in the YAML is kept beside it, as a route of
keys, outside equality and digest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from imagespec.diagnostic import Route, Span
from imagespec.spec.operations import AddLocalDir, AddLocalFile, AddLocalPythonSource, AnyOperation

Place: TypeAlias = Route | Span
"""Where a value was written: a route into the spec, or a stretch of another file that the spec names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One operation, and where it was written.

    `places` says where a field was written, and a field that is a list item by item. What it does not name stands
    under `origin` by its own name. `part` says which of the layers it is that a lock makes of a section.
    """

    operation: AnyOperation
    origin: Route = field(compare=False)
    places: Mapping[str, Place | list[Place]] = field(default_factory=dict, compare=False)
    part: str = field(default="", compare=False)

    @property
    def mounted(self) -> bool:
        """Files that Modal mounts when a container starts: no layer of the image at all."""
        return isinstance(self.operation, AddLocalFile | AddLocalDir | AddLocalPythonSource) and not self.operation.copy

    def place(self, name: str, item: int | str | None = None) -> Place:
        """Where a field, or one item of it, was written."""
        match self.places.get(name):
            case None:
                route: Route = (*self.origin, name)
            case list() as items:
                return items[item] if isinstance(item, int) else self.origin
            case Span() as span:
                return span
            case written:
                route = written
        return route if item is None else (*route, item)


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A package that the image will hold, as far as its spec and its lock tell.

    `imports` are the modules that its wheel brings, as dotted names with nothing of the same package above them
    (`PIL`, `google.cloud.storage`), empty where that is not known; `needs` are the names of the packages that it needs;
    `files` the names of its wheels. `version` is empty where none is fixed. `place` is where the spec names it, `None`
    where something else needs it.
    """

    name: str
    version: str
    imports: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    place: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """What must hold in the built image."""

    imports: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A container image, ready to be emitted and built.

    `root` is the folder on which modules are looked up; `python` is the version or series of its Python, empty where
    nothing tells; `locked`: a lock fixes its packages and its base; `gpus` and `apps` are what it is held against.
    `installed` are its Python packages by name; `complete`: there are no others. `unfinished`: comments in the spec say
    that steps are missing.
    """

    name: str
    layers: tuple[Layer, ...]
    root: Path = field(compare=False)
    python: str = ""
    locked: bool = False
    gpus: tuple[str, ...] = ()
    apps: tuple[Path, ...] = field(default=(), compare=False)
    checks: Checks = Checks()
    installed: Mapping[str, Installed] = field(default_factory=dict, compare=False)
    complete: bool = field(default=False, compare=False)
    unfinished: bool = field(default=False, compare=False)

    def built(self) -> Iterator[Layer]:
        """The layers that a build makes, without the files that are only mounted."""
        return (layer for layer in self.layers if not layer.mounted)


def plain(value: Any) -> Any:
    """`value` without our own kinds of text, so that it can be handed on, printed and pickled."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(plain(item) for item in value)
    return value
