"""YAML nodes -> plain values, none of them read as something else than it looks like."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import yaml

from imagespec.spec.operations import Text

NULL = "tag:yaml.org,2002:null"
_QUOTES = {"“": "”", "”": "”", "„": "“”", "‘": "’", "’": "’", "‚": "‘’", "«": "»", "»": "«"}


@dataclass(frozen=True, slots=True)
class Unwanted:
    """A value that no key takes: a date, or a number that YAML reads otherwise than people do."""

    text: str
    read_as: str


def construct(node: yaml.Node) -> Any:
    """The value of a node; text remembers its file."""
    if isinstance(node, yaml.ScalarNode):
        return _SCALARS.get(node.tag, _text)(node)
    if isinstance(node, yaml.SequenceNode):
        return [construct(item) for item in node.value]
    return {key.value: construct(value) for key, value in node.value if isinstance(key, yaml.ScalarNode)}


def holds_odd(data: Any) -> bool:
    """Whether there is anything in it that is worth a second look: null, a date, yes or no, odd quotes."""
    if isinstance(data, str):
        return len(data) > 1 and data[-1] in _QUOTES.get(data[0], "")
    if isinstance(data, dict):
        return any(map(holds_odd, data.values()))
    if isinstance(data, list):
        return any(map(holds_odd, data))
    return data is None or isinstance(data, bool | Unwanted)


def _text(node: yaml.ScalarNode) -> Text:
    text = Text(node.value)
    text.file = node.start_mark.name
    return text


def _number(node: yaml.ScalarNode) -> Any:
    if len(node.value) > 300:  # more than a double holds, and base 60 takes the square of its length to read
        return Unwanted(node.value, f"a number of {len(node.value)} characters")
    constructor = yaml.constructor.SafeConstructor()
    whole = node.tag.endswith("int")
    plain = r"[-+]?(?:0|[1-9][0-9]*)" if whole else r"[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?"
    try:
        value = constructor.construct_yaml_int(node) if whole else constructor.construct_yaml_float(node)
        if not re.fullmatch(plain, node.value) or not math.isfinite(value):
            return Unwanted(node.value, f"the number {value}")
    except ValueError:
        return Unwanted(node.value, "a number that is none")
    return value


_SCALARS: dict[str, Any] = {
    "tag:yaml.org,2002:int": _number,
    "tag:yaml.org,2002:float": _number,
    "tag:yaml.org,2002:bool": lambda node: node.value.lower() in ("yes", "true", "on"),
    NULL: lambda node: None,
    "tag:yaml.org,2002:timestamp": lambda node: Unwanted(node.value, "a date"),
}
