"""Checks of a spec -> their results, run with the Python and the variables of an environment on this machine."""

from __future__ import annotations

import json
import os
import signal
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from imagespec.build.result import CheckResult
from imagespec.machine.processes import Processes

MOST_OUTPUT = 1 << 20
"""Bytes of what a command printed that are read: the end of it."""


@dataclass(frozen=True, slots=True)
class Inside:
    """Where commands run: an environment's Python, the variables that they see, and their working directory."""

    python: Path
    variables: Mapping[str, str]
    cwd: Path


_IMPORTS = """
import importlib, json, os, sys, traceback
results = os.fdopen(int(sys.argv[1]), "w")
for module in sys.argv[2:]:
    try:
        importlib.import_module(module)
        error = ""
    except BaseException as caught:
        error = "".join(traceback.format_exception_only(type(caught), caught)).strip()
        frames = traceback.extract_tb(caught.__traceback__)
        frames = [f for f in frames if "importlib" not in f.filename and f.filename != "<string>"]
        print("".join(traceback.format_list(frames)) + error, file=sys.stderr)
    sys.stdout.flush(), sys.stderr.flush()
    print(json.dumps([module, error, os.lseek(1, 0, os.SEEK_CUR)]), file=results, flush=True)
os._exit(0)
"""


def run_imports(modules: Sequence[str], inside: Inside, processes: Processes) -> Iterator[CheckResult]:
    """Import modules one after the other in one process, since what they share is loaded once. Raises `Stopped`.

    A module that ends the process fails, and the modules after it are imported in another one.
    """
    left = list(modules)
    while left:
        for module, ok, output in _imported(tuple(left), inside, processes):
            left.remove(module)
            yield CheckResult(command_of(module), ok, output)


def command_of(module: str) -> str:
    """How an import is called among the checks."""
    return f"import {module}"


def _imported(modules: Sequence[str], inside: Inside, processes: Processes) -> Iterator[tuple[str, bool, str]]:
    readable, writable = os.pipe()
    with tempfile.TemporaryFile() as output, os.fdopen(readable, encoding="utf-8") as results:
        try:
            process = processes.start(
                [str(inside.python), "-c", _IMPORTS, str(writable), *modules],
                env=inside.variables,
                cwd=inside.cwd,
                keep=(writable,),
                output=output.fileno(),
            )
        finally:
            os.close(writable)
        told, begin = 0, 0
        for line in results:
            module, error, end = json.loads(line)
            yield module, not error, _between(output, begin, end)
            told, begin = told + 1, end
        code = processes.finish(process)
        if told < len(modules):
            text = _between(output, begin, os.fstat(output.fileno()).st_size)
            yield modules[told], False, f"{text}\nPython ended here: {ended(code)}".strip()


def _between(output: IO[bytes], begin: int, end: int) -> str:
    """What was printed meanwhile. Read by position, which leaves alone where the process writes on."""
    return os.pread(output.fileno(), end - begin, begin).decode("utf-8", "replace").strip()


def run_command(command: str, inside: Inside, processes: Processes) -> CheckResult:
    """Run a command of the shell, which is `sh` as on Modal. What it leaves in the background ends with it.

    Raises `Stopped`.
    """
    with tempfile.TemporaryFile() as output:
        process = processes.start(
            ["/bin/sh", "-c", command], env=inside.variables, cwd=inside.cwd, output=output.fileno()
        )
        code = processes.finish(process)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        size = os.fstat(output.fileno()).st_size
        printed = _between(output, max(0, size - MOST_OUTPUT), size)
    return CheckResult(command, code == 0, printed if code == 0 else f"{printed}\n{ended(code)}".strip())


def ended(code: int) -> str:
    """`exit code 1`, `killed by signal 11`"""
    return f"exit code {code}" if code >= 0 else f"killed by signal {-code}"
