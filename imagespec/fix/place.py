"""An edit by its route in a merged spec -> the file that it edits, and the path to its place there.

A route leads through sections in short (`python: [torch]` stands for `python: {packages: [torch]}`) and through what
`extends` put together; nodes keep the marks of the file that they stand in, and by these they are found again there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from imagespec.diagnostic import Add, Edit, Route
from imagespec.fix.layout import at, children
from imagespec.fix.values import Refused, Way
from imagespec.spec.extends import Tree
from imagespec.spec.operations import BASES, STEPS

_SHORT = {"packages", "commands", "call", "image", "path", "python"}
_SHORT |= {each.shorthand for each in (*STEPS.values(), *BASES.values()) if each.shorthand}


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a file: the `path` to its node; of what is added the keys below it, which may not be there yet."""

    file: str
    path: Way
    rest: Route = ()


def spot(edit: Edit, route: Route, tree: Tree, own: str, tops: dict[str, yaml.MappingNode]) -> Spot:
    """Where an edit of the spec in the file `own` is made. `tree` is what the route leads through, `tops` are the nodes
    of each file. Raises `Refused`."""
    if not isinstance(edit, Add):
        path, rest = follow(tree.node, route)
        if rest or not path:
            raise Refused("it is not written there")
        return _there(tree.node, path, tops)
    through = max((index for index, step in enumerate(route) if isinstance(step, int)), default=-1) + 1
    if not through:
        return Spot(own, (), route)
    path, rest = follow(tree.node, route[:through])
    if rest:
        raise Refused("it is not written there")
    item = _there(tree.node, path, tops)
    return Spot(item.file, item.path, route[through:])


def follow(node: yaml.Node, route: Route) -> tuple[Way, Route]:
    """The path that a route leads along, and the keys behind its end that are not there."""
    path: list[int] = []
    for position, step in enumerate(route):
        index = _index(node, step)
        if index is not None:
            path.append(index)
            node = children(node)[index]
        elif not _stands_for(node, step):
            return tuple(path), route[position:]
    return tuple(path), ()


def _index(node: yaml.Node, step: str | int) -> int | None:
    if isinstance(node, yaml.MappingNode) and isinstance(step, str):
        same = [index for index, (key, _) in enumerate(node.value) if key.value == step]
        return same[-1] if same else None
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return step
    return None


def _stands_for(node: yaml.Node, step: str | int) -> bool:
    """Whether a node stands, in short, for the map or the list of one that a step leads into."""
    if isinstance(step, int):
        return step == 0 and not isinstance(node, yaml.SequenceNode)
    return step == "vars" or (step in _SHORT and not isinstance(node, yaml.MappingNode))


def _there(merged: yaml.Node, path: Way, tops: dict[str, yaml.MappingNode]) -> Spot:
    """The place, in the file that it stands in, of a node of a merged tree."""
    while _synthetic(at(merged, path[:-1]), path[-1]):
        path = path[:-1]
    mark = _mark(at(merged, path[:-1]), path[-1])
    found = list(_paths(tops[mark.name], mark.index, isinstance(at(merged, path[:-1]), yaml.MappingNode)))
    if len(found) != 1:
        raise Refused("an alias shares it with other places")
    return Spot(mark.name, found[0])


def merged_path(spot: Spot, top: yaml.MappingNode, tree: Tree) -> Way | None:
    """The way in the merged tree to a place of a file; `None` where it is overridden."""
    if not spot.path:
        return ()
    holder = at(top, spot.path[:-1])
    mark = _mark(holder, spot.path[-1])
    found = list(_paths(tree.node, mark.index, isinstance(holder, yaml.MappingNode), mark.name))
    return found[0] if len(found) == 1 else None


def _mark(holder: yaml.Node, index: int) -> yaml.Mark:
    """Where a child of a node begins: an item, or a pair with its key."""
    node: yaml.Node = holder.value[index][0] if isinstance(holder, yaml.MappingNode) else holder.value[index]
    return node.start_mark


def _paths(node: yaml.Node, start: int, pair: bool, file: str | None = None) -> Iterator[Way]:
    """Every path to a pair, or to an item, that begins at a character: several where an alias repeats it."""
    for index, child in enumerate(children(node)):
        mark = _mark(node, index)
        begins = mark.index == start and file in (None, mark.name)
        if begins and isinstance(node, yaml.MappingNode) == pair:
            yield (index,)
        yield from ((index, *below) for below in _paths(child, start, pair, file))


def _synthetic(node: yaml.Node, index: int) -> bool:
    """Whether a key was made for a section in short when it was merged."""
    if not isinstance(node, yaml.MappingNode):
        return False
    key = node.value[index][0]
    return bool(key.start_mark.index == key.end_mark.index and key.value)
