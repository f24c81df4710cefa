"""One finding with a fix, and the texts of the files -> the texts with that fix, or the reason why not.

Every edit is checked twice: the file, read again, must hold what it held with that edit and nothing else, and so must
the spec that is merged from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from imagespec.diagnostic import Add, Diagnostic, Edit, Remove, Rename, Source, Span
from imagespec.fix.layout import Written, at, children
from imagespec.fix.look import Seen
from imagespec.fix.merged import Texts, check_merged
from imagespec.fix.place import Spot, follow, spot
from imagespec.fix.text import rewritten
from imagespec.fix.values import List, Map, Refused, Value, Way, edited, inside, value, value_of
from imagespec.spec.extends import Tree
from imagespec.spec.source import compose


class Moved(Exception):
    """What an edit is about is not any more what it was: another edit was there first."""


@dataclass(frozen=True, slots=True)
class _Planned:
    """An edit with its place, and what stood there when it was planned."""

    edit: Edit
    spot: Spot
    before: Value


@dataclass(frozen=True, slots=True)
class Fix:
    """A finding of a spec, with the places of its edits; `start` is where the first of them begins in its file."""

    finding: Diagnostic
    seen: Seen
    planned: tuple[_Planned, ...]
    start: float


def plan(finding: Diagnostic, seen: Seen) -> Fix:
    """Find the places of a fix. Raises `Refused`."""
    if seen.tree is None or seen.examined.parsed is None:
        raise Refused("the spec cannot be read")
    tops = {name: _composed(source) for name, source in seen.tree.sources.items()}
    # what is wrong with the shape is said about everything written, the rest about what remains without that
    tree = seen.tree if finding.code.startswith("IS1") else seen.examined.parsed.tree
    planned = [_planned(edit, finding, tree, seen.own, tops) for edit in finding.fix]
    first = planned[0].spot
    start: float = at(tops[first.file], first.path).start_mark.index
    if isinstance(planned[0].edit, Add):  # what goes below an item moves nothing, a new section all behind it
        start = float("inf") if first.path else -1
    return Fix(finding, seen, tuple(planned), start)


def _planned(edit: Edit, finding: Diagnostic, tree: Tree, own: str, tops: dict[str, yaml.MappingNode]) -> _Planned:
    file = str(finding.span.source.path)
    if finding.code in ("IS102", "IS105") and isinstance(edit, Rename | Remove) and file in tops:  # said about one file
        if (path := _key_at(tops[file], finding.span)) is not None:
            return _Planned(edit, Spot(file, path), _there(value_of(tops[file]), path))
    found = spot(edit, edit.route, tree, own, tops)
    return _Planned(edit, found, _known(edit, found, value_of(tops[found.file])))


def _known(edit: Edit, place: Spot, whole: Value) -> Value:
    """What must still stand at a place when it is edited; for what is added, what stands beside it."""
    here = _there(whole, place.path)
    if not isinstance(edit, Add):
        return here
    if not place.path or not isinstance(here, Map):
        return Map(())
    return Map(tuple(pair for pair in here.pairs if pair[0].text != place.rest[0]))


def _key_at(node: yaml.Node, span: Span) -> Way | None:
    """The path to the very key that stands at a place: its route leads to another one where a key stands twice."""
    for index, child in enumerate(children(node)):
        if isinstance(node, yaml.MappingNode):
            mark = node.value[index][0].start_mark
            if (mark.line + 1, mark.column + 1) == (span.line, span.column):
                return (index,)
        if (below := _key_at(child, span)) is not None:
            return (index, *below)
    return None


def _there(whole: Value, path: Way) -> Value:
    """What stands at a path, with its key."""
    holder, here = (inside(whole, path[:-1]), inside(whole, path)) if path else (whole, whole)
    return Map(((holder.pairs[path[-1]][0], here),)) if path and isinstance(holder, Map) else here


def mended(fix: Fix, texts: Texts) -> dict[str, str]:
    """The texts that a fix changes, made from the texts of all files as they are now. Raises `Refused` and `Moved`."""
    changed: dict[str, str] = {}
    for each in fix.planned:
        now = {**texts, **changed}
        new = _one(each, fix.seen.path, now)
        if new is not None:
            changed[each.spot.file] = new
    return changed


def _one(planned: _Planned, spec: Path, texts: Texts) -> str | None:
    edit, place = planned.edit, planned.spot
    source = Source(Path(place.file), texts[place.file])
    top = _composed(source)
    before = value_of(top)
    try:
        if _known(edit, place, before) != planned.before:
            raise Moved
    except IndexError:
        raise Moved from None
    if isinstance(edit, Add):
        path, rest = follow(at(top, place.path), place.rest)
        place = Spot(place.file, place.path + path, rest)
        if not rest and _holds(inside(before, place.path), edit):
            return None
    new = rewritten(Written(source.text, top), place.path, edit, place.rest)
    top_after = compose(Source(source.path, new))
    if not isinstance(top_after, yaml.MappingNode) or value_of(top_after) != edited(
        before, place.path, edit, place.rest
    ):
        raise Refused("it cannot be edited without changing something else")
    if not isinstance(edit, Rename):  # another key merges otherwise, as its author meant it to
        check_merged(edit, place, top, spec, texts, new)
    return new


def _holds(holder: Value, edit: Add) -> bool:
    """Whether what is to be added is there: another finding asked for the same."""
    if isinstance(holder, List):
        return not edit.key and value(edit.value) in holder.items
    return isinstance(holder, Map) and any(k.text == edit.key and v == value(edit.value) for k, v in holder.pairs)


def _composed(source: Source) -> yaml.MappingNode:
    top = compose(source)
    if not isinstance(top, yaml.MappingNode):
        raise Refused("the file is no map of keys")
    return top
