"""Events of an engine's log -> results of the layers, told as they come to stand."""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from imagespec.build.container.log import Event, Step
from imagespec.build.record import Record
from imagespec.build.result import LayerResult, Progress, Target

PATIENCE = 1.0
"""Seconds after which a step that prints nothing counts as being built: engines say late what they had."""

_KEPT = 200
_PULLED = re.compile(r"Copying blob|Getting image source signatures|Trying to pull|extracting sha256|sha256:\w+ .*B / ")


class Layers:
    """The layers of one build, in order. A layer is done when the next one begins, or all are.

    It is `rebuilt` where the engine built one of its instructions, or where its digest is new: what an instruction does
    not show (the GPU of a step, a comment in a Dockerfile) costs nothing here and a layer on Modal.
    """

    def __init__(
        self, target: Target, every: Sequence[Step], progress: Progress, record: Record, results: list[LayerResult]
    ) -> None:
        self.target = target
        self.every = every
        self.failed: Event | None = None
        self._progress = progress
        self._record = record
        self._results = results
        self._begun: dict[int, float] = {}
        self._seconds: dict[int, float] = {}
        self._places: dict[int, str] = {}
        self._pulled: set[int] = set()
        self._without_place: list[tuple[str, str, float]] = []
        self._logs: dict[int | None, deque[str]] = {}
        self._told: set[int] = set()
        self._soon = _Soon(lambda: None, 0)

    def take(self, event: Event) -> None:
        """Go on with what the log tells next."""
        if event.step is None:
            self.failed = event
            return
        layer = self.every[event.step].layer
        match event.kind:
            case "began":
                self._finish(layer)
                self._begun[event.step] = time.monotonic()
                self._expect(layer)
            case "printed":
                self._logs.setdefault(event.step, deque(maxlen=_KEPT)).append(event.text)
                if self.every[event.step].word == "FROM" and _PULLED.search(event.text):
                    self._pulled.add(event.step)
                self._soon.now()
                self._progress.log(self.target.image.name, event.text)
            case "cached":
                self._soon.never()
                self._places[layer] = event.text
            case "ended":
                if event.text:
                    self._places[layer] = event.text
                if self.every[event.step].word != "FROM" or event.step in self._pulled:
                    self._soon.now()
                    now = time.monotonic()
                    self._seconds[layer] = self._seconds.get(layer, 0.0) + now - self._begun.pop(event.step, now)
                self._soon.never()
            case "failed":
                self.failed = event

    def complete(self, image: str) -> None:
        """All stand, in the image with this id."""
        self._finish(len(self.target.image.layers))
        for digest, op, seconds in self._without_place:
            self._record.add_layer("container", digest, op, seconds, image)

    def stop(self) -> None:
        """No more events come."""
        self._soon.never()

    def log(self, step: int | None) -> list[str]:
        """The end of what a step printed."""
        return list(self._logs.get(step, ()))

    def _finish(self, before: int) -> None:
        """The layers before this one stand."""
        for index in range(len(self._results), before):
            digest, op = self.target.digests[index], self.target.image.layers[index].operation.method
            seconds, place = self._seconds.get(index), self._places.get(index, "")
            if seconds is None and self._record.layer("container", digest) is not None:
                result = LayerResult(op, digest, "kept", 0.0)
            else:
                result = LayerResult(op, digest, "rebuilt", seconds or 0.0)
                self._record.add_layer("container", digest, op, result.seconds, place)
                if not place:
                    self._without_place.append((digest, op, result.seconds))
            self._results.append(result)
            self._progress.finished(self.target.image.name, result)

    def _expect(self, layer: int) -> None:
        """Tell that a layer is being built: as soon as that is sure, once."""
        self._soon.never()
        if layer not in self._told:
            self._soon = _Soon(lambda: self._tell(layer))

    def _tell(self, layer: int) -> None:
        self._told.add(layer)
        layers = self.target.image.layers
        self._progress.started(self.target.image.name, layers[layer].operation.method, layer + 1, len(layers))


class _Soon:
    """Calls a function once: now, or never, or after a while where neither was said."""

    def __init__(self, function: Callable[[], None], patience: float = PATIENCE) -> None:
        self._function = function
        self._open = threading.Lock()
        self._timer = threading.Timer(patience, self.now)
        self._timer.daemon = True
        self._timer.start()

    def now(self) -> None:
        if self._open.acquire(blocking=False):
            self._timer.cancel()
            self._function()

    def never(self) -> None:
        if self._open.acquire(blocking=False):
            self._timer.cancel()
