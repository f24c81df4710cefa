"""A spec and what it extends -> one tree of YAML nodes.

Maps merge, lists concatenate (the parent's items first), scalars override. Three places are one value though they look
like more: `base` (a child's other kind of base replaces its parent's) and the lists `shell`, `entrypoint` and `cmd`.
Nodes keep the marks of the file that they come from.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from imagespec.diagnostic import Diagnostic, Remove, Rename, Route, Source, Span
from imagespec.spec import codes
from imagespec.spec.source import MAX_DEPTH, compose, find, read, span_of

MAX_VALUES = 100_000
MAX_KEYS = 1_000

_ONE_VALUE: frozenset[Route] = frozenset({("shell",), ("entrypoint",), ("cmd",)})
SHORTHAND: dict[Route, str] = {
    ("python",): "packages",
    ("conda",): "packages",
    ("run",): "commands",
    ("function",): "",
}
"""Sections that may be written as the value of one field: they merge as what they stand for."""


@dataclass(frozen=True, slots=True)
class Tree:
    """The merged nodes of a spec, and the files that they came from with the folder that each one's paths start at.

    `diagnostics` is what is wrong with any of these files, or with one that could not be read; `written_root` whether
    one of them says where paths start.
    """

    node: yaml.MappingNode
    sources: dict[str, Source]
    roots: dict[str, Path]
    root: Path
    written_root: bool
    diagnostics: tuple[Diagnostic, ...]

    def span(self, route: Route, *, key: bool = False) -> Span:
        """Where a route of keys stands."""
        node = find(self.node, route, key=key)
        return span_of(node, self.sources[node.start_mark.name])

    def top(self) -> Span:
        """The first character of the spec, for what is about the whole of it."""
        span = span_of(self.node, self.sources[self.node.start_mark.name])
        return span.source.at(span.line, span.column)


@dataclass(frozen=True, slots=True)
class _File:
    """One file with what it extends: `lineage` is every file that counts, ancestors first, each once."""

    source: Source
    own: yaml.MappingNode
    root: Path
    written_root: bool
    lineage: tuple[_File, ...]


@dataclass(slots=True)
class Reader:
    """Reads specs; a file that several of them extend is read once.

    `texts` are texts to read in the place of what files hold, by absolute path.
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    _files: dict[str, tuple[_File | None, tuple[Diagnostic, ...]]] = field(default_factory=dict)

    def load(self, path: Path) -> Tree | tuple[Diagnostic, ...]:
        """The merged tree of a spec; findings alone where there is none."""
        file, found = self._read(Path(os.path.abspath(path)), None, ())
        if file is None:
            return found
        lineage = (*file.lineage, file)
        node: yaml.Node = lineage[0].own
        for child in lineage[1:]:
            node = _merged(node, child.own, ())
        assert isinstance(node, yaml.MappingNode)
        sources = {str(each.source.path): each.source for each in lineage}
        roots = {str(each.source.path): each.root for each in lineage}
        return Tree(node, sources, roots, file.root, file.written_root, found)

    def _parent(self, path: Path, at: Span, family: tuple[str, ...]) -> tuple[_File | None, tuple[Diagnostic, ...]]:
        name = str(path)
        if name in family:
            chain = " -> ".join(Path(each).name for each in (*family[family.index(name) :], name))
            hint = "put what they share into a partial spec and extend that"
            return None, (codes.EXTENDS.at(at, f"`extends` goes in a circle: {chain}", hint),)
        if len(family) > MAX_DEPTH:
            return None, (
                codes.EXTENDS.at(at, f"more than {MAX_DEPTH} specs, each of which extends the next", "extend fewer"),
            )
        if name in self._files:
            return self._files[name]
        file, found = self._read(path, at, family)
        if file is not None:  # that it cannot be read is found anew wherever it is named
            self._files[name] = file, found
        return file, found

    def _read(
        self, path: Path, at: Span | None, family: tuple[str, ...]
    ) -> tuple[_File | None, tuple[Diagnostic, ...]]:
        source = Source(path, self.texts[str(path)]) if str(path) in self.texts else read(path, at)
        if isinstance(source, Diagnostic):
            return None, (source,)
        top = compose(source)
        if isinstance(top, Diagnostic):
            return None, (top,)
        found = list(_check(top, source))
        if any(d.code in (codes.TOO_MUCH.id, codes.YAML_FEATURE.id) for d in found):
            return None, tuple(found)
        own = {key.value: value for key, value in top.value}
        root, written = path.parent, False
        lineage: dict[str, _File] = {}
        for parent_path, span in _parents(path, source, own.get("extends"), found):
            parent, wrong = self._parent(parent_path, span, (*family, str(path)))
            found += wrong
            if parent is not None:
                lineage |= {str(each.source.path): each for each in (*parent.lineage, parent)}
                root, written = (parent.root, True) if parent.written_root else (root, written)
        if (text := _path(own.get("root"), source, "root", found)) is not None:
            root, written = path.parent / os.path.expanduser(text), True
            if not os.path.isdir(root):
                at = span_of(own["root"], source)
                found.append(codes.UNREADABLE.at(at, f"there is no folder `{text}`", "paths cannot begin there"))
        pairs = [(k, v) for k, v in top.value if k.value not in ("extends", "root")]
        node = yaml.MappingNode(top.tag, pairs, top.start_mark, top.end_mark)
        file = _File(source, node, Path(os.path.abspath(root)), written, tuple(lineage.values()))
        return file, tuple(found)


