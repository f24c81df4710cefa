"""What a rule is: a function from an image to findings, explained by its docstring."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from imagespec.diagnostic import Code, Edit, Remove, Rename, Replace, Severity, Span
from imagespec.image.layers import Image, Layer, Place
from imagespec.lock.inputs import covers


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a rule found.

    `on_key`: it is about the key that the place ends with, not about its value. `other` is the place that it
    contradicts. `fix` mends it without changing what the author wants; empty where only the author can. `mend` is what
    it adds as the author would write it: the hint says so, with the place in the spec.
    """

    place: Place
    message: str
    hint: str = ""
    on_key: bool = False
    other: Place | None = None
    fix: tuple[Edit, ...] = ()
    mend: str = ""


Check: TypeAlias = Callable[[Image], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of finding and the function that looks for it."""

    code: Code
    check: Check


def rule(id: str, severity: Severity, *, fixable: bool = False) -> Callable[[Check], Rule]:
    """Makes a rule of a function; its docstring is what `imagespec explain` prints. `fixable`: some of its findings
    have a fix."""

    def decorate(check: Check) -> Rule:
        return Rule(Code(id, severity, inspect.getdoc(check) or "", fixable), check)

    return decorate


def removed(place: Place) -> tuple[Edit, ...]:
    """The fix that takes out what stands at a place; none where that is in a file of another kind."""
    return () if isinstance(place, Span) else (Remove(place),)


def replaced(place: Place, value: Any) -> tuple[Edit, ...]:
    """The fix that puts another value at a place."""
    return () if isinstance(place, Span) else (Replace(place, value),)


def renamed(place: Place, key: str) -> tuple[Edit, ...]:
    """The fix that gives the value at a place another key."""
    return () if isinstance(place, Span) else (Rename(place, key),)


def open_layers(image: Image) -> Iterator[Layer]:
    """The layers whose packages no lock fixes."""
    return (layer for layer in image.layers if not (image.locked and covers(layer)))


def steps(image: Image) -> Iterator[Layer]:
    """The layers that were written as steps, and so are sent as they are."""
    return (layer for layer in image.layers if layer.origin[:1] == ("steps",))
