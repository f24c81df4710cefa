"""A `COPY` or an `ADD` -> the files that Modal adds alike, else the instruction, its sources written out."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from imagespec.adopt.codes import NO_COUNTERPART
from imagespec.adopt.dockerfile.instructions import Instruction
from imagespec.adopt.dockerfile.reading import Reading
from imagespec.image.copies import unpacks
from imagespec.image.files import named
from imagespec.spec import operations as ops

_KNOWN_TO_MODAL = re.compile(r"--(link|chown|chmod)(=.*)?", re.DOTALL)
_NO_PLAIN_WORD = re.compile(r"[\s\"'\\]")


def copy(reading: Reading, each: Instruction) -> None:
    """Take in a `COPY` or an `ADD`. Raises `ValueError` on bad words."""
    added = list(_added(reading, each))
    found = [operation for operation in added if operation is not None]
    if not found or len(found) < len(added):
        _as_instruction(reading, each)
    else:
        for operation in found:
            reading.add(each, operation)


def _added(reading: Reading, each: Instruction) -> Iterator[ops.AddLocalFile | ops.AddLocalDir | None]:
    """What each source of a `COPY` adds; `None` where only the builder can say."""
    if each.heredocs or any(not flag.startswith("--link") for flag in each.flags):
        yield None
        return
    words = [reading.variables.expand(word) for word in each.args]
    *sources, to = [word for word, _ in words]
    if any(missing for _, missing in words) or not (to.startswith("/") or reading.workdir):
        yield None
        return
    place = posixpath.normpath(posixpath.join(reading.workdir or "/", to))
    into = to.endswith(("/", "/.")) or to in (".", "..") or len(sources) > 1 or place in reading.folders()
    for source in sources:
        unpacked = each.name == "ADD" and unpacks(reading.context.folder / source.lstrip("/"))
        yield None if _is_remote(source) or unpacked else reading.context.added(source, place, into=into)


def _is_remote(source: str) -> bool:
    return "://" in source or source.startswith("git@")


# ------------------------------------------------------------------------------------- as an instruction


def _as_instruction(reading: Reading, each: Instruction) -> None:
    """Modal's client looks for the files to send by the sources of each `COPY`, and expands no variables in them."""
    if each.heredocs or each.flag("from") is not None:
        reading.as_written(each)
        return
    words = [reading.variables.expand(word) for word in each.args[:-1]]
    missing = {name for _, names in words for name in names}
    if unknown := sorted(missing - set(reading.variables.without_value(missing))):
        message = f"the base alone knows `${unknown[0]}`, and Modal sends files by the names that are written"
        reading.as_written(each, "", NO_COUNTERPART.at(each.span, message, "write the path out"))
        return
    sources = [text for text, _ in words]
    if missing or any(map(_NO_PLAIN_WORD.search, sources)) or _NO_PLAIN_WORD.search(each.args[-1]):
        reading.as_written(each)
        return
    strange = [flag for flag in each.flags if not _KNOWN_TO_MODAL.fullmatch(flag)]
    if strange and not all(map(_is_remote, sources)):
        message = f"Modal does not know `{strange[0]}`, and sends no files for it"
        reading.as_written(each, "", NO_COUNTERPART.at(each.span, message, "leave it out, or copy what it names"))
        return
    if each.name == "COPY":
        reading.as_written(each, _line("COPY", each, sources))
        return
    parts = [part for source in sources for part in _parts(reading, source)]
    for (method, unpacked), group in groupby(parts, lambda part: (part[0], part[2] is not None)):
        same = list(group)
        files = {name: path for _, name, path in same if path is not None} if unpacked else {}
        reading.as_written(each, _line(method, each, [name for _, name, _ in same]), files=files)


def _line(method: str, each: Instruction, sources: list[str]) -> str:
    return " ".join([method, *each.flags, *sources, each.args[-1]])


def _parts(reading: Reading, source: str) -> Iterator[tuple[str, str, Path | None]]:
    """What an `ADD` does with a source: the instruction that does it, its source, and the file where it is unpacked,
    which has to be sent by name, as Modal sends the files of a `COPY` alone."""
    if _is_remote(source):
        yield "ADD", source, None
        return
    folder = reading.context.folder
    paths = named(source, folder)
    if not any(map(unpacks, paths)):
        yield "COPY", source, None
        return
    for path in paths:
        name = path.relative_to(folder).as_posix()
        if not reading.context.leaves_out(name):
            yield ("ADD", name, path) if unpacks(path) else ("COPY", name, None)
