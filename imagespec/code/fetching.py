"""A command that code runs -> what it may bring into the container that neither the image nor the spec tells of."""

from __future__ import annotations

import re
from collections.abc import Sequence

from imagespec.code.commands import starts
from imagespec.image.shell import Command

_CLONES = {"git": {"clone", "submodule", "pull"}, "hg": {"clone"}, "svn": {"checkout", "co"}, "gh": {"repo"}}
_INSTALLS = {"uv": {"add", "sync"}, "poetry": {"install", "add"}, "conda": {"install"}, "mamba": {"install"}}
_UNPACKS = frozenset({"tar", "unzip", "7z", "unrar", "bsdtar"})
_UNPACKING = re.compile(r"extractall|unpack_archive|snapshot_download|clone_from")
_ONLY_LOOKS = frozenset({"cat", "chmod", "chown", "head", "ls", "stat", "test"})


def brings_packages(program: str, arguments: Sequence[str]) -> bool:
    """Whether it installs Python packages."""
    command = Command((program, *arguments))
    return command.installs or not _INSTALLS.get(command.program, set()).isdisjoint(command.arguments)


def brings_code(program: str, arguments: Sequence[str]) -> bool:
    """Whether it brings modules that can be anywhere: a repository, or the author's project by an installer."""
    command = Command((program, *arguments))
    local = any(word == "-e" or word.startswith(("--editable", ".", "/")) for word in command.arguments)
    return not _CLONES.get(command.program, set()).isdisjoint(command.arguments) or (command.installs and local)


def unpacks(program: str) -> bool:
    """Whether it takes files out of an archive, whose names nothing tells."""
    return program.rpartition("/")[2] in _UNPACKS


def unpacks_itself(text: str) -> bool:
    """Whether a text of Python does."""
    return _UNPACKING.search(text) is not None


def handed(program: str, arguments: Sequence[str]) -> set[str]:
    """The words of a command that can be files which it makes: none of what it starts."""
    if program.rpartition("/")[2] in _ONLY_LOOKS:
        return set()
    words = {word.partition("=")[2] if word.startswith("--") and "=" in word else word for word in arguments}
    return words - {start.name for start in starts(program, arguments)}
