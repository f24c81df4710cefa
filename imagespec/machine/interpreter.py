"""A Python version -> an interpreter of this machine: uv's, pyenv's, or one that uv downloads.

Needs nothing but the standard library and uv: the developers' command finds its Pythons with it too.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

Run: TypeAlias = Callable[[Sequence[str], Mapping[str, str]], tuple[int, list[str]]]
"""Runs a command line that may take long, with variables: its exit code and the lines that it printed."""

VERSION = re.compile(r"3\.\d+(?:\.\d+(?:(?:a|b|rc)\d+)?)?t?")
"""What may be asked for: a series (`3.12`), a full version (`3.12.10`), each free-threaded with a `t` at its end."""


OLDEST = 10
"""Older series than 3.10 are in no image of Modal's."""


class NotFound(Exception):
    """No uv, or no such Python. `hint` says what can be done."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python that runs. `version` is its full version, with a `t` where it is free-threaded."""

    path: Path
    version: str

    def stands_in_for(self, wanted: str) -> bool:
        """It is of the series that was asked for, but another patch."""
        return not _matches(self.version, wanted)


def find_uv(environ: Mapping[str, str]) -> str:
    """The uv that was installed with imagespec, or the one on the `PATH`."""
    try:
        from uv import find_uv_bin

        return os.fspath(find_uv_bin())
    except (ImportError, FileNotFoundError):
        found = shutil.which("uv", path=environ.get("PATH"))
        if found is None:
            raise NotFound("no uv here", "install it: pip install uv") from None
        return found


def uv_version(uv: str, environ: Mapping[str, str]) -> str:
    """`0.9.10`, or an empty string where uv does not tell."""
    printed = _output([uv, "--version"], environ).split()
    return printed[1] if len(printed) > 1 else ""


def find_python(wanted: str, uv: str, environ: Mapping[str, str], run: Run) -> Interpreter:
    """An interpreter of the wanted version, or else of its series; `run` runs uv's download. Raises `NotFound`."""
    if not VERSION.fullmatch(wanted):
        raise NotFound(f"`{wanted}` is no Python version", 'write a series, "3.12", or a full version, "3.12.10"')
    requests = dict.fromkeys((wanted, series(wanted)))
    for request in requests:
        for path in (_of_uv(request, uv, environ), *_of_pyenv(request, environ)):
            found = _interpreter(path, environ)
            if found is not None and _matches(found.version, request):
                return found
    # one retry instead of three: without a network the answer comes in a second
    code, printed = run([uv, "python", "install", "--no-bin", wanted], {"UV_HTTP_RETRIES": "1", **environ})
    found = _interpreter(_of_uv(wanted, uv, environ), environ)
    if found is None:
        why = printed[-1].strip().removeprefix("cause: ") if code and printed else "it did not say why"
        install = f"install one: uv python install {wanted}, or: pyenv install {wanted}"
        raise NotFound(
            f"no Python {wanted} on this machine, and uv could not download it: {why}",
            f"{install}\nor choose one that is here: {_installed(uv, environ)}",
        )
    return found


def locate(wanted: str) -> Path:
    """The path of an interpreter, with the environment of this process. Raises `NotFound`."""

    def run(command: Sequence[str], environ: Mapping[str, str]) -> tuple[int, list[str]]:
        done = subprocess.run(command, capture_output=True, check=False, env=environ, encoding="utf-8")
        return done.returncode, done.stderr.splitlines()

    return find_python(wanted, find_uv(os.environ), os.environ, run).path


def series(version: str) -> str:
    """`3.12.10` -> `3.12`, `3.13.0t` -> `3.13t`"""
    free_threaded = "t" if version.endswith("t") else ""
    return ".".join(version.removesuffix("t").split(".")[:2]) + free_threaded


def _matches(version: str, wanted: str) -> bool:
    return wanted in (version, series(version))


def _of_uv(request: str, uv: str, environ: Mapping[str, str]) -> Path | None:
    """What uv finds, virtual environments and the project of the working directory aside."""
    printed = _output([uv, "python", "find", "--system", "--no-project", "--no-python-downloads", request], environ)
    return Path(printed.strip()) if printed.strip() else None


def _of_pyenv(request: str, environ: Mapping[str, str]) -> Iterator[Path]:
    """The newest first."""
    found = [
        p
        for root in _pyenv_roots(environ)
        for p in root.glob("versions/*/bin/python")
        if _matches(p.parts[-3], request)
    ]
    yield from sorted(
        found, key=lambda path: [int(number) for number in re.findall(r"\d+", path.parts[-3])], reverse=True
    )


def _pyenv_roots(environ: Mapping[str, str]) -> Sequence[Path]:
    roots = [environ.get("PYENV_ROOT"), os.path.join(environ["HOME"], ".pyenv") if environ.get("HOME") else None]
    return [Path(root) for root in dict.fromkeys(roots) if root]


_TELL = """
import sys
print("%d.%d.%d" % sys.version_info[:3] + ("t" if "t" in getattr(sys, "abiflags", "") else ""))
print(getattr(sys, "_base_executable", None) or sys.executable)
"""


def _interpreter(path: Path | None, environ: Mapping[str, str]) -> Interpreter | None:
    """The interpreter at `path`, where it runs: pyenv's shims of versions that are not chosen do not."""
    told = _output([str(path), "-I", "-c", _TELL], environ).splitlines() if path is not None else []
    return Interpreter(Path(told[1]), told[0]) if len(told) == 2 else None


def _installed(uv: str, environ: Mapping[str, str]) -> str:
    """Every series that is here and of use, for a message."""
    printed = _output(
        [uv, "python", "list", "--only-installed", "--no-python-downloads", "--output-format", "json"], environ
    )
    try:
        versions = [str(each["version"]) for each in json.loads(printed or "[]") if each["implementation"] == "cpython"]
    except (ValueError, KeyError, TypeError):
        versions = []
    versions += [path.parts[-3] for root in _pyenv_roots(environ) for path in root.glob("versions/*/bin/python")]
    minors = {each: int(re.findall(r"\d+", each)[1]) for each in (series(v) for v in versions if VERSION.fullmatch(v))}
    return ", ".join(sorted((each for each in minors if minors[each] >= OLDEST), key=minors.__getitem__)) or "none"


def _output(command: Sequence[str], environ: Mapping[str, str]) -> str:
    """What a command prints; an empty string where it fails."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            env=environ,
            cwd="/",
            encoding="utf-8",
            errors="replace",
        )
    except OSError:
        return ""
    return done.stdout if done.returncode == 0 else ""
