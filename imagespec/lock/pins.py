"""A spec -> where the exact versions in it stand, in whichever file; and those files with other versions in them.

Of a file that is edited only the characters of versions change: comments, layout, quotes, line ends and the mark of
byte order stay as they are.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from imagespec.diagnostic import Source, Span, lines, shown
from imagespec.image.requirements import canonical, logical_lines, requirement
from imagespec.lock.lockfile import write
from imagespec.spec.extends import Tree
from imagespec.spec.parse import Parsed
from imagespec.spec.schema import Python
from imagespec.spec.source import find, read


@dataclass(frozen=True, slots=True)
class Pin:
    """An exact version of a package in a file: the characters from `start` to `end` of its text, at `span`."""

    name: str
    version: str
    source: Source
    start: int
    end: int
    span: Span = field(compare=False, repr=False)

    def write_as(self, version: str) -> str:
        """How a version is written in place of this one: a local part (`+cu121`) only where there was one."""
        return version if "+" in self.version else version.partition("+")[0]


def exact(text: str) -> str | None:
    """The one version that a requirement allows, `None` where it allows more. Where it is needed does not matter."""
    parsed = requirement(text)
    if parsed is None or parsed.url:
        return None
    found = [each.version for each in parsed.specifier if each.operator == "==" and not each.version.endswith(".*")]
    return found[0] if found else None


def applies(text: str, python: str) -> bool:
    """Whether a requirement holds in an image with a version of Python."""
    parsed = requirement(text)
    if parsed is None or parsed.marker is None:
        return parsed is not None
    series = ".".join(re.findall(r"\d+", python)[:2])
    return parsed.marker.evaluate(
        {**_IMAGE, "python_version": series, "python_full_version": f"{series}.0", "extra": ""}
    )


_IMAGE = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "sys_platform": "linux",
}


def opened(text: str) -> str:
    """A requirement without its exact version; any other requirement as it is."""
    if exact(text) is None:
        return text
    parsed = Requirement(text)
    parsed.specifier = SpecifierSet(",".join(str(each) for each in parsed.specifier if each.operator != "=="))
    return canonical(str(parsed))


def same(one: str, other: str) -> bool:
    """Whether two versions are one, a local part that only one of them has aside."""
    try:
        first, second = Version(one), Version(other)
    except InvalidVersion:
        return one == other
    local = first.local is not None and second.local is not None
    return first == second if local else Version(first.public) == Version(second.public)


# ----------------------------------------------------------------------------------------------- where they stand


def pins(parsed: Parsed, version: str) -> Iterator[Pin]:
    """Every exact version that a spec, its parents, its requirements files and its `pyproject.toml` ask for, for an
    image with a `version` of Python.

    Left out is what cannot be changed by itself: a version beside the hashes of its files.
    """
    python = parsed.spec.python
    if python is not None:
        yield from (pin for text, pin in _pins(parsed, python) if applies(text, version))


def _pins(parsed: Parsed, python: Python) -> Iterator[tuple[str, Pin]]:
    """Each with its requirement."""
    for index, text in enumerate(python.packages or ()):
        yield from _in_spec(str(text), parsed.tree, index)
    for path in python.requirements or ():
        yield from _in_requirements(path)
    if python.pyproject is not None:
        yield from _in_pyproject(python.pyproject.path, tuple(python.pyproject.extras or ()))


def _in_spec(text: str, tree: Tree, index: int) -> Iterator[tuple[str, Pin]]:
    node = find(tree.node, ("python", "packages", index))
    source = tree.sources[node.start_mark.name]
    start, end = node.start_mark.index, node.end_mark.index
    for pin in _within(text, source, start, end):
        # an escape, or a comment at the head of a block, can look like the version
        literal = source.text[start : pin.start] + "0" + source.text[pin.end : end]
        if yaml.safe_load(literal) == text.replace(pin.version, "0", 1):
            yield text, pin
            return


def _in_requirements(path: Path) -> Iterator[tuple[str, Pin]]:
    source = read(Path(os.path.abspath(path)))
    if not isinstance(source, Source):
        return
    starts = [0]
    for raw in source.text.splitlines(keepends=True):
        starts.append(starts[-1] + len(raw))
    for line in logical_lines(source):
        assert isinstance(line.place, Span)
        if not line.text.startswith("-") and " --" not in line.text:
            first, last = starts[line.place.line - 1], starts[line.place.end_line]
            yield from ((line.text, pin) for pin in islice(_within(line.text, source, first, last), 1))


def _in_pyproject(path: Path, extras: tuple[str, ...]) -> Iterator[tuple[str, Pin]]:
    """A version is one of a dependency if another in its place changes that dependency."""
    source = read(Path(os.path.abspath(path)))
    before = _dependencies(source.text, extras) if isinstance(source, Source) else None
    if before is None or not isinstance(source, Source):
        return
    for match in _EXACT.finditer(source.text):
        start, end = match.span("version")
        after = _dependencies(source.text[:start] + "0" + source.text[end:], extras) or []
        changed = [was for was, now in zip(before, after, strict=False) if was != now]
        if len(changed) == 1:
            yield from ((changed[0], pin) for pin in _within(changed[0], source, match.start(), match.end()))


def _dependencies(text: str, extras: tuple[str, ...]) -> list[str] | None:
    try:
        project = tomllib.loads(text)["project"]
        return [*project["dependencies"], *(d for extra in extras for d in project["optional-dependencies"][extra])]
    except (tomllib.TOMLDecodeError, RecursionError, KeyError, TypeError):
        return None


_EXACT = re.compile(r"==\s*(?P<version>[^\s,;#)\"'\]]+)")


def _within(text: str, source: Source, start: int, end: int) -> Iterator[Pin]:
    """Where the exact version of a requirement may stand in a stretch of a text."""
    version, parsed = exact(text), requirement(text)
    if version is None or parsed is None:
        return
    for match in _EXACT.finditer(source.text, start, end):
        if match["version"] == version:
            first, last = match.span("version")
            yield Pin(canonicalize_name(parsed.name), version, source, first, last, _span(source, first, last))


def _span(source: Source, start: int, end: int) -> Span:
    before = lines(source.text[:start])
    line, column = len(before), len(before[-1]) + 1
    return Span(source, line, column, line, column + end - start)


# ------------------------------------------------------------------------------------------------------ the files


class Changed(OSError):
    """A file is not what it was when it was read."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A file with other versions in it."""

    source: Source
    text: str

    def write(self) -> None:
        """Replace the file as a whole. Raises `OSError` where that fails, or somebody has edited it meanwhile."""
        path = self.source.path
        now = path.read_bytes().decode()
        body = now.lstrip("\ufeff")
        if body != self.source.text:
            raise Changed(f"`{shown(path)}` was edited meanwhile")
        write(path, now[: len(now) - len(body)] + self.text)


def edits(versions: Mapping[Pin, str]) -> list[Edit]:
    """The files in which these versions take the place of those that are there."""
    files: dict[Source, list[tuple[Pin, str]]] = {}
    for pin, version in versions.items():
        if (written := pin.write_as(version)) != pin.version:
            files.setdefault(pin.source, []).append((pin, written))
    return [Edit(source, _replaced(source.text, changes)) for source, changes in files.items()]


def _replaced(text: str, changes: list[tuple[Pin, str]]) -> str:
    for pin, version in sorted(changes, key=lambda each: -each[0].start):
        text = text[: pin.start] + version + text[pin.end :]
    return text
