"""Turns what a test wants to go wrong into the outcome of a build step, of a command or of a call."""

import asyncio
import pickle
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from modal_proto import api_pb2

Outcome = Literal["success", "failure", "terminated", "timeout"]

_STATUSES = {
    "success": api_pb2.GenericResult.GENERIC_STATUS_SUCCESS,
    "failure": api_pb2.GenericResult.GENERIC_STATUS_FAILURE,
    "terminated": api_pb2.GenericResult.GENERIC_STATUS_TERMINATED,
    "timeout": api_pb2.GenericResult.GENERIC_STATUS_TIMEOUT,
}


@dataclass(frozen=True, slots=True)
class Build:
    """How the build of one layer goes: `log` line by line, then `delay` seconds of nothing, then the outcome."""

    log: Sequence[str] = ()
    outcome: Outcome = "success"
    exception: str = ""
    delay: float = 0

    @property
    def result(self) -> api_pb2.GenericResult:
        return api_pb2.GenericResult(status=_STATUSES[self.outcome], exception=self.exception)


SUCCESS = Build().result


@dataclass(frozen=True, slots=True)
class Command:
    """How a command in a sandbox goes: its output, `delay` seconds, then its exit status."""

    returncode: int = 0
    stdout: str = ""
    stderr: str = ""
    outcome: Outcome | None = None
    delay: float = 0

    @property
    def result(self) -> api_pb2.GenericResult:
        outcome = self.outcome or ("failure" if self.returncode else "success")
        return api_pb2.GenericResult(status=_STATUSES[outcome], exitcode=self.returncode)


@dataclass(frozen=True, slots=True)
class Call:
    """How a call of a function goes: what it returns, or, where there is a text, how it fails."""

    returned: object = None
    exception: str = ""

    @property
    def result(self) -> api_pb2.GenericResult:
        if self.exception:
            return api_pb2.GenericResult(status=_STATUSES["failure"], exception=self.exception)
        return api_pb2.GenericResult(status=_STATUSES["success"], data=pickle.dumps(self.returned))


S = TypeVar("S", Build, Command, Call)


class Script(Generic[S]):
    """What was arranged, each for whatever contains a given text. What was arranged last is found first."""

    def __init__(self) -> None:
        self._arranged: list[tuple[str, S]] = []

    @contextmanager
    def arranged(self, text: str, course: S) -> Iterator[None]:
        entry = (text, course)
        self._arranged.append(entry)
        try:
            yield
        finally:
            self._arranged = [one for one in self._arranged if one is not entry]

    def find(self, subject: str) -> S | None:
        return next((course for text, course in reversed(self._arranged) if text in subject), None)


class Process:
    """A command that runs in a sandbox. One without arguments runs until it is terminated."""

    def __init__(self, command: Command, *, endless: bool = False) -> None:
        loop = asyncio.get_running_loop()
        self.command = command
        self._ended: asyncio.Future[api_pb2.GenericResult] = loop.create_future()
        if not endless:
            loop.call_later(command.delay, self.end, command.result)

    def end(self, result: api_pb2.GenericResult) -> None:
        if not self._ended.done():
            self._ended.set_result(result)

    def output(self, *, errors: bool) -> bytes:
        return (self.command.stderr if errors else self.command.stdout).encode()

    async def ended(self) -> api_pb2.GenericResult:
        # Not awaited by itself: a client that hangs up would cancel it for the others.
        await asyncio.wait([self._ended])
        return self._ended.result()

    async def ended_within(self, seconds: float) -> api_pb2.GenericResult | None:
        await asyncio.wait([self._ended], timeout=seconds)
        return self._ended.result() if self._ended.done() else None
