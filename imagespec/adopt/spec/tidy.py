"""The operations of a chain -> those that can stand in sections, where none of them sees another image than before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from imagespec.adopt.dockerfile.order import commute
from imagespec.adopt.draft import Written
from imagespec.adopt.spec import meant, written
from imagespec.adopt.spec.written import Said
from imagespec.image.requirements import name_of
from imagespec.spec import operations as ops

_STEPS = written.STAGES.index("steps")


def in_sections(rest: Sequence[Written], root: Path) -> list[Said | None]:
    """For each operation behind the base the section that it goes into, if it can.

    Sections have an order of their own: an operation goes into one only if all that it passes on the way there let it.
    """
    found: list[Said | None] = []
    values: dict[str, Any] = {}
    sharing = {id(one) for one in meant.sharing(rest)}
    for one in rest:
        said = None if one.operation is None or id(one) in sharing else written.section(one.operation, root)
        value = None if said is None else merged(values, said)
        if said is not None and value is not None and _passes_all(one, said, rest, found):
            values[said.key] = value
            found.append(said)
        else:
            found.append(None)
            if _follow(rest, found):
                values = sections(found)
    return found


def sections(found: Iterable[Said | None]) -> dict[str, Any]:
    """The sections that operations go into, by their keys."""
    values: dict[str, Any] = {}
    for said in found:
        if said is not None:
            values[said.key] = merged(values, said)
    return values


def _passes_all(one: Written, said: Said, rest: Sequence[Written], found: Sequence[Said | None]) -> bool:
    above = zip(rest, found, strict=False)
    return all(_may_precede(one, other) for other, place in above if _stage(place) > said.stage)


def _follow(rest: Sequence[Written], found: list[Said | None]) -> bool:
    """Take out of the sections behind the steps what the last step may not precede, and what that may not precede
    then. Whether there was anything."""
    steps = [rest[len(found) - 1]]
    for i in reversed(range(len(found) - 1)):
        if _stage(found[i]) > _STEPS and not all(_may_precede(step, rest[i]) for step in steps):
            found[i] = None
            steps.append(rest[i])
    return len(steps) > 1


def _stage(said: Said | None) -> int:
    return _STEPS if said is None else said.stage


def _may_precede(later: Written, earlier: Written) -> bool:
    """Whether an operation may come before one that stands above it."""
    match earlier.operation, later.operation:
        case (None, _) | (_, None):
            return False
        case (mounted, _) if _mounted(mounted):  # no layer at all
            return True
        case (_, mounted) if _mounted(mounted):
            return False
        case (ops.Entrypoint() | ops.Cmd(), ops.Entrypoint() | ops.Cmd() | ops.RunFunction()):
            return False
        case (ops.Env(vars=variables), ops.AptInstall()) if "DEBIAN_FRONTEND" in variables:
            return False
        case (install, ops.AptInstall()) if isinstance(install, _TAKES_APT):
            return True
        case _:
            return commute(earlier, later)


def _mounted(operation: ops.Operation | None) -> bool:
    return isinstance(operation, ops.AddLocalFile | ops.AddLocalDir | ops.AddLocalPythonSource) and not operation.copy


_TAKES_APT = (
    ops.MicromambaInstall,
    ops.UvPipInstall,
    ops.PipInstall,
    ops.PipInstallFromRequirements,
    ops.PipInstallFromPyproject,
    ops.PipInstallPrivateRepos,
    ops.UvSync,
    ops.PoetryInstallFromFile,
)
"""Installs that can only gain by what apt brings before them."""

# ----------------------------------------------------------------------------------------------- merging

_ITEMS = {"python": "packages", "run": "commands", "conda": "packages"}
"""Sections whose items add up, if all else that they say is the same."""


def merged(sections: Mapping[str, Any], said: Said) -> Any | None:
    """The value of a section with one more operation in it; `None` where the two cannot stand in one."""
    if said.key not in sections:
        return said.value
    before = sections[said.key]
    match said.key:
        case "function" | "source":
            return [*before, *(each for each in said.value if each not in before)]
        case "apt":
            new = [each for each in said.value if each not in before]
            return None if _names(before) & _names(new) else [*before, *new]
        case "env":
            return {**before, **said.value}
        case "python" | "run" | "conda":
            return _added(before, said.value, _ITEMS[said.key])
        case _:  # of two working directories both are made, and a shell runs what stands between the two
            return None


def _added(before: Any, more: Any, items: str) -> Any | None:
    one, other = (value if isinstance(value, dict) else {items: value} for value in (before, more))
    if items not in one or items not in other or {**one, items: 0} != {**other, items: 0}:
        return None
    if items == "packages" and _names(one[items]) & _names(other[items]):  # the later install may be of another version
        return None
    found = {**one, items: [*one[items], *other[items]]}
    return found[items] if set(found) == {items} else found


def _names(packages: Iterable[str]) -> set[str]:
    """What packages are called, by whichever installer."""
    return {name_of(package).partition("=")[0] for package in packages}
