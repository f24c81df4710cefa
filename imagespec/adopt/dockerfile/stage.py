"""The instructions of one chain of stages -> operations, in their order, and what of them cannot be known or kept."""

from __future__ import annotations

import posixpath
import re

from imagespec.adopt.codes import NO_COUNTERPART
from imagespec.adopt.dockerfile.copied import copy
from imagespec.adopt.dockerfile.instructions import Instruction
from imagespec.adopt.dockerfile.reading import Reading, no_value
from imagespec.adopt.dockerfile.runs import Runs
from imagespec.adopt.dockerfile.variables import mentioned
from imagespec.adopt.draft import Written
from imagespec.spec import operations as ops

_AT_ROOT = re.compile(
    r"(?:docker\.io/)?(?:library/)?(?:python|debian|ubuntu|alpine|buildpack-deps)(?:[:@].*)?|(?:.*/)?nvidia/cuda[:@].*"
)
"""Images whose working directory is `/`."""
_WITHOUT_PYTHON = re.compile(
    r"(?:docker\.io/)?(?:library/)?(?:debian|ubuntu|alpine|busybox)(?:[:@].*)?|(?:.*/)?nvidia/cuda[:@].*"
)
_BRINGS_PYTHON = re.compile(r"python|conda|mamba|\buv\b|pypy", re.IGNORECASE)
_HOLDS_SYSTEM = re.compile(
    r"/usr(?:/local)?/s?bin|/s?bin|/(?:usr/local|opt)/(?:cuda|nvidia)[\w.-]*/bin|(?:/root|~)/\.(?:local|cargo)/bin"
)
"""What of `PATH` holds no Python but the system's."""
_TAKES_NO_COMMAND = re.compile(r"(?:.*/)?(?:python[\d.]*|uvicorn|gunicorn|flask|streamlit|gradio|torchrun|node|java)")


def take(reading: Reading, runs: Runs, each: Instruction, *, first: bool) -> None:
    """Take in one instruction; `first`: of the stage that stands on an image. Raises `ValueError` on bad words."""
    reading.has_python = reading.has_python or bool(_BRINGS_PYTHON.search(each.text))
    match each.name:
        case "FROM":
            reading.has_command = False
            if first:
                _from(reading, each)
        case "ARG":
            for text in each.args:
                reading.variables.declare(text)
        case "ENV":
            _env(reading, each)
        case "WORKDIR":
            _workdir(reading, each)
        case "RUN":
            runs.take(reading, each)
        case "COPY" | "ADD":
            copy(reading, each)
        case "SHELL":
            reading.shell = each.args
            reading.add(each, ops.Shell(shell_commands=each.args))
        case "ENTRYPOINT" | "CMD":
            _command(reading, each)
        case "ONBUILD":
            message = "`ONBUILD` would run when Modal builds its own next layer: left out"
            hint = "write the instruction into the spec that needs it"
            reading.add(each, None, NO_COUNTERPART.at(each.span, message, hint))
        case _:
            reading.other_user = reading.other_user or each.name == "USER"
            reading.as_written(each)


def finished(reading: Reading, runs: Runs) -> list[Written]:
    """The operations, with what the base has to prepare for the installs."""
    if not reading.has_python:
        message = "this base brings no Python, and Modal needs one to run functions"
        hint = 'in the spec: `base: {registry: {image: …, add_python: "3.12"}}`'
        if isinstance(reading.written[0].operation, ops.FromScratch):
            hint = "begin with an image that has one, such as `python:3.12-slim`"
        reading.begin_with(reading.written[0].operation, NO_COUNTERPART.at(reading.written[0].span, message, hint))
    runs.prepare(reading)
    return reading.written


