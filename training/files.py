"""What is to be kept -> files that are whole or not there; what the disk refuses -> words that say what to do.

And a folder that one command at a time writes in, as far as this machine knows.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from training.config import TrainingError

_TAKEN = "a file stands where a folder is to be: name another place"
_ADVICE = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "make room, then run the same command again"),
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), "name a place where files may be written"),
    **dict.fromkeys(
        (errno.EEXIST, errno.ENOTDIR, errno.EISDIR), "a file stands where a folder is to be: name another place"
    ),
}


@contextmanager
def writing(path: Path, what: str = "") -> Iterator[None]:
    """While `path`, a file or a folder, is written. `what` is said of it, its size for example.

    Raises:
        TrainingError: it cannot be written, the disk being full for example.
    """
    try:
        yield
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0, "see to that, then run the same command again")
        raise TrainingError(f"`{path}`{what} cannot be written ({error.strerror or error}): {advice}") from None


def write(target: Path, *parts: bytes | memoryview) -> None:
    """A whole file or none; what bore its name is there until then. Raises `TrainingError` as `writing` does."""
    partial = target.with_name(f".{target.name}.partial")
    with writing(target, f" ({sum(map(len, parts)) / 2**20:.1f} MiB)"):
        try:
            with partial.open("wb") as file:
                for part in parts:
                    file.write(part)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
        except OSError:
            partial.unlink(missing_ok=True)
            raise
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # so that the new name outlives a power cut too
        finally:
            os.close(folder)


def make(folder: Path) -> None:
    """A folder, where there is none. Raises `TrainingError` as `writing` does."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)


@contextmanager
def alone(folder: Path, busy: str, *, wait: bool = False) -> Iterator[None]:
    """While nobody else on this machine is in here with the same folder. A process that dies leaves it.

    Raises:
        TrainingError: `busy`, where somebody else is and it is not to `wait` for them.
    """
    held = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not wait:
                raise TrainingError(busy) from None
            print(busy, file=sys.stderr)
            fcntl.flock(held, fcntl.LOCK_EX)
        except OSError:
            pass  # some network file systems know no locks
        yield
    finally:
        os.close(held)
