"""A spec's image -> the lock that holds for it, or why none does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from imagespec.diagnostic import Diagnostic, Span
from imagespec.image.layers import Image, Place
from imagespec.image.requirements import name_of
from imagespec.lock import codes
from imagespec.lock.inputs import Inputs, inputs
from imagespec.lock.lockfile import Lock, load, path_of


@dataclass(frozen=True, slots=True)
class Held:
    """`made_from` is what a lock of the image is made from, `None` where there is nothing to lock. `lock` is the lock
    that lies there, where it can be read; it holds for the image where there is no `finding`."""

    made_from: Inputs | None
    lock: Lock | None = None
    finding: Diagnostic | None = None

    @property
    def fresh(self) -> Lock | None:
        """The lock, where it holds for the image."""
        return self.lock if self.finding is None else None


NOTHING = Held(None)
"""Of an image without anything that a lock could fix."""

_RUN = "run: imagespec lock"


def held(image: Image, spec: Path, span: Callable[[Place], Span]) -> Held:
    """Look for the lock of a spec, and hold it against the image. `span` is where a place stands."""
    made_from = inputs(image)
    if made_from is None:
        return NOTHING
    lock = load(path_of(spec))
    if lock is None:
        open_yet = "what its packages need has no version" if made_from.packages else "the tag of its base can be moved"
        return Held(made_from, None, codes.MISSING.at(span(made_from.at), f"not locked: {open_yet}", _RUN))
    if isinstance(lock, Diagnostic):
        return Held(made_from, None, lock)
    changed = _changed(lock, made_from)
    if changed is None:
        return Held(made_from, lock)
    place, what = changed
    return Held(made_from, lock, codes.STALE.at(span(place), f"the lock is stale: {what}", _RUN))


def _changed(lock: Lock, made_from: Inputs) -> tuple[Place, str] | None:
    """What is not as it was when the lock was made, and where it stands now."""
    if made_from.uv and lock.uv != made_from.uv:
        return ("python", "uv"), f"uv is {made_from.uv} now, and was {lock.uv}"
    if lock.platform != made_from.platform:
        return made_from.base_place, f"the platform of the base is {made_from.platform} now, and was {lock.platform}"
    if lock.python != made_from.python:
        return made_from.base_place, f"Python is {made_from.python or 'unknown'} now, and was {lock.python}"
    if (lock.base.image if lock.base else "") != made_from.base:
        was = f"`{lock.base.image}`" if lock.base else "none that has a digest to lock"
        return made_from.base_place, f"the base was {was}"
    if lock.requirements != made_from.requirements:
        return _requirement(lock, made_from)
    if lock.inputs != made_from.digest:
        return made_from.at, "an index, an option or a file that it was made from has changed"
    return None


def _requirement(lock: Lock, made_from: Inputs) -> tuple[Place, str]:
    before = {name_of(text): text for text in lock.requirements}
    for text, place in zip(made_from.requirements, made_from.places, strict=True):
        if text not in lock.requirements:
            was = before.get(name_of(text))
            return place, f"`{text}` was `{was}`" if was else f"`{text}` is new"
    gone = next(text for text in lock.requirements if text not in made_from.requirements)
    return made_from.at, f"`{gone}` is gone"