def _from(reading: Reading, each: Instruction) -> None:
    image, missing = reading.variables.expand(each.args[0], globally=True)
    todo = [no_value(each.span, name) for name in sorted(missing)]
    reading.unknown |= missing
    platform = reading.variables.expand(each.flag("platform") or "linux/amd64", globally=True)[0]
    if not platform.startswith("linux/amd64"):
        message = f"`{platform}`: Modal builds for linux/amd64 alone"
        todo.append(NO_COUNTERPART.at(each.span, message, "name an image for it"))
    if missing:
        reading.add(each, None, *todo)
    else:
        reading.add(each, ops.FromScratch() if image == "scratch" else ops.FromRegistry(tag=image), *todo)
    reading.workdir = "/" if image == "scratch" or _AT_ROOT.fullmatch(image) else None
    reading.runs_python = bool(re.search(r"python|torch|tensorflow|conda|mamba|jupyter", image))
    reading.has_python = not (image == "scratch" or _WITHOUT_PYTHON.fullmatch(image))


def _env(reading: Reading, each: Instruction) -> None:
    """All values see what was set before the instruction, those that it sets itself not yet."""
    pairs = dict(zip(each.args[::2], each.args[1::2], strict=True))
    if "PATH" in pairs:
        path, missing = reading.variables.expand(pairs["PATH"])
        folders = [folder for folder in path.split(":") if folder and not _HOLDS_SYSTEM.fullmatch(folder)]
        reading.path = {*reading.path, *folders, *(missing - {"PATH"})}
    values = {name: reading.variables.expand(raw) for name, raw in pairs.items()}
    plain = {name: value for name, (value, missing) in values.items() if not missing}
    expanding = {name: raw for name, raw in pairs.items() if name not in plain}
    if any(mentioned(raw) & pairs.keys() - {name} for name, raw in expanding.items()):
        reading.as_written(each)
    else:
        if plain:
            reading.add(each, ops.Env(vars=plain))
        for name, raw in expanding.items():
            _expanding(reading, each, name, raw)
    reading.variables.env = {n: v for n, v in reading.variables.env.items() if n not in expanding} | plain


def _expanding(reading: Reading, each: Instruction, name: str, raw: str) -> None:
    """A variable that refers to one of the base, which the builder alone knows."""
    if reading.variables.without_value(reading.variables.expand(raw)[1]):
        reading.add(each, None)
        return
    for known, value in reading.variables.arguments_in_force():
        if re.fullmatch(r"[\w./:+-]*", value):
            raw = re.sub(rf"\$(?:{known}\b|\{{{known}\}})", value, raw)
    quoted = raw if raw.startswith(('"', "'")) or not re.fullmatch(r"[^\s\"'\\]*", raw) else f'"{raw}"'
    reading.as_written(each, f"ENV {name}={quoted}")


def _workdir(reading: Reading, each: Instruction) -> None:
    path, missing = reading.variables.expand(each.args[0])
    if missing or not (path.startswith("/") or reading.workdir):
        reading.workdir = None
        reading.as_written(each)
        return
    reading.workdir = posixpath.normpath(posixpath.join(reading.workdir or "/", path))
    reading.add(each, ops.Workdir(path=reading.workdir))


def _command(reading: Reading, each: Instruction) -> None:
    words = each.args if each.as_json else (*reading.shell, each.rest) if each.rest else ()
    if each.name == "CMD":
        reading.forget(ops.Cmd)
        reading.add(each, ops.Cmd(cmd=words))
        reading.has_command = True
        return
    reading.forget(ops.Entrypoint)
    if not reading.has_command:  # a new entrypoint takes the command of what it stands on away
        reading.forget(ops.Cmd)
    todo = []
    if words and (not each.as_json or _TAKES_NO_COMMAND.fullmatch(words[0])):
        message = "Modal starts its functions through the entrypoint, and this one does not run what it is given"
        hint = 'let it end in `exec "$@"`, or remove it and start the program in a function'
        todo.append(NO_COUNTERPART.at(each.span, message, hint))
    reading.add(each, ops.Entrypoint(entrypoint_commands=words), *todo)
