"""Keys and values -> YAML text, as someone would write it by hand."""

from __future__ import annotations

from typing import Any

import yaml

_WIDTH = 88


class _Block(dict[str, Any]):
    """A map that is written one key a line, however short it is."""


class _Dumper(yaml.SafeDumper):
    """Short lists and maps on one line, lists indented, double quotes where quotes are needed, no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def choose_scalar_style(self) -> str:
        style = str(super().choose_scalar_style() or "")
        return '"' if style == "'" else style

    def represent_sequence(self, tag: str, sequence: Any, flow_style: bool | None = None) -> yaml.SequenceNode:
        return super().represent_sequence(tag, sequence, flow_style=_short(sequence))

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> yaml.MappingNode:
        return super().represent_mapping(tag, mapping, flow_style=not isinstance(mapping, _Block) and _short(mapping))


def _as_text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value.strip() else None)


_Dumper.add_representer(str, _as_text)
_Dumper.add_representer(_Block, yaml.SafeDumper.represent_dict)
_Dumper.add_multi_representer(tuple, yaml.SafeDumper.represent_list)


def _short(value: Any) -> bool:
    """Whether a list or map is short and flat enough for one line."""
    if len(str(value)) > _WIDTH:
        return False
    parts = [part for pair in value.items() for part in pair] if isinstance(value, dict) else list(value)
    return not any(
        isinstance(part, dict)
        or (isinstance(part, str) and "\n" in part)
        or (isinstance(part, list) and not _short(part))
        for part in parts
    )


def entry(key: str, value: Any) -> str:
    """One key at the top of a file, and its value. A map of its own stands below the key."""
    return _dumped(_Block({key: _Block(value) if isinstance(value, dict) and value else value}))


def item(value: Any) -> str:
    """One item of the list of a key at the top."""
    return _dumped(_Block({"steps": [_Block(value)]})).partition("\n")[2]


def _dumped(value: Any) -> str:
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**9)
    return text
