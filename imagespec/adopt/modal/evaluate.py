"""An expression of Python -> its value, as far as it is known without running anything but what only computes."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any

from imagespec.adopt import codes
from imagespec.adopt.modal import library, pure
from imagespec.adopt.modal.branches import State, joined
from imagespec.adopt.modal.objects import members
from imagespec.adopt.modal.values import (
    App,
    Chain,
    Defined,
    Method,
    Module,
    Names,
    Namespace,
    Object,
    Reference,
    Runs,
    Scope,
    Unknown,
    Value,
    plain,
    unknown_in,
)
from imagespec.adopt.modal.where import Where
from imagespec.diagnostic import Code

STEPS = 200_000
"""Expressions that are looked at before a file is given up as one that computes rather than describes."""

OTHERS = 40_000
"""Expressions that are looked at in another module, or in a function that nothing calls."""


class TooMuch(Exception):
    """The code computes more than a description of an image would."""


@dataclass(slots=True)
class Evaluator:
    """Evaluates expressions. `run` executes the body of a function; `use` is told what runs on which image; `python` is
    that of bases which name none; `first_paths` and `last_paths` are those that the code adds to
    `sys.path`."""

    where: Where
    state: State
    run: Callable[[Defined, Sequence[Value], dict[str, Value], ast.AST, Scope], Value]
    use: Callable[[Runs, str, Module], None]
    optioned: Callable[[Value, dict[str, Value], ast.AST, Scope], None]
    python: str = ""
    steps: int = field(default=STEPS)
    first_paths: list[str] = field(default_factory=list)
    last_paths: list[str] = field(default_factory=list)

    def value(self, node: ast.expr | None, scope: Scope) -> Value:
        """The value of an expression."""
        self.steps -= 1
        if self.steps < 0:
            raise TooMuch
        if node is None:
            return None
        evaluate = _KINDS.get(type(node))
        if evaluate is None:
            return self.unknown(node, scope, f"`{type(node).__name__.lower()}` is not followed")
        return evaluate(self, node, scope)

    def unknown(self, node: ast.AST, scope: Scope, why: str = "", code: Code = codes.TODO) -> Unknown:
        """What cannot be known at a node."""
        module = scope.module
        return Unknown(
            code, why or f"`{_brief(module.text(node))}` is known only when the code runs", module.span(node)
        )

    def items(self, value: Value, node: ast.AST, scope: Scope) -> list[Value] | Unknown:
        """What a loop over a value takes, one after the other."""
        if isinstance(value, Unknown):
            return value
        if isinstance(value, set | frozenset) and len(value) > 1:
            return self.unknown(node, scope, "the order of a set changes from run to run")
        if isinstance(value, Namespace):
            if value.kind == "enum":
                return members(value)
            return self.unknown(node, scope, f"a loop over `{value.name}` is not followed")
        if isinstance(value, str | list | tuple | dict | range | set | frozenset) and len(value) <= pure.LARGEST:
            return list(value)
        return self.unknown(node, scope)

    @contextmanager
    def at_most(self, steps: int) -> Iterator[None]:
        """Fewer steps than there are left, for what is not worth more."""
        before = self.steps
        self.steps = allowed = min(steps, before)
        try:
            yield
        finally:
            self.steps = before - (allowed - max(0, self.steps))

    # ------------------------------------------------------------------------------------------ simple ones

    def constant(self, node: ast.Constant, scope: Scope) -> Value:
        return node.value

    def name(self, node: ast.Name, scope: Scope) -> Value:
        holder = scope.holder(node.id)
        if holder is not None:
            return holder.names[node.id]
        if node.id in library.BUILTINS:
            return Reference(f"builtins.{node.id}")
        return self.unknown(node, scope, f"`{node.id}` is not defined in the code")

    def f_string(self, node: ast.JoinedStr, scope: Scope) -> Value:
        texts: list[str] = []
        assumed: Unknown | None = None
        for part in node.values:
            value = self.value(part, scope)
            if isinstance(value, Unknown):
                if not isinstance(part, ast.FormattedValue) or not _simple(part) or not any(value.default):
                    return value
                assumed = assumed or value
                value = value.default[0]
            texts.append(str(value))
        if sum(map(len, texts)) >= pure.LARGEST * 10:
            return self.unknown(node, scope)
        return replace(assumed, default=("".join(texts),)) if assumed else "".join(texts)

    def formatted(self, node: ast.FormattedValue, scope: Scope) -> Value:
        value, form = self.value(node.value, scope), self.value(node.format_spec, scope) if node.format_spec else ""
        if isinstance(value, Unknown) or isinstance(form, Unknown):
            return value if isinstance(value, Unknown) else form
        if not plain(value):
            return unknown_in(value) or self.unknown(node.value, scope)
        conversions: dict[int, Callable[[Value], Value]] = {115: str, 114: repr, 97: ascii}
        convert = conversions.get(node.conversion, _same)
        template = Reference("builtins.str") if not form else Method("{:" + str(form) + "}", "format")
        return self.applied(template, [convert(value)], {}, node, scope)

    def sequence(self, node: ast.List | ast.Tuple | ast.Set, scope: Scope) -> Value:
        items: list[Value] = []
        for element in node.elts:
            if isinstance(element, ast.Starred):
                value = self.value(element.value, scope)
                more = self.items(value, element.value, scope)
                items += [more] if isinstance(more, Unknown) else more
            else:
                items.append(self.value(element, scope))
        if isinstance(node, ast.Set):
            return self.computed(node, scope, lambda: set(items))
        return tuple(items) if isinstance(node, ast.Tuple) else items

    def mapping(self, node: ast.Dict, scope: Scope) -> Value:
        found: dict[Any, Value] = {}
        for key_node, value_node in zip(node.keys, node.values, strict=True):
            value = self.value(value_node, scope)
            if key_node is None:
                found |= value if isinstance(value, dict) else {self._cause(value, value_node, scope): None}
                continue
            key = self.value(key_node, scope)
            try:
                found[key] = value
            except TypeError:
                return self.unknown(key_node, scope)
        return found

    def _cause(self, value: Value, node: ast.AST, scope: Scope) -> Unknown:
        return value if isinstance(value, Unknown) else self.unknown(node, scope)

    # -------------------------------------------------------------------------------------------- operators

    def computed(self, node: ast.AST, scope: Scope, compute: Callable[[], Value]) -> Value:
        """What a computation gives, where it gives anything."""
        try:
            return compute()
        except pure.TooLarge:
            return self.unknown(node, scope, f"`{_brief(scope.module.text(node))}` is too large to be followed")
        except Exception as error:  # whatever Python's own functions raise on values that do not fit
            what = f"`{_brief(scope.module.text(node))}` raises {type(error).__name__}"
            return self.unknown(node, scope, what)

    def binary(self, node: ast.BinOp, scope: Scope) -> Value:
        return self.operated(node, node.op, self.value(node.left, scope), self.value(node.right, scope), scope)

    def operated(self, node: ast.AST, op: ast.operator, left: Value, right: Value, scope: Scope) -> Value:
        """The result of a binary operator."""
        for value in (left, right):
            if isinstance(value, Unknown):
                return value
        name = type(op).__name__
        joins = name in ("Add", "BitOr") and type(left) is type(right) and isinstance(left, list | tuple | dict)
        if name not in pure.BINARY or not (joins or (plain(left) and plain(right))):
            why = "" if name in pure.BINARY else f"`{_brief(scope.module.text(node))}` is not followed"
            return unknown_in([left, right]) or self.unknown(node, scope, why)
        return self.computed(node, scope, lambda: pure.binary(name, left, right))

    def unary(self, node: ast.UnaryOp, scope: Scope) -> Value:
        value = self.value(node.operand, scope)
        if isinstance(node.op, ast.Not):
            truth = self.truth(value)
            return self._cause(value, node, scope) if truth is None else not truth
        if isinstance(value, list) and isinstance(node.op, ast.Invert):  # the patterns of a matcher
            return self.unknown(node, scope, "a spec names the files to leave out", codes.NO_COUNTERPART)
        if isinstance(value, Unknown) or not plain(value):
            return self._cause(value, node, scope)
        return self.computed(node, scope, lambda: pure.UNARY[type(node.op).__name__](value))

    def compare(self, node: ast.Compare, scope: Scope) -> Value:
        left = self.value(node.left, scope)
        for op, right_node in zip(node.ops, node.comparators, strict=True):
            right = self.value(right_node, scope)
            if isinstance(op, ast.Is | ast.IsNot) and self._is_told(left, right):
                held = (left is right) == isinstance(op, ast.Is)
            elif cause := unknown_in([left, right]):
                return cause
            elif not (plain(left) and plain(right)):
                return self.unknown(node, scope)
            else:
                result = self.computed(node, scope, lambda a=left, b=right, o=op: pure.COMPARE[type(o).__name__](a, b))  # type: ignore[misc]
                if isinstance(result, Unknown):
                    return result
                held = bool(result)
            if not held:
                return False
            left = right
        return True

    def _is_told(self, left: Value, right: Value) -> bool:
        """Whether it is known if two values are the same, where one of them is `None`."""
        told = not any(isinstance(value, Unknown | Reference | Method) for value in (left, right))
        return told and (left is None or right is None)

    def truth(self, value: Value) -> bool | None:
        """Whether a value is true, where that is known."""
        if isinstance(value, Chain | Defined | Namespace | Object | App):
            return True
        if isinstance(value, list | tuple | dict | set) and value and not all(isinstance(v, Unknown) for v in value):
            return True
        return bool(value) if not isinstance(value, Unknown | Reference) and plain(value) else None

    def either(self, node: ast.BoolOp, scope: Scope) -> Value:
        value: Value = None
        for each in node.values:
            value = self.value(each, scope)
            if isinstance(value, Unknown) and value.default and isinstance(node.op, ast.Or):
                return self._or_else(value, node, scope)
            truth = self.truth(value)
            if truth is None:
                return self._cause(value, each, scope)
            if truth == isinstance(node.op, ast.Or):
                return value
        return value

    def _or_else(self, first: Unknown, node: ast.BoolOp, scope: Scope) -> Unknown:
        """A variable of the environment, `or` a text."""
        if first.default[0]:
            return first
        rest = self.value(node.values[1], scope) if len(node.values) == 2 else None
        return replace(first, default=(rest,) if isinstance(rest, str) else ())

    def conditional(self, node: ast.IfExp, scope: Scope) -> Value:
        test = self.value(node.test, scope)
        truth = self.truth(test)
        if truth is not None:
            return self.value(node.body if truth else node.orelse, scope)
        values = [self.value(each, scope) for each in (node.body, node.orelse)]
        return joined(values, scope.module.span(node.test), condition(node.test, test, scope))

    def walrus(self, node: ast.NamedExpr, scope: Scope) -> Value:
        value = self.value(node.value, scope)
        self.state.touch(scope.names)
        scope.names[node.target.id] = value
        return value

    # ---------------------------------------------------------------------------------- parts of other values

    def subscript(self, node: ast.Subscript, scope: Scope) -> Value:
        owner = self.value(node.value, scope)
        if isinstance(node.slice, ast.Slice):
            edges = [self.value(each, scope) for each in (node.slice.lower, node.slice.upper, node.slice.step)]
            index: Value = slice(*edges) if unknown_in(edges) is None else unknown_in(edges)
        else:
            index = self.value(node.slice, scope)
        if isinstance(owner, Unknown) or isinstance(index, Unknown):
            return owner if isinstance(owner, Unknown) else index
        if isinstance(owner, Reference) and library.of_class(owner.name):
            return owner  # `list[str]` and its like
        if not isinstance(owner, str | list | tuple | dict | range) and not _parents(owner):
            return self.unknown(node, scope)
        if isinstance(owner, list | dict) and any(isinstance(key, Unknown) for key in owner):
            return unknown_in(owner)
        return self.computed(node, scope, lambda: owner[index])

    def attribute(self, node: ast.Attribute, scope: Scope) -> Value:
        return self.attribute_of(self.value(node.value, scope), node.attr, node, scope)

    def attribute_of(self, owner: Value, name: str, node: ast.AST, scope: Scope) -> Value:
        """An attribute of a value."""
        match owner:
            case Unknown():
                return owner
            case Defined(name=own) | Namespace(name=own, kind="class") if name == "__name__":
                return own.rpartition(".")[2]
            case Defined() | Namespace(kind="class") if name == "with_options":
                return Method(owner, name)
            case Namespace(names=names) if name in names:
                found = names[name]
                if isinstance(found, Defined) and found.binding == "property" and owner.kind == "object":
                    return self.run(replace(found, owner=owner, binding=""), [], {}, node, scope)
                bound = isinstance(found, Defined) and found.binding == (
                    "class" if owner.kind in ("class", "enum") else ""
                )
                return replace(found, owner=owner) if bound and owner.kind != "module" else found
            case Reference(name=prefix):
                full = library.full_name(f"{prefix}.{name}")
                return pure.CONSTANTS[full] if full in pure.CONSTANTS else Reference(full)
            case PurePath() if name in pure.PROPERTIES:
                value = getattr(owner, name)
                return tuple(value) if name in ("parents", "parts") else value
            case Chain() | App():
                return Method(owner, name)
            case Defined() | Runs() | Object():
                return self.unknown(node, scope)
            case _ if pure.method(owner, name) is not None:
                return Method(owner, name)
        return self.unknown(node, scope)

    def comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, scope: Scope) -> Value:
        inner = (
            Scope(scope.module, Names(scope.names), scope.parent)
            if scope.of_class
            else Scope(scope.module, parent=scope)
        )
        found: list[Value] = []

        def visit(generators: Sequence[ast.comprehension]) -> Unknown | None:
            if not generators:
                if isinstance(node, ast.DictComp):
                    found.append((self.value(node.key, inner), self.value(node.value, inner)))
                else:
                    found.append(self.value(node.elt, inner))
                return None
            first = generators[0]
            items = self.items(self.value(first.iter, inner), first.iter, inner)
            if isinstance(items, Unknown):
                return items
            for item in items:
                self.assign(first.target, item, inner)
                tests = [self.value(test, inner) for test in first.ifs]
                truths = [self.truth(test) for test in tests]
                if None in truths and False not in truths:
                    return self._cause(tests[truths.index(None)], first.iter, inner)
                if all(truths) and (cause := visit(generators[1:])) is not None:
                    return cause
            return None

        cause = visit(node.generators)
        if cause is not None:
            return cause
        if isinstance(node, ast.DictComp):
            return self.computed(node, scope, lambda: dict(found))
        return self.computed(node, scope, lambda: set(found)) if isinstance(node, ast.SetComp) else found

    def function(self, node: ast.Lambda, scope: Scope) -> Value:
        return Defined("<lambda>", node, scope, nested=True, defaults=self.defaults(node.args, scope))

    def defaults(self, parameters: ast.arguments, scope: Scope) -> dict[str, Value]:
        """What parameters are where nothing is given, which is settled where the function is defined."""
        named = [*parameters.posonlyargs, *parameters.args]
        found = [*zip(reversed(named), reversed(parameters.defaults), strict=False)]
        found += [(p, d) for p, d in zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True) if d is not None]
        return {parameter.arg: self.value(default, scope) for parameter, default in found}

    # ---------------------------------------------------------------------------------------- assignment

    def assign(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Give a variable, an item or an attribute its value."""
        match target:
            case ast.Name(id=name):
                holder = scope.elsewhere.get(name, scope)
                self.state.touch(holder.names)
                holder.names[name] = value
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                for each, part in zip(targets, self._unpacked(targets, value, target, scope), strict=True):
                    self.assign(each.value if isinstance(each, ast.Starred) else each, part, scope)
            case ast.Subscript():
                owner, key = self.value(target.value, scope), self.value(target.slice, scope)
                if isinstance(owner, list | dict):
                    self.state.touch(owner)
                    failed = None
                    if plain(key):
                        failed = self.computed(target, scope, lambda: owner.__setitem__(key, value))
                    if failed is not None or not plain(key):
                        self.doubt(owner, self._cause(key, target, scope))
            case ast.Attribute(attr=name):
                owner = self.value(target.value, scope)
                if isinstance(owner, Namespace):
                    self.state.touch(owner.names)
                    owner.names[name] = value

    def _unpacked(self, targets: Sequence[ast.expr], value: Value, node: ast.AST, scope: Scope) -> list[Value]:
        items = self.items(value, node, scope)
        if isinstance(items, Unknown):
            return [items] * len(targets)
        star = next((i for i, target in enumerate(targets) if isinstance(target, ast.Starred)), None)
        if star is not None and len(items) >= len(targets) - 1:
            after = len(targets) - star - 1
            middle = items[star : len(items) - after]
            items = [*items[:star], middle, *items[len(items) - after :]]
        if len(items) != len(targets):
            return [self.unknown(node, scope)] * len(targets)
        return items

    def doubt(self, container: Value, cause: Unknown) -> None:
        """From here on nobody knows what is in a list or a dict."""
        self.state.touch(container)
        if isinstance(container, list):
            container[:] = [cause]
        elif isinstance(container, Names):
            container |= dict.fromkeys(container, cause)
        elif isinstance(container, dict):
            container[cause] = None

    # --------------------------------------------------------------------------------------------- calls

    def call(self, node: ast.Call, scope: Scope) -> Value:
        function = self.value(node.func, scope)
        args: list[Value] = []
        places: dict[int | str, ast.AST] = {}
        for each in node.args:
            places[len(args)] = each
            if isinstance(each, ast.Starred):
                more = self.items(self.value(each.value, scope), each.value, scope)
                args += [more] if isinstance(more, Unknown) else more
            else:
                args.append(self.value(each, scope))
        kwargs: dict[str, Value] = {}
        for keyword in node.keywords:
            value = self.value(keyword.value, scope)
            if keyword.arg is not None:
                kwargs[keyword.arg] = value
                places[keyword.arg] = keyword.value
            elif isinstance(value, dict) and all(isinstance(key, str) for key in value):
                kwargs |= value
            else:
                kwargs["**"] = self._cause(unknown_in(value), keyword.value, scope)
                places["**"] = keyword.value
        return library.called(self, function, args, kwargs, node, places, scope)

    def applied(
        self, function: Value, args: Sequence[Value], kwargs: dict[str, Value], node: ast.AST, scope: Scope
    ) -> Value:
        """What a function that only computes gives for these arguments."""
        return library.called(self, function, args, kwargs, node, {}, scope)


