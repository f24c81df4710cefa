"""A Dockerfile -> a draft of the image that its last stage describes, or of one that keeps the file whole."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from imagespec.adopt.codes import NO_COUNTERPART, UNREADABLE
from imagespec.adopt.dockerfile import instructions
from imagespec.adopt.dockerfile.context import Context
from imagespec.adopt.dockerfile.instructions import File, Instruction, Stage
from imagespec.adopt.dockerfile.order import arranged
from imagespec.adopt.dockerfile.reading import Reading, no_value
from imagespec.adopt.dockerfile.runs import Runs
from imagespec.adopt.dockerfile.stage import finished, take
from imagespec.adopt.dockerfile.variables import PLATFORM, Variables
from imagespec.adopt.draft import Draft, Written
from imagespec.adopt.names import named
from imagespec.diagnostic import Diagnostic, Source, Span
from imagespec.spec import operations as ops
from imagespec.spec.source import read


def drafts(
    path: Path, *, context: Path | None = None, build_args: Mapping[str, str] | None = None
) -> list[Draft] | tuple[Diagnostic, ...]:
    """The image of a Dockerfile, built in the folder `context`, by default its own; else why it cannot be read."""
    path = Path(os.path.abspath(path))
    source = read(path)
    if isinstance(source, Diagnostic):
        return (UNREADABLE.at(source.span, source.message, source.hint.replace("a YAML file", "a Dockerfile")),)
    file = instructions.parse(source)
    if isinstance(file, Diagnostic):
        return (file,)
    folder = Path(os.path.abspath(context)) if context else path.parent
    whole = _whole(file, source)
    chain = _chain(file)
    crossing = whole or _crossing(chain, file)
    if crossing is not None:
        return [_kept_whole(path, folder, file, build_args or {}, crossing)]
    try:
        return [_in_steps(path, folder, file, chain, build_args or {})]
    except _Malformed as error:
        return (UNREADABLE.at(error.span, error.message),)


def arguments(path: Path) -> set[str]:
    """What the `ARG`s of a Dockerfile are called."""
    source = read(path)
    file = source if isinstance(source, Diagnostic) else instructions.parse(source)
    if isinstance(file, Diagnostic):
        return set()
    return {arg.partition("=")[0] for each in _declared(file) for arg in each.args}


def _declared(file: File) -> list[Instruction]:
    return [*file.arguments, *(each for stage in file.stages for each in stage.instructions if each.name == "ARG")]


class _Malformed(Exception):
    """A word of an instruction that no engine would accept."""

    def __init__(self, instruction: Instruction, error: ValueError) -> None:
        super().__init__(error)
        self.span = instruction.span
        self.message = f"`{instruction.name}`: {str(error).rpartition(': ')[2]}"


_KIND = re.compile(r"(?:^|[.\-_])(?:docker|container)file(?=$|[.\-_])", re.IGNORECASE)


def _name(path: Path) -> str:
    """`Dockerfile.gpu` and `gpu.Dockerfile` are `gpu`; a plain `Dockerfile` is called like its folder."""
    return named(_KIND.sub("", path.name).strip("-_."), path.parent.name)


# ------------------------------------------------------------------------------------------------ stages


def _chain(file: File) -> list[Stage]:
    """The stages that the last one stands on, itself the last."""
    chain = [file.stages[-1]]
    while (below := _stage(chain[0].begin.args[0], file, before=chain[0])) is not None:
        chain.insert(0, below)
    return chain


def _stage(name: str, file: File, before: Stage) -> Stage | None:
    """The stage of a name, among those above another; a later one of the same name hides an earlier."""
    above = file.stages[: next(i for i, stage in enumerate(file.stages) if stage is before)]
    return next((stage for stage in reversed(above) if stage.name and stage.name == name.lower()), None)


def _crossing(chain: list[Stage], file: File) -> Diagnostic | None:
    """Where the last stage takes files from a stage that it does not stand on."""
    names = {stage.name for stage in file.stages if stage.name} | {str(i) for i in range(len(file.stages))}
    for stage in chain:
        for each in stage.instructions:
            sources = [each.flag("from") or ""]
            sources += [
                part[5:]
                for flag in each.flags
                if flag.startswith("--mount=")
                for part in flag[8:].split(",")
                if part.startswith("from=")
            ]
            if taken := next((source for source in sources if source.lower() in names), None):
                message = f"files come from the stage `{taken}`, and a spec is one chain: the Dockerfile is kept whole"
                hint = "`check` and `lock` do not see what it installs; to have that, write the last stage by hand"
                return NO_COUNTERPART.at(each.span, message, hint)
    return None


def _whole(file: File, source: Source) -> Diagnostic | None:
    """Where the file is written in a language of its own."""
    if frontend := instructions.frontend(source):
        message = f"`# syntax={frontend}` asks for a reader of its own: the file is kept whole"
        return NO_COUNTERPART.at(source.find(frontend, 1), message, "Modal's builder may not have it")
    if file.escape != "\\":
        message = (
            f"`# escape={file.escape}` is of use on Windows only, where Modal does not build: the file is kept whole"
        )
        return NO_COUNTERPART.at(Span(source), message, "remove it, and write `\\` at the ends of lines")
    return None


def _kept_whole(path: Path, folder: Path, file: File, given: Mapping[str, str], why: Diagnostic) -> Draft:
    base = ops.FromDockerfile(path=path, context_dir=folder, build_args=dict(given) or None)
    begins = _declared(file)
    known = (
        {arg.partition("=")[0] for each in begins for arg in each.args if "=" in arg} | given.keys() | PLATFORM.keys()
    )
    missing = {arg: each.span for each in reversed(begins) for arg in each.args if arg.partition("=")[0] not in known}
    todo = (why, *(no_value(span, name) for name, span in sorted(missing.items())))
    return Draft(
        name=_name(path), operations=(Written(base, file.stages[-1].begin.span, todo),), root=folder, exact=False
    )


# ------------------------------------------------------------------------------------------- instructions


def _in_steps(path: Path, folder: Path, file: File, chain: list[Stage], given: Mapping[str, str]) -> Draft:
    variables = Variables(file.escape, given)
    for each in file.arguments:
        for text in each.args:
            try:
                variables.declare(text, globally=True)
            except ValueError as error:
                raise _Malformed(each, error) from error
    reading, runs = Reading(Context.of(folder, path), variables), Runs()
    for stage in chain:
        for each in (stage.begin, *stage.instructions):
            try:
                take(reading, runs, each, first=stage is chain[0])
            except ValueError as error:
                raise _Malformed(each, error) from error
    return Draft(name=_name(path), operations=tuple(arranged(finished(reading, runs))), root=folder, exact=False)
