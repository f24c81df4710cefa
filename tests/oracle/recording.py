"""Turns what a Modal client calls into a list of calls that a test can read."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from google.protobuf.message import Message


class Call(NamedTuple):
    rpc: str
    message: Any


class Recording(list[Call]):
    """Calls in the order in which they arrived."""

    def messages(self, rpc: str) -> list[Any]:
        """The messages that were sent to `rpc`, as the protobuf objects they are."""
        return [call.message for call in self if call.rpc == rpc]


class Recorder:
    """Writes every call into each recording that is open."""

    def __init__(self) -> None:
        self._open: list[Recording] = []

    def hear(self, rpc: str, message: Message) -> None:
        for recording in tuple(self._open):
            recording.append(Call(rpc, message))

    @contextmanager
    def recording(self) -> Iterator[Recording]:
        recording = Recording()
        self._open.append(recording)
        try:
            yield recording
        finally:
            # By identity: two recordings with the same calls are equal.
            self._open = [one for one in self._open if one is not recording]
