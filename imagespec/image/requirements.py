"""Requirements files and `pyproject.toml` -> the requirements in them, each with its place."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from imagespec.diagnostic import Diagnostic, Source, Span, lines
from imagespec.image.layers import Layer, Place
from imagespec.spec import operations as ops
from imagespec.spec.source import read

_COMMENT = re.compile(r"(^|\s)#.*$")


@dataclass(frozen=True, slots=True)
class Line:
    """One requirement, or one line of options, as written."""

    text: str
    place: Place


@lru_cache(maxsize=8192)
def requirement(text: str) -> Requirement | None:
    """A requirement as PEP 508 reads it; `None` where it is none. Not to be changed: it is shared."""
    try:
        return Requirement(text)
    except InvalidRequirement:
        return None


_ARCHIVE = re.compile(r"\.(whl|zip|tar|tgz|tbz2?|txz|tlz|tar\.(gz|bz2|xz|lz|lzma|zst))(\[[^\]]*\])?$", re.IGNORECASE)


def is_local(text: str) -> bool:
    """Whether an installer takes a requirement for a file or a folder: by its path, or by the name of an archive."""
    wanted = re.split(r";| #", text, maxsplit=1)[0].strip()
    if "://" in wanted or "@" in wanted:
        return bool(re.search(r"(^|@\s*)(file:|\.{0,2}/)", wanted))
    return wanted.startswith((".", "file:")) or "/" in wanted or bool(_ARCHIVE.search(wanted))


@lru_cache(maxsize=8192)
def canonical(text: str) -> str:
    """A requirement in one spelling: `Pillow == 11.0.0` and `pillow==11.0.0` are the same. Others stay as they are."""
    parsed = requirement(text)
    if parsed is None:
        return text
    extras = f"[{','.join(sorted(parsed.extras))}]" if parsed.extras else ""
    url = f" @ {parsed.url}" if parsed.url else ""
    marker = f"{' ' if parsed.url else ''}; {parsed.marker}" if parsed.marker else ""
    return f"{canonicalize_name(parsed.name)}{extras}{parsed.specifier}{url}{marker}"


@lru_cache(maxsize=8192)
def name_of(text: str) -> str:
    """The normalized name of the package that a requirement asks for; what is no requirement as it is."""
    parsed = requirement(text)
    return canonicalize_name(parsed.name) if parsed else text


@lru_cache(maxsize=8192)
def pinned(text: str) -> tuple[str, str] | None:
    """Name and version of a requirement that allows one version only, wherever it is installed."""
    parsed = requirement(text)
    if parsed is None or parsed.marker is not None:
        return None
    exact = [each.version for each in parsed.specifier if each.operator == "==" and not each.version.endswith(".*")]
    return (canonicalize_name(parsed.name), exact[0]) if exact else None


def lines_of(path: Path) -> list[Line] | None:
    """The requirements of a file; `None` where it cannot be read, or has options that only an installer understands."""
    source = read(path)
    if isinstance(source, Diagnostic):
        return None
    found = list(logical_lines(source))
    return None if any(line.text.startswith("-") or " --" in line.text for line in found) else found


def logical_lines(source: Source) -> Iterator[Line]:
    """Lines of a requirements file, without comments, a continued one joined."""
    waiting, first, every = "", 0, lines(source.text)
    for number, raw in enumerate(every, 1):
        first = first or number
        goes_on = raw.rstrip().endswith("\\") and not raw.lstrip().startswith("#")
        waiting += f"{raw.rstrip()[:-1]} " if goes_on else raw
        if goes_on and number < len(every):
            continue
        text = _COMMENT.sub("", waiting)
        if text.strip():
            lead = len(text) - len(text.lstrip()) + 1
            yield Line(text.strip(), Span(source, first, lead, number, len(_COMMENT.sub("", raw).rstrip()) + 1))
        waiting, first = "", 0


def dependencies_of(path: Path, extras: Sequence[str], place: Place) -> list[Line] | None:
    """`[project.dependencies]` and the named extras of a `pyproject.toml`; `None` where they cannot be had."""
    source = read(path)
    if isinstance(source, Diagnostic):
        return None
    try:
        project = tomllib.loads(source.text)["project"]
        found = [*project["dependencies"], *(d for extra in extras for d in project["optional-dependencies"][extra])]
    except (tomllib.TOMLDecodeError, RecursionError, KeyError, TypeError):
        return None
    return [Line(text, place) for text in found] if all(isinstance(text, str) for text in found) else None


def requirements_of(layer: Layer) -> Iterator[Line]:
    """Every requirement that a layer installs with pip or uv, those in its files too, options left out."""
    operation = layer.operation
    match operation:
        case ops.UvPipInstall() | ops.PipInstall():
            for index, text in enumerate(operation.packages):
                yield Line(text, layer.place("packages", index))
            if isinstance(operation, ops.UvPipInstall):
                for file in operation.requirements or ():
                    yield from _in_file(file, layer)
        case ops.PipInstallFromRequirements():
            yield from _in_file(operation.requirements_txt, layer)
        case ops.PipInstallFromPyproject():
            place = layer.place("pyproject_toml")
            extras = operation.optional_dependencies
            yield from dependencies_of(operation.pyproject_toml, extras, place) or ()
        case _:
            pass


def files_of(operation: ops.AnyOperation) -> Iterator[Path]:
    """The requirements files of this machine that an operation hands to the installer as they are."""
    match operation:
        case ops.UvPipInstall(requirements=tuple() as files):
            yield from (file for file in files if isinstance(file, Path))
        case ops.PipInstallFromRequirements(requirements_txt=Path() as file):
            yield file
        case _:
            pass


def _in_file(file: Path | ops.Requirements, layer: Layer) -> Iterator[Line]:
    if isinstance(file, ops.Requirements):
        for index, text in enumerate(file.lines):
            yield Line(text.partition(" --")[0].rstrip(), layer.place("lines", index))
        return
    source = read(file)
    if isinstance(source, Source):
        for line in logical_lines(source):
            if not line.text.startswith("-"):
                yield Line(line.text.partition(" --")[0].rstrip(), line.place)
