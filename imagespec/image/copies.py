"""Dockerfile lines -> the files of the build context that their `COPY` and `ADD` name."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_COPY = re.compile(r"^\s*(COPY|ADD)\s+(.+)$", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Copy:
    """One `COPY` or `ADD` from the context. `line` is the index of its first line."""

    line: int
    sources: tuple[str, ...]


def instructions(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Instructions with the index of their first line, continued lines joined, comments left out."""
    current, first = "", 0
    for index, raw in enumerate("\n".join(lines).split("\n")):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        first = first if current else index
        current = f"{current} {line.rstrip(chr(92)).strip()}".strip()
        if not line.endswith("\\"):
            yield first, current
            current = ""
    if current:
        yield first, current


def copies(lines: Sequence[str]) -> list[Copy]:
    """What the lines copy from the context; what comes from another stage, an image or a URL is left out."""
    found = []
    for index, instruction in instructions(lines):
        match = _COPY.match(instruction)
        if match is None or "<<" in match[2]:
            continue
        try:
            words = shlex.split(match[2].replace("[", " ").replace("]", " ").replace('",', '" ')) if match[2].startswith("[") else shlex.split(match[2])
        except ValueError:
            continue
        if any(word.startswith("--from=") for word in words):
            continue
        names = [word for word in words if not word.startswith("--")]
        sources = tuple(name for name in names[:-1] if "://" not in name)
        if sources:
            found.append(Copy(index, sources))
    return found


def stages(lines: Sequence[str]) -> int:
    """How many `FROM` there are."""
    return sum(1 for _, instruction in instructions(lines) if instruction[:5].upper() == "FROM ")
