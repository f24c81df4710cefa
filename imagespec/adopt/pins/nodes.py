"""A YAML file of another tool -> its values as they are written, each with its place."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import yaml

from imagespec.adopt.codes import NO_COUNTERPART, UNREADABLE
from imagespec.diagnostic import Diagnostic, Source, Span
from imagespec.spec.source import compose, span_of


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a YAML file. Text is as written: `3.10` stays `3.10`."""

    node: yaml.Node
    source: Source

    @property
    def span(self) -> Span:
        return span_of(self.node, self.source)

    @property
    def text(self) -> str:
        """The text of a scalar; none of null, a list or a map."""
        scalar = isinstance(self.node, yaml.ScalarNode) and self.node.tag != "tag:yaml.org,2002:null"
        return str(self.node.value) if scalar else ""

    @property
    def is_list(self) -> bool:
        return isinstance(self.node, yaml.SequenceNode)

    @property
    def true(self) -> bool:
        return self.node.tag == "tag:yaml.org,2002:bool" and self.text.lower() in ("true", "yes", "on")

    def items(self) -> list[Value]:
        """The items of a list; a bare value is one item, null none."""
        if isinstance(self.node, yaml.SequenceNode):
            return [Value(item, self.source) for item in self.node.value]
        return [self] if self.text else []

    def entries(self) -> Iterator[tuple[str, Value]]:
        """Keys and values of a map."""
        if isinstance(self.node, yaml.MappingNode):
            for key, value in self.node.value:
                if isinstance(key, yaml.ScalarNode):
                    yield str(key.value), Value(value, self.source)

    def get(self, key: str) -> Value | None:
        return dict(self.entries()).get(key)

    def all(self, key: str) -> list[Value]:
        """The items of the list under a key; none where it is not there."""
        found = self.get(key)
        return found.items() if found else []


def unknown_keys(place: Value, known: Collection[str]) -> Iterator[Diagnostic]:
    """What is to be said of the keys of a map that nobody here knows."""
    for key, value in place.entries():
        if key not in known and (value.text or value.items() or any(value.entries())):
            hint = "say what it means in the spec by hand"
            yield NO_COUNTERPART.at(value.span, f"`{key}` is no key that adopt knows: left out", hint)


def top(source: Source) -> Value | Diagnostic:
    """The map that a file is."""
    node = compose(source)
    if isinstance(node, Diagnostic):
        if "spec" in node.message + node.hint:
            return UNREADABLE.at(node.span, "this is no map of keys and values", "is it the right file?")
        return UNREADABLE.at(node.span, node.message, node.hint)
    return Value(node, source)
