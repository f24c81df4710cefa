"""Checks of a spec -> their results, each run in a container of its own of the built image."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from imagespec.build.checks import command_of, ended
from imagespec.build.result import CheckResult

Captured: TypeAlias = Callable[[Sequence[str]], tuple[int, str]]
"""Runs a command in the image: its exit code, and what it printed."""

_IMPORTS = """
import importlib, json, os, sys, traceback
for module in sys.argv[2:]:
    try:
        importlib.import_module(module)
        ok = True
    except BaseException as caught:
        ok = False
        frames = [f for f in traceback.extract_tb(caught.__traceback__) if "importlib" not in f.filename]
        lines = traceback.format_list([f for f in frames if f.filename != "<string>"])
        print("".join([*lines, *traceback.format_exception_only(type(caught), caught)]).strip(), file=sys.stderr)
    sys.stdout.flush(), sys.stderr.flush()
    print("\\n" + sys.argv[1] + json.dumps([module, ok]), flush=True)
os._exit(0)
"""


def run_imports(modules: Sequence[str], captured: Captured) -> Iterator[CheckResult]:
    """Import modules one after the other in one process, since what they share is loaded once.

    A module that ends the process fails, and the modules after it are imported in another one.
    """
    left = list(modules)
    while left:
        mark = f"imagespec-{secrets.token_hex(8)}:"
        code, printed = captured(["python", "-c", _IMPORTS, mark, *left])
        output: list[str] = []
        for line in printed.splitlines():
            if line.startswith(mark):
                module, ok = json.loads(line.removeprefix(mark))
                left.remove(module)
                yield CheckResult(command_of(module), ok, "\n".join(output).strip())
                output = []
            else:
                output.append(line)
        if left:
            text = "\n".join([*output, f"Python ended here: {ended(code)}"]).strip()
            yield CheckResult(command_of(left.pop(0)), False, text)


def run_command(command: str, captured: Captured) -> CheckResult:
    """Run a command of the shell, which is `sh` as on Modal."""
    code, printed = captured(["sh", "-c", command])
    output = printed.strip()
    return CheckResult(command, code == 0, output if code == 0 else f"{output}\n{ended(code)}".strip())