def _parents(path: Path, source: Source, extends: yaml.Node | None, found: list[Diagnostic]) -> list[tuple[Path, Span]]:
    items = extends.value if isinstance(extends, yaml.SequenceNode) else [] if extends is None else [extends]
    named = []
    for item in items:
        if (written := _path(item, source, "extends", found)) is not None:
            named.append((Path(os.path.abspath(path.parent / os.path.expanduser(written))), span_of(item, source)))
    return named


def _path(node: yaml.Node | None, source: Source, key: str, found: list[Diagnostic]) -> str | None:
    if node is None:
        return None
    if isinstance(node, yaml.ScalarNode) and node.tag == _TEXT and node.value:
        return str(node.value)
    hint = "write a path, or a list of paths" if key == "extends" else "write a path"
    found.append(codes.WRONG_TYPE.at(span_of(node, source), f"`{key}` needs a path", hint))
    return None


def _check(top: yaml.MappingNode, source: Source) -> list[Diagnostic]:
    """What no file may have, whatever it extends: keys twice, keys that are no text, tags, too much of anything."""
    found: list[Diagnostic] = []
    values = 0
    at: yaml.Node = top

    def visit(node: yaml.Node, depth: int, route: Route = ()) -> str:
        """Says what there is too much of, if anything, and leaves the section that it is in at `at`."""
        nonlocal values, at
        values += 1
        if values > MAX_VALUES:
            return f"more than {MAX_VALUES:,} values"
        if depth > MAX_DEPTH:
            return f"more than {MAX_DEPTH} levels: does an alias hold itself?"
        if node.tag not in _PLAIN:
            found.append(_tagged(node, source))
        if isinstance(node, yaml.ScalarNode):
            return ""
        if isinstance(node, yaml.SequenceNode):
            items = (visit(item, depth + 1, (*route, index)) for index, item in enumerate(node.value))
            return next((too_much for too_much in items if too_much), "")
        if len(node.value) > MAX_KEYS:
            return f"more than {MAX_KEYS:,} keys in one map"
        seen: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key, value in node.value:
            below = (*route, str(key.value))
            if depth == 0:
                at = key
            if not (key.tag == _TEXT and isinstance(key, yaml.ScalarNode) and key.value not in seen):
                found.append(_bad_key(key, value, seen, source, below))
            if isinstance(key, yaml.ScalarNode):
                seen.setdefault(key.value, (key, value))
            if too_much := visit(value, depth + 1, below):
                return too_much
        return ""

    if too_much := visit(top, 0):
        found.append(codes.TOO_MUCH.at(span_of(at, source), too_much, "write out what is meant"))
    return found


