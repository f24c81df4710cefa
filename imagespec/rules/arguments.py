"""IS226, IS233-237: arguments that Modal refuses without naming them, or that a build stumbles over late."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from imagespec.diagnostic import Route, Source, did_you_mean, lines
from imagespec.image.copies import instructions
from imagespec.image.layers import Image, Layer, Place
from imagespec.rules.rule import Finding, Rule, removed, rule
from imagespec.spec import operations as ops
from imagespec.spec.source import read

GPUS: tuple[str, ...] = ("any", "T4", "L4", "A10", "A10G", "A100", "A100-40GB", "A100-80GB", "L40S")
GPUS += ("H100", "H100!", "H200", "B200", "B200+", "B300", "RTX-PRO-6000")


@rule("IS226", "warning")
def unknown_gpu(image: Image) -> Iterable[Finding]:
    """A GPU that Modal is not known to have.

    The client passes any name on; the server refuses it when the step or the function is created.

    Use instead: a name that Modal lists, with `:N` for several.
    """
    for gpu, place in _gpus(image):
        name = gpu.partition(":")[0]
        if name.upper() not in GPUS and name != "any":
            hint = did_you_mean(name.upper(), GPUS) or f"known: {', '.join(GPUS)}"
            yield Finding(place, f"Modal is not known to have a GPU `{name}`", hint)


def _gpus(image: Image) -> Iterator[tuple[str, Place]]:
    yield from ((gpu, ("gpus", index)) for index, gpu in enumerate(image.gpus))
    for layer in image.layers:
        gpus = getattr(layer.operation, "gpu", None)
        if isinstance(gpus, str):
            yield gpus, layer.place("gpu")
        else:
            yield from ((gpu, layer.place("gpu", index)) for index, gpu in enumerate(gpus or ()))


@rule("IS233", "error")
def bad_gpu_count(image: Image) -> Iterable[Finding]:
    """A number of GPUs that is none.

    Modal refuses what is no number at once, and more than a machine holds when the step or the function is created.

    Use instead: `T4`, or `T4:2` for two; 8 is the most.
    """
    for gpu, place in _gpus(image):
        name, colon, count = gpu.partition(":")
        if colon and not re.fullmatch("[1-8]", count):
            message = f"`{gpu}`: after the colon stands how many, 1 to 8"
            yield Finding(place, message, f"for example `{name}:2`")


@rule("IS234", "error")
def same_volume(image: Image) -> Iterable[Finding]:
    """One volume at two places.

    Modal refuses it when the step is built.

    Use instead: one place, and a symbolic link where a program expects another.
    """
    for layer in image.layers:
        volumes: Mapping[str, str] = getattr(layer.operation, "volumes", None) or {}
        first: dict[str, str] = {}
        for path, volume in volumes.items():
            if first.setdefault(volume, path) != path:
                message = f"`{volume}` is at `{first[volume]}` already"
                yield Finding(layer.place("volumes", path), message, "keep one of the places", on_key=True)


_RANGES: Mapping[str, tuple[float, float, str]] = {
    "cpu": (0.1, 1000, "cores"),
    "memory": (1, 2**31, "MiB"),
    "timeout": (1, 24 * 3600, "seconds"),
}


@rule("IS235", "error")
def out_of_range(image: Image) -> Iterable[Finding]:
    """A number that no machine has, or a time that no step may take.

    Modal refuses it, if at all, with the name of a type and without the name of the argument.

    Use instead: a positive number; a day, 86400 seconds, is the longest that a function may take.
    """
    for layer in image.layers:
        for field, (least, most, unit) in _RANGES.items():
            value = getattr(layer.operation, field, None)
            if value is not None and not least <= value <= most:
                message = f"`{field}` cannot be {value:,}"
                yield Finding(layer.place(field), message, f"{least:,} to {most:,} {unit}")


@rule("IS236", "error")
def bad_pattern(image: Image) -> Iterable[Finding]:
    """A pattern of files that is none.

    Patterns are those of a .dockerignore. Modal reads them when the files are uploaded, and stops there with no line.

    Use instead: a bracket that is closed, `\\[` for one that is meant, and something after `!`.
    """
    for layer in image.layers:
        for index, pattern in enumerate(getattr(layer.operation, "ignore", None) or ()):
            message = f"`{pattern}` is no pattern of files"
            if pattern.strip() == "!":
                yield Finding(layer.place("ignore", index), message, "after `!` stands what is kept")
            elif not _is_pattern(pattern):
                yield Finding(layer.place("ignore", index), message, "close the bracket, or write `\\[`")


def _is_pattern(pattern: str) -> bool:
    """As moby's matcher has it, of which Modal's is a copy: brackets are those of a regular expression."""
    try:
        re.compile(re.sub(r"\\.?|[.+()|{}$*?]", "x", pattern))
    except re.error:
        return False
    return True


_INSTRUCTIONS = frozenset({"ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK"})
_INSTRUCTIONS |= {"LABEL", "MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"}


@rule("IS237", "error", fixable=True)
def bad_instruction(image: Image) -> Iterable[Finding]:
    """A line of a Dockerfile that is no instruction, or a command without anything to run.

    It is found when the layers before it are built. A check without a command, and one that imports what is no name of
    a module, could never hold.

    Use instead: an instruction; a shell command goes after `RUN`.
    """
    for index, command in enumerate(image.checks.commands):
        if not command.strip():
            place: Route = ("checks", "commands", index)
            yield Finding(place, "an empty command", "remove it", fix=removed(place))
    for index, module in enumerate(image.checks.imports):
        if not all(part.isidentifier() for part in module.split(".")):
            yield Finding(
                ("checks", "imports", index), f"`{module}` is no name of a module", "write it as in `import a.b`"
            )
    for layer in image.layers:
        operation = layer.operation
        if isinstance(operation, ops.Workdir) and not operation.path:
            yield Finding(layer.place("path"), "an empty path", "remove `workdir`, or name a folder")
        if isinstance(operation, ops.RunCommands):
            for index, command in enumerate(operation.commands):
                if not command.strip():
                    at = layer.place("commands", index)
                    yield Finding(at, "an empty command", "remove it", fix=removed(at))
        elif isinstance(operation, ops.FromDockerfile):
            source = read(operation.path)
            if isinstance(source, Source):
                yield from (
                    _no_instruction(source.find(word, at + 1), word) for at, word in _unknown(lines(source.text))
                )
        elif isinstance(operation, ops.FromRegistry):
            yield from _in_items(layer, "setup_dockerfile_commands", operation.setup_dockerfile_commands)
        elif isinstance(operation, ops.DockerfileCommands) and layer.origin != ("env",):
            yield from _in_items(layer, "dockerfile_commands", operation.dockerfile_commands)


def _in_items(layer: Layer, field: str, commands: Sequence[str]) -> Iterator[Finding]:
    item_of = [index for index, command in enumerate(commands) for _ in command.split("\n")]
    return (_no_instruction(layer.place(field, item_of[at]), word) for at, word in _unknown(commands))


def _no_instruction(place: Place, word: str) -> Finding:
    hint = did_you_mean(word.upper(), _INSTRUCTIONS) or f"`RUN {word} …` runs a command"
    return Finding(place, f"`{word}` is no instruction of a Dockerfile", hint)


def _unknown(commands: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The lines that begin with no instruction, and with what. What follows a heredoc is not looked at."""
    for line, instruction in instructions(commands):
        word = instruction.split()[0]
        if word.upper() not in _INSTRUCTIONS:
            yield line, word
        if "<<" in instruction:
            return


RULES: tuple[Rule, ...] = (
    unknown_gpu,
    bad_gpu_count,
    same_volume,
    out_of_range,
    bad_pattern,
    bad_instruction,
)
