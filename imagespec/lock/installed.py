"""Image and lock -> the Python packages that the image will hold, those that packages need in turn too."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from posixpath import basename
from typing import TypeAlias
from urllib.parse import unquote

from packaging.utils import parse_wheel_filename

from imagespec.image.layers import Image, Installed, Place
from imagespec.image.requirements import name_of, requirement, requirements_of
from imagespec.lock.held import Held
from imagespec.lock.lockfile import Package
from imagespec.lock.pins import applies, exact
from imagespec.spec import operations as ops


def installed(image: Image, held: Held) -> tuple[Mapping[str, Installed], bool]:
    """The packages by name, and whether there are no others.

    A stale lock still tells what most packages bring and need: the image holds what the spec names now, and what the
    lock says that this needs.
    """
    named = dict(_named(image))
    known = {package.name: package for package in held.lock.packages} if held.lock is not None else {}
    found: dict[str, Installed] = {}
    waiting = list({**named, **known} if held.fresh is not None else named)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = _installed(name, known.get(name), named)
            waiting += found[name].needs
    return found, named.keys() <= known.keys() and _nothing_else(image, held)


def _nothing_else(image: Image, held: Held) -> bool:
    """Whether every package comes by a way on which a lock sees it."""
    unseen = held.made_from is not None and (held.made_from.files or held.made_from.projects)
    if unseen and held.fresh is None:
        return False
    return not any(
        isinstance(layer.operation, _BRING) or _COMMAND.search(" ".join(_commands(layer.operation)))
        for layer in image.layers
    )


_BRING = (
    ops.FromRegistry,
    ops.FromDockerfile,
    ops.FromName,
    ops.FromId,
    ops.PipInstallPrivateRepos,
    ops.PoetryInstallFromFile,
    ops.MicromambaInstall,
    ops.Pipe,
    ops.RunFunction,
)
"""What may bring packages that nobody lists."""

_COMMAND = re.compile(
    r"\b(pip3?|uv|uvx|poetry|conda|mamba|micromamba|python3?-\S+)\b|setup\.py|install\.sh|\| *(ba)?sh\b"
)


def _commands(operation: ops.AnyOperation) -> Sequence[str]:
    match operation:
        case ops.RunCommands(commands=commands) | ops.DockerfileCommands(dockerfile_commands=commands):
            return commands
        case _:
            return ()


_Named: TypeAlias = tuple[Place, str]
"""Where a package is named, and its exact version, or nothing."""


def _named(image: Image) -> Iterator[tuple[str, _Named]]:
    """Every package that a spec names, in its steps too, which no lock fixes."""
    for layer in image.layers:
        for line in requirements_of(layer):
            parsed = requirement(line.text)
            if parsed is not None and applies(line.text, image.python or "3.12"):
                yield name_of(line.text), (line.place, exact(line.text) or _version_in(parsed.url or ""))


def _version_in(url: str) -> str:
    """The version in the name of a wheel; empty where a URL leads to something else."""
    try:
        return str(parse_wheel_filename(unquote(basename(re.split(r"[?#]", url)[0])))[1])
    except ValueError:
        return ""


def _installed(name: str, package: Package | None, named: Mapping[str, _Named]) -> Installed:
    place, version = named.get(name, (None, ""))
    if package is None:
        return Installed(name=name, version=version, place=place)
    return Installed(
        name=name,
        version=version or package.version,
        imports=package.imports,
        needs=package.requires,
        files=tuple(file.name for file in package.files if file.is_wheel),
        place=place,
    )
