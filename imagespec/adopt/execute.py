"""The statements of a Python file -> the values of its variables, as far as they are known without running it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from imagespec.adopt import codes, library
from imagespec.adopt.branches import State, joined
from imagespec.adopt.ended import ON, RAISED, Ended, either
from imagespec.adopt.evaluate import Evaluator, TooMuch, condition
from imagespec.adopt.library import binding, with_gap
from imagespec.adopt.shapes import bind, builds, is_dataclass, loaded, yields
from imagespec.adopt.values import (
    Chain,
    Defined,
    Module,
    Names,
    Namespace,
    Reference,
    Runs,
    Scope,
    Unknown,
    Value,
)
from imagespec.diagnostic import Diagnostic, Span
from imagespec.spec.source import read

MAX_BYTES = 4 << 20
_DEEPEST = 40
_DEEPEST_IMPORT = 12
_LONGEST = 10_000
_OTHERS = 40_000
"""Expressions that are looked at in another module, or in a function that nothing calls."""


@dataclass(slots=True)
class Use:
    """A function that runs on an image."""

    runs: Runs
    function: str
    module: Module


@dataclass(slots=True)
class Executor:
    """Follows the statements of a file, and of the modules of the same project that it imports."""

    folder: Path
    uses: list[Use] = field(default_factory=list)
    evaluator: Evaluator = field(init=False)
    state: State = field(default_factory=State)
    _defined: list[Defined] = field(default_factory=list)
    _followed: set[int] = field(default_factory=set)
    _modules: dict[Path, Module | None] = field(default_factory=dict)
    _following: list[Path] = field(default_factory=list)
    _depth: int = 0

    def __post_init__(self) -> None:
        self.evaluator = Evaluator(self.folder, self.state, self._call, self._use)

    def _use(self, runs: Runs, function: str, module: Module) -> None:
        self.uses.append(Use(runs, function, module))

    # ----------------------------------------------------------------------------------------- modules

    def module(self, path: Path, name: str, *, main: bool = True) -> Module | Diagnostic:
        """Read a file and follow its statements; with `main`, those too that only stand for running it."""
        source = read(path, largest=MAX_BYTES)
        if isinstance(source, Diagnostic):
            return replace(source, code=codes.UNREADABLE.id, hint=source.hint.replace("YAML", "Python"))
        module = Module(name, path, source)
        try:
            tree = ast.parse(source.text)
        except SyntaxError as error:
            line, column = max(1, error.lineno or 1), max(1, error.offset or 1)
            return codes.UNREADABLE.at(source.at(line, column), f"Python does not accept the file: {error.msg}")
        except (RecursionError, MemoryError, ValueError):
            return codes.UNREADABLE.at(Span(source), "the file is nested too deeply to be read", "split it")
        module.scope.names |= {"__file__": str(path), "__name__": "__main__" if main else name}
        self._modules[path] = module
        self.block(tree.body, module.scope)
        return module

    def _imported(self, name: str, level: int, scope: Scope) -> Value:
        """A module: one of the same project is followed, of another only the name is known."""
        here = scope.module.path.parent
        folders = [here, self.folder]
        if not level and name.partition(".")[0] in sys.stdlib_module_names:
            return Reference(name)
        if level:
            folders = [here.parents[level - 2]] if 1 < level <= len(here.parents) + 1 else [here]
        for folder in folders:
            base = folder.joinpath(*name.split(".")) if name else folder
            for path in (base.with_name(f"{base.name}.py"), base / "__init__.py"):
                if path in self._modules or _is_file(path):
                    return self._follow(path, name, base)
            if base.is_dir() and (level or folder == here or name):
                return Namespace(str(base), Names(), "module")
        return Reference(library.full_name(name)) if name and not level else Reference("." * level + name)

    def _follow(self, path: Path, name: str, base: Path) -> Value:
        if path not in self._modules and len(self._following) < _DEEPEST_IMPORT:
            self._modules[path] = None  # while it is being followed, in a circle
            self._following.append(path)
            with self.evaluator.at_most(_OTHERS), suppress(TooMuch):
                self.module(path, name or path.stem, main=False)
            self._following.pop()
        module = self._modules.get(path)
        return Namespace(str(base), module.scope.names, "module") if module is not None else Reference(name)

    def elsewhere(self, module: Module) -> set[int]:
        """The images that other modules define, by identity."""
        others = [each for each in self._modules.values() if each is not None and each is not module]
        return {id(value) for other in others for value in other.scope.names.values() if isinstance(value, Chain)}

    # -------------------------------------------------------------------------------------- statements

    def block(self, statements: Sequence[ast.stmt], scope: Scope) -> Ended:
        """Follow statements, one after the other."""
        for index, statement in enumerate(statements):
            one = self.statement(statement, scope)
            if one.may_end and one.goes_on:
                return either([replace(one, goes_on=False), self._rest(one, statements[index:], scope)])
            if not one.goes_on:
                return one
        return ON

    def _rest(self, one: Ended, statements: Sequence[ast.stmt], scope: Scope) -> Ended:
        """What comes after a statement that may already have ended the code."""
        outcomes: list[Ended] = []

        def rest() -> Ended:
            outcomes.append(self.block(statements[1:], scope))
            return outcomes[0]

        if one.leaves or one.repeats:  # then what comes after the loop sees either
            self._branches([rest, lambda: ON], self._span(statements[0], scope), _why(statements[0], scope))
        else:
            rest()
        return outcomes[0]

    def statement(self, node: ast.stmt, scope: Scope) -> Ended:
        """Follow one statement."""
        match node:
            case ast.Assign(targets=targets, value=value):
                found = self.evaluator.value(value, scope)
                for target in targets:
                    self.evaluator.assign(target, self._kept(target, found, value, scope), scope)
            case ast.AnnAssign(target=target, value=value) if value is not None:
                found = self.evaluator.value(value, scope)
                self.evaluator.assign(target, self._kept(target, found, value, scope), scope)
            case ast.AugAssign():
                self._augmented(node, scope)
            case ast.Expr(value=value):
                self.evaluator.value(value, scope)
            case ast.Return(value=value):
                return Ended(goes_on=False, returns=(self.evaluator.value(value, scope),))
            case ast.Raise():
                return RAISED
            case ast.Break():
                return Ended(goes_on=False, leaves=True)
            case ast.Continue():
                return Ended(goes_on=False, repeats=True)
            case ast.If():
                return self._if(node, scope)
            case ast.For() | ast.AsyncFor():
                return self._for(node, scope)
            case ast.While():
                return self._while(node, scope)
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    found = self.evaluator.value(item.context_expr, scope)
                    if item.optional_vars is not None:
                        self.evaluator.assign(item.optional_vars, found, scope)
                return self.block(node.body, scope)
            case ast.Try() | ast.TryStar():
                return self._try(node, scope)
            case ast.Match():
                branches = [partial(self.block, case.body, scope) for case in node.cases]
                why = condition(node.subject, None, scope)
                return self._branches([*branches, lambda: ON], self._span(node.subject, scope), why)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._define(node, scope)
            case ast.ClassDef():
                self._class(node, scope)
            case ast.Import():
                self._import(node, scope)
            case ast.ImportFrom():
                self._import_from(node, scope)
            case ast.Global(names=names):
                scope.elsewhere |= dict.fromkeys(names, scope.module.scope)
            case ast.Nonlocal(names=names):
                for name in names:
                    holder = scope.parent.holder(name) if scope.parent else None
                    if holder is not None:
                        scope.elsewhere[name] = holder
            case ast.Delete(targets=targets):
                for target in targets:
                    if isinstance(target, ast.Name) and target.id in scope.names:
                        self.state.touch(scope.names)
                        del scope.names[target.id]
        return ON

    def _span(self, node: ast.AST, scope: Scope) -> Span:
        return scope.module.span(node)

    def _kept(self, target: ast.expr, value: Value, node: ast.expr, scope: Scope) -> Value:
        """An image that is handed to a function which nobody can follow, and takes the place of the one before."""
        if isinstance(value, Unknown) and value.image is not None and isinstance(target, ast.Name):
            holder = scope.holder(target.id)
            if holder is not None and isinstance(holder.names[target.id], Chain):
                return with_gap(value.image, value, node, scope)
        return value

    def _augmented(self, node: ast.AugAssign, scope: Scope) -> None:
        reading = ast.copy_location(loaded(node.target), node.target)
        left, right = self.evaluator.value(reading, scope), self.evaluator.value(node.value, scope)
        if isinstance(left, list) and isinstance(node.op, ast.Add):
            items = self.evaluator.items(right, node.value, scope)
            self.state.touch(left)
            left += [items] if isinstance(items, Unknown) else items
        else:
            self.evaluator.assign(node.target, self.evaluator.operated(node, node.op, left, right, scope), scope)

    # ---------------------------------------------------------------------------------------- branches

    def _branches(self, branches: Sequence[Callable[[], Ended]], span: Span, why: str) -> Ended:
        """Follow each of some branches, of which one is taken, and go on with what they have in common."""
        outcomes = [self.state.attempt(branch) for branch in branches]
        possible = [(ended, changes) for ended, changes in outcomes if not ended.raises]
        if not possible:
            return RAISED
        self.state.join([changes for _, changes in possible], span, why)
        return either([ended for ended, _ in possible])

    def _if(self, node: ast.If, scope: Scope) -> Ended:
        test = self.evaluator.value(node.test, scope)
        truth = self.evaluator.truth(test)
        if truth is not None:
            return self.block(node.body if truth else node.orelse, scope)
        branches = [partial(self.block, body, scope) for body in (node.body, node.orelse)]
        return self._branches(branches, self._span(node.test, scope), condition(node.test, test, scope))

    def _for(self, node: ast.For | ast.AsyncFor, scope: Scope) -> Ended:
        items = self.evaluator.items(self.evaluator.value(node.iter, scope), node.iter, scope)
        if isinstance(items, Unknown) or any(isinstance(item, Unknown) for item in items):
            unknown = items if isinstance(items, Unknown) else self.evaluator.unknown(node.iter, scope)

            def once() -> Ended:
                self.evaluator.assign(node.target, unknown, scope)
                return self.block(node.body, scope)

            return self._perhaps(once, node.iter, scope)

        def rest(start: int) -> Ended:
            returns: tuple[Value, ...] = ()
            for index in range(start, len(items)):
                self.evaluator.assign(node.target, items[index], scope)
                ended = self.block(node.body, scope)
                returns += ended.returns
                if ended.raises:
                    return RAISED
                if not (ended.goes_on or ended.repeats):
                    return Ended(ended.leaves, returns)
                if ended.leaves:
                    why = "when the loop ends is known only when the code runs"
                    after = self._branches([partial(rest, index + 1), lambda: ON], self._span(node, scope), why)
                    return either([Ended(returns=returns), after])
            ended = self.block(node.orelse, scope)
            return replace(ended, returns=returns + ended.returns)

        return rest(0)

    def _while(self, node: ast.While, scope: Scope) -> Ended:
        for _ in range(_LONGEST):
            truth = self.evaluator.truth(self.evaluator.value(node.test, scope))
            if truth is None:
                return self._perhaps(partial(self.block, node.body, scope), node.test, scope)
            if not truth:
                return self.block(node.orelse, scope)
            ended = self.block(node.body, scope)
            if ended.leaves or ended.returns or ended.raises:
                return Ended(ended.leaves and not ended.returns, ended.returns)
        raise TooMuch

    def _perhaps(self, once: Callable[[], Ended], node: ast.expr, scope: Scope) -> Ended:
        """A loop that runs nobody knows how often."""
        why = f"how often the loop over `{scope.module.text(node)}` runs is known only when the code runs"
        ended = self._branches([once, lambda: ON], self._span(node, scope), why)
        return Ended(True, ended.returns)

    def _try(self, node: ast.Try | ast.TryStar, scope: Scope) -> Ended:
        first = node.handlers[0] if node.handlers else None
        branches = [partial(self.block, [*node.body, *node.orelse], scope)]
        branches += [partial(self.block, handler.body, scope) for handler in node.handlers]
        if first is None:
            ended = branches[0]()
        else:
            for handler in node.handlers:
                if handler.name:
                    unknown = self.evaluator.unknown(handler, scope, "which error there is, is not known")
                    self.evaluator.assign(ast.Name(handler.name, ast.Store()), unknown, scope)
            why = "whether the code above fails is known only when it runs"
            ended = self._branches(branches, self._span(first, scope), why)
        after = self.block(node.finalbody, scope)
        return ended if after == ON else either([replace(ended, goes_on=False), after])

    # ------------------------------------------------------------------------------------- definitions

    def _define(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> None:
        decorators = [self.evaluator.value(each, scope) for each in node.decorator_list]
        kinds = [kind for kind in map(binding, decorators) if kind]
        nested = scope.parent is not None and not scope.of_class
        name = f"{scope.names['__qualname__']}.{node.name}" if scope.of_class else node.name
        function = Defined(name, node, scope, nested or "<" in name, kinds[0] if kinds else "")
        for decorator in reversed(decorators):
            if isinstance(decorator, Runs):
                self._use(decorator, node.name, scope.module)
        self.evaluator.assign(ast.Name(node.name, ast.Store()), function, scope)
        self._defined.append(function)

    def _class(self, node: ast.ClassDef, scope: Scope) -> None:
        decorators = [self.evaluator.value(each, scope) for each in node.decorator_list]
        outer: str = (
            scope.names.get("__qualname__", "") if scope.of_class else "" if scope.parent is None else "<locals>"
        )
        name = f"{outer}.{node.name}" if outer else node.name
        inner = Scope(scope.module, Names({"__qualname__": name}), scope, of_class=True)
        for base in node.bases:
            found = self.evaluator.value(base, scope)
            if isinstance(found, Namespace):
                inner.names |= {key: value for key, value in found.names.items() if key != "__qualname__"}
        self.block(node.body, inner)
        fields = tuple(
            each.target.id
            for each in node.body
            if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name) and is_dataclass(decorators)
        )
        for decorator in decorators:
            if isinstance(decorator, Runs):
                self._use(decorator, node.name, scope.module)
        self.evaluator.assign(
            ast.Name(node.name, ast.Store()), Namespace(node.name, inner.names, "class", fields), scope
        )

    def _import(self, node: ast.Import, scope: Scope) -> None:
        for alias in node.names:
            first = alias.name.partition(".")[0]
            found = self._imported(alias.name if alias.asname else first, 0, scope)
            if not alias.asname and first != alias.name and isinstance(found, Namespace):
                self._submodules(alias.name, found, scope)
            self.evaluator.assign(ast.Name(alias.asname or first, ast.Store()), found, scope)

    def _submodules(self, name: str, found: Namespace, scope: Scope) -> None:
        """`import a.b.c` makes `b` an attribute of `a`, and `c` one of `b`."""
        parts = name.split(".")
        for count in range(2, len(parts) + 1):
            inner = self._imported(".".join(parts[:count]), 0, scope)
            found.names.setdefault(parts[count - 1], inner)
            if not isinstance(inner, Namespace):
                return
            found = inner

    def _import_from(self, node: ast.ImportFrom, scope: Scope) -> None:
        level, base = node.level, node.module or ""
        found = self._imported(base, level, scope)
        for alias in node.names:
            if alias.name == "*":
                names = {each: Reference(f"modal.{each}") for each in library.MODAL_NAMES} if base == "modal" else {}
                names = found.names if isinstance(found, Namespace) else names
                self.state.touch(scope.names)
                scope.names |= {key: value for key, value in names.items() if not key.startswith("_")}
                continue
            value: Value
            if isinstance(found, Namespace):
                value = found.names.get(alias.name)
                if alias.name not in found.names:
                    value = self._imported(f"{base}.{alias.name}" if base else alias.name, level, scope)
                    if not isinstance(value, Namespace):
                        value = self.evaluator.unknown(node, scope, f"`{alias.name}` is not found in `{base or '.'}`")
            else:
                value = self.evaluator.attribute_of(found, alias.name, node, scope)
            self.evaluator.assign(ast.Name(alias.asname or alias.name, ast.Store()), value, scope)

    # -------------------------------------------------------------------------------------------- calls

    def _call(
        self, function: Defined, args: Sequence[Value], kwargs: dict[str, Value], node: ast.AST, scope: Scope
    ) -> Value:
        """What a function of the code returns."""
        self._followed.add(id(function.node))
        if function.binding == "wrapped":
            why = f"what the decorator of `{function.name}` makes of it is not followed"
            return self._unfollowed(args, kwargs, node, scope, why)
        if self._depth >= _DEEPEST:
            raise TooMuch
        inner = Scope(function.scope.module, parent=function.scope)
        given = args if function.owner is None else [function.owner, *args]
        if misfit := bind(function, given, kwargs, inner, self.evaluator.value):
            return self._unfollowed(args, kwargs, node, scope, misfit)
        if isinstance(function.node, ast.Lambda):
            return self.evaluator.value(function.node.body, inner)
        if yields(function.node):
            return self._unfollowed(args, kwargs, node, scope, f"`{function.name}` is a generator")
        ended = self._ended(function.node.body, inner)
        if ended is None:
            return self._unfollowed(args, kwargs, node, scope, f"`{function.name}` computes too much to be followed")
        results = [*ended.returns, *([None] if ended.goes_on else [])]
        if not results:
            return self._unfollowed(args, kwargs, node, scope, f"`{function.name}` raises an error")
        span = self._span(function.node, function.scope)
        return joined(results, span, f"which of its results `{function.name}` returns is known only when the code runs")

    def _ended(self, body: Sequence[ast.stmt], inner: Scope) -> Ended | None:
        """How the body of a function ends; nothing where it computes too much. What calls it knows no more then."""
        outermost, self._depth = self._depth == 0, self._depth + 1
        try:
            if not outermost:
                return self.block(body, inner)
            with self.evaluator.at_most(_OTHERS):
                return self.block(body, inner)
        except (TooMuch, RecursionError):
            if outermost:
                return None
            raise
        finally:
            self._depth -= 1

    def _unfollowed(
        self, args: Sequence[Value], kwargs: dict[str, Value], node: ast.AST, scope: Scope, why: str
    ) -> Value:
        unknown = self.evaluator.unknown(node, scope, why)
        image = next((value for value in (*args, *kwargs.values()) if isinstance(value, Chain)), None)
        return replace(unknown, image=image)

    def never_called(self, module: Module) -> list[tuple[Defined, Names, Value]]:
        """The functions of a module that nothing in it calls, each with its variables at its end and its result; what
        they are called with is not known."""
        found = []
        for function in list(self._defined):
            if function.scope.module is module and id(function.node) not in self._followed and builds(function.node):
                self._followed.add(id(function.node))
                inner = Scope(module, parent=function.scope)
                with self.evaluator.at_most(_OTHERS), suppress(TooMuch):
                    (result, names), _ = self.state.attempt(partial(self._alone, function, inner))
                    found.append((function, names, result))
        return found

    def _alone(self, function: Defined, inner: Scope) -> tuple[Value, Names]:
        spec, module = function.node.args, function.scope.module
        every = [*spec.posonlyargs, *spec.args, *spec.kwonlyargs, spec.vararg, spec.kwarg]
        for each in filter(None, every):
            why = f"`{each.arg}` is an argument of `{function.name}`, which nothing in the code calls"
            inner.names[each.arg] = Unknown(codes.TODO, why, module.span(each))
        defaults = [*zip(reversed([*spec.posonlyargs, *spec.args]), reversed(spec.defaults), strict=False)]
        for each, default in (*defaults, *zip(spec.kwonlyargs, spec.kw_defaults, strict=True)):
            if default is not None:
                inner.names[each.arg] = self.evaluator.value(default, function.scope)
        assert not isinstance(function.node, ast.Lambda)
        ended = self.block(function.node.body, inner)
        values = [value for value in ended.returns if isinstance(value, Chain)]
        result = joined(values, module.span(function.node), "which image is returned is not known") if values else None
        return result, Names(inner.names)


def _why(statement: ast.stmt, scope: Scope) -> str:
    node = statement.test if isinstance(statement, ast.If | ast.While) else statement
    return condition(node, None, scope) if isinstance(node, ast.expr) else "what comes after depends on it"


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
