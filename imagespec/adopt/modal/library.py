"""A call in Python code -> what it gives, where it is one of Modal's, of Python's own, or of the code itself."""

from __future__ import annotations

import ast
import builtins
import functools
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, TypeAlias

from imagespec.adopt import codes
from imagespec.adopt.draft import Written
from imagespec.adopt.modal import chains, pure
from imagespec.adopt.modal.shapes import is_plain
from imagespec.adopt.modal.values import (
    App,
    Chain,
    Defined,
    Factory,
    Method,
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
from imagespec.spec import operations as ops

if TYPE_CHECKING:
    from imagespec.adopt.modal.evaluate import Evaluator

Args: TypeAlias = Sequence[Value]
Kwargs: TypeAlias = dict[str, Value]

BUILTINS = frozenset(dir(builtins))
MODAL_NAMES = ("App", "Image", "NetworkFileSystem", "Sandbox", "Secret", "Stub", "Volume", "FilePatternMatcher")
"""What `from modal import *` brings that matters here."""

_NAMED = {f"modal.{kind}.{how}": kind for kind in ("Secret", "Volume", "NetworkFileSystem") for how in ("from_name",)}
_NAMED |= {f"modal.{kind}.{how}": kind for kind in ("Volume", "NetworkFileSystem") for how in ("persisted", "lookup")}
_NO_SECRETS = {"modal.Secret.from_dict", "modal.Secret.from_dotenv", "modal.Secret.from_local_environ"}
_AS_BEFORE = {"functools.cache", "functools.wraps", "typing.final", "modal.concurrent", "modal.batched"}
_ENVIRONMENT = {"os.environ.get", "os.getenv"}
_HARMLESS = {"builtins", *sys.stdlib_module_names}
_SHUFFLING = {"random.shuffle", "heapq.heapify", "bisect.insort", "builtins.exec", "builtins.setattr"}
"""Of Python's own functions, those that change what they are given."""
_UNCHANGED = frozenset(("build", "hydrate"))


def full_name(name: str) -> str:
    """The name under which something of Modal's is known best."""
    parts = name.split(".")
    if parts[0] == "modal" and len(parts) > 2 and parts[2] in MODAL_NAMES and parts[1] == parts[2].lower():
        return ".".join(["modal", *parts[2:]])
    return {"modal.file_pattern_matcher.FilePatternMatcher": "modal.FilePatternMatcher"}.get(name, name)


def of_class(name: str) -> bool:
    """Whether a reference names a class that takes others in brackets."""
    return name in ("builtins.list", "builtins.dict", "builtins.tuple", "builtins.set", "builtins.type")


def binding(decorator: Value) -> str:
    """What a decorator makes of a function that is called later."""
    match decorator:
        case Reference(name="builtins.staticmethod"):
            return "static"
        case Reference(name="builtins.classmethod"):
            return "class"
        case Reference(name="builtins.property" | "functools.cached_property"):
            return "property"
        case Runs() | App():
            return ""
        case Reference(name=name) if name in _AS_BEFORE or name.startswith("modal."):
            return ""
        case Unknown(why=why) if "modal." in why or "app." in why or "lru_cache" in why or "cache" in why:
            return ""
        case _:
            return "wrapped"


def called(
    run: Evaluator,
    function: Value,
    args: Args,
    kwargs: Kwargs,
    node: ast.AST,
    places: Mapping[int | str, ast.AST],
    scope: Scope,
) -> Value:
    """What a call gives."""
    match function:
        case Unknown():
            _may_change(run, args, kwargs, node, scope)
            return replace(function, image=_image_among(args, kwargs) or function.image)
        case Reference(name=name) if name.startswith("modal."):
            return _of_modal(run, name, args, kwargs, node, places, scope)
        case Reference(name=name):
            return _of_python(run, name, args, kwargs, node, scope)
        case Method(owner=Chain() as chain, name=name):
            return _on_image(run, chain, name, args, kwargs, node, places, scope)
        case Method(owner=App() as app, name=name):
            if name in ("function", "cls", "server"):
                return Runs(kwargs.get("image", app.image), kwargs.get("gpu"), scope.module.span(node))
            return run.unknown(node, scope)
        case Method(owner=Defined() | Namespace() as owner, name="with_options"):
            run.optioned(owner, kwargs, node, scope)
            return owner
        case Method(owner=owner, name=name):
            return _on_value(run, owner, name, args, kwargs, node, scope)
        case Runs():
            target = args[0] if args else None
            run.use(function, getattr(target, "name", "function"), scope.module)
            return target
        case Defined():
            return run.run(function, args, kwargs, node, scope)
        case Namespace(kind="class"):
            return _object(run, function, args, kwargs, node, scope)
    return run.unknown(node, scope)


def _image_among(args: Args, kwargs: Kwargs) -> Chain | None:
    return next((value for value in (*args, *kwargs.values()) if isinstance(value, Chain)), None)


def _may_change(run: Evaluator, args: Args, kwargs: Kwargs, node: ast.AST, scope: Scope) -> None:
    """A function that nobody can follow may change the lists and dicts that it is given."""
    for value in (*args, *kwargs.values()):
        if isinstance(value, list | dict):
            text = scope.module.text(node)
            run.doubt(value, run.unknown(node, scope, f"`{text[:60]}` may change it"))
        elif isinstance(value, Namespace) and value.kind == "object":
            text = scope.module.text(node)
            run.doubt(value.names, run.unknown(node, scope, f"`{text[:60]}` may change `{value.name}`"))


# ------------------------------------------------------------------------------------------------ Modal's


def _of_modal(
    run: Evaluator,
    name: str,
    args: Args,
    kwargs: Kwargs,
    node: ast.AST,
    places: Mapping[int | str, ast.AST],
    scope: Scope,
) -> Value:
    kind, _, method = name.removeprefix("modal.").rpartition(".")
    if kind == "Image":
        written = chains.operation(method, args, kwargs, _caller(run, node, places, scope))
        return Chain((written,))
    if name in _NAMED:
        return _by_name(run, _NAMED[name], args, kwargs, node, scope)
    if name in _NO_SECRETS:
        hint = "store it on Modal (`modal secret create`) and name it"
        return replace(run.unknown(node, scope, "a spec holds no secret values", codes.NO_COUNTERPART), hint=hint)
    if name in ("modal.App", "modal.Stub"):
        return App(kwargs.get("image"))
    if name == "modal.Sandbox.create":
        run.use(Runs(kwargs.get("image"), kwargs.get("gpu"), scope.module.span(node)), "sandbox", scope.module)
    if name == "modal.FilePatternMatcher":
        return list(args)
    if name.startswith("modal.gpu."):
        return _gpu(name.removeprefix("modal.gpu."), args, kwargs) or run.unknown(node, scope)
    if name in pure.FUNCTIONS:
        return pure.FUNCTIONS[name]()
    return replace(run.unknown(node, scope), image=_image_among(args, kwargs))


def _gpu(name: str, args: Args, kwargs: Kwargs) -> str:
    """What older clients have a class for, as newer ones write it: `A100(count=2, size="80GB")` is `A100-80GB:2`."""
    given = dict(zip(("count",), args, strict=False)) | kwargs
    count, size = given.pop("count", 1), given.pop("size", None)
    memory = given.pop("memory", None)
    size = f"{memory}GB" if size is None and type(memory) is int else size
    if given or len(args) > 1 or type(count) is not int or not (size is None or (name == "A100" and type(size) is str)):
        return ""
    kind = "any" if name == "Any" else name if size is None else f"{name}-{size}"
    return kind if count == 1 else f"{kind}:{count}"


def _by_name(run: Evaluator, kind: str, args: Args, kwargs: Kwargs, node: ast.AST, scope: Scope) -> Value:
    name = args[0] if args else kwargs.get("name")
    if not isinstance(name, str):
        return name if isinstance(name, Unknown) else run.unknown(node, scope)
    more = [f"`{each}`" for each in kwargs if each not in ("name", "create_if_missing", "required_keys", "version")]
    doubt = None
    if more:
        what = f"a spec names a {kind.lower()} by its name alone, without {', '.join(more)}"
        doubt = run.unknown(node, scope, what, codes.NO_COUNTERPART)
    return Object(kind, name, doubt)


def _caller(run: Evaluator, node: ast.AST, places: Mapping[int | str, ast.AST], scope: Scope) -> chains.Caller:
    module = scope.module
    span = module.span(node)
    if isinstance(node, ast.Call):
        end = module.span(node.func)
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        column = end.end_column - len(name) if name else end.column
        span = replace(end, line=end.end_line, column=max(1, column))
    return chains.Caller(span, {key: module.span(each) for key, each in places.items()}, run.where.images, run.python)


def _on_image(
    run: Evaluator,
    chain: Chain,
    name: str,
    args: Args,
    kwargs: Kwargs,
    node: ast.AST,
    places: Mapping[int | str, ast.AST],
    scope: Scope,
) -> Value:
    if name in _UNCHANGED:
        return chain
    if name == "pipe":
        return _piped(run, chain, args, kwargs, node, scope)
    if name in ops.STEPS or not hasattr(ops, name):
        return Chain((*chain.written, chains.operation(name, args, kwargs, _caller(run, node, places, scope))))
    return run.unknown(node, scope)


def _piped(run: Evaluator, chain: Chain, args: Args, kwargs: Kwargs, node: ast.AST, scope: Scope) -> Value:
    """Follow the function; where that tells not everything, name it."""
    if not args:
        return run.unknown(node, scope)
    function, rest = args[0], args[1:]
    made = called(run, function, [chain, *rest], kwargs, node, {}, scope)
    if isinstance(made, Chain) and not any(each.todo for each in made.written[len(chain.written) :]):
        return made
    caller = _caller(run, node, {}, scope)
    given = {"func": function, "args": list(rest)} | ({"kwargs": kwargs} if kwargs else {})
    if plain([*rest, *kwargs.values()]):
        step = chains.operation("pipe", (), given, caller)
        if step.operation is not None and not step.todo:
            return Chain((*chain.written, step))
    return made if isinstance(made, Chain) else with_gap(chain, made, node, scope)


def with_gap(chain: Chain, made: Value, node: ast.AST, scope: Scope) -> Chain:
    """The image, and that something happens to it which nobody knows."""
    span = scope.module.span(node)
    unknown = made if isinstance(made, Unknown) else Unknown(codes.TODO, "what it returns is not known", span)
    finding = chains.finding(unknown, span, f"what `{scope.module.text(node)}` does to the image")
    return Chain((*chain.written, Written(None, span, (finding,))))


# ------------------------------------------------------------------------------------------- Python's own


def _of_python(run: Evaluator, name: str, args: Args, kwargs: Kwargs, node: ast.AST, scope: Scope) -> Value:
    short = name.removeprefix("builtins.")
    if name in _ENVIRONMENT and args and isinstance(args[0], str) and not (kwargs.keys() - {"default"}):
        default = args[1] if len(args) == 2 else kwargs.get("default")
        known = isinstance(default, str | None)
        return replace(run.unknown(node, scope), default=(default,) if known else ())
    function: Any = pure.BUILTINS.get(short) if short != name else pure.FUNCTIONS.get(name)
    if name in pure.THERE:
        here = run.where.below(args)
        if isinstance(here, Unknown):
            return here
        function = functools.partial(pure.THERE[name], here)
    match short, args:
        case "map", [each, values]:
            items = run.items(values, node, scope)
            return items if isinstance(items, Unknown) else [run.applied(each, [i], {}, node, scope) for i in items]
        case "functools.reduce", [each, values, *start] if start:
            items = run.items(values, node, scope)
            if isinstance(items, Unknown):
                return replace(items, image=start[0] if isinstance(start[0], Chain) else None)
            result = start[0]
            for item in items:
                result = run.applied(each, [result, item], {}, node, scope)
            return result
        case "getattr", [owner, str(attribute), *_]:
            return run.attribute_of(owner, attribute, node, scope)
        case "setattr", [Namespace(names=names), str(attribute), value]:
            run.state.touch(names)
            names[attribute] = value
            return None
        case "dataclasses.field", [] if kwargs.keys() == {"default_factory"}:
            return Factory(kwargs["default_factory"])
        case "dataclasses.field", [] if kwargs.keys() == {"default"}:
            return kwargs["default"]
        case "sys.path.append", [str(folder)]:
            run.last_paths.append(folder)
            return None
        case "sys.path.insert", [int(index), str(folder)]:
            if index == 0:
                run.first_paths.insert(0, folder)
            else:
                run.last_paths.append(folder)
            return None
        case "os.chdir" | "os.fchdir" | "contextlib.chdir", _:
            _moved(run, args, kwargs, node, scope)
            return None
        case "copy.deepcopy", [value]:
            return value
        case "dict", []:
            return dict(kwargs)
    if function is None:
        if name in _SHUFFLING or name.partition(".")[0] not in _HARMLESS:
            _may_change(run, args, kwargs, node, scope)
        why = f"`{short}` is not followed" if short != name and short not in ("input", "open") else ""
        return replace(run.unknown(node, scope, why), image=_image_among(args, kwargs))
    if short == "print":
        return None
    cause = _unfit(run, short, args, kwargs, node, scope)
    return cause or run.computed(node, scope, lambda: pure.call(function, args, kwargs))


def _moved(run: Evaluator, args: Args, kwargs: Kwargs, node: ast.AST, scope: Scope) -> None:
    """Another working directory."""
    match [*args, *kwargs.values()]:
        case [Unknown() as to]:
            run.where.change(to)
        case [str() | PurePath() as to]:
            run.where.change(to)
        case _:
            run.where.change(run.unknown(node, scope))


def _unfit(run: Evaluator, name: str, args: Args, kwargs: Kwargs, node: ast.AST, scope: Scope) -> Unknown | None:
    """Why a function cannot be computed for these arguments."""
    for value in (*args, *kwargs.values()):
        if isinstance(value, Unknown):
            return value
        if (
            isinstance(value, set)
            and len(value) > 1
            and name in ("list", "tuple", "enumerate", "zip", "join", "extend")
        ):
            return run.unknown(node, scope, "the order of a set changes from run to run")
        if not plain(value) and name not in pure.CONTAINING:
            return unknown_in(value) or run.unknown(node, scope)
    return None


def _on_value(
    run: Evaluator, owner: Value, name: str, args: Args, kwargs: Kwargs, node: ast.AST, scope: Scope
) -> Value:
    function = pure.method(owner, name)
    if function is None:
        return run.unknown(node, scope)
    if isinstance(owner, Path) and name in ("absolute", "resolve"):
        here = run.where.below([owner])
        if isinstance(here, Unknown):
            return here
        function = getattr(here / owner, name)
    contained = name in pure.CONTAINING and not isinstance(owner, str)
    if not contained and not plain(owner):
        return unknown_in(owner) or run.unknown(node, scope)
    if isinstance(owner, dict) and any(isinstance(key, Unknown) for key in owner):
        return unknown_in(owner)
    if name in pure.CHANGING and isinstance(owner, list | dict | set):
        run.state.touch(owner)
        if name in ("append", "insert", "add"):
            args = [*args]
        elif (cause := unknown_in([*args, *kwargs.values()])) is not None and any(
            isinstance(value, Unknown) for value in args
        ):
            if isinstance(owner, list):
                owner.append(cause)
            elif isinstance(owner, dict):
                owner[cause] = None
            return None
    elif (cause := _unfit(run, name, args, kwargs, node, scope)) is not None:
        return cause
    return run.computed(node, scope, lambda: pure.bounded(function(*args, **kwargs)))


def _object(run: Evaluator, made_of: Namespace, args: Args, kwargs: Kwargs, node: ast.AST, scope: Scope) -> Value:
    """An object of a dataclass, of a class without `__init__`, or of one whose `__init__` is plain."""
    begin = made_of.names.get("__init__")
    simple = begin is None and len(args) <= len(made_of.fields)
    if not simple and not (isinstance(begin, Defined) and not begin.binding and is_plain(begin.node)):
        unknown = run.unknown(node, scope, f"what `{made_of.name}(…)` makes is not followed")
        return replace(unknown, image=_image_among(args, kwargs))
    if {"__new__", "__post_init__"} & made_of.names.keys():
        return run.unknown(node, scope, f"what `{made_of.name}(…)` makes is not followed")
    if begin is not None:
        made = Namespace(made_of.name, Names(made_of.names), "object")
        result = run.run(replace(begin, owner=made), args, kwargs, node, scope)
        return result if isinstance(result, Unknown) else made
    given = dict(zip(made_of.fields, args, strict=False)) | kwargs
    for name, value in made_of.names.items():
        if isinstance(value, Factory):
            given.setdefault(name, run.applied(value.make, [], {}, node, scope) if name not in given else None)
    return Namespace(made_of.name, Names(made_of.names | given), "object", made_of.fields)
