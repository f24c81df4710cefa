"""A YAML text and an edit at one of its nodes -> the text with that edit, every other character as it was.

A comment at the end of a line that is taken out goes with it; one on a line of its own stays.
"""

from __future__ import annotations

import json
from typing import Any

import yaml

from imagespec.diagnostic import Add, Edit, Remove, Rename, Replace, Route
from imagespec.fix.layout import Written, children
from imagespec.fix.scalars import block, flow, item, scalar
from imagespec.fix.values import Refused, Way, content, nested
from imagespec.spec.schema import keys_at
from imagespec.spec.source import last_of


def rewritten(written: Written, path: Way, edit: Edit, rest: Route = ()) -> str:
    """The text with an edit at `path`; `rest` are the keys of its route that are not there yet. Raises `Refused`."""
    match edit:
        case Remove():
            return _without(written, path)
        case Replace():
            return _replaced(written, path, edit)
        case Rename():
            return _renamed(written, path, edit.key)
        case Add():
            return _with(written, path, edit, rest)


# ------------------------------------------------------------------------------------------------ remove


def _without(written: Written, path: Way) -> str:
    if not path:
        raise Refused("nothing would be left of the file")
    holder, index = written.holder(path[:-1]), path[-1]
    if len(children(holder)) == 1:
        return _without(written, path[:-1])
    if holder.flow_style:
        return _out_of_brackets(written, holder, index)
    start, end = written.span(holder, index)
    if isinstance(holder, yaml.SequenceNode):
        start = written.dash(holder, index)
    comments = written.comments(holder, index, start, end)
    if written.begins_line(start):
        return written.text[: written.line_start(start)] + comments + written.text[written.line_end(end) :]
    if comments:
        raise Refused("comments stand inside")
    if index == 0 and isinstance(holder, yaml.MappingNode):
        return _first_of_item(written, holder, start, end)
    raise Refused("something else stands on its line")


def _first_of_item(written: Written, holder: yaml.MappingNode, start: int, end: int) -> str:
    """`- a: 1` without `a`: the next key moves up behind the dash, unless a comment is in between."""
    text, following = written.text, holder.value[1][0].start_mark.index
    if "#" not in text[end:following]:
        return text[:start] + text[following:]
    rest = written.rest(end)
    if rest is None:
        raise Refused("something else stands on its line")
    return text[:start].rstrip(" ") + text[rest.start(1) :]


def _out_of_brackets(written: Written, holder: yaml.Node, index: int) -> str:
    text = written.text
    start, end = written.span(holder, index)
    comma = written.comma(end)
    after = end if comma is None else comma + 1
    if written.comments(holder, index, start, after):
        raise Refused("comments stand inside")
    if written.begins_line(start) and (rest := written.rest(after)):  # lines of its own
        return text[: written.line_start(start)] + text[rest.end() :]
    if comma is not None:
        if written.rest(after):
            return text[:start].rstrip(" \t") + text[after:]
        return text[:start] + text[after:].lstrip(" \t")
    before = written.span(holder, index - 1)[1]
    comma = written.comma(before)
    if comma is None:
        raise Refused("there is no comma before it")
    kept = text[comma + 1 : start] if "#" in text[comma:start] else ""
    return text[:comma] + kept + text[end:]


# --------------------------------------------------------------------------------------- replace, rename


def _replaced(written: Written, path: Way, edit: Replace) -> str:
    node = written.node(path)
    start, end = node.start_mark.index, written.end(node)
    if path:
        written.span(written.node(path[:-1]), path[-1])  # refuses an alias
    old, text = written.text[start:end], written.text
    if not old or ("#" in old and "\n" in old):
        raise Refused("comments may stand inside")
    if isinstance(node, yaml.ScalarNode):
        return text[:start] + _flow(written, edit.value, str(node.style or "").strip("|>")) + text[end:]
    assert isinstance(node, yaml.MappingNode | yaml.SequenceNode)
    if not node.flow_style:  # brackets go on the line of the key
        return f"{text[:start].rstrip()} {flow(edit.value)}{text[end:]}"
    return text[:start] + _flow(written, edit.value) + text[end:]


