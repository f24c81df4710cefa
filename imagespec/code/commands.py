"""The words of a command -> what it starts: a module, a script of Python's, a script of a shell's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from imagespec.code.literals import UNKNOWN

_PYTHON = re.compile(r"python(3(\.\d+)?)?")
_LAUNCHERS = frozenset({"torchrun", "accelerate", "deepspeed"})
_LAUNCHING_MODULES = frozenset({"torch.distributed.run", "torch.distributed.launch", "accelerate.commands.launch"})
_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "source", "."})
_TAKES_VALUE = frozenset({"-W", "-X", "-Q", "--check-hash-based-pycs"})


@dataclass(frozen=True, slots=True)
class Start:
    """A module by its name, or a script by its path."""

    kind: Literal["module", "python", "shell"]
    name: str


def starts(program: str, arguments: Sequence[str]) -> list[Start]:
    """What a command starts that can be in the image as a file."""
    name = program.rpartition("/")[2]
    if _PYTHON.fullmatch(name):
        return _by_python(arguments)
    if name in _LAUNCHERS:
        return _by_launcher(arguments)
    if name in _SHELLS:
        given = [word for word in arguments if not word.startswith("-")]
        options = [word for word in arguments if re.fullmatch(r"-[a-z]*c", word)]
        return [Start("shell", given[0])] if given and not options and UNKNOWN not in given[0] else []
    if name.endswith((".sh", ".bash")) and UNKNOWN not in program:
        return [Start("shell", program)]
    if name.endswith(".py") and "/" in program and UNKNOWN not in program:
        return [Start("python", program)]
    return []


def _by_python(arguments: Sequence[str]) -> list[Start]:
    index = 0
    while index < len(arguments):
        word = arguments[index]
        if word == "-m" and index + 1 < len(arguments):
            return _module(arguments[index + 1], arguments[index + 2 :])
        if word.startswith("-m") and len(word) > 2:
            return _module(word[2:], arguments[index + 1 :])
        if word == "-c" or UNKNOWN in word:
            return []
        if not word.startswith("-"):
            return [Start("python", word)] if word.endswith(".py") else []
        index += 2 if word in _TAKES_VALUE else 1
    return []


def _module(name: str, arguments: Sequence[str]) -> list[Start]:
    if not all(part.isidentifier() for part in name.split(".")):
        return []
    return [Start("module", name), *(_by_launcher(arguments) if name in _LAUNCHING_MODULES else ())]


def _by_launcher(arguments: Sequence[str]) -> list[Start]:
    """The first script among the words of a launcher, or what stands behind its `-m`."""
    for index, word in enumerate(arguments):
        if word in ("-m", "--module") and index + 1 < len(arguments):
            return _module(arguments[index + 1], ())
        if word.endswith(".py") and "=" not in word and UNKNOWN not in word and not word.startswith("-"):
            return [Start("python", word)]
    return []
