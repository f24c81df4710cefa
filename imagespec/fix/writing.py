"""New texts -> their files, each replaced as a whole, and none where it is known that one of them cannot be."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from imagespec.diagnostic import Source, shown
from imagespec.lock.pins import Edit as Rewritten
from imagespec.spec.source import read


def write(files: Sequence[Rewritten]) -> None:
    """Replace the files. Raises `OSError`: before anything is written, where one is read-only or was edited meanwhile;
    and where one cannot be written after all, with the names of those that were written before it."""
    for file in files:
        _refuse(file)
    done: list[str] = []
    for file in files:
        name, now = shown(file.source.path), read(file.source.path)
        if isinstance(now, Source) and now.text == file.text:
            continue  # the same file by another name
        try:
            file.write()
        except (OSError, UnicodeError) as error:
            already = f"written before it: {', '.join(done)}" if done else "nothing was written"
            reason = getattr(error, "strerror", None) or str(error)
            raise OSError(f"`{name}` cannot be written: {reason.lower()}; {already}") from None
        done.append(name)


def _refuse(file: Rewritten) -> None:
    path = file.source.path
    name, now = shown(path), read(path)
    if not isinstance(now, Source) or now.text != file.source.text:
        raise OSError(f"`{name}` was edited meanwhile; nothing was written: run this again")
    writable = os.stat(path).st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)  # of which root takes no notice
    if not writable or not os.access(path, os.W_OK):
        raise PermissionError(f"`{name}` is read-only: chmod u+w, and run this again; nothing was written")
