"""What the form of code tells: what a function takes, whether it makes images, whether it yields."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from imagespec.adopt.modal.values import Defined, Reference, Scope, Unknown, Value
from imagespec.spec.operations import BASES, STEPS

_BUILDING = {"Image", "with_options", *BASES, *STEPS} - {"env", "shell", "cmd", "entrypoint", "workdir", "pipe"}
"""Names of which a function has one that makes an image, or says what it runs on."""


def bind(
    function: Defined,
    args: Sequence[Value],
    kwargs: dict[str, Value],
    inner: Scope,
) -> str:
    """Give the parameters of a function their values, in the scope of its call. Where they do not fit, why."""
    spec = function.node.args
    names = [each.arg for each in (*spec.posonlyargs, *spec.args)]
    if "**" in kwargs:
        return kwargs["**"].why if isinstance(kwargs["**"], Unknown) else "its arguments are not known"
    found = dict(zip(names, args, strict=False))
    if spec.vararg is not None:
        found[spec.vararg.arg] = tuple(args[len(names) :])
    elif len(args) > len(names):
        return f"`{function.name}` takes {len(names)} arguments, not {len(args)}"
    more = {}
    for name, value in kwargs.items():
        if name in names or name in [each.arg for each in spec.kwonlyargs]:
            found[name] = value
        else:
            more[name] = value
    if spec.kwarg is not None:
        found[spec.kwarg.arg] = more
    elif more:
        return f"`{function.name}` takes no argument `{next(iter(more))}`"
    for name in (*names, *(each.arg for each in spec.kwonlyargs)):
        if name not in found:
            if name not in function.defaults:
                return f"`{function.name}` lacks its argument `{name}`"
            found[name] = function.defaults[name]
    inner.names |= found
    return ""


def loaded(target: ast.expr) -> ast.expr:
    """What is assigned to, as an expression that is read."""
    match target:
        case ast.Name(id=name):
            return ast.Name(name, ast.Load())
        case ast.Attribute(value=value, attr=attr):
            return ast.copy_location(ast.Attribute(value, attr, ast.Load()), target)
        case ast.Subscript(value=value, slice=part):
            return ast.copy_location(ast.Subscript(value, part, ast.Load()), target)
        case _:
            return target


def is_dataclass(decorators: Sequence[Value]) -> bool:
    """Whether decorators make a dataclass."""
    return any(
        (isinstance(each, Reference) and each.name.endswith("dataclass"))
        or (isinstance(each, Unknown) and "dataclass" in each.why)
        for each in decorators
    )


def key_of(made: Value) -> int:
    """What stays the same of a function or a class, whichever way one comes to it."""
    return id(made.node) if isinstance(made, Defined) else id(getattr(made, "names", made))


def is_plain(begin: ast.AST) -> bool:
    """Whether an `__init__` gives attributes their values, and leaves nothing to others or to chance."""
    named = {getattr(node, "id", getattr(node, "attr", "")) for node in ast.walk(begin)}
    return not named & {"super", "setattr", "vars", "__dict__", "__setattr__", "locals"}


def is_main(test: ast.expr) -> bool:
    """Whether a condition is `__name__ == "__main__"`."""
    match test:
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
            sides = {getattr(each, "id", getattr(each, "value", None)) for each in (left, right)}
            return sides == {"__name__", "__main__"}
        case _:
            return False


def builds(function: ast.AST) -> bool:
    """Whether a function may make an image."""
    named = {node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "") for node in ast.walk(function)}
    return bool(named & _BUILDING)


def yields(function: ast.AST) -> bool:
    """Whether a function is a generator."""
    body = getattr(function, "body", [])
    waiting = list(body) if isinstance(body, list) else []
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            waiting += ast.iter_child_nodes(node)
    return False