def condition(node: ast.expr, test: Value, scope: Scope) -> str:
    """Why branches part."""
    text = _brief(scope.module.text(node))
    return f"whether `{text}` holds is known only when the code runs"


def _same(value: Value) -> Value:
    return value


def _simple(part: ast.FormattedValue) -> bool:
    return part.conversion == -1 and part.format_spec is None


def _parents(value: Value) -> bool:
    return isinstance(value, PurePath)


def _brief(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"


def _awaited(self: Evaluator, node: Any, scope: Scope) -> Value:
    return self.value(node.value, scope)


_KINDS: dict[type[ast.expr], Callable[[Evaluator, Any, Scope], Value]] = {
    ast.Constant: Evaluator.constant,
    ast.Name: Evaluator.name,
    ast.JoinedStr: Evaluator.f_string,
    ast.FormattedValue: Evaluator.formatted,
    ast.List: Evaluator.sequence,
    ast.Tuple: Evaluator.sequence,
    ast.Set: Evaluator.sequence,
    ast.Dict: Evaluator.mapping,
    ast.BinOp: Evaluator.binary,
    ast.UnaryOp: Evaluator.unary,
    ast.Compare: Evaluator.compare,
    ast.BoolOp: Evaluator.either,
    ast.IfExp: Evaluator.conditional,
    ast.NamedExpr: Evaluator.walrus,
    ast.Subscript: Evaluator.subscript,
    ast.Attribute: Evaluator.attribute,
    ast.ListComp: Evaluator.comprehension,
    ast.SetComp: Evaluator.comprehension,
    ast.GeneratorExp: Evaluator.comprehension,
    ast.DictComp: Evaluator.comprehension,
    ast.Lambda: Evaluator.function,
    ast.Call: Evaluator.call,
    ast.Await: _awaited,
}
