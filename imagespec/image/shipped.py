"""A layer -> the files of this machine that it brings, as many as can be looked at in a moment, those on top first."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from imagespec.image.files import left_out, matcher, of_context
from imagespec.image.layers import Layer
from imagespec.image.modules import find_module
from imagespec.spec import operations as ops

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
        case ops.DockerfileCommands(dockerfile_commands=lines, context_dir=context, ignore=ignore):
            yield from _copied(lines, context or root, None, ignore)
        case ops.FromDockerfile(path=path, context_dir=context, ignore=ignore):
            try:
                text = path.read_text("utf-8", "replace")
            except OSError:
                return
            yield from _copied(text.split("\n"), context or root, path, ignore)
        case _:
            pass


def _copied(
    lines: Sequence[str], context: Path, dockerfile: Path | None, ignore: Sequence[str] | None
) -> Iterator[Shipped]:
    try:
        patterns = left_out(context, dockerfile, ignore)
    except OSError:
        return
    for name, path in islice(of_context(lines, context, patterns), MOST):
        yield from _file(name, path)


def _file(name: str, path: Path) -> Iterator[Shipped]:
    try:
        size = os.stat(path).st_size
    except (OSError, ValueError):
        return
    yield Shipped(name, path, size)


def _below(folder: Path, ignore: Sequence[str]) -> Iterator[Shipped]:
    """The files below a folder, level by level, but for what the patterns leave out."""
    ignored = matcher(ignore) if ignore else None
    for_good = not any(pattern.strip().startswith("!") for pattern in ignore)
    waiting, left = deque([""]), MOST
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
