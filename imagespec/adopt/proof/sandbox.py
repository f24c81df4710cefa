"""The present process -> one that cannot do much: no network but one port, no other programs, no files written
outside of one folder, and limits on time and memory.

This is as far as plain Python goes. It keeps code honest that does what code does at import; code that sets out to get
around it can, through C (`ctypes`, an extension module) for example. It may read every file that its user may read,
though it has nowhere to send it. There is no limit on processes: the system counts threads there too, which Modal's
client needs, and does not hold root to it.
"""

from __future__ import annotations

import importlib
import os
import resource
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

MEMORY = 4 << 30
SECONDS = 60
LARGEST_FILE = 64 << 20

_WATCHED = ("os", "pty", "resource", "socket", "sqlite3", "subprocess", "syslog")
"""The families of audit events of which those below are allowed, and no other."""
_ALLOWED = (
    *("os.listdir", "os.scandir", "os.walk", "os.fwalk", "os.getxattr", "os.listxattr", "os.lockf"),
    *("os.chdir", "os.putenv", "os.unsetenv", "resource.setrlimit"),
    *("socket.__new__", "socket.gethostname", "socket.getservbyname", "socket.getservbyport"),
)
_ALSO_REFUSED = ("cpython.PyInterpreterState_New", "sys.remote_exec", "signal.pidfd_send_signal")
_PROGRAMS = ("os.exec", "os.fork", "os.kill", "os.posix_spawn", "os.spawn", "os.system", "pty.", "subprocess.")
"""How the events that start programs, or end them, begin."""
_CHANGED: dict[str, tuple[tuple[int, int | None], ...]] = {
    "os.chmod": ((0, 2),),
    "os.chown": ((0, 3),),
    "os.link": ((0, 2), (1, 3)),
    "os.mkdir": ((0, 2),),
    "os.remove": ((0, 1),),
    "os.removexattr": ((0, None),),
    "os.rename": ((0, 2), (1, 3)),
    "os.rmdir": ((0, 1),),
    "os.setxattr": ((0, None),),
    "os.symlink": ((1, 2),),
    "os.truncate": ((0, None),),
    "os.utime": ((0, 3),),
}
"""Of each event about files: where among its arguments the paths stand, and the folders that they are relative to."""
_UNHEARD = (
    ("_posixsubprocess", "fork_exec"),
    ("_posixshmem", "shm_open"),
    ("_signal", "pidfd_send_signal"),
    ("posix", "mkfifo"),
    ("posix", "mknod"),
    ("sys", "activate_stack_trampoline"),
)
"""Functions that start programs, or leave something behind, and raise no event."""
_ABSENT = (
    *("_dbm", "_gdbm", "_tkinter", "readline"),
    *("_interpreters", "_interpchannels", "_interpqueues", "_xxsubinterpreters", "_testcapi", "_testinternalcapi"),
)
"""Modules that write files, start programs, or make interpreters without these hooks, through C; whoever imports them
has to do without on some machines anyway."""
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_HERE = ("127.0.0.1", "localhost", "::1")


def enter(folder: Path, port: int) -> None:
    """From here on, this process may write to `folder` and connect to `port` of this machine, and no more."""
    for kind, limit in ((resource.RLIMIT_DATA, MEMORY), (resource.RLIMIT_CPU, SECONDS)):
        _limit(kind, limit)
    _limit(resource.RLIMIT_FSIZE, LARGEST_FILE)
    _limit(resource.RLIMIT_CORE, 0)
    for module, function in _UNHEARD:
        _take_away(module, function)
    _forget_semaphores()
    sys.modules |= dict.fromkeys(_ABSENT)  # type: ignore[arg-type]
    sys.addaudithook(_watch(os.path.realpath(folder), port))


def _watch(folder: str, port: int) -> Callable[[str, tuple[Any, ...]], None]:
    """What looks at each event, and raises `PermissionError` for what is not allowed."""

    def watch(event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            if _writes(args[1], args[2]) and not _may_be_opened(args[0], folder):
                raise PermissionError(f"no writing outside of the sandbox: {args[0]!r}")
        elif event in _CHANGED:
            for path, relative_to in _CHANGED[event]:
                if not _may_be_changed(args[path], -1 if relative_to is None else args[relative_to], folder):
                    raise PermissionError(f"no changes outside of the sandbox: {args[path]!r}")
        elif event == "socket.connect":
            if not (isinstance(args[1], tuple) and args[1][:2] == ("127.0.0.1", port)):
                raise PermissionError(f"no network: {args[1]}")
        elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
            if args[0] not in _HERE:
                raise PermissionError(f"no network: {args[0]}")
        elif event.startswith(_PROGRAMS):
            raise PermissionError(f"no other programs: {event}")
        elif event in _ALSO_REFUSED or (event.partition(".")[0] in _WATCHED and event not in _ALLOWED):
            raise PermissionError(f"not in the sandbox: {event}")

    return watch


def _writes(mode: Any, flags: Any) -> bool:
    """Whether a file is opened for writing: C that opens one tells the mode alone."""
    return bool(isinstance(flags, int) and flags & _WRITING) or (
        isinstance(mode, str) and bool(set(mode) & set("wax+"))
    )


def _may_be_opened(path: Any, folder: str) -> bool:
    """What is open already may, and the folder itself, which is how files without a name are made; a relative path may
    not, since nothing says here what it is relative to."""
    if isinstance(path, int):
        return True
    name = os.fsdecode(path)
    found = os.path.realpath(name)
    return found in (os.devnull, folder) or (os.path.isabs(name) and _inside(found, folder))


def _may_be_changed(path: Any, relative_to: int, folder: str) -> bool:
    """Both what a path names and, where that is a link, what it leads to have to lie inside."""
    if isinstance(path, int):
        return _inside(_opened(path), folder)
    name = os.fsdecode(path).rstrip(os.sep)
    if not os.path.isabs(name):
        name = os.path.join(_opened(relative_to) if relative_to >= 0 else os.getcwd(), name)
    above, last = os.path.split(name)
    found = os.path.realpath(name)
    entry = found if last in (os.curdir, os.pardir) else os.path.join(os.path.realpath(above), last)
    return os.path.isabs(name) and _inside(entry, folder) and _inside(found, folder)


def _inside(path: str, folder: str) -> bool:
    return path.startswith(folder + os.sep)


def _opened(descriptor: int) -> str:
    """The path of what is open; empty where nobody knows it."""
    with suppress(OSError):
        return os.readlink(f"/proc/self/fd/{descriptor}")
    return ""


def _take_away(module: str, name: str) -> None:
    """A function, under each name that a module has for it, becomes one that is refused."""
    try:
        taken = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        return

    def refused(*_: Any, **__: Any) -> None:
        raise PermissionError(f"not in the sandbox: {name}")

    for each in [each for each in sys.modules.values() if each is not None]:
        for key, value in list(getattr(each, "__dict__", {}).items()):
            if value is taken:
                setattr(each, key, refused)


def _forget_semaphores() -> None:
    """Locks between processes lose their names at once, which otherwise outlive the process."""
    try:
        module: Any = importlib.import_module("_multiprocessing")
    except ImportError:
        return
    made = module.SemLock

    class SemLock(made):  # type: ignore[misc,valid-type]
        def __new__(cls, kind: int, value: int, maxvalue: int, name: str, unlink: bool) -> Any:
            return made.__new__(cls, kind, value, maxvalue, name, True)

    module.SemLock = SemLock


def _limit(kind: int, limit: int) -> None:
    """Never above what already holds."""
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    with suppress(ValueError, OSError):  # not every system has every limit
        resource.setrlimit(kind, (limit, limit))
