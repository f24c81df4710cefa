"""A spec file -> `Parsed`: the checked `Spec`, with findings for everything that is wrong with its shape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from imagespec.diagnostic import Diagnostic, Route, did_you_mean
from imagespec.spec import codes
from imagespec.spec.effects import without_effect
from imagespec.spec.extends import Reader, Tree
from imagespec.spec.mistakes import UNKNOWN, explain, odd_values, route_of
from imagespec.spec.schema import Spec
from imagespec.spec.source import NAMES, find
from imagespec.spec.unfinished import unfinished
from imagespec.spec.values import construct, holds_odd


@dataclass(frozen=True, slots=True)
class Parsed:
    """A spec and where everything in it stands.

    Where the shape of the file is wrong, `spec` and `tree` are what remains without the wrong parts, so that the rest
    can be checked too; `whole` is False then, and it must not be built. `damaged` names the sections that lack a part.
    """

    path: Path
    spec: Spec
    tree: Tree
    diagnostics: tuple[Diagnostic, ...]
    whole: bool
    damaged: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def partial(self) -> bool:
        """Only there to be extended."""
        return self.name.startswith("_")

    def doubtful(self, place: Route) -> bool:
        """Whether what seems wrong with a section, or with one of its own keys, may only follow from what it lacks."""
        if not place or place[0] not in self.damaged or place[0] == "env":
            return False
        return isinstance(place[-1], str) and len(place) <= (3 if place[0] == "steps" else 2)


def parse(path: Path, reader: Reader | None = None) -> Parsed | tuple[Diagnostic, ...]:
    """Read and check the shape of one spec. Where there is nothing to check, the findings alone."""
    tree = (reader or Reader()).load(path)
    if not isinstance(tree, Tree):
        return tree
    data = construct(tree.node)
    found = [*tree.diagnostics, *(odd_values(tree) if holds_odd(data) else ())]
    found += [finding for source in tree.sources.values() for finding in unfinished(source)]
    if not NAMES.fullmatch(path.stem):
        hint = "rename the file: letters, digits, `_`, `-`, `+`, `.` and spaces"
        found.append(codes.NAME.at(tree.top(), f"an image cannot be called `{path.stem}`", hint))
    try:
        parsed = Parsed(path, Spec.model_validate(data, context=tree.roots), tree, (), whole=False)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
        found += explain(errors, tree)
        parsed = _sound_part(path, tree, errors)
    if not parsed.partial and not any(d.severity == "error" for d in tree.diagnostics):
        found += _incomplete(parsed, tree)
    return replace(parsed, diagnostics=tuple(found), whole=not any(d.severity == "error" for d in found))


def _incomplete(parsed: Parsed, tree: Tree) -> Iterator[Diagnostic]:
    """What a spec that is to be built may not lack, and what has no effect in it."""
    for route, why in without_effect(parsed.spec):
        if not parsed.doubtful(route):
            at = parsed.tree.span(route, key=True)
            yield codes.NO_EFFECT.at(at, f"`{route[-1]}` has no effect: {why}", "remove it")
    keys = [key.value for key, _ in tree.node.value]
    if "base" not in keys and not any(did_you_mean(key, ["base"]) for key in keys):
        hint = 'add one, for example `base: {debian_slim: "3.12"}`'
        yield codes.MISSING.at(tree.top(), "the spec has no base", hint)


# ---------------------------------------------------------------------------------------- wrong parts


def _sound_part(path: Path, tree: Tree, errors: Sequence[ErrorDetails]) -> Parsed:
    """A spec without its wrong parts. As little as possible is taken out: what an error is about, and where the rest of
    a part cannot stand without that, the part."""
    damaged: set[str] = set()
    node: yaml.Node = tree.node
    spec = None
    while spec is None:
        damaged |= {str(e["loc"][0]) for e in errors if len(e["loc"]) > 1 or e["type"] not in UNKNOWN}
        gone = {id(find(node, route_of(error))) for error in errors} - {id(node)}
        gone = gone or {id(value) for _, value in node.value}  # what the errors are about cannot be told: all of it
        node = _without(node, gone)
        try:
            spec = Spec.model_validate(construct(node), context=tree.roots)
        except ValidationError as error:
            errors = error.errors(include_url=False, include_input=False)
    assert isinstance(node, yaml.MappingNode)
    return Parsed(path, spec, replace(tree, node=node), (), whole=False, damaged=frozenset(damaged))


def _without(node: yaml.Node, gone: set[int]) -> yaml.Node:
    """A copy of a node without the nodes of these ids, wherever they are."""
    if isinstance(node, yaml.SequenceNode):
        items = [_without(item, gone) for item in node.value if id(item) not in gone]
        return yaml.SequenceNode(node.tag, items, node.start_mark, node.end_mark, node.flow_style)
    if isinstance(node, yaml.MappingNode):
        pairs = [(key, _without(value, gone)) for key, value in node.value if id(value) not in gone]
        return yaml.MappingNode(node.tag, pairs, node.start_mark, node.end_mark, node.flow_style)
    return node
