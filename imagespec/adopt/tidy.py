"""Sections of a spec, and one more -> the sections with that one merged in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imagespec.adopt.written import Said

_ITEMS = {"python": "packages", "run": "commands", "conda": "packages"}
"""Sections whose items add up, if all else that they say is the same."""


def tidied(sections: Mapping[str, Any], said: Said) -> Any | None:
    """The value of a section with one more operation in it; `None` where the two cannot stand in one."""
    if said.key not in sections:
        return said.value
    before = sections[said.key]
    match said.key:
        case "apt" | "function" | "source":
            return [*before, *(each for each in said.value if each not in before)]
        case "env":
            return {**before, **said.value}
        case "python" | "run" | "conda":
            return _added(before, said.value, _ITEMS[said.key])
        case _:  # the last one counts
            return said.value


def _added(before: Any, more: Any, items: str) -> Any | None:
    one, other = (value if isinstance(value, dict) else {items: value} for value in (before, more))
    if items not in one or items not in other or {**one, items: 0} != {**other, items: 0}:
        return None
    found = {**one, items: [*one[items], *other[items]]}
    return found[items] if set(found) == {items} else found