def _tagged(node: yaml.Node, source: Source) -> Diagnostic:
    tag = node.tag.replace("tag:yaml.org,2002:", "!!")
    return codes.YAML_FEATURE.at(span_of(node, source), f"tag `{tag}`: specs hold plain values only", "remove the tag")


def _bad_key(
    key: yaml.Node, value: yaml.Node, seen: dict[str, tuple[yaml.Node, yaml.Node]], source: Source, route: Route
) -> Diagnostic:
    span = span_of(key, source)
    if not isinstance(key, yaml.ScalarNode):
        return codes.YAML_FEATURE.at(span, "a key that is a list or a map", "keys are text")
    if key.tag == "tag:yaml.org,2002:merge":
        return codes.YAML_FEATURE.at(span, "the merge key `<<`", "share values through `extends`")
    if key.tag != _TEXT:
        kind = _KINDS.get(key.tag.rpartition(":")[2])
        if kind is None:
            return _tagged(key, source)
        message, hint = f"YAML reads the key `{key.value}` as {kind}", f'quote it: "{key.value}"'
        return codes.TRAP.at(span, message, hint, (Rename(route, key.value),))
    first, said = seen[key.value]
    message, hint = f"`{key.value}` stands here a second time", f"the first is on line {first.start_mark.line + 1}"
    return codes.DUPLICATE_KEY.at(span, message, hint, (Remove(route),) if _same(said, value) else ())


def _same(one: yaml.Node, other: yaml.Node) -> bool:
    """Whether two nodes hold the same, in the same order."""
    if isinstance(one, yaml.MappingNode) and isinstance(other, yaml.MappingNode):
        parts, others = ([each for pair in node.value for each in pair] for node in (one, other))
    elif isinstance(one, yaml.SequenceNode) and isinstance(other, yaml.SequenceNode):
        parts, others = one.value, other.value
    else:
        return type(one) is type(other) and (one.tag, one.value) == (other.tag, other.value)
    return len(parts) == len(others) and all(map(_same, parts, others))


_TEXT = "tag:yaml.org,2002:str"
_PLAIN = frozenset(
    f"tag:yaml.org,2002:{kind}"
    for kind in ("str", "int", "float", "bool", "null", "timestamp", "seq", "map", "value", "merge")
)
_KINDS = {
    "int": "a number",
    "float": "a number",
    "bool": "true or false",
    "null": "null",
    "timestamp": "a date",
    "value": "YAML's key for a default value",
}


def _merged(parent: yaml.Node, child: yaml.Node, route: Route) -> yaml.Node:
    if route in SHORTHAND:
        parent, child = _long(parent, route), _long(child, route)
    if isinstance(parent, yaml.MappingNode) and isinstance(child, yaml.MappingNode):
        if route == ("base",) and {k.value for k, _ in parent.value} != {k.value for k, _ in child.value}:
            return child
        pairs = {key.value: (key, value) for key, value in parent.value}
        for key, value in child.value:
            inherited = pairs.get(key.value)
            pairs[key.value] = (key, _merged(inherited[1], value, (*route, key.value)) if inherited else value)
        return yaml.MappingNode(child.tag, list(pairs.values()), child.start_mark, child.end_mark)
    if isinstance(parent, yaml.SequenceNode) and isinstance(child, yaml.SequenceNode) and route not in _ONE_VALUE:
        return yaml.SequenceNode(child.tag, parent.value + child.value, child.start_mark, child.end_mark)
    return child


def _long(node: yaml.Node, route: Route) -> yaml.Node:
    """A section that is written in short, as the map (of `function`, the list) that it stands for."""
    if route == ("function",):
        listed = [node] if not isinstance(node, yaml.SequenceNode) else node.value
        return yaml.SequenceNode("tag:yaml.org,2002:seq", listed, node.start_mark, node.end_mark)
    if not isinstance(node, yaml.SequenceNode):
        return node
    key = yaml.ScalarNode(_TEXT, SHORTHAND[route], node.start_mark, node.start_mark)
    return yaml.MappingNode("tag:yaml.org,2002:map", [(key, node)], node.start_mark, node.end_mark)
