"""Nodes of a YAML text -> where their characters, lines, commas, dashes and comments are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from imagespec.fix.values import Refused, Way
from imagespec.spec.source import last_of

_REST = re.compile(r"[ \t]*(?:(?<=[ \t,\]}])#[^\r\n]*)?(\r?\n|\Z)")
_PROPERTY = re.compile(r"[&!]\S*")
_OWN_LINE = re.compile(r"^[ \t]*(#).*\n?", re.MULTILINE)
_GAP = re.compile(r"(?:\s|(?<=\s)#[^\r\n]*|(?<=[,\[{])#[^\r\n]*)*")


@dataclass(frozen=True, slots=True)
class Written:
    """A YAML text with its nodes."""

    text: str
    top: yaml.MappingNode

    @property
    def newline(self) -> str:
        return "\r\n" if "\r\n" in self.text else "\n"

    @property
    def is_json(self) -> bool:
        """Whether it is JSON, as all of its readers expect it to stay."""
        try:
            json.loads(self.text)
        except (ValueError, RecursionError):
            return False
        return True

    def node(self, path: Way) -> yaml.Node:
        return at(self.top, path)

    def holder(self, path: Way) -> yaml.MappingNode | yaml.SequenceNode:
        node = self.node(path)
        if not isinstance(node, yaml.MappingNode | yaml.SequenceNode):
            raise Refused("it is written in a form that has no room for it")
        return node

    def line_start(self, at: int) -> int:
        return self.text.rfind("\n", 0, at) + 1

    def begins_line(self, at: int) -> bool:
        """Whether only blanks stand before a place on its line."""
        return not self.text[self.line_start(at) : at].strip(" \t")

    def column(self, at: int) -> int:
        return at - self.line_start(at)

    def rest(self, at: int) -> re.Match[str] | None:
        """What follows on the line, if that is blanks and a comment at most; its group is the end of the line."""
        return _REST.match(self.text, at)

    def line_end(self, at: int) -> int:
        """Behind the end of the line, which must hold nothing more than a comment."""
        rest = self.rest(at)
        if rest is None:
            raise Refused("something else stands on its line")
        return rest.end()

    def comma(self, at: int) -> int | None:
        """The comma that follows in a list or map in brackets, past blanks, line ends and comments."""
        gap = _GAP.match(self.text, at)
        assert gap is not None
        return gap.end() if self.text[gap.end() : gap.end() + 1] == "," else None

    def span(self, holder: yaml.Node, index: int) -> tuple[int, int]:
        """Where a child begins and ends: an item without its dash, a pair from its key on."""
        if isinstance(holder, yaml.MappingNode):
            key, value = holder.value[index]
            start, end = key.start_mark.index, self.end(value)
            end = max(end, key.end_mark.index) if not value.value else end
        else:
            start, end = holder.value[index].start_mark.index, self.end(holder.value[index])
        if not holder.start_mark.index <= start <= end <= holder.end_mark.index:
            raise Refused("its value is that of an alias")
        return start, end

    def end(self, node: yaml.Node) -> int:
        """Where the characters of a node end, without the blank lines and comments after it."""
        last = last_of(node)
        if not (isinstance(last, yaml.ScalarNode) or last.flow_style):
            raise Refused("it ends with the value of an alias")
        start, end = last.start_mark.index, last.end_mark.index
        return int(start + len(self.text[start:end].rstrip()))

    def first(self, holder: yaml.Node) -> int:
        """Where a list or map begins, past its anchor; that of its first key is none of it."""
        at = int(holder.start_mark.index)
        key = holder.value[0][0].start_mark.index if isinstance(holder, yaml.MappingNode) and holder.value else None
        while at != key and (found := _PROPERTY.match(self.text, at)):
            gap = _GAP.match(self.text, found.end())
            assert gap is not None
            at = gap.end()
        return at

    def dash(self, holder: yaml.SequenceNode, index: int) -> int:
        """Where the dash of an item stands: in the column in which the list begins."""
        first = self.first(holder)
        column = self.column(first)
        at = holder.value[index].start_mark.index
        while at > first:
            dash = self.line_start(at) + column
            if self.text[dash : dash + 1] == "-" and dash < at and self.begins_line(dash):
                return dash
            at = self.line_start(at) - 1
        return first

    def comments(self, holder: yaml.Node, index: int, start: int, end: int) -> str:
        """The comments on lines of their own in a stretch of the text that holds a child."""
        node = children(holder)[index]
        texts = [(each.start_mark.index, each.end_mark.index) for each in _scalars(node)]
        found = _OWN_LINE.finditer(self.text, self.line_start(start), end)
        return "".join(line[0] for line in found if not any(a <= line.start(1) < b for a, b in texts))

    def quotes(self, holder: yaml.Node) -> str:
        """The quotes of the last text among the children of a node."""
        scalars = [node for node in children(holder) if isinstance(node, yaml.ScalarNode)]
        return str(scalars[-1].style or "").strip("|>") if scalars else ""


def _scalars(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    if isinstance(node, yaml.ScalarNode):
        yield node
    for child in children(node):
        yield from _scalars(child)


def at(node: yaml.Node, path: Way) -> yaml.Node:
    """The node at the end of a path."""
    for index in path:
        node = children(node)[index]
    return node


def children(node: yaml.Node) -> list[yaml.Node]:
    """The items of a list, the values of a map."""
    if isinstance(node, yaml.SequenceNode):
        return list(node.value)
    return [value for _, value in node.value] if isinstance(node, yaml.MappingNode) else []
