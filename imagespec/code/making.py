"""Texts of code and of commands -> whether a line of them that makes something names a file.

Each text is looked through once, whatever the number of files that are asked for.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

_MAKES = re.compile(
    r"writ|save|dump|mkdir|makedirs|download|retrieve|fetch|cop(?:y|ies)|move|rename|extract|export|touch|clone|creat|"
    r"generat|render|(?:,\s*|open\(|mode\s*=\s*)[\"'][wax]b?\+?[\"']|"
    r"\bto_\w+\(|\s-[oO]\b|--out|(?<![-=<])>>?(?!=)|tee\b|link|unpack|"
    r"\b(?:wget|curl|aria2c|tar|unzip|cp|mv|ln|rsync|git)\b"
)
_PATH = re.compile(
    r"""^[ \t]*(\w+)(?::[^=\n]{1,80})? = ([\w.]*\(?[^()\n"']{0,200}["'][^()\n]{1,400}\)?)$""", re.MULTILINE
)
_WORD = re.compile(r"\w+")
_LONGEST = 4000
"""Characters of a line that is no data."""


@dataclass(slots=True)
class _Text:
    """The lines of a text that make something, and its variables for paths, each by the words in it."""

    lines: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    paths: defaultdict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(cls, text: str) -> _Text:
        found = cls()
        end = -1
        for match in _MAKES.finditer(text):
            if match.start() > end:
                start = text.rfind("\n", 0, match.start()) + 1
                end = text.find("\n", match.end())
                end = len(text) if end < 0 else end
                line = text[start:end] if end - start < _LONGEST else ""
                for word in set(_WORD.findall(line)):
                    found.lines[word].append(line)
        for match in _PATH.finditer(text):
            for word in set(_WORD.findall(match[2])):
                found.paths[word].append((match[1], match[2]))
        return found

    def names(self, names: Sequence[str]) -> bool:
        return any(_makes(line, every) for every in [self._aliases(names)] for line in self._lines(every))

    def _lines(self, names: Sequence[str]) -> Iterable[str]:
        return dict.fromkeys(line for name in names for line in self.lines.get(_first(name), ()))

    def _aliases(self, names: Sequence[str]) -> list[str]:
        """The names, and the variables for paths that hold one of them."""
        held = (pair for name in names for pair in self.paths.get(_first(name), ()))
        return [*names, *(variable for variable, value in held if _quotes(value, names))]


class Making:
    """What some texts make."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = [_Text.of(text) for text in texts]

    def names(self, names: Sequence[str]) -> bool:
        """Whether a line that makes something has one of some names, or a variable for it."""
        return any(text.names(names) for text in self._texts)


def _first(name: str) -> str:
    found = _WORD.search(name)
    return found[0] if found else ""


def _makes(line: str, names: Sequence[str]) -> bool:
    """Whether a line names one of some, and besides says that it makes something. `/data` is not `data`."""
    rest = re.sub("|".join(rf"(?<!\w)(?<![\"'\s=]/){re.escape(name)}(?!\w)" for name in names), "", line)
    return rest != line and _MAKES.search(rest) is not None


def _quotes(value: str, names: Sequence[str]) -> bool:
    return any(re.search(rf"[\"'/]{re.escape(name)}[\"'/]", value) for name in names)
