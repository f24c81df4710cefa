"""A Dockerfile -> the folder that an engine builds it in: the file, and of each context what its lines copy.

An engine caches a `COPY` by what it finds, and so must find what our digests are made of: the files and their modes. A
folder's own mode, an empty folder in it, a link, a `.dockerignore` meant for something else are not here. Files are
hard links where that is possible. What builds keep in a project is never copied.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from imagespec.build.record import KEPT
from imagespec.emit.dockerfile import Dockerfile
from imagespec.image.files import in_folder
from imagespec.image.layers import Image

FILE = "Dockerfile"


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """An empty folder below `folder`, removed at the end. What builds left there that were killed goes too.

    Each is locked by the build that has it; the kernel ends the lock with the process, however that ends.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "a") as door:
        fcntl.flock(door, fcntl.LOCK_EX)
        for left in folder.glob("build-*"):
            with open(left / "lock", "a") as file:
                if _try_lock(file.fileno()):
                    shutil.rmtree(left, ignore_errors=True)
        made = Path(tempfile.mkdtemp(prefix="build-", dir=folder))
        lock = open(made / "lock", "a")  # noqa: SIM115
        fcntl.flock(lock, fcntl.LOCK_EX)
    with lock:
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def lay_out(dockerfile: Dockerfile, image: Image, folder: Path) -> None:
    """Write the Dockerfile and its contexts into an empty folder. Raises `OSError`."""
    for context in ("", *dockerfile.contexts):
        context_of(folder, context).mkdir()
    for context, name, path in dockerfile.files:
        place = context_of(folder, context) / name
        if path.is_dir():
            place.mkdir(parents=True, exist_ok=True)
            for below, file in list(in_folder(path)):  # before a link is made: this may be below the folder itself
                if KEPT not in file.parts[len(path.parts) :]:
                    _link(file, place / below)
        else:
            _link(path, place)
    for parent, folders, _ in os.walk(folder):
        for name in folders:
            os.chmod(os.path.join(parent, name), 0o755)  # whatever the user's umask
    forced = [getattr(layer.operation, "force_build", False) for layer in image.layers]
    blocks = (_forced(block) if force else block for block, force in zip(dockerfile.blocks, forced, strict=True))
    lines = _qualified([line for block in blocks for line in block])
    (folder / FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")


def context_of(folder: Path, name: str) -> Path:
    """Where a context lies; the main one has no name."""
    return folder / (name or "context")


def _link(file: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    file = Path(os.path.realpath(file))
    if place.exists() or not file.is_file():  # two lines copy it, or it is no file: a socket, a link to nowhere
        return
    try:
        os.link(file, place)
    except OSError:  # another file system, or a file of someone else
        shutil.copy2(file, place)


_FROM = re.compile(r"(\s*FROM\s+(?:--platform=\S+\s+)?)([^\s$]+)(?:\s+AS\s+(\S+))?\s*$", re.IGNORECASE)


def _qualified(lines: Sequence[str]) -> list[str]:
    """The lines, images without a registry as those of Docker Hub: Modal and docker read them so, others may not."""
    done, stages = list(lines), {"scratch"}
    for index, line in enumerate(lines):
        if match := _FROM.match(line):
            registry, slash, _ = match[2].partition("/")
            if match[2].lower() not in stages and not (slash and re.search(r"[.:]|^localhost$", registry)):
                hub = "docker.io/" if slash else "docker.io/library/"
                done[index] = f"{match[1]}{hub}{line[match.start(2) :]}"
            stages.add((match[3] or "").lower())
    return done


_RUN = re.compile(r"RUN (?!\[)((?:--\S+ )*)")


def _forced(block: Sequence[str]) -> list[str]:
    """The lines, the first `RUN` made new: no engine can be asked to build one instruction again."""
    lines = list(block)
    for index, line in enumerate(lines):
        if match := _RUN.match(line):
            lines[index] = f"{match[0]}: {secrets.token_hex(8)}; {line[match.end() :]}"
            break
    return lines
