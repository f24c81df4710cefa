"""Spec -> an image that stands on Modal, built layer by layer and checked in sandboxes."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from imagespec.build.failure import BuildFailed
from imagespec.build.modal import sandbox as modal_sandbox
from imagespec.build.modal.checks import check
from imagespec.build.modal.layers import Layers
from imagespec.build.modal.log import LineLog, logs_to_layers, printing_to
from imagespec.build.modal.trouble import NoModal, check_failed, no_modal
from imagespec.build.record import Record, remembered
from imagespec.build.result import BuildResult, CheckResult, LayerResult, Progress, Target
from imagespec.diagnostic import Diagnostic

if TYPE_CHECKING:
    import modal

T = TypeVar("T")


class ModalBackend:
    """Builds on Modal, with the login, profile and environment that the `modal` command would use."""

    name = "modal"

    def __init__(self, record: Record) -> None:
        self._record = record

    def build(self, targets: Sequence[Target], progress: Progress, *, force: bool) -> list[BuildResult]:
        """Build all at the same time, layers that they share once. An interrupt ends what runs on Modal too."""
        return _finish(self._build(targets, progress, force))

    def run(self, target: Target, command: Sequence[str], progress: Progress, environ: Mapping[str, str]) -> int:
        """Build, then run a command in a sandbox of the image. Raises `BuildFailed`."""
        return _finish(self._run(target, command, progress, environ))

    async def _build(self, targets: Sequence[Target], progress: Progress, force: bool) -> list[BuildResult]:
        results: list[BuildResult] = []
        try:
            async with _app() as app:
                layers = Layers(app, progress, self._record)
                with logs_to_layers(), _forced(force):
                    results += await asyncio.gather(*(self._one(t, layers, progress, force) for t in targets))
        except NoModal as trouble:
            # with results, it is only the end of the app that failed
            return results or [_result(target, error=trouble.at(target)) for target in targets]
        return results

    async def _one(self, target: Target, layers: Layers, progress: Progress, force: bool) -> BuildResult:
        begun = time.monotonic()
        done: list[LayerResult] = []
        checks: list[CheckResult] = []
        error = None
        try:
            with printing_to(LineLog(lambda line: progress.log(target.image.name, line))):
                stood = await layers.stand(target, done)
                checks = await check(target, stood, layers.app, progress, self._record, force=force)
            error = next((check_failed(target, each) for each in checks if not each.ok), None)
            if error is None:
                path, digest = str(target.parsed.path.absolute()), target.digests[-1]
                self._record.add_build(self.name, path, digest, stood.image_id, remembered(target))
        except BuildFailed as failed:
            error = failed.diagnostic
        return _result(target, time.monotonic() - begun, done, checks, error)

    async def _run(self, target: Target, command: Sequence[str], progress: Progress, environ: Mapping[str, str]) -> int:
        try:
            async with _app() as app:
                log = LineLog(lambda line: progress.log(target.image.name, line))
                with logs_to_layers(), printing_to(log):
                    stood = await Layers(app, progress, self._record).stand(target, [])
                return await modal_sandbox.run(app, stood.image, command, environ)
        except NoModal as trouble:
            raise BuildFailed(trouble.at(target)) from None


def _result(
    target: Target,
    seconds: float = 0.0,
    layers: Sequence[LayerResult] = (),
    checks: Sequence[CheckResult] = (),
    error: Diagnostic | None = None,
) -> BuildResult:
    return BuildResult(
        target.image.name, ModalBackend.name, error is None, seconds, tuple(layers), tuple(checks), error
    )


def _finish(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end; in a thread of its own where this one runs a loop already, as a notebook does."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


@asynccontextmanager
async def _app() -> AsyncIterator[modal.App]:
    """One run of an app for a whole build. It ends however the build ends, and Modal then stops what still runs.

    Raises `NoModal` for what is about no layer.
    """
    import modal

    try:
        async with modal.App("imagespec build").run() as app:
            yield app
    except modal.exception.Error as error:
        raise no_modal(error) from None


@contextmanager
def _forced(force: bool) -> Iterator[None]:
    """Modal's own switch for a whole build: the `force_build` of its methods reaches only some kinds of layers."""
    before = os.environ.get("MODAL_FORCE_BUILD")
    if force:
        os.environ["MODAL_FORCE_BUILD"] = "1"
    try:
        yield
    finally:
        if force:
            del os.environ["MODAL_FORCE_BUILD"]
            os.environ |= {} if before is None else {"MODAL_FORCE_BUILD": before}
