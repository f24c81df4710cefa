"""A layer -> the files of this machine that it brings, as many as can be looked at in a moment, those on top first."""

from __future__ import annotations

import os
import re
import stat
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from imagespec.diagnostic import Source, lines
from imagespec.image.copies import copies
from imagespec.image.files import left_out, matcher, named
from imagespec.image.layers import Layer
from imagespec.image.modules import find_module
from imagespec.spec import operations as ops
from imagespec.spec.source import read

MOST = 20_000
"""Files and folders that are looked at, of each folder that a spec names."""


@dataclass(frozen=True, slots=True)
class Shipped:
    """A file: its name below the folder that the spec names, where it lies, and its bytes."""

    name: str
    path: Path
    size: int


def shipped(layer: Layer, root: Path) -> Iterator[Shipped]:
    """What a layer brings; of packages whose Python source alone is added, nothing. `root` is where modules are looked
    up."""
    match layer.operation:
        case ops.AddLocalFile(local_path=path):
            yield from _file(path.name, path)
        case ops.AddLocalDir(local_path=folder, ignore=ignore):
            yield from _below(folder, ignore or ())
        case ops.AddLocalPythonSource(modules=names, ignore=tuple() as ignore):
            for module in (find_module(name, root) for name in names):
                if module is not None and module.folder is not None:
                    yield from _below(module.folder, ignore)
        case ops.DockerfileCommands(dockerfile_commands=given, context_dir=context, ignore=ignore):
            yield from _copied(given, context or root, None, ignore)
        case ops.FromDockerfile(path=path, context_dir=context, ignore=ignore):
            source = read(path)
            if isinstance(source, Source):
                yield from _copied(lines(source.text), context or root, path, ignore)
        case _:
            pass


def _copied(
    given: Sequence[str], context: Path, dockerfile: Path | None, ignore: Sequence[str] | None
) -> Iterator[Shipped]:
    try:
        patterns = left_out(context, dockerfile, ignore)
    except OSError:
        return
    if not _understood(patterns):
        return
    for source in sorted({source for copy in copies(given) for source in copy.sources}):
        for path in named(source, context):
            name = path.relative_to(context).as_posix()
            if path.is_dir():
                yield from _below(context, patterns, "" if name == "." else name)
            elif not (patterns and matcher(patterns)(Path(name))):
                yield from _file(name, path)


def _file(name: str, path: Path) -> Iterator[Shipped]:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return
    if stat.S_ISREG(found.st_mode):
        yield Shipped(name, path, found.st_size)


def _below(folder: Path, ignore: Sequence[str], start: str = "") -> Iterator[Shipped]:
    """The files below a folder, or below `start` in it, level by level, but for what the patterns leave out."""
    if not _understood(ignore):
        return
    ignored = matcher(ignore) if ignore else None
    for_good = not any(pattern.strip().startswith("!") for pattern in ignore)
    waiting, left = deque([start]), MOST
    while waiting and left > 0:
        below = waiting.popleft()
        try:
            entries = sorted(os.scandir(folder / below), key=lambda entry: entry.name)
        except (OSError, ValueError):
            continue
        left -= len(entries)
        for entry in entries:
            name = f"{below}/{entry.name}" if below else entry.name
            out = ignored is not None and ignored(Path(name))
            if entry.is_dir(follow_symlinks=False):
                if not (out and for_good):
                    waiting.append(name)
            elif not out:
                yield from _file(name, Path(entry.path))


def _understood(patterns: Sequence[str]) -> bool:
    """Whether Modal can read the patterns. What it cannot read has a finding of its own."""
    try:
        return not patterns or matcher(patterns)(Path("x")) is not None
    except (ValueError, re.error):
        return False
