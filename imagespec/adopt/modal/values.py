"""What a piece of Python code is known to mean without running it: plain values, images, names, and the unknown."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, TypeAlias

from imagespec.adopt.draft import Written
from imagespec.diagnostic import Code, Source, Span

Value: TypeAlias = Any
"""A plain value (text, numbers, lists, dicts, `Path`), or one of the kinds below; lists and dicts may hold them too."""


@dataclass(frozen=True, slots=True, eq=False)
class Unknown:
    """What only running the code would tell: why, and where that begins. `image` is what was handed to it, if any;
    `default` holds what it is where the environment says nothing, if that is known."""

    code: Code
    why: str
    span: Span
    hint: str = ""
    image: Chain | None = None
    default: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """An image: its operations so far."""

    written: tuple[Written, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """Something that a library defines, by its full name: `modal.Image`, `os.path.join`."""

    name: str


@dataclass(frozen=True, slots=True)
class Object:
    """An object of Modal's, by name. `doubt` is what of it a spec cannot say."""

    kind: str
    name: str
    doubt: Unknown | None = None


@dataclass(frozen=True, slots=True, eq=False)
class App:
    """A Modal app, and the image of those of its functions that name none."""

    image: Value = None


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """`app.function(…)`: makes a function run on an image."""

    image: Value
    gpu: Value
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Method:
    """An attribute of a known value that is there to be called."""

    owner: Value
    name: str


class Names(dict[str, Value]):
    """The variables of a module, a class or a call."""


@dataclass(eq=False, slots=True)
class Scope:
    """Where names are looked up: `names`, then those of `parent`. `elsewhere` are names declared global or nonlocal."""

    module: Module
    names: Names = field(default_factory=Names)
    parent: Scope | None = None
    elsewhere: dict[str, Scope] = field(default_factory=dict)
    of_class: bool = False

    def holder(self, name: str) -> Scope | None:
        """The scope that holds a name."""
        scope: Scope | None = self.elsewhere.get(name, self)
        while scope is not None and name not in scope.names:
            scope = scope.parent
            while scope is not None and scope.of_class:  # a method does not see the names of its class
                scope = scope.parent
        return scope


@dataclass(eq=False, slots=True)
class Module:
    """A Python file that is read: its dotted name, the folder of its package, and its variables."""

    name: str
    path: Path
    source: Source
    scope: Scope = field(init=False)
    lines: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.scope = Scope(self)
        self.lines = self.source.text.split("\n")

    def span(self, node: ast.AST) -> Span:
        """Where a node stands."""
        line: int = getattr(node, "lineno", 1)
        end: int = getattr(node, "end_lineno", None) or line
        start = self._column(line, getattr(node, "col_offset", 0))
        stop: int | None = getattr(node, "end_col_offset", None)
        return Span(self.source, line, start, end, start + 1 if stop is None else self._column(end, stop))

    def _column(self, line: int, offset: int) -> int:
        """The column of a byte offset."""
        every = self.lines
        text = every[line - 1] if line <= len(every) else ""
        return len(text.encode()[:offset].decode(errors="replace")) + 1

    def text(self, node: ast.AST) -> str:
        """The code of a node, on one line."""
        span = self.span(node)
        every = self.lines[span.line - 1 : span.end_line]
        if span.line != span.end_line:
            return f"{every[0][span.column - 1 :].strip()}…" if every else "…"
        return every[0][span.column - 1 : span.end_column - 1] if every else ""


@dataclass(frozen=True, slots=True, eq=False)
class Defined:
    """A function of the code itself. `nested`: it is made anew by each call of another, and has no name to import;
    `defaults` are the values that its parameters have where it is defined."""

    name: str
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    scope: Scope
    nested: bool
    defaults: Mapping[str, Value]
    binding: str = ""
    """`static`, `class`, or `wrapped` by a decorator that nobody follows."""
    owner: Value = None
    """What it is called on, where it is a method."""


@dataclass(frozen=True, slots=True, eq=False)
class Namespace:
    """A class of the code itself, one of its objects, or a module of the same project, by its variables."""

    name: str
    names: Names
    kind: str
    fields: tuple[str, ...] = ()
    """Of a dataclass: what its objects are made with, in order."""


@dataclass(frozen=True, slots=True, eq=False)
class Factory:
    """A field of a dataclass that each object gets a value of its own for."""

    make: Value


_PLAIN = (str, bytes, int, float, bool, type(None), PurePath, range)


MOST_PARTS = 20_000
"""Beyond which a value is too large, or holds itself."""


def unknown_in(value: Value) -> Unknown | None:
    """The first part of a value that is not known, if any."""
    return next((part for part in parts(value) if isinstance(part, Unknown)), None)


def plain(value: Value) -> bool:
    """Whether a value is one of Python's own through and through."""
    return all(isinstance(part, _PLAIN) for part in parts(value)) and not too_large(value)


def too_large(value: Value) -> bool:
    """Whether a value has more parts than can be of use."""
    return sum(1 for _ in parts(value, containers=True)) >= MOST_PARTS


def parts(value: Value, *, containers: bool = False) -> Iterator[Value]:
    """What a value is made of, with lists and dicts themselves or without, as far as it is not too large."""
    waiting, left = [value], MOST_PARTS
    while waiting and left > 0:
        left -= 1
        each = waiting.pop()
        inner = isinstance(each, dict | list | tuple | set | frozenset)
        if isinstance(each, dict):
            waiting += [*each.values(), *each.keys()]
        elif inner:
            waiting += reversed(list(each))
        if containers or not inner:
            yield each
