"""A layer -> the files of this machine that it brings, each with its path below the layer's own place in the image."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from imagespec.image.copies import copies
from imagespec.image.modules import Module


def in_folder(folder: Path, ignore: Sequence[str] | None = None) -> Iterator[tuple[str, Path]]:
    """Every file below a folder, but for what the patterns leave out. Links to folders are left alone, as by Modal."""
    ignored = matcher(ignore) if ignore else None
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            relative = path.relative_to(folder)
            if ignored is None or not ignored(relative):
                yield relative.as_posix(), path


def of_module(module: Module, ignore: Sequence[str] | None = None) -> Iterator[tuple[str, Path]]:
    """The files of a package or module as Modal adds them: its Python source, in hidden folders too, or, where there
    are patterns, everything but what they leave out."""
    if module.folder is None:
        if module.file is not None:
            yield module.file.name, module.file
        return
    for name, path in in_folder(module.folder, ignore):
        if ignore is not None or name.endswith(".py"):
            yield name, path


def of_context(lines: Sequence[str], context: Path, ignore: Sequence[str] = ()) -> Iterator[tuple[str, Path]]:
    """The files of a build context that the `COPY`s of a Dockerfile name, but for what the patterns leave out."""
    ignored = matcher(ignore) if ignore else None
    for source in sorted({source for copy in copies(lines) for source in copy.sources}):
        for path in named(source, context):
            for file in (path,) if path.is_file() else (file for _, file in in_folder(path)):
                relative = file.relative_to(context)
                if ignored is None or not ignored(relative):
                    yield relative.as_posix(), file


def named(source: str, context: Path) -> list[Path]:
    """What a source of a `COPY` stands for in its context; several files where it is a pattern."""
    pattern = os.path.normpath(source.lstrip("/") or ".")
    if pattern == "." or pattern.startswith(".."):
        return [context] if pattern == "." else []
    try:
        return sorted(context.glob(pattern))
    except ValueError:  # `a**`, or a NUL byte: no pattern at all
        return []


def left_out(context: Path, dockerfile: Path | None, ignore: Sequence[str] | None) -> Sequence[str]:
    """The patterns that hold for a build context: those given, or else those of the .dockerignore that Modal finds."""
    if ignore is not None:
        return ignore
    places = [context / ".dockerignore"]
    if dockerfile is not None:
        places = [
            dockerfile.with_name(f"{dockerfile.name}.dockerignore"),
            dockerfile.with_name(".dockerignore"),
            *places,
        ]
    found = next((place for place in places if place.is_relative_to(context) and place.is_file()), None)
    return found.read_text("utf-8", "replace").splitlines() if found else ()


def matcher(patterns: Sequence[str]) -> Callable[[Path], bool]:
    """Whether a relative path is left out, as Modal decides it."""
    from modal.file_pattern_matcher import FilePatternMatcher

    return FilePatternMatcher(*patterns)
