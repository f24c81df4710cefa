"""What pydantic refuses in a spec -> findings in the words of the language, with what to write instead."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import yaml
from pydantic_core import ErrorDetails

from imagespec.diagnostic import Diagnostic, Rename, Replace, Route, did_you_mean, only_one_near
from imagespec.spec import codes
from imagespec.spec.extends import Tree
from imagespec.spec.schema import keys_at
from imagespec.spec.source import find
from imagespec.spec.values import NULL, Unwanted, construct, holds_odd

UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")
_NEEDED = {
    "string_type": "text",
    "tuple_type": "a list",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "mapping_type": "a map",
    "dict_type": "a map",
    "model_type": "a map",
    "dataclass_type": "a map",
}
_UNION = ("str", "tuple[str, ...]", "`tuple[str, ...]`", "float", "int")
"""What pydantic adds to the route of an error for each member of a union."""


def route_of(detail: ErrorDetails) -> Route:
    """The keys and indices that lead to what an error is about."""
    route = detail["loc"]
    return route[:-1] if len(route) > 1 and route[-1] in _UNION and detail["type"] in _NEEDED else route


def explain(errors: Iterable[ErrorDetails], tree: Tree) -> Iterator[Diagnostic]:
    """A finding for each place, for all the ways in which a value could be no member of a union one."""
    seen: set[Route] = set()
    for detail in errors:
        route = route_of(detail)
        if route not in seen or detail["type"] == "missing":
            seen.add(route)
            yield _finding(detail, route, tree)


def _finding(detail: ErrorDetails, route: Route, tree: Tree) -> Diagnostic:
    kind, key = detail["type"], route[-1] if route else ""
    if kind in UNKNOWN:
        hint, fix = _known(str(key), route[:-1]), _renamed(str(key), route)
        return codes.UNKNOWN_KEY.at(tree.span(route, key=True), f"unknown key `{key}`", hint, fix)
    if kind == "missing":
        return codes.MISSING.at(tree.span(route[:-1], key=True), f"`{key}` is missing here", f"add `{key}: …`")
    if kind in _NEEDED:
        return _wrong_type(_NEEDED[kind], route, tree)
    if kind == "literal_error":
        choices = str(detail.get("ctx", {}).get("expected", "")).replace("'", "`").replace("True", "`true`")
        return codes.CHOICE.at(tree.span(route), f"`{key}` must be {choices}")
    if kind in ("one_key", "one_source"):
        return _one_of(detail["msg"], route, tree)
    if kind == "package_to":
        return codes.WRONG_TYPE.at(tree.span((*route, "to"), key=True), detail["msg"])
    code = codes.MISSING if kind == "source_to" else codes.WRONG_TYPE
    return code.at(tree.span(route), detail["msg"])


def _known(key: str, holder: Route) -> str:
    """A hint for a key that does not belong where it stands: the one that was meant, or where it belongs."""
    near = did_you_mean(key, keys_at(holder))
    if near and (holder or f"{key}s" in keys_at(())):
        return near
    deeper = [(*holder, each) for each in keys_at(holder)]
    deeper += [] if holder else [("base", form) for form in keys_at(("base",))]
    below = sorted(f"`{'.'.join(map(str, route[len(holder) :]))}`" for route in deeper if key in keys_at(route))
    if below:
        return f"`{key}` belongs below {' or '.join(below)}"
    if key in keys_at(()):
        return f"`{key}` belongs at the top of the spec"
    return near or (f"`{key}` belongs below `steps`" if key in keys_at(("steps", 0)) else _keys(holder))


def _renamed(key: str, route: Route) -> tuple[Rename, ...]:
    """The fix of a misspelt key: the only one that it can be."""
    near = only_one_near(key, keys_at(route[:-1]))
    return (Rename(route, near),) if near else ()


def _keys(holder: Route) -> str:
    known = ", ".join(f"`{key}`" for key in sorted(keys_at(holder)))
    return f"known here: {known}" if known else "write `name: value`"


def _one_of(message: str, route: Route, tree: Tree) -> Diagnostic:
    node = find(tree.node, route)
    keys = [key.value for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []
    if route and route[0] == "steps":
        hint = "begin each method with a `- ` of its own" if keys else "name a method, for example `apt_install: [git]`"
    elif route and route[0] == "source":
        keys = [key for key in keys if key in ("package", "file", "dir")]
        hint = "keep one of them" if keys else "say what to add"
    else:
        hint = "keep one of them" if keys else _keys(route)
    at = tree.span((*route, keys[1]), key=True) if len(keys) > 1 else tree.span(route)
    return codes.ONE_OF.at(at, message, hint)


def _wrong_type(needed: str, route: Route, tree: Tree) -> Diagnostic:
    node, span = find(tree.node, route), tree.span(route)
    if not isinstance(node, yaml.ScalarNode):
        what = "list" if isinstance(node, yaml.SequenceNode) else "map"
        hint = _instead_of_many(needed, node, route)
        return codes.WRONG_TYPE.at(span, f"{needed} is needed here, not a {what}", hint, _alone(needed, node, route))
    value = construct(node)
    if value is None:
        return no_value(route, tree)
    if isinstance(value, str):
        hint = _instead_of_text(needed, value, route)
        fix = _without_quotes(needed, value, route)
        return codes.WRONG_TYPE.at(span, f"{needed} is needed here, not text", hint, fix)
    read_as = _read_as(value)
    if needed == "text":
        message, hint = f"YAML reads `{node.value}` as {read_as}, not as text", f'quote it: "{node.value}"'
        return codes.TRAP.at(span, message, hint, (Replace(route, node.value),))
    if isinstance(value, Unwanted):
        hint = "write the number in plain digits" if "number" in needed else ""
        return codes.TRAP.at(span, f"{needed} is needed here, and YAML reads `{node.value}` as {read_as}", hint)
    hint = _keys(route) if needed == "a map" else ""
    return codes.WRONG_TYPE.at(span, f"{needed} is needed here, not {read_as}", hint)


def _instead_of_many(needed: str, node: yaml.Node, route: Route) -> str:
    if isinstance(node, yaml.SequenceNode):
        return _keys(route) if needed == "a map" else "write the value alone, without brackets or dashes"
    if needed == "a list":
        return "begin each item with `- `"
    return "a `: ` makes a map; quote the text if it is part of it" if len(node.value) == 1 else ""


def _instead_of_text(needed: str, text: str, route: Route) -> str:
    match needed:
        case "a list":
            if keys_at((*route, 0)):
                return f"begin each item with `- `; {_keys((*route, 0))}"
            return f"write it as a list: [{text}]" if "\n" not in text else "begin each item with `- `"
        case "a map":
            return f"give it what it takes: `{text}: …`" if text in keys_at(route) else _keys(route)
        case "true or false":
            return "without quotes" if text.lower() in ("yes", "no", "true", "false", "on", "off") else ""
        case _:
            return "without quotes" if re.fullmatch(r"\d+(\.\d+)?", text) else ""


def _alone(needed: str, node: yaml.Node, route: Route) -> tuple[Replace, ...]:
    """The one text of a list, where text is needed."""
    if needed != "text" or not isinstance(node, yaml.SequenceNode) or len(node.value) != 1:
        return ()
    only = construct(node.value[0])
    return (Replace(route, str(only)),) if isinstance(only, str) else ()


def _without_quotes(needed: str, text: str, route: Route) -> tuple[Replace, ...]:
    """Text that says what is needed: `"true"`, `"60"`, the one word that a list is to hold."""
    match needed:
        case "a list" if re.fullmatch(r"[^\s,\[\]{}]+", text) and not keys_at((*route, 0)):
            return (Replace(route, [text]),)
        case "true or false" if text.lower() in ("yes", "true", "on", "no", "false", "off"):
            return (Replace(route, text.lower() in ("yes", "true", "on")),)
        case "a whole number" if re.fullmatch(r"[1-9]\d{0,8}", text):
            return (Replace(route, int(text)),)
        case _:
            return ()


def _read_as(value: object) -> str:
    if isinstance(value, Unwanted):
        return value.read_as
    return str(value).lower() if isinstance(value, bool) else f"the number {value}"


# ------------------------------------------------------------------------------ what pydantic lets pass


def odd_values(tree: Tree) -> Iterator[Diagnostic]:
    """Keys and items without a value, but for the few places that give null a meaning; and in the arguments of
    functions, which may be anything, values that YAML reads as something else than they look like."""

    def visit(node: yaml.Node, route: Route, anything: bool) -> Iterator[Diagnostic]:
        if isinstance(node, yaml.ScalarNode):
            if node.tag == NULL and not anything:
                yield no_value(route, tree)
            elif holds_odd(node.value) and not node.style:
                message = "typographic quotes, which are part of the text for YAML"
                fix = Replace(route, node.value[1:-1])
                yield codes.TRAP.at(tree.span(route), message, 'write straight ones: "…"', (fix,))
            elif anything:
                yield from _odd_argument(node, route, tree)
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                yield from visit(item, (*route, index), anything)
        else:
            for key, value in node.value:
                if not _null_has_meaning(route, key.value) or not isinstance(value, yaml.ScalarNode):
                    yield from visit(value, (*route, key.value), anything or key.value in ("args", "kwargs"))

    return visit(tree.node, (), False)


def _odd_argument(node: yaml.ScalarNode, route: Route, tree: Tree) -> Iterator[Diagnostic]:
    value = construct(node)
    if isinstance(value, bool) and node.value.lower() not in ("true", "false"):
        value = Unwanted(node.value, str(value).lower())
    if isinstance(value, Unwanted):
        hint = f'quote it, "{node.value}", or write what is meant'
        yield codes.TRAP.at(tree.span(route), f"YAML reads `{node.value}` as {value.read_as}", hint)


def _null_has_meaning(route: Route, key: str) -> bool:
    """A variable of a build step that is unset, arguments of a function, a Poetry that is there already."""
    return key in ("args", "kwargs", "poetry_version") or (len(route) > 1 and route[-1] == "env")


def no_value(route: Route, tree: Tree) -> Diagnostic:
    """A place without a value; of a shorthand, the key that it stands at."""
    while len(route) > 1 and find(tree.node, route[:-1]) is find(tree.node, route):
        route = route[:-1]
    last = route[-1]
    what, hint = f"`{last}` has no value", 'remove it, or write `[]`, `{}` or `""`'
    if isinstance(last, int):
        what, hint = "an item without a value", 'remove it, or write `""`'
    return codes.NO_VALUE.at(tree.span(route, key=isinstance(last, str)), what, hint)