def _renamed(written: Written, path: Way, key: str) -> str:
    holder = written.node(path[:-1])
    if not isinstance(holder, yaml.MappingNode):
        raise Refused("there is no key to rename")
    old = holder.value[path[-1]][0]
    start, end = old.start_mark.index, old.end_mark.index
    return written.text[:start] + scalar(key, str(old.style or "").strip("|>")) + written.text[end:]


# --------------------------------------------------------------------------------------------------- add


def _with(written: Written, path: Way, edit: Add, rest: Route) -> str:
    holder = written.holder(path)
    in_map, what = content(edit)
    if rest:
        in_map, what = True, nested(rest, what if in_map else [what])
    quotes = written.quotes(holder)
    if holder.flow_style:
        entry = _flow(written, what, quotes)
        return _into_brackets(written, holder, entry[1:-1] if in_map else entry)
    if in_map and isinstance(holder, yaml.MappingNode):
        after = len(holder.value) - 1 if path else _last_before(next(iter(what)), holder)
        column, lines = written.column(written.first(holder)), block(what, quotes)
    elif not in_map and isinstance(holder, yaml.SequenceNode):
        after = len(holder.value) - 1
        column = written.column(written.dash(holder, after))
        in_brackets = getattr(holder.value[-1], "flow_style", False)
        lines = [f"- {flow(what, quotes)}"] if in_brackets else item(what, quotes)
    else:
        raise Refused("it is written in a form that has no room for it")
    end = written.span(holder, after)[1]
    if isinstance(last := last_of(children(holder)[after]), yaml.ScalarNode) and last.style in ("|", ">"):
        if end == len(written.text) and not written.text.endswith("\n"):
            raise Refused("the text in a block that the file ends with would gain a line end: end its last line")
    return _lines_after(written, end, column, lines)


def _flow(written: Written, plain: Any, quotes: str = "") -> str:
    return json.dumps(plain, ensure_ascii=False) if written.is_json else flow(plain, quotes)


def _last_before(key: str, top: yaml.MappingNode) -> int:
    """Which of the sections of a spec a new one comes after, in the order in which the reference has them."""
    order = keys_at(())
    known = {name: place for place, name in enumerate(order[: order.index(key)] if key in order else order)}
    before = [index for index, (other, _) in enumerate(top.value) if other.value in known]
    return max(before, key=lambda index: known[top.value[index][0].value]) if before else len(top.value) - 1


def _lines_after(written: Written, end: int, column: int, lines: list[str]) -> str:
    """New lines below the one that ends at `end`, and below the comments that are indented further than they are."""
    text, newline = written.text, written.newline
    at = written.line_end(end)
    while at < len(text):
        line_end = text.find("\n", at) + 1 or len(text)
        line = text[at:line_end]
        if not line.lstrip(" ").startswith("#") or len(line) - len(line.lstrip(" ")) <= column:
            break
        at = line_end
    new = newline.join(" " * column + line for line in lines)
    return text[:at] + (new + newline if text[:at].endswith("\n") else newline + new) + text[at:]


def _into_brackets(written: Written, holder: yaml.MappingNode | yaml.SequenceNode, entry: str) -> str:
    text = written.text
    count = len(children(holder))
    if not count:
        close = holder.end_mark.index - 1
        if "#" in text[holder.start_mark.index : close]:
            raise Refused("comments stand inside")
        opened = len(text[:close].rstrip())
        return text[:opened] + entry + text[close:]
    start, end = written.span(holder, count - 1)
    comma = written.comma(end)
    after = end if comma is None else comma + 1
    rest = written.rest(after)
    if written.begins_line(start) and rest is not None and rest[1]:  # a line for each
        indent = text[written.line_start(start) : start]
        between = text[end:after] if comma is not None else ","
        tail = "," if comma is not None else ""
        return (
            text[:end] + between + text[after : rest.start(1)] + rest[1] + indent + entry + tail + text[rest.start(1) :]
        )
    if comma is None:
        return f"{text[:end]}, {entry}{text[end:]}"
    return f"{text[:after]} {entry},{text[after:]}"
