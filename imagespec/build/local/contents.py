"""Image -> what an environment on this machine holds of it: Python, packages, variables; and what it leaves out."""

from __future__ import annotations

import hashlib
import json
import platform
import posixpath
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from imagespec.build.local.links import HOME
from imagespec.image.digest import content
from imagespec.image.layers import Image, Layer
from imagespec.image.lower import expand
from imagespec.spec import operations as ops

FORMAT = 1
"""Of the environments; with another number, none of an earlier format is used."""

Install: TypeAlias = (
    ops.PipInstall
    | ops.PipInstallFromRequirements
    | ops.PipInstallFromPyproject
    | ops.PipInstallPrivateRepos
    | ops.UvPipInstall
    | ops.UvSync
    | ops.PoetryInstallFromFile
)
"""What puts packages into the environment."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """A variable of the image. Where it `expands`, its value refers to others."""

    name: str
    value: str
    expands: bool


@dataclass(frozen=True, slots=True)
class Step:
    """A layer that can be held, at `position` (from 0) among the layers of the image.

    `key` names the environment that it ends in, `parent` the one that it starts from (empty for a base). Equal keys
    mean equal environments; a layer that installs nothing ends where it starts. `assignments` were made before it.
    """

    position: int
    layer: Layer
    key: str
    parent: str
    assignments: tuple[Assignment, ...] = ()

    @property
    def installs(self) -> bool:
        return self.key != self.parent


@dataclass(frozen=True, slots=True)
class Contents:
    """What is held of an image, what is left out, and what else its user should know."""

    python: str
    steps: tuple[Step, ...]
    assignments: tuple[Assignment, ...]
    workdir: str
    left_out: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def key(self) -> str:
        """The environment of the whole image."""
        return self.steps[-1].key


def contents(image: Image) -> Contents:
    """Go through the layers, the base first."""
    base, *others = image.layers
    python, brought, note = _python(image)
    key = _digest([FORMAT, sys.platform, platform.machine(), python])
    reading = _Reading(image.root, [Step(0, base, key, "")], left_out=[brought] if brought else [])
    for position, layer in enumerate(others, 1):
        reading.read(position, layer)
    if image.gpus:
        reading.left_out.append(f"`gpus` ({_few(image.gpus)})")
    return Contents(
        python=python,
        steps=tuple(reading.steps),
        assignments=tuple(reading.assignments),
        workdir=reading.workdir,
        left_out=tuple(dict.fromkeys(reading.left_out)),
        notes=(note,) if note else (),
    )


def variables(assignments: Sequence[Assignment], start: Mapping[str, str]) -> dict[str, str]:
    """The assignments made one after the other, on the variables that are there at the start."""
    made = dict(start)
    for each in assignments:
        made[each.name] = expand(each.value, made) if each.expands else each.value
    return made


# ------------------------------------------------------------------------------------------------ layers


@dataclass(slots=True)
class _Reading:
    root: Path
    steps: list[Step]
    left_out: list[str]
    assignments: list[Assignment] = field(default_factory=list)
    workdir: str = HOME

    def read(self, position: int, layer: Layer) -> None:
        match layer.operation:
            case (
                ops.PipInstall()
                | ops.PipInstallFromRequirements()
                | ops.PipInstallFromPyproject()
                | ops.PipInstallPrivateRepos()
                | ops.UvPipInstall()
                | ops.UvSync()
                | ops.PoetryInstallFromFile()
            ) as install:
                before = tuple(self.assignments)
                made = [[each.name, each.value, each.expands] for each in before]
                self._add(position, layer, _digest([self.steps[-1].key, made, _content(layer, self.root)]))
                if install.secrets:
                    self.left_out.append(f"secrets ({_few(install.secrets)})")
                if install.gpu:
                    self.left_out.append(f"the GPU of `{_name(layer)}` ({install.gpu})")
            case ops.Env(vars=pairs):
                self._add(position, layer)
                self.assignments += [Assignment(name, value, False) for name, value in pairs.items()]
            case ops.Workdir(path=path):
                self._add(position, layer)
                self.workdir = posixpath.join(self.workdir, path)
            case ops.DockerfileCommands(dockerfile_commands=lines):
                self._dockerfile(position, layer, "\n".join(lines))
            case ops.AddLocalFile() | ops.AddLocalDir() | ops.AddLocalPythonSource():
                if not layer.mounted:
                    self._add(position, layer)
            case ops.AptInstall(packages=names) | ops.MicromambaInstall(packages=names):
                self.left_out.append(f"`{_name(layer)}` ({_few(names)})" if names else f"`{_name(layer)}`")
            case ops.RunCommands(commands=commands):
                self.left_out.append(f"`{_name(layer)}` ({len(commands)} command{'s' if len(commands) > 1 else ''})")
            case ops.RunFunction(raw_f=function) | ops.Pipe(func=function):
                self.left_out.append(f"`{_name(layer)}` ({function})")
            case _:
                self.left_out.append(f"`{_name(layer)}`")

    def _add(self, position: int, layer: Layer, key: str = "") -> None:
        parent = self.steps[-1].key
        self.steps.append(Step(position, layer, key or parent, parent, tuple(self.assignments)))

    def _dockerfile(self, position: int, layer: Layer, text: str) -> None:
        """Variables and the working directory are held, whatever else the lines say is not."""
        instructions = [line.strip().partition(" ") for line in re.sub(r"\\\n", " ", text).splitlines()]
        others = []
        for word, _, rest in instructions:
            if word.upper() == "ENV":
                self.assignments += [Assignment(name, value, True) for name, value in env_line(rest)]
            elif word.upper() == "WORKDIR":
                self.workdir = posixpath.join(self.workdir, rest.strip())
            elif word and not word.startswith("#"):
                others.append(word.upper())
        if others:
            self.left_out.append(f"`{_name(layer)}` ({_few(list(dict.fromkeys(others)))})")
        else:
            self._add(position, layer)


def _name(layer: Layer) -> str:
    """What the spec calls a layer: its section, or the method of a step."""
    return str(layer.origin[2] if layer.origin[0] == "steps" and len(layer.origin) > 2 else layer.origin[0])


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


_NO_MATTER = ("secrets", "gpu", "force_build", "uv_version", "old_installer")
"""Arguments that change nothing here."""


def _content(layer: Layer, root: Path) -> list[Any]:
    """What decides which packages a layer installs, as JSON values."""
    method, arguments = content(layer, root)
    found = [method, {name: value for name, value in arguments.items() if name not in _NO_MATTER}]
    if isinstance(layer.operation, ops.PoetryInstallFromFile) and not layer.operation.ignore_lockfile:
        found.append(_sha256(poetry_lock(layer.operation)))
    return found


def poetry_lock(operation: ops.PoetryInstallFromFile) -> Path:
    """Where the lock of a Poetry project lies."""
    return operation.poetry_lockfile or operation.poetry_pyproject_toml.parent / "poetry.lock"


def _sha256(path: Path) -> str | None:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


# ------------------------------------------------------------------------------------------------ Python


def _python(image: Image) -> tuple[str, str, str]:
    """The version to look for, what else the base brings that is left out, and a note where the version is a guess."""
    match image.layers[0].operation:
        case ops.DebianSlim() | ops.Micromamba() as base:
            what = f"`{base.method}`"
        case ops.FromRegistry(tag=tag):
            what = f"`{tag}`"
        case ops.FromDockerfile(path=path):
            what = f"`{path.name}`"
        case ops.FromName(name=name) | ops.FromId(image_id=name):
            what = f"the image `{name}`, which is on Modal only,"
        case _:
            what = ""
    left_out = f"the system of {what.rstrip(',')}" if what else ""
    if image.python:
        return image.python, left_out, ""
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    what = what or "an image from scratch"
    return running, left_out, f"{what} does not say which Python it has: {running} is taken, with which imagespec runs"


# --------------------------------------------------------------------------------------------- ENV lines

_WORD = re.compile(
    r"\\(?P<escaped>.)|'(?P<single>[^']*)'|\"(?P<double>(?:\\.|[^\"\\])*)\"|(?P<space>\s+)|(?P<plain>[^\s'\"\\]+|.)"
)


def env_line(text: str) -> Iterator[tuple[str, str]]:
    """What follows `ENV` in a Dockerfile -> names, and values as `env` of a spec writes them: `\\$` for a plain `$`."""
    words = list(_words(text.strip()))
    if words and "=" not in words[0]:
        name, _, value = text.strip().partition(" ")
        yield name, " ".join(_words(value.strip()))
        return
    for word in words:
        name, equals, value = word.partition("=")
        if equals:
            yield name, value


def _words(text: str) -> Iterator[str]:
    word: str | None = None
    for match in _WORD.finditer(text):
        if match["space"]:
            if word is not None:
                yield word
            word = None
            continue
        word = (word or "") + _piece(match)
    if word is not None:
        yield word


def _piece(match: re.Match[str]) -> str:
    if match["escaped"] is not None:
        return _literal(match["escaped"])
    if match["single"] is not None:
        return _literal(match["single"])
    if match["double"] is not None:
        return re.sub(
            r"\\(.)", lambda m: '"' if m[1] == '"' else m[0] if m[1] in "\\$" else "\\\\" + m[1], match["double"]
        )
    return match["plain"]


def _literal(text: str) -> str:
    return re.sub(r"[\\$]", r"\\\g<0>", text)
