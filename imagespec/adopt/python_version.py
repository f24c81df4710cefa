"""What a project says about its Python -> the one that its image gets."""

from __future__ import annotations

import re
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from imagespec.adopt.codes import TODO
from imagespec.diagnostic import Diagnostic, Source, Span
from imagespec.rules.modal import SERIES
from imagespec.spec.source import read

CURRENT = "3.12"
"""Where nothing says which."""

_KNOWN = [series for series in list(SERIES.values())[-1] if series[-1].isdigit()]
"""Those of Modal's newest builder."""


def chosen(folder: Path, given: str, at: Span) -> tuple[str, tuple[Diagnostic, ...]]:
    """The Python that was given, else that of a `.python-version`, else a current one, which is said."""
    if given:
        return given, ()
    source = read(folder / ".python-version")
    if isinstance(source, Source) and (found := re.match(r"\s*(?:cpython-)?(3\.\d+(?:\.\d+)?)\s*$", source.text, re.M)):
        return found[1], ()
    message = f"nothing says which Python this is for: {CURRENT} is taken"
    return CURRENT, (TODO.at(at, message, "say it with --python, or in a `.python-version`"),)


def lowest(wanted: str, at: Span) -> tuple[str, tuple[Diagnostic, ...]]:
    """The lowest series on Modal that a range such as `>=3.10,<4` or `^3.10` allows."""
    try:
        allowed = SpecifierSet(_as_range(wanted))
    except InvalidSpecifier:
        return CURRENT, (TODO.at(at, f"`{wanted}` is no range of versions: Python {CURRENT} is taken", ""),)
    for series in _KNOWN:
        if any(allowed.contains(f"{series}.{patch}") for patch in range(30)):
            return series, ()
    message = f"Modal has no Python that `{wanted}` allows: {CURRENT} is taken"
    return CURRENT, (TODO.at(at, message, f"Modal's newest builder has {_KNOWN[0]} to {_KNOWN[-1]}"),)


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
