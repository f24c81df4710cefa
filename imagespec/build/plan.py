"""A target and what it is held against -> a plan: what a build makes anew, what causes it, and what that costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path

from imagespec.build.local.contents import contents
from imagespec.build.record import Record
from imagespec.build.result import State, Target
from imagespec.diagnostic import Span
from imagespec.image.diff import Change, changes, kept, likeness
from imagespec.image.layers import Image, Layer
from imagespec.image.lower import ORDER
from imagespec.image.made import Made, made
from imagespec.lock.lockfile import path_of
from imagespec.lock.partition import REASONS
from imagespec.lock.sizes import bytes_of

PACE = 20_000_000
"""Bytes of wheels that are downloaded and installed in a second, where no build has told: torch 2.5.1 with all that it
needs, 2.7 GB, takes 133 s on two cores."""

WORTH_GUESSING = 1_000_000
"""Bytes below which they do not decide how long a layer takes."""

ALIKE = 0.5
"""How much layers must have in common for one to tell how long the other takes."""

_AT_ONCE = ("env", "workdir", "shell", "entrypoint", "cmd")
"""What only sets something: that it took no time is a measurement, and not a sign that none was made."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a layer is made anew, and where that stands; `more` is how many further things changed about it.

    `follows`: nothing about the layer itself changed, but about one below it.
    """

    text: str
    span: Span
    more: int = 0
    follows: bool = False

    def __str__(self) -> str:
        more = f" and {self.more} more" if self.more else ""
        return f"{'follows from: ' if self.follows else ''}{self.text}{more}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedLayer:
    """What becomes of a layer. `seconds` and `bytes` are what it costs, `None` where nobody knows; `estimated`: the
    seconds are those of a layer like it, or a guess from its bytes.

    `aside` says why it is no layer that a build makes, where it is none.
    """

    op: str
    digest: str
    state: State
    reason: str
    cause: Cause | None = None
    seconds: float | None = 0.0
    estimated: bool = False
    bytes: int | None = 0
    aside: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """The layers of one spec, in order, on a backend; `against` is what they are held against."""

    spec: str
    backend: str
    against: str
    layers: tuple[PlannedLayer, ...]

    @property
    def rebuilt(self) -> list[PlannedLayer]:
        return [layer for layer in self.layers if layer.state == "rebuilt"]


def since_last(target: Target, backend: str, record: Record, folder: Path) -> Plan:
    """Against what a backend built before, for whatever spec; `folder` is where it keeps that."""
    new, path = made(target.image), str(target.parsed.path)
    known = [record.layer(backend, each.digest) is not None for each in new]
    if backend == "local":
        known = _stands(target.image, known, folder)
    forced = next((i for i, each in enumerate(target.image.layers) if _forced(each)), len(new))
    known = [each and position < forced for position, each in enumerate(known)]
    last = record.stack(backend, path)
    found = changes(last, new) if last else [[] for _ in new]
    if forced < len(new) and not found[forced]:
        found[forced] = [Change("force_build is set", forced, "force_build")]
    if record.build(backend, path) is None:
        otherwise, against = "never built", f"{backend}, where it was never built"
    else:
        otherwise = "built before, and there no more" if last else "the record does not tell what its last build was"
        against = f"its last build on {backend}"
    return _plan(target, new, backend, against, known, found, otherwise, record)


def since(target: Target, old: Sequence[Made], name: str, backend: str, record: Record) -> Plan:
    """Against the layers of another image, which is called `name`."""
    new = made(target.image)
    same = kept(old, new)
    known = [position < same for position in range(len(new))]
    return _plan(target, new, backend, name, known, changes(old, new), "", record)


def _plan(
    target: Target,
    new: Sequence[Made],
    backend: str,
    against: str,
    known: Sequence[bool],
    found: Sequence[Sequence[Change]],
    otherwise: str,
    record: Record,
) -> Plan:
    """`otherwise` is the cause where nothing is known to have changed."""
    aside = _aside(target.image, backend)
    expected = _Expecting(backend, record)
    layers = []
    below: Cause | None = None
    for position, (layer, each) in enumerate(zip(target.image.layers, new, strict=True)):
        cause = _cause(target, found[position]) if found[position] else None
        below = below or cause
        kept_here = PlannedLayer(op=each.op, digest=each.digest, state="kept", reason=reason(layer))
        if position in aside:
            layers.append(replace(kept_here, aside=aside[position]))
        elif known[position]:
            layers.append(kept_here)
        else:
            follows = replace(below, follows=True) if below else Cause(otherwise, _span(target, layer))
            size = bytes_of(layer, target.image.root, target.held.fresh)
            seconds, estimated = expected.seconds(each, size)
            layers.append(
                replace(
                    kept_here,
                    state="rebuilt",
                    cause=cause or follows,
                    seconds=seconds,
                    estimated=estimated,
                    bytes=size,
                )
            )
    return Plan(target.image.name, backend, against, tuple(layers))


def reason(layer: Layer) -> str:
    """Why a layer stands where it stands."""
    if layer.part:
        return REASONS[layer.part]
    section = str(layer.origin[0])
    return ORDER[section if section in ORDER else f"{section}, {'mounted' if layer.mounted else 'copied'}"]


# ------------------------------------------------------------------------------------------- what is kept


def _stands(image: Image, known: Sequence[bool], folder: Path) -> list[bool]:
    """On this machine an environment is kept as long as what is installed in it is the same, whatever else changes."""
    from imagespec.build.local.store import Store

    store, steps = Store(folder / "local"), contents(image).steps
    standing = max((n for n, each in enumerate(steps) if each.installs and store.stands(each.key)), default=-1)
    found = list(known)
    for number, step in enumerate(steps):
        if step.installs:
            found[step.position] = number <= standing
    return found


def _aside(image: Image, backend: str) -> Mapping[int, str]:
    """The layers that are none on a backend, by position."""
    if backend == "container":
        return {}
    mounted = "mounted at start" if backend == "modal" else "linked into its place"
    aside = {position: mounted for position, layer in enumerate(image.layers) if layer.mounted}
    if backend == "local":
        held = {step.position for step in contents(image).steps}
        aside |= {position: "left out here" for position in range(len(image.layers)) if position not in {*held, *aside}}
    return aside


def _forced(layer: Layer) -> bool:
    return bool(getattr(layer.operation, "force_build", False))


# ------------------------------------------------------------------------------------------------ causes


def _cause(target: Target, found: Sequence[Change]) -> Cause:
    """The first change, those before that the spec itself names: what only its lock names most often follows."""
    places = [_place(target, change) for change in found]
    lock = path_of(target.parsed.path)
    first = min(range(len(found)), key=lambda i: places[i].source.path == lock)
    return Cause(found[first].text, places[first], len(found) - 1)


def _place(target: Target, change: Change) -> Span:
    layer = target.image.layers[change.layer]
    return _span(target, layer, change.field, change.item)


def _span(target: Target, layer: Layer, field: str = "", item: int | str | None = None) -> Span:
    place = layer.place(field, item) if field else layer.origin
    return place if isinstance(place, Span) else target.parsed.tree.span(place, key=True)


# ------------------------------------------------------------------------------------------------- costs


class _Expecting:
    """How long layers will take on a backend, as far as earlier builds tell."""

    def __init__(self, backend: str, record: Record) -> None:
        self._backend = backend
        self._record = record

    def seconds(self, layer: Made, size: int | None) -> tuple[float | None, bool]:
        """What the layer itself took, else one like it, else a guess from its bytes; and whether it is no measurement
        of the layer itself."""
        known = self._record.layer(self._backend, layer.digest)
        if known is not None and known.seconds is not None and (known.seconds > 0 or layer.op in _AT_ONCE):
            return known.seconds, False
        experience = self._record.experience(self._backend, layer.op)
        alike = [(likeness(layer, each.made), each.seconds) for each in experience]
        most, taken = max(alike, key=itemgetter(0), default=(0.0, 0.0))  # of several, the latest
        if most >= ALIKE:
            return taken, True
        if size is None or size < WORTH_GUESSING:
            return None, False
        told = [(each.seconds, each.bytes) for each in experience if each.bytes]
        taken, brought = sum(seconds for seconds, _ in told), sum(size for _, size in told)
        return size * taken / brought if brought else size / PACE, True
