"""New texts -> their files, each replaced as a whole, and none where one of them cannot be."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from imagespec.diagnostic import shown
from imagespec.lock.pins import Edit as Rewritten


def write(files: Sequence[Rewritten]) -> None:
    """Replace the files. Raises `OSError`, before anything is written, where one is read-only; and where one cannot be
    written, or was edited meanwhile, with those that were written before it."""
    for file in files:
        _refuse_read_only(file.source.path)
    done: list[str] = []
    for file in files:
        try:
            file.write()
        except (OSError, UnicodeError) as error:
            already = f"; written before it: {', '.join(done)}" if done else "; nothing was written"
            raise OSError(f"`{shown(file.source.path)}` is not mended: {_reason(error)}{already}") from None
        done.append(shown(file.source.path))


def _refuse_read_only(path: Path) -> None:
    mode = os.stat(path).st_mode
    if not mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH) or not os.access(path, os.W_OK):
        raise PermissionError(f"`{shown(path)}` is read-only: chmod u+w, and run this again; nothing was written")


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        return f"{(error.strerror or str(error)).lower()}"
    return str(error)
