"""The developers' one command: sets up environments, then formats, lints, types and tests.

    python3 -m tests                 all of it: the trainers in `.venv-training`, which has torch, the rest in `.venv`
    python3 -m tests -k digest       what follows goes to pytest, and pytest alone runs, in `.venv`
    python3 -m tests tests/training  the same in `.venv-training`, where an argument names the trainers' tests
    python3 -m tests --ends          the tests alone, at both ends of the supported ranges: the oldest Python with the
                                     oldest dependencies, the newest Python with the newest

Needs nothing but Python. With CI=true, a file that is not formatted is an error.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENDS = (("3.11", "lowest-direct"), ("3.13", "highest"))
TRAINERS = "tests/training"
CORE = (f"--ignore={TRAINERS}",)


def main() -> int:
    args = sys.argv[1:]
    os.chdir(ROOT)
    if args == ["--ends"]:
        return max(
            _pytest(_environment(f".venv-{python}", python, resolution), list(CORE)) for python, resolution in ENDS
        )
    if any(TRAINERS in arg for arg in args):
        return _pytest(_with_torch(), args)
    python = _environment(".venv", None, "highest")
    if args:
        return _pytest(python, [*CORE, *args])
    check = ["--check"] if os.environ.get("CI") else []
    commands = (
        ["-m", "ruff", "format", *check, "."],
        ["-m", "ruff", "check", "."],
        ["-m", "mypy"],
    )
    failed = [command for command in commands if _run([str(python), *command])]
    training = _with_torch()
    failed += [["mypy"]] if _run([str(training), "-m", "mypy", "--package", "training"]) else []
    failed += [["pytest"]] if _pytest(training, [TRAINERS]) else []
    return _pytest(python, list(CORE)) or len(failed)


def _pytest(python: Path, args: list[str] | None = None) -> int:
    return _run([str(python), "-m", "pytest", *(args or [])])


def _with_torch() -> Path:
    """The trainers' environment. Compiled, since their tests start many processes that import torch."""
    return _environment(".venv-training", None, "highest", "dev,training", ["--compile-bytecode"])


def _environment(
    name: str, version: str | None, resolution: str, extras: str = "dev", options: Sequence[str] = ()
) -> Path:
    """An environment with imagespec and what its development needs, made anew when what it needs has changed."""
    python, stamp = Path(name, "bin", "python"), Path(name, "installed")
    wanted = hashlib.sha256(Path("pyproject.toml").read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return python
    own = _tool_environment()
    uv = [str(own / "bin" / "uv")]
    _must([*uv, "venv", "--quiet", "--clear", "--python", _interpreter(own, version), name])
    install = [*uv, "pip", "install", "--quiet", "--python", str(python), "--resolution", resolution]
    _must([*install, *options, "--editable", f".[{extras}]"])
    stamp.write_text(wanted)
    return python


def _tool_environment() -> Path:
    """uv in an environment of its own, which makes all others."""
    own = Path(".venv-uv")
    if not (own / "bin" / "uv").exists():
        venv.create(own, with_pip=True, clear=True)
        _must([str(own / "bin" / "python"), "-m", "pip", "install", "--quiet", "uv", "packaging"])
    return own


def _interpreter(own: Path, version: str | None) -> str:
    """Where a Python is: this one, or one that imagespec's own search finds, pyenv's among them."""
    if version is None:
        return sys.executable
    find = "import sys; from imagespec.machine.interpreter import locate; print(locate(sys.argv[1]))"
    found = subprocess.run(
        [str(own / "bin" / "python"), "-c", find, version], capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or version


def _run(command: list[str]) -> int:
    sys.stdout.flush()
    return subprocess.run(command, check=False).returncode


def _must(command: list[str]) -> None:
    if _run(command):
        sys.exit(f"failed: {' '.join(command)}")


if __name__ == "__main__":
    sys.exit(main())
