"""A spec file -> `Parsed`: the checked `Spec`, with findings for everything that is wrong with its shape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from imagespec.diagnostic import Diagnostic, Route, Span, did_you_mean
from imagespec.spec import codes
from imagespec.spec.effects import without_effect
from imagespec.spec.extends import Reader, Tree
from imagespec.spec.operations import Text
from imagespec.spec.schema import Spec, keys_at
from imagespec.spec.source import find


@dataclass(frozen=True, slots=True)
class Parsed:
    """A spec and where everything in it stands.

    Where the shape of the file is wrong, `spec` is what remains without the wrong parts, so that the rest can be
    checked too; `whole` is False then, and it must not be built.
    """

    path: Path
    spec: Spec
    tree: Tree
    diagnostics: tuple[Diagnostic, ...]
    whole: bool

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def partial(self) -> bool:
        """Only there to be extended."""
        return self.name.startswith("_")


def parse(path: Path, reader: Reader | None = None) -> Parsed | tuple[Diagnostic, ...]:
    """Read and check the shape of one spec. Where there is nothing to check, the findings alone."""
    tree = (reader or Reader()).load(path)
    if not isinstance(tree, Tree):
        return tree
    data = construct(tree.node)
    found = [*tree.diagnostics, *(_nulls(tree) if _holds_null(data) else ())]
    try:
        spec = Spec.model_validate(data, context=tree.roots)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
        found += _explain(errors, tree)
        for detail in errors:
            _remove(data, detail)
        try:
            spec = Spec.model_validate(data, context=tree.roots)
        except ValidationError:
            return tuple(found)
    parsed = Parsed(path, spec, tree, (), whole=False)
    if not parsed.partial and not any(d.severity == "error" for d in tree.diagnostics):
        found += _incomplete(spec, tree)
    return replace(parsed, diagnostics=tuple(found), whole=not any(d.severity == "error" for d in found))


def _incomplete(spec: Spec, tree: Tree) -> Iterator[Diagnostic]:
    """What a spec that is to be built may not lack, and what has no effect in it."""
    for route, why in without_effect(spec):
        at = tree.span(route, key=True)
        yield codes.NO_EFFECT.at(at, f"`{route[-1]}` has no effect: {why}", "remove it")
    if find(tree.node, ("base",)) is tree.node:
        hint = 'add one, for example `base: {debian_slim: "3.12"}`'
        yield codes.MISSING.at(tree.top(), "the spec has no base", hint)


def construct(node: yaml.Node) -> Any:
    """Plain values of YAML nodes; text remembers its file."""
    if isinstance(node, yaml.ScalarNode):
        return _SCALARS.get(node.tag, _text)(node)
    if isinstance(node, yaml.SequenceNode):
        return [construct(item) for item in node.value]
    return {key.value: construct(value) for key, value in node.value if isinstance(key, yaml.ScalarNode)}


@dataclass(frozen=True, slots=True)
class _Unwanted:
    """A value of a kind that no key takes: a date, a number that is none."""

    text: str


def _text(node: yaml.ScalarNode) -> Text:
    text = Text(node.value)
    text.file = node.start_mark.name
    return text


def _number(node: yaml.ScalarNode) -> Any:
    constructor = yaml.constructor.SafeConstructor()
    try:
        if node.tag.endswith("int"):
            return constructor.construct_yaml_int(node)
        return constructor.construct_yaml_float(node)
    except ValueError:
        return _Unwanted(node.value)


_SCALARS: dict[str, Any] = {
    "tag:yaml.org,2002:int": _number,
    "tag:yaml.org,2002:float": _number,
    "tag:yaml.org,2002:bool": lambda node: node.value.lower() in ("yes", "true", "on"),
    "tag:yaml.org,2002:null": lambda node: None,
    "tag:yaml.org,2002:timestamp": lambda node: _Unwanted(node.value),
}


def _holds_null(data: Any) -> bool:
    values = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return any(value is None or (isinstance(value, dict | list) and _holds_null(value)) for value in values)


def _nulls(tree: Tree) -> Iterator[Diagnostic]:
    """Keys and items without a value, but for the few places that give null a meaning."""

    def visit(node: yaml.Node, route: Route) -> Iterator[Diagnostic]:
        if isinstance(node, yaml.ScalarNode):
            if node.tag == "tag:yaml.org,2002:null":
                what = f"`{route[-1]}` has no value" if isinstance(route[-1], str) else "an item without a value"
                span = tree.span(route, key=isinstance(route[-1], str))
                yield codes.NO_VALUE.at(span, what, 'remove it, or write `[]`, `{}` or `""`')
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                yield from visit(item, (*route, index))
        else:
            for key, value in node.value:
                if not _null_has_meaning(route, key.value):
                    yield from visit(value, (*route, key.value))

    return visit(tree.node, ())


def _null_has_meaning(route: Route, key: str) -> bool:
    """A variable of a build step that is unset, arguments of a function, a Poetry that is there already."""
    return key in ("args", "kwargs", "poetry_version") or (len(route) > 1 and route[-1] == "env")


def _remove(data: dict[str, Any], detail: ErrorDetails) -> None:
    """Take out what an error is about: an unknown key alone, else the whole section."""
    *way, last = detail["loc"]
    if detail["type"] in _UNKNOWN:
        holder: Any = data
        for step in way:
            try:
                holder = holder[step]
            except (KeyError, IndexError, TypeError):
                return
        if isinstance(holder, dict):
            holder.pop(last, None)
            return
    data.pop(str(detail["loc"][0]), None)


_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")
_NEEDED = {
    "string_type": "text is needed here",
    "tuple_type": "a list is needed here",
    "bool_type": "true or false is needed here",
    "int_type": "a whole number is needed here",
    "float_type": "a number is needed here",
    "mapping_type": "a map is needed here",
    "dict_type": "a map is needed here",
    "model_type": "a map is needed here",
    "dataclass_type": "a map is needed here",
}
_UNION = ("str", "tuple[str, ...]", "`tuple[str, ...]`", "float", "int")
"""What pydantic adds to the route of an error for each member of a union."""


def _explain(errors: list[ErrorDetails], tree: Tree) -> Iterator[Diagnostic]:
    seen: set[Route] = set()
    for detail in errors:
        route = detail["loc"]
        if len(route) > 1 and route[-1] in _UNION and detail["type"] in _NEEDED:
            route = route[:-1]
        if route not in seen or detail["type"] == "missing":
            seen.add(route)
            yield _finding(detail, route, tree)


def _finding(detail: ErrorDetails, route: Route, tree: Tree) -> Diagnostic:
    kind, key = detail["type"], route[-1] if route else ""
    if kind in _UNKNOWN:
        known = keys_at(route[:-1])
        few = f"known here: {', '.join(f'`{k}`' for k in sorted(known))}" if len(known) <= 12 else "see: imagespec schema"
        return codes.UNKNOWN_KEY.at(tree.span(route, key=True), f"unknown key `{key}`", did_you_mean(str(key), known) or few)
    if kind == "missing":
        return codes.MISSING.at(tree.span(route[:-1], key=True), f"`{key}` is missing here", "")
    if kind in _NEEDED:
        return _wrong_type(_NEEDED[kind], route, tree)
    if kind == "literal_error":
        choices = str(detail.get("ctx", {}).get("expected", "")).replace("'", "`")
        return codes.CHOICE.at(tree.span(route), f"`{key}` must be {choices}")
    if kind in ("one_key", "one_source"):
        hint = f"one of {', '.join(f'`{k}`' for k in keys_at(route))}" if route == ("base",) else ""
        return codes.ONE_OF.at(tree.span(route), detail["msg"], hint)
    code = codes.MISSING if kind == "source_to" else codes.WRONG_TYPE
    return code.at(tree.span(route), detail["msg"])


def _wrong_type(needed: str, route: Route, tree: Tree) -> Diagnostic:
    node = find(tree.node, route)
    span = tree.span(route)
    if not isinstance(node, yaml.ScalarNode):
        is_list = isinstance(node, yaml.SequenceNode)
        hint = "" if not is_list or "text" not in needed else "write the value alone, without brackets or dashes"
        if not is_list and "map" not in needed and len(node.value) == 1:
            hint = "a `: ` makes a map; quote the text if it is part of it"
        return codes.WRONG_TYPE.at(span, f"{needed}, not a {'list' if is_list else 'map'}", hint)
    kind = node.tag.rpartition(":")[2]
    if kind == "str":
        hint = f"write it as a list: [{node.value}]" if "list" in needed and "\n" not in node.value else ""
        if "true or false" in needed or "number" in needed:
            hint = "without quotes"
        return codes.WRONG_TYPE.at(span, f"{needed}, not text", hint)
    read_as = _read_as(node)
    if "text" in needed:
        return codes.TRAP.at(span, f"YAML reads `{node.value}` as {read_as}, not as text", f'quote it: "{node.value}"')
    return codes.WRONG_TYPE.at(span, f"{needed}, not {read_as}")


def _read_as(node: yaml.ScalarNode) -> str:
    value = construct(node)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"the number {value}"
    return "null" if value is None else "a date or an odd number"
