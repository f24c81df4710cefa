"""Image -> layers that stand on Modal, one after the other, through Modal's public API alone.

Each layer is the compiled chain's next call on `Image.from_id` of what stands below it, and one `Image.build`. So each
has its own seconds, log and failure, and is requested exactly once: building longer and longer chains would request the
earlier layers again each time, and where a build is forced build them again each time. What a layer's request says is
what it says in the whole chain; the look-up of the layer below is all that comes on top. (But for one thing without
effect: a step's `force_build` is not repeated for the steps after it, which are new already by what they stand on.)
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from imagespec.build.failure import BuildFailed
from imagespec.build.modal.log import LineLog, printing_to
from imagespec.build.modal.trouble import LayerFailed, layer_failed, not_found
from imagespec.build.record import Record
from imagespec.build.result import LayerResult, Progress, Target
from imagespec.emit.calls import Call, Named, call
from imagespec.emit.modal import apply, make_importable
from imagespec.image.layers import Layer

if TYPE_CHECKING:
    import modal

Step: TypeAlias = tuple[Layer, Call, str]
"""A layer, the call that makes it, and its digest."""

PATIENCE = 1.0
"""Seconds after which a layer that shows no log counts as being built: Modal may be waiting for a machine."""


@dataclass(frozen=True, slots=True)
class Stood:
    """An image that stands on Modal: `image_id` is what was built, `image` has the mounted files too."""

    image: modal.Image
    image_id: str


@dataclass(frozen=True, slots=True)
class _Built:
    """A layer that stands. `seconds` is `None` where Modal had it."""

    image_id: str
    seconds: float | None


class Layers:
    """The layers of one build. Whoever needs a layer first builds it, and the others wait for it."""

    def __init__(self, app: modal.App, progress: Progress, record: Record) -> None:
        self.app = app
        self._progress = progress
        self._record = record
        self._tasks: dict[str, asyncio.Task[_Built]] = {}

    async def stand(self, target: Target, results: list[LayerResult]) -> Stood:
        """Build the layers, then load the files that are mounted. `results` takes the layers as they come to stand.

        Raises `BuildFailed`.
        """
        import modal

        make_importable(target.image.root)
        of_layers = zip(target.image.layers, target.digests, strict=True)
        steps = [(layer, call(layer), digest) for layer, digest in of_layers]
        await self._look_up(target, steps)
        image: Any = modal.Image
        image_id = ""
        for step in steps:
            layer, of_layer, _ = step
            with _blamed(target, layer):
                if layer.mounted:
                    image = apply(image, of_layer)
                    continue
                image_id, result = await self._stand(target, image, step, len(results) + 1)
            results.append(result)
            self._progress.finished(target.image.name, result)
            image = modal.Image.from_id(image_id)
        await self._mount(target, steps, image, image_id)
        return Stood(image, image_id)

    async def _look_up(self, target: Target, steps: Sequence[Step]) -> None:
        """Ask for each secret and volume before anything is built, so that a missing one does not cost a build."""
        import modal

        async def look_up(layer: Layer, field: str, item: int | str | None, named: Named) -> None:
            try:
                await getattr(modal, named.kind).from_name(named.name).hydrate.aio()
            except modal.exception.NotFoundError as error:
                raise BuildFailed(not_found(target, layer.place(field, item), named, error)) from None

        await asyncio.gather(*(look_up(layer, *found) for layer, of_layer, _ in steps for found in _named(of_layer)))

    async def _stand(self, target: Target, below: Any, step: Step, position: int) -> tuple[str, LayerResult]:
        """Build a layer, or wait for whoever builds it: theirs are the seconds then."""
        _, of_layer, digest = step
        name, op = target.image.name, of_layer.method
        of = sum(1 for _ in target.image.built())
        started = _at_most_once(lambda: self._progress.started(name, op, position, of))
        timer = asyncio.get_running_loop().call_later(PATIENCE, started)
        first = digest not in self._tasks
        if first:
            self._tasks[digest] = asyncio.create_task(self._build(name, below, of_layer, digest, started))
        try:
            built = await self._tasks[digest]
        finally:
            timer.cancel()
        if first and built.seconds is not None:
            return built.image_id, LayerResult(op, digest, "rebuilt", built.seconds)
        return built.image_id, LayerResult(op, digest, "kept", 0.0)

    async def _build(self, name: str, below: Any, step: Call, digest: str, started: Callable[[], None]) -> _Built:
        """Build a layer, or find that Modal has it. Its client does not say in public which it was, but it shows the
        log of every layer that is being built, and of one that is there it shows nothing."""

        def tell(line: str) -> None:
            started()
            self._progress.log(name, line)

        log = LineLog(tell)
        begun = time.monotonic()
        try:
            # not into the log: this may import the module of a build function, which may print
            image = apply(below, step)
            with printing_to(log):
                await image.build.aio(self.app)
        except Exception as error:  # whatever Modal or a build function raises, it is about this layer
            raise LayerFailed(error, log.close()) from None
        if not log.close():
            if self._record.layer("modal", digest) is None:
                self._record.add_layer("modal", digest, step.method, None, image.object_id)
            return _Built(image.object_id, None)
        seconds = time.monotonic() - begun
        self._record.add_layer("modal", digest, step.method, seconds, image.object_id)
        return _Built(image.object_id, seconds)

    async def _mount(self, target: Target, steps: Sequence[Step], image: modal.Image, image_id: str) -> None:
        """Load all mounted files at once; only where that fails, one layer after the other to find whose they are."""
        import modal

        try:
            await image.build.aio(self.app)
        except Exception as error:
            for layer, of_layer, _ in steps:
                if layer.mounted:
                    with _blamed(target, layer):
                        await apply(modal.Image.from_id(image_id), of_layer).build.aio(self.app)
            raise BuildFailed(layer_failed(target, steps[-1][0], LayerFailed(error))) from None


@contextmanager
def _blamed(target: Target, layer: Layer) -> Iterator[None]:
    """What goes wrong here is shown at the line of the layer."""
    try:
        yield
    except LayerFailed as failed:
        raise BuildFailed(layer_failed(target, layer, failed)) from None
    except Exception as error:
        raise BuildFailed(layer_failed(target, layer, LayerFailed(error))) from None


def _named(step: Call) -> Iterator[tuple[str, int | str | None, Named]]:
    """Modal's objects that a call is given, each with the field and the item that name it."""
    for field, value in step.kwargs.items():
        if isinstance(value, Named):
            yield field, None, value
        elif isinstance(value, list):
            yield from ((field, index, item) for index, item in enumerate(value) if isinstance(item, Named))
        elif isinstance(value, Mapping):
            yield from ((field, path, item) for path, item in value.items() if isinstance(item, Named))


def _at_most_once(function: Callable[[], None]) -> Callable[[], None]:
    """The first call counts, from whatever thread."""
    first = threading.Lock()

    def call_once() -> None:
        if first.acquire(blocking=False):
            function()

    return call_once
