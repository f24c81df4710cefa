"""What Modal prints while it builds -> lines, each given to the layer that it is about.

`modal.enable_output` is the one public way to see a build's log while it runs, and it prints to `sys.stdout`. A build
runs in a context of its own, which Modal's client keeps from the call to the print: so one `sys.stdout` can tell the
logs of layers that are built at the same time apart, whether it is a terminal or not.
"""

from __future__ import annotations

import io
import re
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from contextvars import ContextVar
from typing import TextIO

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_KEPT = 200


class LineLog:
    """Text in pieces -> lines, each told as soon as it is whole. The latest are kept."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._rest = ""
        self._last: deque[str] = deque(maxlen=_KEPT)

    def write(self, text: str) -> None:
        *lines, self._rest = re.split(r"[\r\n]+", self._rest + text)
        for line in lines:
            self._add(line)

    def close(self) -> tuple[str, ...]:
        """The latest lines; what has no end of line is one too."""
        self._add(self._rest)
        self._rest = ""
        return tuple(self._last)

    def _add(self, line: str) -> None:
        line = _ESCAPES.sub("", line).rstrip()
        if line:
            self._last.append(line)
            with printing_to(None):  # who is told may print to standard output too
                self._on_line(line)


_log: ContextVar[LineLog | None] = ContextVar("log", default=None)


@contextmanager
def printing_to(log: LineLog | None) -> Iterator[None]:
    """While this is open, what is printed in this context goes to `log`; with `None`, to the real standard output."""
    token = _log.set(log)
    try:
        yield
    finally:
        _log.reset(token)


class _Output(io.StringIO):
    """Standard output, divided by contexts."""

    def __init__(self, real: TextIO) -> None:
        super().__init__()
        self._real = real

    def write(self, text: str) -> int:
        log = _log.get()
        if log is None:
            return self._real.write(text)
        log.write(text)
        return len(text)

    def flush(self) -> None:
        self._real.flush()


@contextmanager
def logs_to_layers() -> Iterator[None]:
    """While this is open, Modal shows the logs of builds, and `printing_to` works."""
    import modal

    with redirect_stdout(_Output(sys.stdout)), modal.enable_output():
        yield
