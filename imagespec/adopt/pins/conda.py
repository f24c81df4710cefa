"""An environment.yml of conda -> a draft of an image with its packages, on a micromamba base."""

from __future__ import annotations

import re
from collections.abc import Iterator

from imagespec.adopt.codes import NO_COUNTERPART, UNREADABLE
from imagespec.adopt.draft import Draft, Written
from imagespec.adopt.names import named
from imagespec.adopt.pins.nodes import Value, top, unknown_keys
from imagespec.adopt.pins.python_version import base
from imagespec.adopt.pins.requirement_lines import packages
from imagespec.diagnostic import Diagnostic, Source, Span
from imagespec.image.requirements import Line
from imagespec.spec import operations as ops

_KEYS = ("name", "channels", "dependencies", "variables", "prefix")
_PYTHON = re.compile(r"(?:\S+::)?python\s*(?:={1,2}\s*(3\.\d+(?:\.\d+)?)(?:\.\*|\*)?(?:=\S+)?|([<>!~=][^=].*|>=.*))?")


def draft(source: Source, python: str) -> Draft | Diagnostic:
    """The image of an environment; else why there is none."""
    file = top(source)
    if isinstance(file, Diagnostic):
        return file
    listed = file.get("dependencies")
    if listed is None or not listed.is_list or not listed.items():
        hint = "an environment of conda lists its packages under `dependencies`"
        return UNREADABLE.at(Span(source), "no packages stand in this file", hint)
    by_pip = [item for each in listed.items() for item in each.all("pip")]
    by_name = [each for each in listed.items() if each.text]
    todo = tuple(_not_kept(each) for each in listed.items() if not each.text and not each.all("pip"))
    operations = [_base(source, by_name, python), *_installed(source, file, by_name, whole=not by_pip, todo=todo)]
    if by_pip:
        lines = [Line(item.text, item.span) for item in by_pip if item.text]
        operations.append(packages(source.path.parent, lines, by_pip[0].span))
    variables = file.get("variables")
    if variables is not None and (pairs := {name: value.text for name, value in variables.entries()}):
        operations.append(Written(ops.Env(vars=pairs), variables.span))
    name = file.get("name")
    return Draft(
        name=named(name.text if name and name.text != "base" else "", source.path.parent.name),
        operations=tuple(operations),
        root=source.path.parent,
        todo=tuple(unknown_keys(file, _KEYS)),
        exact=False,
    )


def _base(source: Source, named: list[Value], python: str) -> Written:
    for each in named:
        if (match := _PYTHON.fullmatch(each.text)) and (match[1] or match[2]):
            exact, wanted = match[1] or "", match[2] or ""
            return base(ops.Micromamba, source.path.parent, python, each.span, exact=exact, wanted=wanted)
    return base(ops.Micromamba, source.path.parent, python, Span(source))


def _installed(
    source: Source, file: Value, named: list[Value], *, whole: bool, todo: tuple[Diagnostic, ...]
) -> Iterator[Written]:
    """The file itself where conda's packages are all there is in it: one truth. Else its packages by name, as the
    versions of micromamba do not agree on what they do with those for pip."""
    at = named[0].span if named else Span(source)
    names = tuple(re.sub(r"\s+", "", each.text) for each in named if not _is_given(each.text))
    if whole:
        yield Written(ops.MicromambaInstall(spec_file=source.path), at, todo)
    elif names:
        channels = tuple(each.text for each in file.all("channels") if each.text and each.text != "nodefaults")
        yield Written(ops.MicromambaInstall(packages=names, channels=channels), at, todo)
    elif todo:
        yield Written(None, at, todo)


def _is_given(text: str) -> bool:
    """What the base brings: its Python, and a pip."""
    return bool(_PYTHON.fullmatch(text) or re.fullmatch(r"(\S+::)?pip", text))


def _not_kept(each: Value) -> Diagnostic:
    return NO_COUNTERPART.at(each.span, "neither a conda package nor a list for pip: left out", "name packages as text")
