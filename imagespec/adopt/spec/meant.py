"""An operation of a file that is no Modal code -> the section that builds the same, whatever is requested for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from imagespec.adopt.dockerfile.variables import quoted
from imagespec.adopt.draft import Written
from imagespec.adopt.spec import written
from imagespec.adopt.spec.written import Said, Yaml
from imagespec.image.lower import references
from imagespec.spec import operations as ops
from imagespec.spec.operations import AnyOperation

_VARIABLE = re.compile(r'ENV (\w+)="([^"\\`\']*)"')


def section(operation: AnyOperation, root: Path, before: Mapping[str, str]) -> Said | None:
    """The section that says an operation, where `before` is in the section of variables already."""
    match operation:
        case ops.DockerfileCommands(dockerfile_commands=lines):
            found = [_VARIABLE.fullmatch(line) for line in lines]
            if not lines or None in found or written.given(operation).keys() != {"dockerfile_commands"}:
                return None
            said: Said | None = Said("env", {m[1]: m[2] for m in found if m}, written.STAGES.index("env"))
            if said is not None and len(said.value) < len(lines):
                return None
        case ops.PipInstallFromPyproject():
            said = written.section(operation, root)
            if said is not None:
                value = {key: value for key, value in said.value.items() if key != "installer"}
                return Said(said.key, value, said.stage)
        case _:
            said = written.section(operation, root)
    if said is not None and said.key == "env" and not _independent(said.value, before):
        return None
    return said


def step(operation: AnyOperation, root: Path) -> Yaml:
    """An item of `steps`: what looks like a reference and is none is escaped where it is read, in an `ENV` line."""
    match operation:
        case ops.Env(vars=variables) if any(references(v) for v in variables.values()):
            if not any("\n" in value for value in variables.values()):
                return {"dockerfile_commands": [f"ENV {n}={quoted(v)}" for n, v in variables.items()]}
    return written.step(operation, root)


def sharing(operations: Iterable[Written]) -> list[Written]:
    """Those that copy to a place of the image to which others copy too: in steps they add up, in sections one is too
    many."""
    copied: dict[str, list[Written]] = {}
    for each in operations:
        match each.operation:
            case ops.AddLocalFile(local_path=path, remote_path=to) if to.endswith("/"):
                copied.setdefault(to + path.name, []).append(each)
            case ops.AddLocalFile(remote_path=to) | ops.AddLocalDir(remote_path=to):
                copied.setdefault(to.rstrip("/"), []).append(each)
            case ops.AddLocalPythonSource(modules=modules):
                copied.setdefault(f"/root/{' '.join(modules)}", []).append(each)
    return [each for same in copied.values() if len(same) > 1 for each in same]


def _independent(more: Mapping[str, str], before: Mapping[str, str]) -> bool:
    """Whether variables can join others, whose section puts each after those that it refers to."""
    seen = {name for value in before.values() for name in references(value)}
    own = {name for each, value in more.items() for name in references(value) if name != each}
    return not (more.keys() & (before.keys() | seen | own))
