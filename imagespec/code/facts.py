"""What a Python file says, as far as images care: the types."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from imagespec.code.uses import Use
from imagespec.diagnostic import Source, Span

_WORD = re.compile(r"\.?\b[A-Za-z_]\w*")


class At(NamedTuple):
    """A stretch of a file as Python counts: lines from 1, columns in bytes from 0."""

    line: int
    column: int
    end_line: int
    end_column: int


Kind: TypeAlias = Literal["module", "definition", "main", "local"]


@dataclass(frozen=True, slots=True)
class Unit:
    """What runs together: a function or a class of a module, the rest of it (`module`), what runs only where the file
    is started as a script (`main`), and what runs only outside of containers (`local`)."""

    kind: Kind
    name: str = ""
    first: int = 0
    last: int = 0
    decorated: bool = False


@dataclass(frozen=True, slots=True)
class Try:
    """A `try` that goes on without the import. `only_imports`: its body does nothing else."""

    at: At
    only_imports: bool
    raises: bool


@dataclass(frozen=True, slots=True)
class Where:
    """What is around a statement: its unit, the `try` that catches a failed import, the one whose handler it is in, and
    whether a missing file is caught, it is under a condition, its import is put off (to the containers of the image
    that the variable `image` holds), or it runs at import."""

    unit: int = 0
    guard: int | None = None
    handles: int | None = None
    caught: bool = False
    condition: bool = False
    put_off: bool = False
    image: str = ""
    at_import: bool = True


@dataclass(frozen=True, slots=True)
class Import:
    """`import a.b` or `from a import b`; `level` are the dots before it."""

    module: str
    names: tuple[str, ...]
    level: int
    at: At
    where: Where
    names_as: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Found:
    """Something that a statement uses: a path, a command, a module by its name."""

    use: Use
    at: At
    where: Where


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a file cannot be read, where, and what to do. `certain`: Python cannot read it either; `of_version`: this
    Python cannot, and a newer one may."""

    message: str
    span: Span
    hint: str = ""
    certain: bool = True
    of_version: bool = False


@dataclass(slots=True)
class Facts:
    """A file as far as images care."""

    source: Source
    units: list[Unit] = field(default_factory=lambda: [Unit("module")])
    tries: list[Try] = field(default_factory=list)
    imports: list[Import] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    trouble: Trouble | None = None
    _words: dict[int, frozenset[str]] = field(default_factory=dict)

    def words(self, unit: int) -> frozenset[str]:
        """The identifiers of a unit, attributes with their dot. Those of its imports are left out: to import a function
        is not to call it."""
        if not self._words:
            every = self.source.text.split("\n")
            for each in self.imports:
                for line in range(each.at.line, min(each.at.end_line, len(every)) + 1):
                    every[line - 1] = ""
            for number, part in reversed(list(enumerate(self.units))):  # inner ones first, then what is left
                first, last = (1, len(every)) if part.kind == "module" else (part.first, part.last)
                self._words[number] = frozenset(_WORD.findall("\n".join(every[first - 1 : last])))
                every[first - 1 : last] = [""] * (last - first + 1)
        return self._words[unit]

    def span(self, at: At) -> Span:
        """A stretch as findings have it: columns in characters, from 1."""
        every = self.source.text.split("\n")

        def column(line: int, offset: int) -> int:
            text = every[line - 1] if line <= len(every) else ""
            return len(text.encode()[:offset].decode(errors="ignore")) + 1

        if at.end_line != at.line:  # a statement of several lines: its first says what it is
            return Span(self.source, at.line, column(at.line, at.column), at.line, len(every[at.line - 1].rstrip()) + 1)
        return Span(self.source, at.line, column(at.line, at.column), at.line, column(at.end_line, at.end_column))
