"""The text of a Dockerfile -> its instructions, in stages, each with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec

from imagespec.adopt.codes import UNREADABLE
from imagespec.diagnostic import Diagnostic, Source, Span, lines


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: `text` is how it is written on one line, its heredocs behind it. `args` of `ENV` and `LABEL` are
    names and values in turn."""

    name: str
    flags: tuple[str, ...]
    args: tuple[str, ...]
    as_json: bool
    heredocs: int
    text: str
    span: Span

    @property
    def rest(self) -> str:
        """What stands behind the name and the flags."""
        return self.text[len(self.name) :].lstrip() if not self.flags else self.args[0] if self.args else ""

    def flag(self, name: str) -> str | None:
        """The value of `--name=value`."""
        return next((flag.partition("=")[2] for flag in self.flags if flag.partition("=")[0] == f"--{name}"), None)


@dataclass(slots=True)
class Stage:
    """What stands between two `FROM`s, with the first of them."""

    begin: Instruction
    instructions: list[Instruction] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The name that other stages call it by."""
        return self.begin.args[2].lower() if len(self.begin.args) == 3 else ""


@dataclass(frozen=True, slots=True)
class File:
    """A Dockerfile: the `ARG`s before its first stage, its stages, and the character that escapes."""

    arguments: tuple[Instruction, ...]
    stages: tuple[Stage, ...]
    escape: str


def parse(source: Source) -> File | Diagnostic:
    """A Dockerfile, or why it is none."""
    if find_spec("e2b_dockerfile_utils") is None:
        hint = "pip install 'imagespec[adopt]'"
        return UNREADABLE.at(Span(source), "the parser of Dockerfiles is not installed", hint)
    from e2b_dockerfile_utils import DockerfileSyntaxError, parse_dockerfile_ast

    text = source.text.replace("\r\n", "\n")
    try:
        tree = parse_dockerfile_ast(text)
    except DockerfileSyntaxError as error:
        message = str(error).removeprefix("Dockerfile parse error").partition(": ")[2]
        return UNREADABLE.at(_line(source, error.line or 1), message, _hint(message))
    except (ValueError, RecursionError):
        return UNREADABLE.at(Span(source), "this is no Dockerfile", "is it the right file?")
    every = [
        Instruction(
            name=each.name,
            flags=tuple(each.flags),
            args=tuple(_pairs(each.args) if each.name in ("ENV", "LABEL") else each.args),
            as_json=each.json,
            heredocs=len(each.heredocs),
            text="\n".join([each.original.strip(), *(f"{heredoc.content}{heredoc.name}" for heredoc in each.heredocs)]),
            span=_line(source, each.start_line, each.end_line),
        )
        for each in tree.instructions
    ]
    for each in every:
        if wrong := _malformed(each):
            return UNREADABLE.at(each.span, *wrong)
    return _in_stages(every, source, tree.escape_token)


def _pairs(args: Sequence[str]) -> Iterator[str]:
    """Names and values, without the signs between them that the parser gives as every third."""
    return (arg for index, arg in enumerate(args) if index % 3 != 2)


def _line(source: Source, first: int, last: int | None = None) -> Span:
    every = lines(source.text)
    first, last = min(first, len(every)), min(last or first, len(every))
    lead = len(every[first - 1]) - len(every[first - 1].lstrip())
    return Span(source, first, lead + 1, last, len(every[last - 1]) + 1)


def _hint(message: str) -> str:
    if "heredoc" in message:
        return "its closing word must stand on a line of its own"
    return "is it a Dockerfile?" if "unknown instruction" in message else ""


_FEWEST = {"ARG": 1, "COPY": 2, "ADD": 2, "CMD": 0, "ENTRYPOINT": 0, "ONBUILD": 0, "SHELL": 1}


def _malformed(instruction: Instruction) -> tuple[str, str] | None:
    """What an engine would refuse at once."""
    name, args = instruction.name, instruction.args
    if name == "FROM":
        if len(args) == 1 or (len(args) == 3 and args[1].upper() == "AS"):
            return None
        return "`FROM` is followed by an image, or by `image AS name`", "write it as `FROM image AS name`"
    if len(args) < _FEWEST.get(name, 1) or (args and not any(args) and name == "RUN"):
        missing = "a source and a target" if name in ("COPY", "ADD") else "an argument"
        return f"`{name}` needs {missing}", "add it, or remove the line"
    if name == "SHELL" and not instruction.as_json:
        return "`SHELL` is written as a JSON list", 'write it as `SHELL ["/bin/bash", "-c"]`'
    return None


def _in_stages(every: Sequence[Instruction], source: Source, escape: str) -> File | Diagnostic:
    arguments: list[Instruction] = []
    stages: list[Stage] = []
    for each in every:
        if each.name == "FROM":
            stages.append(Stage(each))
        elif stages:
            stages[-1].instructions.append(each)
        elif each.name == "ARG":
            arguments.append(each)
        else:
            return UNREADABLE.at(each.span, f"`{each.name}` before the first `FROM`", "begin with `FROM image`")
    if not stages:
        return UNREADABLE.at(Span(source), "a Dockerfile without `FROM`", "begin with `FROM image`")
    return File(tuple(arguments), tuple(stages), escape)


_SYNTAX = re.compile(r"\A(?:\s*#.*\n)*?\s*#\s*syntax\s*=\s*(\S+)", re.IGNORECASE)


def frontend(source: Source) -> str:
    """The reader that `# syntax=` asks for, where it is not Docker's own."""
    found = _SYNTAX.search(source.text)
    return found[1] if found and "docker/dockerfile" not in found[1] else ""
