"""The statements of a Python file -> the values of its variables, as far as they are known without running it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from imagespec.adopt import codes
from imagespec.adopt.modal.branches import State, joined
from imagespec.adopt.modal.ended import ON, RAISED, Ended, either
from imagespec.adopt.modal.evaluate import OTHERS, Evaluator, TooMuch, condition
from imagespec.adopt.modal.library import binding, with_gap
from imagespec.adopt.modal.modules import Modules
from imagespec.adopt.modal.objects import enum
from imagespec.adopt.modal.shapes import bind, builds, is_dataclass, is_main, key_of, loaded, yields
from imagespec.adopt.modal.values import (
    Chain,
    Defined,
    Method,
    Module,
    Names,
    Namespace,
    Runs,
    Scope,
    Unknown,
    Value,
)
from imagespec.adopt.modal.where import Where
from imagespec.diagnostic import Span

_DEEPEST = 40
_LONGEST = 10_000
_ROUNDS = 3


@dataclass(slots=True)
class Use:
    """A function that runs on an image."""

    runs: Runs
    function: str
    module: Module


@dataclass(slots=True)
class Executor:
    """Follows the statements of a file, and of the modules of the same project that it imports. `images_in` is the
    working directory in which Modal will read the paths of its images, where that is another one."""

    folder: Path
    python: str = ""
    images_in: Value = None
    uses: list[Use] = field(default_factory=list)
    where: Where = field(init=False)
    evaluator: Evaluator = field(init=False)
    modules: Modules = field(init=False)
    state: State = field(default_factory=State)
    _defined: list[Defined] = field(default_factory=list)
    _followed: set[int] = field(default_factory=set)
    _runs: dict[int, Runs] = field(default_factory=dict)
    _depth: int = 0

    def __post_init__(self) -> None:
        self.where = Where(self.folder, self.state, self.images_in or self.folder)
        self.evaluator = Evaluator(self.where, self.state, self._call, self._use, self._with_options, self.python)
        self.modules = Modules(self.evaluator, self.block)

    def _use(self, runs: Runs, function: str, module: Module) -> None:
        self.uses.append(Use(runs, function, module))

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
                return self._with(node, scope)
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
                self.modules.import_(node, scope)
            case ast.ImportFrom():
                self.modules.import_from(node, scope)
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
        elif isinstance(left, dict) and isinstance(node.op, ast.BitOr):
            self.state.touch(left)
            left |= right if isinstance(right, dict) else {self.evaluator.unknown(node.value, scope): None}
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
        if scope is self.modules.main and truth is False and is_main(node.test):
            self._as_script(node.body, scope)
        if truth is not None:
            return self.block(node.body if truth else node.orelse, scope)
        branches = [partial(self.block, body, scope) for body in (node.body, node.orelse)]
        return self._branches(branches, self._span(node.test, scope), condition(node.test, test, scope))

    def _as_script(self, body: Sequence[ast.stmt], scope: Scope) -> None:
        """What stands under `__name__ == "__main__"` starts Sandboxes and makes images of its own, but changes nothing
        of what Modal sees when it imports the file."""
        before = set(scope.names)
        _, changes = self.state.attempt(partial(self.block, body, scope))
        _, after = changes.get(id(scope.names), (scope.names, scope.names))
        assert isinstance(after, dict)
        self.state.touch(scope.names)
        scope.names |= {name: value for name, value in after.items() if name not in before}

    def _for(self, node: ast.For | ast.AsyncFor, scope: Scope) -> Ended:
        items = self.evaluator.items(self.evaluator.value(node.iter, scope), node.iter, scope)
        if isinstance(items, Unknown) or any(isinstance(item, Unknown) for item in items):
            unknown = items if isinstance(items, Unknown) else self.evaluator.unknown(node.iter, scope)

            def once() -> Ended:
                self.evaluator.assign(node.target, unknown, scope)
                return self.block(node.body, scope)

            return self._perhaps(once, node.iter, node.orelse, scope)

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

    def _with(self, node: ast.With | ast.AsyncWith, scope: Scope) -> Ended:
        before = self.where.now
        for item in node.items:
            found = self.evaluator.value(item.context_expr, scope)
            if item.optional_vars is not None:
                self.evaluator.assign(item.optional_vars, found, scope)
        moved = self.where.now is not before
        ended = self.block(node.body, scope)
        if moved:  # by `contextlib.chdir`, which goes back
            self.where.change(before)
        return ended

    def _while(self, node: ast.While, scope: Scope) -> Ended:
        for _ in range(_LONGEST):
            truth = self.evaluator.truth(self.evaluator.value(node.test, scope))
            if truth is None:
                return self._perhaps(partial(self.block, node.body, scope), node.test, node.orelse, scope)
            if not truth:
                return self.block(node.orelse, scope)
            ended = self.block(node.body, scope)
            if ended.raises:
                return RAISED
            if not (ended.goes_on or ended.repeats):
                return Ended(ended.leaves, ended.returns)
            if ended.may_end and (ended.leaves or ended.returns):
                after = self._perhaps(partial(self.block, node.body, scope), node.test, node.orelse, scope)
                return replace(after, returns=ended.returns + after.returns)
        raise TooMuch

    def _perhaps(self, once: Callable[[], Ended], node: ast.expr, otherwise: Sequence[ast.stmt], scope: Scope) -> Ended:
        """A loop that runs nobody knows how often: what one round changes may change what the next one does."""
        why = f"how often the loop over `{scope.module.text(node)}` runs is known only when the code runs"
        span = self._span(node, scope)
        rounds = [self._branches([once, lambda: ON], span, why) for _ in range(_ROUNDS)]
        ended = Ended(True, tuple(value for each in rounds for value in each.returns))
        if not otherwise:
            return ended
        branches: list[Callable[[], Ended]] = [partial(self.block, otherwise, scope)]
        if any(each.leaves for each in rounds):
            branches.append(lambda: ON)
        return either([replace(ended, goes_on=False), self._branches(branches, span, why)])

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
        nested = scope.parent is not None and not scope.of_class
        name = f"{scope.names['__qualname__']}.{node.name}" if scope.of_class else node.name
        defaults = self.evaluator.defaults(node.args, scope)
        function = Defined(name, node, scope, nested or "<" in name, defaults)
        decorated = self._decorated(function, decorators, node, scope)
        self.evaluator.assign(ast.Name(node.name, ast.Store()), decorated, scope)
        self._defined.append(function)

    def _decorated(
        self,
        made: Value,
        decorators: Sequence[Value],
        node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef,
        scope: Scope,
    ) -> Value:
        """What decorators make of a function or a class. Those of the code itself are called."""
        for decorator in reversed(decorators):
            if isinstance(decorator, Runs):
                self._use(decorator, node.name, scope.module)
                self._runs[key_of(made)] = decorator
            elif isinstance(decorator, Defined) or (
                isinstance(decorator, Method) and isinstance(decorator.owner, list | dict | set)
            ):
                made = self.evaluator.applied(decorator, [made], {}, node, scope)
            elif isinstance(made, Defined) and (kind := binding(decorator)):
                made = replace(made, binding=kind)
        return made

    def _with_options(self, made: Value, options: dict[str, Value], node: ast.AST, scope: Scope) -> None:
        """`with_options` of a function or class that runs on an image: it may ask for another GPU."""
        runs = self._runs.get(key_of(made))
        if runs is not None and "gpu" in options:
            self._use(Runs(runs.image, options["gpu"], scope.module.span(node)), made.name, scope.module)

    def _class(self, node: ast.ClassDef, scope: Scope) -> None:
        decorators = [self.evaluator.value(each, scope) for each in node.decorator_list]
        outer: str = (
            scope.names.get("__qualname__", "") if scope.of_class else "" if scope.parent is None else "<locals>"
        )
        name = f"{outer}.{node.name}" if outer else node.name
        inner = Scope(scope.module, Names({"__qualname__": name}), scope, of_class=True)
        bases = [self.evaluator.value(base, scope) for base in node.bases]
        for found in bases:
            if isinstance(found, Namespace):
                inner.names |= {key: value for key, value in found.names.items() if key != "__qualname__"}
        self.block(node.body, inner)
        fields = tuple(
            each.target.id
            for each in node.body
            if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name) and is_dataclass(decorators)
        )
        made: Value = Namespace(node.name, inner.names, "class", fields)
        if [getattr(base, "name", "") for base in bases] == ["enum.Enum"]:
            made = enum(made)
        for found in bases:
            if isinstance(found, Namespace) and isinstance(hook := found.names.get("__init_subclass__"), Defined):
                given = {each.arg or "**": self.evaluator.value(each.value, scope) for each in node.keywords}
                self.evaluator.applied(replace(hook, owner=made), [], given, node, scope)
        made = self._decorated(made, decorators, node, scope)
        self.evaluator.assign(ast.Name(node.name, ast.Store()), made, scope)

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
        if misfit := bind(function, given, kwargs, inner):
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
            with self.evaluator.at_most(OTHERS):
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
                with self.evaluator.at_most(OTHERS), suppress(TooMuch):
                    (result, names), _ = self.state.attempt(partial(self._alone, function, inner))
                    found.append((function, names, result))
        return found

    def _alone(self, function: Defined, inner: Scope) -> tuple[Value, Names]:
        spec, module = function.node.args, function.scope.module
        every = [*spec.posonlyargs, *spec.args, *spec.kwonlyargs, spec.vararg, spec.kwarg]
        for each in filter(None, every):
            why = f"`{each.arg}` is an argument of `{function.name}`, which nothing in the code calls"
            inner.names[each.arg] = Unknown(codes.TODO, why, module.span(each))
        inner.names |= function.defaults
        assert not isinstance(function.node, ast.Lambda)
        ended = self.block(function.node.body, inner)
        values = [value for value in ended.returns if isinstance(value, Chain)]
        result = joined(values, module.span(function.node), "which image is returned is not known") if values else None
        return result, Names(inner.names)


def _why(statement: ast.stmt, scope: Scope) -> str:
    node = statement.test if isinstance(statement, ast.If | ast.While) else statement
    return condition(node, None, scope) if isinstance(node, ast.expr) else "what comes after depends on it"
