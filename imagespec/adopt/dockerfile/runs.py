"""A `RUN` -> the installs that it is, else the command; and what the base has to prepare for the installs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from imagespec.adopt.codes import NO_COUNTERPART
from imagespec.adopt.dockerfile.installs import Installs, understood
from imagespec.adopt.dockerfile.instructions import Instruction
from imagespec.adopt.dockerfile.reading import Reading
from imagespec.adopt.draft import Written
from imagespec.diagnostic import Diagnostic
from imagespec.spec import operations as ops

SLIM = """RUN echo 'APT::Install-Recommends "false";' > /etc/apt/apt.conf.d/90-no-recommends"""
"""For the whole image what `--no-install-recommends` is for one command."""
QUIET = "RUN echo 'debconf debconf/frontend select Noninteractive' | debconf-set-selections"
"""For the whole image what `DEBIAN_FRONTEND=noninteractive` is for one command; Modal's own bases do the same."""


_READ_BY_PIP = re.compile(r"(PIP|UV)_\w+|\w+_(?i:proxy)|\w*(FLAGS|CUDA)\w*|MAX_JOBS")
"""Arguments that an installer, or what it builds, reads."""
_MAY_USE_APT = re.compile(r"\bapt\b|\.sh\b")


@dataclass(slots=True)
class _Install:
    """A `RUN` that was understood: what it installs, the command itself, what stands for it, and whether it is
    run by another user than the base's."""

    installs: Installs
    command: Written
    written: list[Written]
    other_user: bool


@dataclass(slots=True)
class Runs:
    """What was run so far. `slim` says of each install by apt whether it leaves out what is recommended; `updates` are
    commands that do nothing but prepare others, and `others` may need them."""

    apt: list[_Install] = field(default_factory=list)
    slim: set[bool] = field(default_factory=set)
    updates: list[Written] = field(default_factory=list)
    others: bool = False

    def take(self, reading: Reading, each: Instruction) -> None:
        """Add what a `RUN` does."""
        idle = ("--mount=type=cache", "--network=default", "--security=sandbox")
        kept = [flag for flag in each.flags if not flag.startswith(idle)]
        if kept or each.as_json or each.heredocs:
            reading.as_written(each, "", *_not_mounted(each, kept))
            return
        env = dict(reading.variables.arguments_in_force())
        command = Written(ops.RunCommands(commands=(_close_up(each.rest),), env=env or None), each.span)
        plain_shell = reading.shell[0].rpartition("/")[2] in ("sh", "bash", "dash", "ash")
        known = {**env, **reading.variables.env}
        python = reading.runs_python and reading.pip_is_pythons()
        uv = python and not reading.path
        installs = understood(each.rest, known, reading.file_at, python=python, uv=uv) if plain_shell else None
        if installs is None:
            self.others = self.others or bool(_MAY_USE_APT.search(each.rest))
            if re.search(r"\bapt(-get)?\s.*\binstall\b", each.rest):
                self.slim.add("--no-install-recommends" in each.rest)
            reading.add(each, command.operation)
            return
        if not installs.operations:
            self.updates.append(reading.add(each, command.operation))
            return
        quiet = known.get("DEBIAN_FRONTEND") == "noninteractive"
        given = {name: value for name, value in env.items() if _READ_BY_PIP.fullmatch(name)}
        added = [reading.add(each, _with_env(operation, given)) for operation in installs.operations]
        if any(isinstance(op, ops.AptInstall) for op in installs.operations):
            self.slim.add(installs.slim)
            self.apt.append(
                _Install(replace(installs, quiet=installs.quiet or quiet), command, added, reading.other_user)
            )

    def prepare(self, reading: Reading) -> None:
        """Options of apt are given to the whole image where all of its installs have them; else they stay commands."""
        if not self.others:
            reading.written[:] = [each for each in reading.written if not any(each is idle for idle in self.updates)]
        base = reading.written[0].operation
        if not isinstance(base, ops.FromRegistry):
            return
        as_commands = [each for each in self.apt if each.installs.slim and (self.slim != {True} or each.other_user)]
        for each in as_commands:
            at = next(i for i, written in enumerate(reading.written) if written is each.written[0])
            reading.written[at : at + len(each.written)] = [each.command]
        kept = [each.installs for each in self.apt if each not in as_commands]
        setup = [SLIM] if any(installs.slim for installs in kept) else []
        if any(installs.quiet for installs in kept):
            setup.append(QUIET)
            reading.written[:] = [_without_frontend(each) for each in reading.written]
        reading.begin_with(replace(base, setup_dockerfile_commands=tuple(setup)))


def _not_mounted(each: Instruction, flags: Sequence[str]) -> Iterator[Diagnostic]:
    """What of the mounts of a `RUN` is not there on Modal."""
    for flag in flags:
        if re.match(r"--mount=type=(secret|ssh)", flag):
            message = f"`{flag}`: Modal gives secrets to a step as variables, not as files"
            yield NO_COUNTERPART.at(each.span, message, "name a Modal secret under `run: {commands, secrets}`")
        elif re.match(r"--mount=(type=bind|(?!type=))", flag) and "from=" not in flag:
            message = f"`{flag}`: Modal sends the files that a `COPY` names, and no others"
            yield NO_COUNTERPART.at(each.span, message, "copy what it mounts, in a step before")


def _with_env(operation: ops.AnyOperation, env: Mapping[str, str]) -> ops.AnyOperation:
    return replace(operation, env=env) if env and isinstance(operation, ops.Build) else operation


def _without_frontend(written: Written) -> Written:
    """A command whose packages ask nothing, now that nothing in the image does."""
    match written.operation:
        case ops.RunCommands(env=env) as operation if env and env.get("DEBIAN_FRONTEND") == "noninteractive":
            if any("DEBIAN_FRONTEND" in command for command in operation.commands):
                return written
            others = {name: value for name, value in env.items() if name != "DEBIAN_FRONTEND"}
            return replace(written, operation=replace(operation, env=others or None))
        case _:
            return written


_SUBSTITUTES = re.compile(r"\$\(|`")
_SPACES = re.compile(r"""(\\.|"(?:\\.|[^"\\])*"|'[^']*')|[ \t]{2,}""")


def _close_up(command: str) -> str:
    """A command that was continued over lines, without the indentation of these; quoted text stays as it is, and so
    does one with another command in it, whose quotes are its own."""
    if _SUBSTITUTES.search(command):
        return command.strip()
    return _SPACES.sub(lambda match: match[1] or " ", command).strip()
