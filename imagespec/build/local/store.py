"""Keys -> folders that are whole or not there at all, made by one process at a time.

A folder is made under another name, gets a marker when it is complete, and is then renamed. Locks are the kernel's
(`flock`): they end with the processes that hold them, however those end.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

MARKER = "imagespec.json"


class Store:
    """The folders of one project."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._making = folder / "making"
        self._locks = folder / "locks"

    def path(self, key: str) -> Path:
        return self.folder / "environments" / key

    def stands(self, key: str) -> bool:
        """It is complete, and its Python is still on this machine."""
        path = self.path(key)
        return (path / MARKER).exists() and (path / "bin" / "python").exists()

    def marker(self, key: str) -> Mapping[str, object]:
        """What was written about it when it was complete."""
        try:
            told = json.loads((self.path(key) / MARKER).read_text(encoding="utf-8"))
            return told if isinstance(told, dict) else {}
        except (OSError, ValueError):
            return {}

    @contextmanager
    def locked(self, key: str, who: str, wait: Callable[[str], None], *, shared: bool = False) -> Iterator[int]:
        """Alone with a key, or with others that only read it. `who` is what others are told who wait for us.

        Gives the descriptor that holds the lock: a process that inherits it holds the lock too. `wait` is called over
        and over while someone else holds it, with who that is, and raises to give up.
        """
        self._locks.mkdir(parents=True, exist_ok=True)
        how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        with open(self._locks / key, "a+", encoding="utf-8") as file:
            while not _try_lock(file.fileno(), how):
                file.seek(0)
                wait(file.read().strip() or "another build")
                time.sleep(0.05)
            if not shared:
                file.truncate(0)
                file.write(who)
                file.flush()
            yield file.fileno()

    @contextmanager
    def making(self, key: str) -> Iterator[Path]:
        """An empty folder to work in. What is made in it at `in_work` becomes the folder of the key at the end.

        Not if anything is raised: then all is removed. Call it with the lock held. What stood there before is replaced.
        """
        self._making.mkdir(parents=True, exist_ok=True)
        for left in self._making.glob(f"{key}.*"):  # by a build that was killed: it had the lock that is ours now
            shutil.rmtree(left, ignore_errors=True)
        work = Path(tempfile.mkdtemp(prefix=f"{key}.", dir=self._making))
        try:
            yield work
            path = self.path(key)
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                os.rename(path, work / "before")
            os.rename(self.in_work(work), path)
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def in_work(self, work: Path) -> Path:
        """Where the folder of the key is made."""
        return work / "environment"

    def complete(self, work: Path, told: Mapping[str, object]) -> None:
        """Mark what was made as complete: the last thing that is written into it."""
        (self.in_work(work) / MARKER).write_text(json.dumps(told) + "\n", encoding="utf-8")

    def sweep(self) -> None:
        """Remove what builds left that ended before they could: whatever lies there with nobody holding its lock."""
        self._locks.mkdir(parents=True, exist_ok=True)
        for work in self._making.iterdir() if self._making.is_dir() else ():
            key = work.name.partition(".")[0]
            with open(self._locks / key, "a", encoding="utf-8") as file:
                if _try_lock(file.fileno(), fcntl.LOCK_EX):
                    shutil.rmtree(work, ignore_errors=True)


def clone(source: Path, target: Path) -> None:
    """Copy an environment, as hard links where that is possible.

    Installers replace files, they do not write into them; scripts and settings, which may be written into, are copied.
    """
    shutil.copytree(source, target, symlinks=True, copy_function=_link)
    (target / MARKER).unlink()
    for path in (target / "pyvenv.cfg", *(target / "bin").iterdir()):
        if path.is_file() and not path.is_symlink():
            own = path.with_name(path.name + ".own")
            shutil.copy2(path, own)
            os.replace(own, path)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def _try_lock(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
