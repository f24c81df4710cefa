"""Adopted specs -> files, all of them or none."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from imagespec.adopt import codes
from imagespec.adopt.spec.sections import Adopted
from imagespec.diagnostic import Diagnostic, Source, Span, shown


def write(specs: Sequence[Adopted], folder: Path, *, force: bool) -> list[Path] | tuple[Diagnostic, ...]:
    """Write each spec into a folder. Where one is there already, or cannot be written, none is.

    Raises `OSError`.
    """
    paths = [folder / f"{spec.name}.yaml" for spec in specs]
    twice = [path for index, path in enumerate(paths) if path in paths[:index]]
    if twice:
        hint = "adopt them one at a time, each to a folder of its own with --out"
        return tuple(
            codes.EXISTS.at(Span(Source(path)), f"two images would be `{shown(path)}`; nothing was written", hint)
            for path in dict.fromkeys(twice)
        )
    there = [path for path in paths if _taken(path, force=force)]
    if there:
        hint = "choose another folder with --out, or overwrite it with --force"
        return tuple(
            codes.EXISTS.at(Span(Source(path)), f"`{shown(path)}` is there already; nothing was written", hint)
            for path in dict.fromkeys(there)
        )
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".adopt-", dir=folder) as aside:
        for path, spec in zip(paths, specs, strict=True):
            (Path(aside) / path.name).write_text(spec.text, encoding="utf-8")
        _move(Path(aside), paths)
    return paths


def _taken(path: Path, *, force: bool) -> bool:
    """A folder of that name is in the way even of `--force`."""
    return os.path.lexists(path) and (not force or path.is_dir())


def _move(aside: Path, paths: Sequence[Path]) -> None:
    """Put the files in their places, or take back those that are."""
    done: list[Path] = []
    try:
        for path in paths:
            if os.path.lexists(path):
                os.replace(path, aside / f"{path.name}.before")
            done.append(path)
            os.replace(aside / path.name, path)
    except OSError:
        for path in done:
            with suppress(FileNotFoundError):
                path.unlink()
            with suppress(FileNotFoundError):
                os.replace(aside / f"{path.name}.before", path)
        raise
