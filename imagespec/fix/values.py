"""YAML nodes -> values that can be compared, and what an edit makes of such a value.

An edit of a text is held against the same edit of its value: whatever else it would change, it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import yaml

from imagespec.diagnostic import Add, Edit, Remove, Rename, Replace, Route

Way: TypeAlias = tuple[int, ...]
"""The way to a node as it is written: which item of a list, which pair of a map. Unlike a route it stays exact where a
key stands twice, and where a section is written in short."""

_CORE = "tag:yaml.org,2002:"


class Refused(Exception):
    """A fix that cannot be made without changing something else; says why."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value, as YAML's own readers resolve it."""

    tag: str
    text: str


@dataclass(frozen=True, slots=True)
class List:
    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Map:
    """Pairs in the order written. Two maps are equal where their pairs are, in any order."""

    pairs: tuple[tuple[Scalar, Value], ...]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Map) and self._sorted() == other._sorted()

    def __hash__(self) -> int:
        return hash(tuple(key for key, _ in self._sorted()))

    def _sorted(self) -> list[tuple[Scalar, Value]]:
        return sorted(self.pairs, key=lambda pair: (pair[0].text, pair[0].tag))


Value: TypeAlias = Scalar | List | Map


def value_of(node: yaml.Node) -> Value:
    """What a node says. A key that is no scalar says nothing that could be compared, and counts as its text."""
    if isinstance(node, yaml.ScalarNode):
        return Scalar(node.tag, node.value)
    if isinstance(node, yaml.SequenceNode):
        return List(tuple(value_of(item) for item in node.value))
    return Map(tuple((Scalar(key.tag, str(key.value)), value_of(value)) for key, value in node.value))


def value(plain: Any) -> Value:
    """The value of something of Python: text, a number, true or false, or a list or map of them."""
    match plain:
        case bool():
            return Scalar(f"{_CORE}bool", str(plain).lower())
        case int():
            return Scalar(f"{_CORE}int", str(plain))
        case float():
            return Scalar(f"{_CORE}float", repr(plain))
        case str():
            return Scalar(f"{_CORE}str", str(plain))
        case Mapping():
            pairs = tuple((value(str(key)), value(each)) for key, each in plain.items())
            return Map(tuple((key, each) for key, each in pairs if isinstance(key, Scalar)))
        case list() | tuple():
            return List(tuple(value(item) for item in plain))
        case _:
            raise Refused(f"there is no YAML for `{plain!r}`")


def nested(keys: Route, plain: Any) -> Any:
    """A value below keys that are not there yet."""
    for key in reversed(keys):
        plain = {str(key): plain}
    return plain


def content(edit: Add) -> tuple[bool, Any]:
    """Whether what is added is a pair of a map, and what: an item, or a map with one pair."""
    return (True, {edit.key: edit.value}) if edit.key else (False, edit.value)


def edited(whole: Value, path: Way, edit: Edit, rest: Route = ()) -> Value:
    """`whole` with an edit at `path`; `rest` are the keys of its route that are not there yet."""
    match edit:
        case Remove():
            return _without(whole, path)
        case Replace():
            return _changed(whole, path, value(edit.value))
        case Rename():
            return _renamed(whole, path, edit.key)
        case Add():
            return _with(whole, path, edit, rest)


def inside(whole: Value, path: Way) -> Value:
    """The value at a path."""
    for index in path:
        whole = _children(whole)[index]
    return whole


def _children(holder: Value) -> tuple[Value, ...]:
    if isinstance(holder, List):
        return holder.items
    return tuple(each for _, each in holder.pairs) if isinstance(holder, Map) else ()


def _changed(whole: Value, path: Way, new: Value) -> Value:
    if not path:
        return new
    index, below = path[0], path[1:]
    new = _changed(_children(whole)[index], below, new)
    if isinstance(whole, List):
        return List((*whole.items[:index], new, *whole.items[index + 1 :]))
    assert isinstance(whole, Map)
    return Map((*whole.pairs[:index], (whole.pairs[index][0], new), *whole.pairs[index + 1 :]))


def _without(whole: Value, path: Way) -> Value:
    """What would be left empty goes too."""
    if not path:
        raise Refused("nothing would be left of the file")
    holder, index = inside(whole, path[:-1]), path[-1]
    if len(_children(holder)) == 1:
        return _without(whole, path[:-1])
    if isinstance(holder, List):
        return _changed(whole, path[:-1], List(holder.items[:index] + holder.items[index + 1 :]))
    assert isinstance(holder, Map)
    return _changed(whole, path[:-1], Map(holder.pairs[:index] + holder.pairs[index + 1 :]))


def _renamed(whole: Value, path: Way, key: str) -> Value:
    holder, index = inside(whole, path[:-1]), path[-1]
    if not isinstance(holder, Map):
        raise Refused("there is no key to rename")
    if any(other.text == key and at != index for at, (other, _) in enumerate(holder.pairs)):
        raise Refused(f"there is a key `{key}` already")
    pair = (Scalar(f"{_CORE}str", key), holder.pairs[index][1])
    return _changed(whole, path[:-1], Map((*holder.pairs[:index], pair, *holder.pairs[index + 1 :])))


def _with(whole: Value, path: Way, edit: Add, rest: Route) -> Value:
    holder = inside(whole, path)
    pair, what = content(edit)
    if rest:
        pair, what = True, nested(rest, what if pair else [what])
    if pair and isinstance(holder, Map):
        added = value(what)
        assert isinstance(added, Map)
        if any(other.text == key.text for other, _ in holder.pairs for key, _ in added.pairs):
            raise Refused("there is such a key already")
        return _changed(whole, path, Map(holder.pairs + added.pairs))
    if not pair and isinstance(holder, List):
        return _changed(whole, path, List((*holder.items, value(what))))
    raise Refused("it is written in a form that has no room for it")
