"""The present process -> one that cannot do much: no network but one port, no other programs, no files written
outside of one folder, and limits on time and memory.

This is as far as plain Python goes. It keeps code honest that does what code does at import; code that sets out to get
around it can, through C for example. It may read every file that its user may read, though it has nowhere to send it.
"""

from __future__ import annotations

import os
import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

MEMORY = 4 << 30
SECONDS = 60
LARGEST_FILE = 64 << 20

_PROGRAMS = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty"}
_PROGRAMS |= {"pty.spawn", "os.kill", "os.killpg", "os.startfile"}
_CHANGES = {"os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.chmod", "os.chown"}
_CHANGES |= {"os.truncate", "os.utime", "os.setxattr", "os.removexattr"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_HERE = ("127.0.0.1", "localhost", "::1")


def enter(folder: Path, port: int) -> None:
    """From here on, this process may write to `folder` and connect to `port` of this machine, and no more."""
    for kind, limit in ((resource.RLIMIT_DATA, MEMORY), (resource.RLIMIT_CPU, SECONDS)):
        _limit(kind, limit)
    _limit(resource.RLIMIT_FSIZE, LARGEST_FILE)
    _limit(resource.RLIMIT_CORE, 0)
    inside = os.path.realpath(folder)

    def within(path: Any) -> bool:
        if isinstance(path, int) or path is None:
            return True
        found = os.path.realpath(os.fsdecode(path))
        return found in (os.devnull, inside) or found.startswith(inside + os.sep)

    def watch(event: str, args: tuple[Any, ...]) -> None:
        if event in _PROGRAMS:
            raise PermissionError(f"no other programs: {event}")
        if event == "socket.connect" and not (isinstance(args[1], tuple) and args[1][:2] == ("127.0.0.1", port)):
            raise PermissionError(f"no network: {args[1]}")
        if event in ("socket.getaddrinfo", "socket.gethostbyname") and args[0] not in _HERE:
            raise PermissionError(f"no network: {args[0]}")
        if event in ("socket.sendto", "socket.bind", "socket.gethostbyaddr"):
            raise PermissionError("no network")
        if event == "open" and isinstance(args[2], int) and args[2] & _WRITING and not within(args[0]):
            raise PermissionError(f"no writing outside of the sandbox: {args[0]!r}")
        if event in _CHANGES and not all(
            within(path) for path in args[:2] if isinstance(path, str | bytes | os.PathLike)
        ):
            raise PermissionError(f"no changes outside of the sandbox: {args[0]!r}")

    sys.addaudithook(watch)


def _limit(kind: int, limit: int) -> None:
    """Never above what already holds."""
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    with suppress(ValueError, OSError):  # not every system has every limit
        resource.setrlimit(kind, (limit, limit))
