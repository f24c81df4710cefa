"""A layer -> the files of this machine that it brings, each with its path below the layer's own place in the image."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from imagespec.image.copies import copies
from imagespec.image.modules import Module

def in_folder(folder: Path, ignore: Sequence[str] | None = None) -> Iterator[tuple[str, Path]]:
    """Every file below a folder, but for what the patterns leave out."""
    ignored = matcher(ignore) if ignore else None
    for parent, folders, names in os.walk(folder, followlinks=True):
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            relative = path.relative_to(folder)
            if ignored is None or not ignored(relative):
                yield relative.as_posix(), path


def of_module(module: Module, ignore: Sequence[str] | None = None) -> Iterator[tuple[str, Path]]:
    """The files of a package or module as Modal adds them: Python source only unless patterns say otherwise, and never
    what is hidden or compiled."""
    if module.folder is None:
        if module.file is not None:
            yield module.file.name, module.file
        return
    for name, path in in_folder(module.folder, ignore):
        parts = PurePosixPath(name).parts
        hidden = any(part.startswith(".") or part == "__pycache__" for part in parts) or name.endswith(".pyc")
        if not hidden and (ignore or name.endswith(".py")):
            yield name, path


def of_context(lines: Sequence[str], context: Path) -> Iterator[tuple[str, Path]]:
    """The files of a build context that the `COPY`s of a Dockerfile name."""
    for source in sorted({source for copy in copies(lines) for source in copy.sources}):
        pattern = source.strip("/").removeprefix("./")
        for path in sorted(context.glob(pattern)) if pattern not in ("", ".") else [context]:
            if path.is_file():
                yield path.relative_to(context).as_posix(), path
            else:
                yield from ((f.relative_to(context).as_posix(), f) for _, f in in_folder(path))


def matcher(patterns: Sequence[str]) -> Callable[[Path], bool]:
    """Whether a relative path is left out, as Modal decides it."""
    from modal.file_pattern_matcher import FilePatternMatcher

    return FilePatternMatcher(*patterns)
