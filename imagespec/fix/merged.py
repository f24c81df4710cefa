"""A spec merged from files, one of them with a new text -> whether it says the same but for one edit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import yaml

from imagespec.diagnostic import Add, Edit, Remove, Route
from imagespec.fix.layout import at
from imagespec.fix.place import Spot, follow, merged_path
from imagespec.fix.values import List, Map, Refused, Scalar, Value, Way, edited, inside, value_of
from imagespec.spec.extends import SHORTHAND, Reader, Tree

Texts: TypeAlias = Mapping[str, str]
"""What files hold, by absolute path."""


def check_merged(edit: Edit, place: Spot, top: yaml.MappingNode, spec: Path, texts: Texts, new: str) -> None:
    """Raises `Refused` where an edit of one file, which then has the text `new`, is not the same edit of the spec."""
    before, after = _tree(spec, texts), _tree(spec, {**texts, place.file: new})
    if isinstance(edit, Remove) and _stands_twice(value_of(top), place):
        wanted = value_of(before.node)
    else:
        path, rest = _in_merged(edit, place, top, before)
        wanted = edited(value_of(before.node), path, edit, rest)
    if _plain(value_of(after.node)) != _plain(wanted):
        raise Refused("specs that it extends say something about it too")


def says_the_same(spec: Path, texts: Texts, others: Texts) -> bool:
    """Whether a spec says the same with other texts of its files."""
    before, after = Reader(texts).load(spec), Reader({**texts, **others}).load(spec)
    if not (isinstance(before, Tree) and isinstance(after, Tree)):
        return False
    return _plain(value_of(before.node)) == _plain(value_of(after.node))


def _in_merged(edit: Edit, place: Spot, top: yaml.MappingNode, tree: Tree) -> tuple[Way, Route]:
    """The path to the place of an edit in the merged spec, and the keys below that are not there yet."""
    if isinstance(edit, Add) and not any(isinstance(step, int) for step in edit.route):
        return follow(tree.node, edit.route)
    found = merged_path(place, top, tree)
    if found is None:
        raise Refused("what a spec that extends it says instead stands elsewhere")
    path, rest = follow(at(tree.node, found), place.rest)
    return found + path, rest


def _tree(spec: Path, texts: Texts) -> Tree:
    tree = Reader(texts).load(spec)
    if not isinstance(tree, Tree):
        raise Refused("the spec cannot be read any more")
    return tree


def _stands_twice(whole: Value, place: Spot) -> bool:
    """Whether the same key with the same value stands there a second time."""
    holder = inside(whole, place.path[:-1])
    return isinstance(holder, Map) and holder.pairs.count(holder.pairs[place.path[-1]]) > 1


def _plain(whole: Value) -> Value:
    """A spec whose sections in short are written out, without keys that are overridden."""
    assert isinstance(whole, Map)
    return _once(Map(tuple((key, _written_out(key.text, each)) for key, each in whole.pairs)))


def _written_out(section: str, each: Value) -> Value:
    name = SHORTHAND.get((section,))
    if name and isinstance(each, List):
        return Map(((Scalar("tag:yaml.org,2002:str", name), each),))
    return each


def _once(whole: Value) -> Value:
    if isinstance(whole, List):
        return List(tuple(map(_once, whole.items)))
    if isinstance(whole, Map):
        return Map(tuple({key: _once(each) for key, each in whole.pairs}.items()))
    return whole
