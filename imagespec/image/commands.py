"""A layer -> the instructions of a Dockerfile that it was written as, and the commands that these run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from imagespec.diagnostic import Source, lines
from imagespec.image.copies import instructions
from imagespec.image.layers import Layer, Place
from imagespec.image.shell import Command, Pipeline, pipelines
from imagespec.spec import operations as ops
from imagespec.spec.source import read


@dataclass(frozen=True, slots=True)
class Instruction:
    """A line of a Dockerfile: its first word, and what it says. What Modal runs as a command is a `RUN`."""

    word: str
    text: str
    place: Place


def instructions_of(layer: Layer) -> Iterator[Instruction]:
    """Every instruction that a layer was written as, those of its Dockerfile too."""
    match layer.operation:
        case ops.RunCommands(commands=commands):
            for index, command in enumerate(commands):
                yield Instruction("RUN", command, layer.place("commands", index))
        case ops.DockerfileCommands(dockerfile_commands=given):
            yield from _written(layer, "dockerfile_commands", given)
        case ops.FromRegistry(setup_dockerfile_commands=given):
            yield from _written(layer, "setup_dockerfile_commands", given)
        case ops.FromDockerfile(path=path):
            source = read(path)
            every = lines(source.text) if isinstance(source, Source) else ()
            for index, text in instructions(every):
                if isinstance(source, Source):
                    yield _instruction(text, source.find(every[index].strip(), index + 1))
        case _:
            pass


def _written(layer: Layer, field: str, given: Sequence[str]) -> Iterator[Instruction]:
    item = [index for index, text in enumerate(given) for _ in text.split("\n")]
    for index, text in instructions(given):
        yield _instruction(text, layer.place(field, item[index]))


def _instruction(text: str, place: Place) -> Instruction:
    word, _, rest = text.partition(" ")
    word, rest = word.upper(), rest.strip()
    if word == "RUN":
        rest = _of_list(re.sub(r"^(?:--\S+\s+)+", "", rest))
    return Instruction(word, rest, place)


def _of_list(text: str) -> str:
    """What `RUN ["sh", "-c", "…"]` runs; any other text as it is."""
    if not text.startswith("["):
        return text
    try:
        words = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        return text
    quoted = ("'" + word.replace("'", "'\\''") + "'" for word in words)
    return " ".join(quoted)


@dataclass(frozen=True, slots=True)
class Run:
    """One `RUN`, or one command of `run`."""

    place: Place
    pipelines: list[Pipeline]

    @property
    def commands(self) -> Iterator[Command]:
        return (command for pipeline in self.pipelines for command in pipeline)


def runs_of(layer: Layer) -> Iterator[Run]:
    """What a layer runs, command by command."""
    for instruction in instructions_of(layer):
        if instruction.word == "RUN":
            yield Run(instruction.place, pipelines(instruction.text))


def host_of(url: str) -> str:
    """The host of an address; an empty string where it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def path_of(url: str) -> str:
    """The path of an address; an empty string where it has none."""
    try:
        return urlsplit(url).path
    except ValueError:
        return ""
