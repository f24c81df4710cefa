"""Image, lock and record -> what each layer weighs, and what each kind of edit costs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from imagespec.diagnostic import Span
from imagespec.image.layers import Image, Layer
from imagespec.image.requirements import name_of, pinned, requirement, requirements_of
from imagespec.lock.inputs import covers
from imagespec.lock.lockfile import Lock
from imagespec.lock.partition import size
from imagespec.lock.sizes import bytes_of
from imagespec.spec import operations as ops


@dataclass(frozen=True, slots=True)
class Amount:
    """Bytes or seconds: the sum of those that are known. Not `whole`: there are more, and nobody knows how many."""

    known: float = 0
    whole: bool = True

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.known + other.known, self.whole and other.whole)


NOTHING = Amount()
UNKNOWN = Amount(whole=False)


def total(amounts: Iterable[Amount]) -> Amount:
    return sum(amounts, NOTHING)


@dataclass(frozen=True, slots=True)
class Item:
    """A Python package of a layer. `version` is empty and `size`, the bytes of its download, is `None` where they are
    not known. `named`: the spec asks for it; `needed_by` are the packages that do."""

    name: str
    version: str
    size: int | None
    named: bool
    needed_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Weighed:
    """A layer. `at` is where it was written; `bytes` are downloads of packages, and files of this machine; `seconds`
    are those of its last build."""

    layer: Layer
    at: Span
    items: tuple[Item, ...]
    bytes: Amount
    seconds: Amount


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of a spec or a file: `rebuilt` are the layers that it makes new, by their positions among all."""

    what: str
    rebuilt: range
    bytes: Amount
    seconds: Amount


Seconds: TypeAlias = Mapping[str, float]
"""Of a layer's last build, by the layer's digest."""


def weigh(
    image: Image, digests: Sequence[str], lock: Lock | None, seconds: Seconds, span: Callable[..., Span]
) -> list[Weighed]:
    """All layers that are built, in order. `lock` is a fresh one, or `None`; `span` is where a route stands."""
    return [
        Weighed(
            layer,
            span(layer.origin, key=True),
            items := _items(layer, lock),
            _bytes(layer, items, image.root, lock),
            Amount(seconds[digest]) if digest in seconds else UNKNOWN,
        )
        for layer, digest in zip(image.layers, digests, strict=True)
        if not layer.mounted
    ]


def edits(image: Image, layers: Sequence[Weighed]) -> list[Edit]:
    """What may be edited, the cheapest first: a change of a layer makes it new, and all that stand on it."""
    count = len(layers)
    nothing = [_nothing(_edited(layer, ()), count) for layer in image.layers if layer.mounted]
    if image.checks.commands or image.checks.imports:
        nothing.append(_nothing("a check", count))
    found = [
        Edit(
            _edited(changed.layer, changed.items),
            range(index, count),
            total(each.bytes for each in layers[index:]),
            total(each.seconds for each in layers[index:]),
        )
        for index, changed in enumerate(layers)
    ]
    return [*nothing, *reversed(found)]


def _nothing(what: str, count: int) -> Edit:
    return Edit(what, range(count, count), NOTHING, NOTHING)


def _edited(layer: Layer, items: Sequence[Item]) -> str:
    """What one would edit to change a layer."""
    step = f"step {int(layer.origin[1]) + 1}: " if layer.origin[0] == "steps" else ""
    return step + _part(layer, items)


def _part(layer: Layer, items: Sequence[Item]) -> str:
    match layer.operation:
        case _ if layer.origin[0] == "base":
            return "the base"
        case ops.AptInstall():
            return "an apt package"
        case ops.MicromambaInstall():
            return "a conda package"
        case ops.AddLocalFile(local_path=path):
            return f"the file {path.name}"
        case ops.AddLocalDir(local_path=path):
            return f"a file of the folder {path.name}"
        case ops.AddLocalPythonSource(modules=modules):
            return f"the source of {', '.join(modules)}"
        case ops.RunCommands():
            return "a command that is run"
        case ops.RunFunction(raw_f=name) | ops.Pipe(func=name):
            return f"the function {name}"
        case ops.Env():
            return "an environment variable"
        case ops.DockerfileCommands() if layer.origin[0] == "env":
            return "an environment variable that refers to another"
        case ops.Workdir():
            return "the working directory"
        case ops.Shell() | ops.Entrypoint() | ops.Cmd():
            return f"the {layer.operation.method}"
        case _ if items:
            others = f", or of {len(items) - 1} others beside it" if len(items) > 2 else ""
            return f"the version of {_example(items).name}{others}"
        case _:
            return f"what {layer.operation.method} brings"


def _example(items: Sequence[Item]) -> Item:
    """Of a layer's packages the one that is most likely bumped: the lightest that the spec names, or else the
    heaviest."""
    named = [item for item in items if item.named]
    return min(named, key=_size) if named else max(items, key=_size)


def _size(item: Item) -> int:
    return item.size or 0


# ------------------------------------------------------------------------------------------------ layers


def _items(layer: Layer, lock: Lock | None) -> tuple[Item, ...]:
    """The packages that a layer names, each once; those that a lock fixes with all that it tells."""
    names = {name_of(line.text): line.text for line in requirements_of(layer) if requirement(line.text) is not None}
    if lock is None or not covers(layer):
        return tuple(Item(name, (pinned(text) or ("", ""))[1], None, named=True) for name, text in names.items())
    asked = set(map(name_of, lock.requirements))
    found = []
    for name in names:
        package = lock.package(name)
        if package is not None:
            bytes_ = size(package, lock.platform) or None  # an index need not tell the sizes of its files
            by = tuple(each.name for each in lock.packages if name in each.requires and each.name != name)
            version = package.version if package.files or package.version != "0" else ""
            found.append(Item(name, version, bytes_, name in asked, by))
    return tuple(found)


def _bytes(layer: Layer, items: Sequence[Item], root: Path, lock: Lock | None) -> Amount:
    """Where not all of it is known, what is known of its packages."""
    known = bytes_of(layer, root, lock)
    if known is not None:
        return Amount(known)
    return total(UNKNOWN if item.size is None else Amount(item.size) for item in items) if items else UNKNOWN
