"""What a Python file says, as far as images care: the types."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, NamedTuple, TypeAlias

from imagespec.code.uses import Use
from imagespec.diagnostic import Source, Span

_WORD = re.compile(r"(?:def +|class +|\.)?[A-Za-z_]\w*")
"""An identifier, with the dot before it; the name of a definition is none of those that it uses."""
_BY_NAME = re.compile(r"import_module|__import__|module_from_spec|sys\.modules")

_NO_CHAIN = re.compile(r"[^\w.]")
_LONGEST = 120
"""Characters before a dot that are looked at."""


@lru_cache(maxsize=4096)
def _dot(name: str) -> re.Pattern[str]:
    return re.compile(rf"\.\s*{name}\b")


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
    """`import a.b` or `from a import b`; `level` are the dots before it. `names_as` are those that get another name,
    `bound` the names that the file has them by."""

    module: str
    names: tuple[str, ...]
    level: int
    at: At
    where: Where
    names_as: frozenset[str] = frozenset()
    bound: frozenset[str] = frozenset()


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
    _texts: dict[int, str] = field(default_factory=dict)

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
                self._texts[number] = "\n".join(every[first - 1 : last])
                self._words[number] = frozenset(_WORD.findall(self._texts[number]))
                every[first - 1 : last] = [""] * (last - first + 1)
        return self._words[unit]

    def before(self, unit: int, name: str) -> list[str]:
        """What stands before the dot of an attribute, wherever a unit has it: `a.b`; nothing where that is no name."""
        text = self._texts[unit]
        starts = [found.start() for found in _dot(name).finditer(text)]
        return [_NO_CHAIN.split(text[max(0, start - _LONGEST) : start].rstrip())[-1] for start in starts]

    @property
    def imports_by_name(self) -> bool:
        """Whether it imports modules that it has the names of."""
        return _BY_NAME.search(self.source.text) is not None

    @property
    def may_get_modules(self) -> bool:
        """Whether what a call in it gives can be a module."""
        return "getattr(" in self.source.text or self.imports_by_name

    def span(self, at: At) -> Span:
        """A stretch as findings have it: columns in characters, from 1."""
        every = self.source.text.split("\n")

        def column(line: int, offset: int) -> int:
            text = every[line - 1] if line <= len(every) else ""
            return len(text.encode()[:offset].decode(errors="ignore")) + 1

        if at.end_line != at.line:  # a statement of several lines: its first says what it is
            return Span(self.source, at.line, column(at.line, at.column), at.line, len(every[at.line - 1].rstrip()) + 1)
        return Span(self.source, at.line, column(at.line, at.column), at.line, column(at.end_line, at.end_column))
