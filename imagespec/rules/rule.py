"""What a rule is: a function from an image to findings, explained by its docstring."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from imagespec.diagnostic import Code, Edit, Severity
from imagespec.image.layers import Image, Layer, Place
from imagespec.lock.inputs import covers


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a rule found.

    `on_key`: it is about the key that the place ends with, not about its value. `other` is the place that it
    contradicts. `fix` mends it without changing what the author wants; empty where only the author can.
    """

    place: Place
    message: str
    hint: str = ""
    on_key: bool = False
    other: Place | None = None
    fix: tuple[Edit, ...] = ()


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


def open_layers(image: Image) -> Iterator[Layer]:
    """The layers whose packages no lock fixes."""
    return (layer for layer in image.layers if not (image.locked and covers(layer)))


def steps(image: Image) -> Iterator[Layer]:
    """The layers that were written as steps, and so are sent as they are."""
    return (layer for layer in image.layers if layer.origin[:1] == ("steps",))
