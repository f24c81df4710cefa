"""Values -> the YAML text that reads back as them, quoted as their neighbours are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from imagespec.fix.values import Refused, Value, value, value_of

_ODD = re.compile(r"[-+.\d][-+.\d_:xXoOa-fA-F]*|[yYnN~]|(?i:yes|no|on|off|null|true|false)")
"""Text that some reader of YAML takes for a number, a truth or nothing."""


def scalar(plain: Any, quotes: str = "") -> str:
    """One value on one line, good in a list in brackets as well as outside. `quotes` are those of its neighbours."""
    if not isinstance(plain, str):
        return str(plain).lower() if isinstance(plain, bool) else repr(plain)
    wanted = value(plain)
    for text in _forms(str(plain), quotes):
        if all(_read(around.format(text)) == wanted for around in ("- {}\n", "[{}]\n", "{}: 1\n", "{{{}: 1}}\n")):
            return text
    raise Refused("there is no way to write it on one line")


def _forms(text: str, quotes: str) -> Iterator[str]:
    plain = not _ODD.fullmatch(text) and text == text.strip() and "#" not in text
    if plain and not quotes:
        yield text
    if text.isprintable() and quotes == "'":
        yield "'" + text.replace("'", "''") + "'"
    yield yaml.dump(text, default_style='"', width=1 << 30, allow_unicode=True).rstrip("\n")


def _read(text: str) -> Value | None:
    """The first value of a map or a list, or its key, whichever was put there."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return None
    if isinstance(node, yaml.SequenceNode) and len(node.value) == 1:
        return value_of(node.value[0])
    if isinstance(node, yaml.MappingNode) and len(node.value) == 1:
        return value_of(node.value[0][0])
    return None


def flow(plain: Any, quotes: str = "") -> str:
    """Any value on one line, in brackets where it has parts."""
    if isinstance(plain, Mapping):
        return "{" + ", ".join(pair(str(key), each, quotes) for key, each in plain.items()) + "}"
    if isinstance(plain, list | tuple):
        return "[" + ", ".join(flow(each, quotes) for each in plain) + "]"
    return scalar(plain, quotes)


def pair(key: str, plain: Any, quotes: str = "") -> str:
    return f"{scalar(key)}: {flow(plain, quotes)}"


def block(plain: Any, quotes: str = "") -> list[str]:
    """A map in lines, or a list of maps; what has no maps in it on one line."""
    if isinstance(plain, Mapping) and plain:
        return [line for key, each in plain.items() for line in _block_pair(str(key), each, quotes)]
    if isinstance(plain, list | tuple) and any(isinstance(each, Mapping) for each in plain):
        return [line for each in plain for line in item(each, quotes)]
    return [flow(plain, quotes)]


def item(plain: Any, quotes: str = "") -> list[str]:
    """An item of a list in lines."""
    first, *rest = block(plain, quotes) if isinstance(plain, Mapping) else [flow(plain, quotes)]
    return [f"- {first}", *(f"  {line}" for line in rest)]


def _block_pair(key: str, plain: Any, quotes: str) -> list[str]:
    lines = block(plain, quotes)
    if len(lines) == 1 and not isinstance(plain, Mapping) and not lines[0].startswith("- "):
        return [f"{scalar(key)}: {lines[0]}"]
    return [f"{scalar(key)}:", *(f"  {line}" for line in lines)]
