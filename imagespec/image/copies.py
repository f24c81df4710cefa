"""Dockerfile lines -> the files of the build context that their `COPY` and `ADD` name."""

from __future__ import annotations

import json
import re
import shlex
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_COPY = re.compile(r"^\s*(COPY|ADD)\s+(.+)$", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Copy:
    """One `COPY` or `ADD` from the context, on the lines from index `line` up to `after`.

    `as_json`: written as a list.
    """

    line: int
    after: int
    method: str
    options: tuple[str, ...]
    sources: tuple[str, ...]
    to: str
    as_json: bool


_ESCAPE = re.compile(r"(?:\s*#\s*\w+\s*=.*\n)*?\s*#\s*escape\s*=\s*(\S)\s*(?:\n|$)", re.IGNORECASE)


def escape_of(lines: Sequence[str]) -> str:
    """What continues a line: a backslash, or what `# escape=` names above all else."""
    directive = _ESCAPE.match("\n".join(lines))
    return directive[1] if directive else "\\"


def instructions(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Instructions with the index of their first line, continued lines joined, comments left out."""
    escape = escape_of(lines)
    current, first = "", 0
    for index, raw in enumerate("\n".join(lines).split("\n")):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        first = first if current else index
        current = f"{current} {line.rstrip(escape).strip()}".strip()
        if not line.endswith(escape):
            yield first, current
            current = ""
    if current:
        yield first, current


def copies(lines: Sequence[str]) -> list[Copy]:
    """What the lines copy from the context; what comes from another stage, an image or a URL is left out."""
    found = []
    every = "\n".join(lines).split("\n")
    for line, instruction in instructions(lines):
        match = _COPY.match(instruction)
        if match is None or "<<" in match[2]:
            continue
        words = _words(match[2])
        options = tuple(word for word in words if word.startswith("--"))
        *names, to = [word for word in words if not word.startswith("--")] or [""]
        sources = tuple(name for name in names if "://" not in name)
        if sources and not any(option.startswith("--from=") for option in options):
            as_json = match[2].rstrip().endswith("]")
            found.append(Copy(line, _end(every, line), match[1].upper(), options, sources, to, as_json))
    return found


def _words(text: str) -> list[str]:
    """The arguments of an instruction, in the form of a shell or of JSON; none where it is neither."""
    options = re.match(r"(?:--\S+\s+)*", text)
    start = options.end() if options else 0
    try:
        if text[start:].startswith("["):
            given = json.loads(text[start:])
            return [*text[:start].split(), *(word for word in given if isinstance(word, str))]
        return shlex.split(text)
    except ValueError:
        return []


def _end(lines: Sequence[str], first: int) -> int:
    """The index of the line after an instruction."""
    escape = escape_of(lines)
    for index in range(first, len(lines)):
        line = lines[index].strip()
        if line and not line.startswith("#") and not line.endswith(escape):
            return index + 1
    return len(lines)


_ARCHIVE = re.compile(r"\.(tar|tar\.\w+|tgz|tbz2|txz)$")


def unpacks(path: Path) -> bool:
    """Whether `ADD` unpacks a file: engines look at what is in it."""
    try:
        return path.is_file() and bool(_ARCHIVE.search(path.name) or tarfile.is_tarfile(path))
    except (OSError, ValueError):
        return False


def stages(lines: Sequence[str]) -> int:
    """How many `FROM` there are."""
    return sum(1 for _, instruction in instructions(lines) if instruction[:5].upper() == "FROM ")
