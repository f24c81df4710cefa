"""An image that stands on Modal -> what commands do in it, each in a sandbox of its own, entry point and all."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import modal
    from modal.io_streams import StreamReader

CHECK_SECONDS = 30 * 60
RUN_SECONDS = 24 * 60 * 60
"""The longest that Modal lets a sandbox live."""

_SHELL = 'export PYTHONPATH="${PYTHONPATH-/root}"; '
"""Functions find mounted packages in `/root` without asking for it, so what runs here shall too."""

_MARK = "imagespec-import:"
_IMPORTS = f"""
import importlib, json, os, sys, traceback
for module in sys.argv[1:]:
    try:
        importlib.import_module(module)
        error = ""
    except BaseException as caught:
        error = "".join(traceback.format_exception_only(type(caught), caught)).strip()
    sys.stderr.flush()
    print("\\n{_MARK}" + json.dumps([module, error]), flush=True)
os._exit(0)
"""


async def check_command(app: modal.App, image: modal.Image, command: str) -> tuple[int, str]:
    """Run a shell command; its exit code, and what it printed."""
    return await _captured(app, image, "sh", "-c", f"{_SHELL}{command}")


async def check_imports(app: modal.App, image: modal.Image, modules: Sequence[str]) -> dict[str, str]:
    """Import modules in one process; each with why it cannot be imported, or an empty string.

    A module that ends the process fails, and the modules after it are imported in another one.
    """
    told: dict[str, str] = {}
    while left := [module for module in modules if module not in told]:
        code, output = await _captured(app, image, "sh", "-c", f'{_SHELL}exec python -c "$@"', "sh", _IMPORTS, *left)
        lines = output.splitlines()
        told |= dict(json.loads(line.removeprefix(_MARK)) for line in lines if line.startswith(_MARK))
        untold = [module for module in left if module not in told]
        if untold:
            printed = [line for line in lines if line and not line.startswith(_MARK)]
            told[untold[0]] = "\n".join([*printed, f"Python ended here: exit code {code}"])
    return {module: told[module] for module in modules}


async def run(app: modal.App, image: modal.Image, command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run a command, its output going where ours goes; its exit code."""
    import modal

    sandbox = await modal.Sandbox.create.aio(
        "sh",
        "-c",
        f'{_SHELL}exec "$@"',
        "sh",
        *command,
        app=app,
        image=image,
        env=dict(environ) or None,
        timeout=RUN_SECONDS,
    )
    await asyncio.gather(_copy(sandbox.stdout, 1), _copy(sandbox.stderr, 2))
    return await _code(sandbox)


async def _captured(app: modal.App, image: modal.Image, *command: str) -> tuple[int, str]:
    import modal

    sandbox = await modal.Sandbox.create.aio(*command, app=app, image=image, timeout=CHECK_SECONDS)
    printed = await asyncio.gather(sandbox.stdout.read.aio(), sandbox.stderr.read.aio())
    return await _code(sandbox), "\n".join(text.strip("\n") for text in printed if text.strip())


async def _code(sandbox: modal.Sandbox) -> int:
    await sandbox.wait.aio(raise_on_termination=False)
    return -1 if sandbox.returncode is None else sandbox.returncode


async def _copy(source: StreamReader[str], to: int) -> None:
    """To the descriptor itself, as a child process would: `sys.stdout` may be part of a live display."""
    async for text in source:
        data = text.encode()
        while data:
            data = data[os.write(to, data) :]
