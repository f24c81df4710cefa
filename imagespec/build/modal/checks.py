"""An image that stands on Modal -> the results of its spec's checks, all run at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from imagespec.build.checks import command_of, ended
from imagespec.build.modal import sandbox as modal_sandbox
from imagespec.build.modal.layers import Stood
from imagespec.build.modal.trouble import said
from imagespec.build.record import Record
from imagespec.build.result import CheckResult, Progress, Target

if TYPE_CHECKING:
    import modal

AT_ONCE = 8
"""Sandboxes of one spec that run at the same time."""


async def check(
    target: Target, stood: Stood, app: modal.App, progress: Progress, record: Record, *, force: bool
) -> list[CheckResult]:
    """Every check, imports first. What passed in this very image before is read from the record, unless forced."""
    modules = {command_of(module): module for module in target.image.checks.imports}
    every = list(dict.fromkeys((*modules, *target.image.checks.commands)))
    # by Modal's id too: without a lock, the same layers built again may hold other packages
    image = f"{target.digests[-1]} {stood.image_id}"
    known = {} if force else {command: record.output("modal", image, command) for command in every}
    done = {c: CheckResult(c, True, output, recorded=True) for c, output in known.items() if output is not None}
    for result in done.values():
        progress.checked(target.image.name, result)

    if missing := {*every} - done.keys():
        progress.checking(target.image.name, len(missing))
    free = asyncio.Semaphore(AT_ONCE)

    async def finish(run: Callable[[], Awaitable[list[CheckResult]]]) -> None:
        async with free:
            results = await run()
        for result in results:
            done[result.command] = result
            if result.ok:
                record.add_check("modal", image, result.command, result.output)
            else:
                record.forget_check("modal", image, result.command)
            progress.checked(target.image.name, result)

    new = [module for command, module in modules.items() if command not in done]
    runs = [partial(_command, app, stood.image, command) for command in every if command not in {*done, *modules}]
    await asyncio.gather(finish(partial(_imports, app, stood.image, new)), *map(finish, runs))
    return [done[command] for command in every]


async def _imports(app: modal.App, image: modal.Image, modules: Sequence[str]) -> list[CheckResult]:
    import modal

    try:
        problems = await modal_sandbox.check_imports(app, image, modules)
    except modal.exception.Error as error:
        problems = dict.fromkeys(modules, said(error))
    return [CheckResult(command_of(module), not problem, problem) for module, problem in problems.items()]


async def _command(app: modal.App, image: modal.Image, command: str) -> list[CheckResult]:
    import modal

    try:
        code, output = await modal_sandbox.check_command(app, image, command)
    except modal.exception.Error as error:
        return [CheckResult(command, False, said(error))]
    return [CheckResult(command, code == 0, output if code == 0 else f"{output}\n{ended(code)}".strip())]
