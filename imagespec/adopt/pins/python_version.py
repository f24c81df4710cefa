"""What a project says about its Python -> the base of its image, on that Python."""

from __future__ import annotations

import re
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from imagespec.adopt.codes import CHOSEN, TODO
from imagespec.adopt.draft import Written
from imagespec.diagnostic import Diagnostic, Source, Span
from imagespec.rules.modal import SERIES
from imagespec.spec import operations as ops
from imagespec.spec.source import read

CURRENT = "3.12"
"""Where nothing says which."""

VERSION = re.compile(r"3\.\d+(\.\d+)?")
"""A series of Python, or one version."""

_KNOWN = [series for series in list(SERIES.values())[-1] if series[-1].isdigit()]
"""Those of Modal's newest builder."""


def base(
    kind: type[ops.DebianSlim | ops.Micromamba],
    folder: Path,
    given: str,
    at: Span,
    *,
    exact: str = "",
    wanted: str = "",
) -> Written:
    """The base of a project: on the version that its file names, or on one in the range that it allows. Where the file
    leaves it open, on the one that was given, else that of a `.python-version`."""
    if exact:
        version, found = _exact(exact, given, at)
    elif wanted:
        version, found = within(wanted, at, given, _of_folder(folder))
    elif version := given or _of_folder(folder):
        found = ()
    else:
        version, hint = CURRENT, "say it with --python, or in a `.python-version`"
        found = (TODO.at(at, f"nothing says which Python this is for: {CURRENT} is taken", hint),)
    notes = tuple(finding for finding in found if finding.severity == "note")
    todo = tuple(finding for finding in found if finding not in notes)
    return Written(kind(python_version=version), at, todo, notes)


def _exact(exact: str, given: str, at: Span) -> tuple[str, tuple[Diagnostic, ...]]:
    """The version of the file, which what is given may be more exact about."""
    if given == exact or given.startswith(f"{exact}."):
        return given, ()
    if not VERSION.fullmatch(exact):
        version = given or CURRENT
        return version, (TODO.at(at, f"`{exact}` is no version of Python: {version} is taken", "say it with --python"),)
    agree = not given or exact.startswith(f"{given}.")
    return exact, () if agree else (_left_aside(given, f"the file says {exact}", at),)


def within(wanted: str, at: Span, given: str = "", beside: str = "") -> tuple[str, tuple[Diagnostic, ...]]:
    """The version that was given, or that of a file beside, where a range such as `>=3.10,<4` or `^3.10` allows it;
    else the lowest series on Modal that it allows."""
    try:
        allowed = SpecifierSet(_as_range(wanted))
    except InvalidSpecifier:
        version = given or CURRENT
        return version, (TODO.at(at, f"`{wanted}` is no range of versions: Python {version} is taken", ""),)
    aside = () if not given or _allows(allowed, given) else (_left_aside(given, f"the file wants `{wanted}`", at),)
    for version in (given, beside):
        if version and _allows(allowed, version):
            return version, aside
    possible = [series for series in _KNOWN if _allows(allowed, series)]
    if not possible:
        message = f"Modal has no Python that `{wanted}` allows: {CURRENT} is taken"
        return CURRENT, (*aside, TODO.at(at, message, f"Modal's newest builder has {_KNOWN[0]} to {_KNOWN[-1]}"))
    if len(possible) == 1:
        return possible[0], aside
    message = f"`{wanted}` allows several Pythons: the lowest that Modal has, {possible[0]}, is taken"
    return possible[0], (*aside, CHOSEN.at(at, message, "choose with --python, or in a `.python-version`"))


def _allows(allowed: SpecifierSet, version: str) -> bool:
    """A series is allowed where one of its versions is."""
    return any(
        allowed.contains(each)
        for each in ([f"{version}.{n}" for n in range(30)] if version.count(".") == 1 else [version])
    )


def _left_aside(given: str, why: str, at: Span) -> Diagnostic:
    return CHOSEN.at(at, f"--python {given} is left aside: {why}", "--python is for files that leave it open")


def _of_folder(folder: Path) -> str:
    """The Python of a `.python-version`."""
    source = read(folder / ".python-version")
    found = (
        re.search(rf"^\s*(?:cpython-)?({VERSION.pattern})\s*$", source.text, re.M)
        if isinstance(source, Source)
        else None
    )
    return found[1] if found else ""


def _as_range(wanted: str) -> str:
    """Poetry's `^3.10`, `~3.10` and `3.10` as PEP 440 writes them."""
    parts = []
    for part in wanted.split(",") if wanted.strip() != "*" else ():
        match = re.fullmatch(r"\s*([\^~]?)\s*(3(?:\.\d+)*)(?:\.\*)?\s*", part)
        if match is None:
            parts.append(part)
        elif match[1] == "^":
            parts.append(f">={match[2]},<4")
        elif "." in match[2]:
            parts.append(f"=={'.'.join(match[2].split('.')[:2])}.*")
    return ",".join(parts)
