"""Command lines -> processes that never outlive the build that started them."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path


class Stopped(Exception):
    """The build was interrupted; its processes are gone."""


class Processes:
    """The processes of one build. Each leads a session of its own, so that stopping it stops what it started too."""

    def __init__(self, patience: float = 0) -> None:
        """`patience`: seconds that a process has to clean up before it is killed."""
        self._patience = patience
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self.stopped = threading.Event()

    def lines(
        self,
        command: Sequence[str],
        on_line: Callable[[str], None],
        *,
        env: Mapping[str, str],
        cwd: Path,
        keep: Sequence[int] = (),
    ) -> tuple[int, list[str]]:
        """Run a command, hand on each line that it prints, and return its exit code and all lines.

        `keep` are file descriptors that it inherits. Raises `Stopped`, and `OSError` where it cannot be started.
        """
        process = self.start(command, env=env, cwd=cwd, keep=keep)
        printed: list[str] = []
        try:
            assert process.stdout is not None
            for line in process.stdout:
                printed.append(line.rstrip())
                on_line(printed[-1])
        except BaseException:  # an interrupt of whoever waits here: nobody reads what it prints any more
            self._signal([process], signal.SIGKILL)
            raise
        finally:
            code = self.finish(process)
        return code, printed

    def start(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        keep: Sequence[int] = (),
        output: int = subprocess.PIPE,
    ) -> subprocess.Popen[str]:
        """A running process, its standard output and error together in a pipe, or in the file `output`."""
        with self._lock:
            if self.stopped.is_set():
                raise Stopped
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=cwd,
                pass_fds=keep,
                start_new_session=True,
                encoding="utf-8",
                errors="replace",
            )
            self._running.add(process)
            return process

    def finish(self, process: subprocess.Popen[str]) -> int:
        """Wait for the end of a process. Raises `Stopped` where the build was stopped meanwhile."""
        code = process.wait()
        if process.stdout is not None:
            process.stdout.close()
        with self._lock:
            self._running.discard(process)
        if self.stopped.is_set():
            raise Stopped
        return code

    def stop(self) -> None:
        """End all processes, and start no more."""
        with self._lock:
            self.stopped.set()
            running = list(self._running)
        if self._patience:
            self._signal(running, signal.SIGTERM)
            end = time.monotonic() + self._patience
            while time.monotonic() < end and any(process.poll() is None for process in running):
                time.sleep(0.02)
        self._signal(running, signal.SIGKILL)

    def _signal(self, processes: Sequence[subprocess.Popen[str]], number: signal.Signals) -> None:
        for process in processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)


def foreground(command: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> int:
    """Run a command on the user's own terminal. Its exit code, as a shell gives it. Raises `OSError`."""
    process = subprocess.Popen(command, env=env, cwd=cwd)
    with _passing_on(process):
        while True:
            try:
                code = process.wait()
                return code if code >= 0 else 128 - code
            except KeyboardInterrupt:
                pass  # the terminal has sent it to the command too, which decides what it means


@contextmanager
def _passing_on(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Pass on what would end this process alone, and leave the command running."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def pass_on(number: int, frame: object) -> None:
        process.send_signal(number)

    before = {number: signal.signal(number, pass_on) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
