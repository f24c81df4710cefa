"""The table of what well-known packages bring and need -> whether packages that no lock lists may bring a module."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

from imagespec.image.layers import Image
from imagespec.image.requirements import requirement, requirements_of


@cache
def _table() -> Mapping[str, Mapping[str, str]]:
    text = Path(__file__).with_name("tables").joinpath("needs.json").read_text("utf-8")
    found: dict[str, dict[str, str]] = json.loads(text)["packages"]
    return found


def may_bring(image: Image, module: str) -> bool:
    """Whether a package that the spec names, or one that it needs, may bring a module: it is known to, or nothing is
    known of it. What extras add is never known."""
    texts = (line.text for layer in image.layers for line in requirements_of(layer))
    if any(parsed.extras for text in texts if (parsed := requirement(text)) is not None):
        return True
    top = module.partition(".")[0]
    rows = map(_table().get, with_needs(name for name, each in image.installed.items() if not each.imports))
    return any(row is None or row["brings"] == "?" or top in row["brings"].split() for row in rows)


def with_needs(names: Iterable[str]) -> Iterator[str]:
    """Packages, and all that the table says that they need in turn."""
    waiting, seen = list(names), set[str]()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            yield name
            waiting += _table().get(name, {"needs": ""})["needs"].split()
