"""The statements of a Python file -> what it imports, starts and reads.

Statements are walked once. Expressions are looked into only in the lines that hold one of the texts of `_WORTH`: most
of what is written computes, and has nothing to do with what the image holds.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace

from imagespec.code.facts import At, Facts, Found, Import, Kind, Try, Unit, Where
from imagespec.code.literals import as_text, dotted, last_name, text_of, words_of
from imagespec.code.uses import Looked, Read, Run, Use, of_assignment, uses_in

_WORTH = (
    *("open(", "sys.path", "sys.executable", "subprocess", "Popen", "check_call", "check_output", "import_module"),
    *("__import__", "iterdir", "os.system", "os.popen", "os.exec", "listdir", "scandir", "os.walk", "read_", "glob("),
    *(".load(", "loadtxt", "imread", "ImageFolder", "DatasetFolder", "load_file", "load_from_disk", "StaticFiles"),
    *("Jinja2Templates", '"python', "'python", "torchrun", "run(", "call(", "ZipFile", "copy", "addsitedir"),
    *("exists(", "is_file(", "is_dir(", "isfile(", "isdir(", "os.access("),
)
"""Texts one of which is in every line that `uses` can make something of."""
_FAILED_IMPORT = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
_NO_FILE = frozenset({"OSError", "IOError", "EnvironmentError", "FileNotFoundError", "Exception", "BaseException"})
_WITHOUT_OTHERS = (ast.Expr, ast.Assign, ast.Return, ast.AugAssign, ast.AnnAssign, ast.Raise, ast.Assert, ast.Pass)
_LONGEST = 100
"""Words of a list that can be a command."""
_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


class Walk:
    """Walks the statements of a module in their order, without recursion: a long `elif` is deep."""

    def __init__(self, result: Facts, text: str) -> None:
        self.result = result
        self.worth = _worth_lines(text)
        self.values: dict[tuple[int, str], str | None] = {}
        self.looked: set[tuple[int, str]] = set()

    def module(self, tree: ast.Module) -> None:
        stack: list[tuple[ast.stmt, Where]] = [(node, Where()) for node in reversed(tree.body)]
        while stack:
            node, where = stack.pop()
            stack += reversed(self._statement(node, where))

    def _statement(self, node: ast.stmt, where: Where) -> Sequence[tuple[ast.stmt, Where]]:
        """Takes note of one statement, and gives those inside of it."""
        if isinstance(node, _WITHOUT_OTHERS):
            self._simple(node, where)
            return ()
        match node:
            case ast.Import() | ast.ImportFrom():
                self._import(node, where)
                return []
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                return self._definition(node, where)
            case ast.If():
                return self._if(node, where)
            case ast.Try() | ast.TryStar():
                return self._try(node, where)
            case ast.With() | ast.AsyncWith():
                return self._with(node, where)
            case ast.For() | ast.AsyncFor() | ast.While():
                if not isinstance(node, ast.While):
                    self._forget(node.target, where)
                self._expressions(node, where, node.body[0].lineno)
                return [(each, where) for each in (*node.body, *node.orelse)]
            case ast.Match():
                self._expressions(node, where, node.cases[0].body[0].lineno)
                inner = replace(where, condition=True)
                return [(each, inner) for case in node.cases for each in case.body]
            case _:
                self._expressions(node, where)
                return []

    def _simple(self, node: ast.stmt, where: Where) -> None:
        """A statement without others inside. Where no line of a file is worth it, no variable is either."""
        if not self.worth:
            return
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self._assigned(name, value, where)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                self._assigned(name, value, where)
            case ast.AugAssign(target=target):
                self._forget(target, where)
            case _:
                pass
        self._expressions(node, where)

    def _import(self, node: ast.Import | ast.ImportFrom, where: Where) -> None:
        at = _at(node)
        if isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names)
            renamed = frozenset(alias.name for alias in node.names if alias.asname)
            bound = frozenset(alias.asname or alias.name for alias in node.names)
            self.result.imports.append(Import(node.module or "", names, node.level, at, where, renamed, bound))
        else:
            for alias in node.names:
                bound = frozenset({alias.asname or alias.name.partition(".")[0]})
                self.result.imports.append(Import(alias.name, (), 0, at, where, bound=bound))

    def _definition(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, where: Where
    ) -> list[tuple[ast.stmt, Where]]:
        if self.result.units[where.unit].kind in ("module", "local") and where.at_import:
            first = node.decorator_list[0].lineno if node.decorator_list else node.lineno
            unit = Unit("definition", node.name, first, node.end_lineno or node.lineno, bool(node.decorator_list))
            if self.result.units[where.unit].kind == "module":
                self.result.units.append(unit)
                where = replace(where, unit=len(self.result.units) - 1, condition=False)
        if isinstance(node, _FUNCTION):
            where = replace(where, at_import=False, guard=None, handles=None, caught=False, put_off=False, image="")
            given = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
            for argument in given:
                self.values[where.unit, argument.arg] = None
        self._expressions(node, where, node.body[0].lineno)
        return [(each, where) for each in node.body]

    def _if(self, node: ast.If, where: Where) -> list[tuple[ast.stmt, Where]]:
        self._expressions(node, where, node.body[0].lineno)
        tests = node.test.values if isinstance(node.test, ast.BoolOp) and _is_and(node.test) else [node.test]
        body = otherwise = replace(where, condition=True)
        others = where if len(tests) == 1 else otherwise  # where one of several fails, it may be another one
        says = {_says(test) for test in tests}
        if "types" in says:
            return [(each, where) for each in node.orelse]
        if "main" in says:
            body, otherwise = self._inside("main", node.body, where), others
        elif "local" in says:
            body, otherwise = self._inside("local", node.body, where), others
        elif "not local" in says and len(tests) == 1:
            otherwise = self._inside("local", node.orelse, where)
        return [(each, body) for each in node.body] + [(each, otherwise) for each in node.orelse]

    def _inside(self, kind: Kind, body: list[ast.stmt], where: Where) -> Where:
        if not body:
            return where
        self.result.units.append(Unit(kind, "", body[0].lineno, body[-1].end_lineno or body[-1].lineno))
        return replace(where, unit=len(self.result.units) - 1)

    def _try(self, node: ast.Try | ast.TryStar, where: Where) -> list[tuple[ast.stmt, Where]]:
        caught = {name for handler in node.handlers for name in _names(handler.type)}
        body = replace(where, caught=where.caught or bool(caught & _NO_FILE))
        handler_where = where
        if caught & _FAILED_IMPORT:
            handlers = [h for h in node.handlers if _FAILED_IMPORT & set(_names(h.type))]
            raises = any(isinstance(each, ast.Raise) for h in handlers for each in ast.walk(h))
            only = all(isinstance(each, ast.Import | ast.ImportFrom | ast.Assign | ast.Pass) for each in node.body)
            self.result.tries.append(Try(_at(node), only, raises))
            index = len(self.result.tries) - 1
            body, handler_where = replace(body, guard=index), replace(where, handles=index)
        inner = [(each, body) for each in node.body]
        inner += [(each, handler_where) for handler in node.handlers for each in handler.body]
        return inner + [(each, where) for each in (*node.orelse, *node.finalbody)]

    def _with(self, node: ast.With | ast.AsyncWith, where: Where) -> list[tuple[ast.stmt, Where]]:
        self._expressions(node, where, node.body[0].lineno)
        for item in node.items:
            if item.optional_vars is not None:
                self._forget(item.optional_vars, where)
            match item.context_expr:
                case ast.Call(func=ast.Attribute(value=image, attr="imports"), args=[]):
                    where = replace(where, put_off=True, image=last_name(image))
                case ast.Call(func=func, args=arguments) if dotted(func).endswith("suppress"):
                    names = {name for argument in arguments for name in _names(argument)}
                    if names & _FAILED_IMPORT:
                        self.result.tries.append(Try(_at(node), True, False))
                        where = replace(where, guard=len(self.result.tries) - 1)
                    where = replace(where, caught=where.caught or bool(names & _NO_FILE))
                case _:
                    pass
        return [(each, where) for each in node.body]

    # -------------------------------------------------------------------------------------- expressions

    def _assigned(self, name: str, value: ast.expr, where: Where) -> None:
        key = where.unit, name

        def names(other: str) -> str | None:
            return self._value(other, where)

        text = text_of(value, names) if isinstance(value, _TELLING) else None
        if isinstance(value, ast.List):
            text = as_text(words_of(value, names) or ()) if len(value.elts) < _LONGEST else None
        self.values[key] = None if key in self.values else text

    def _value(self, name: str, where: Where) -> str | None:
        return self.values[where.unit, name] if (where.unit, name) in self.values else self.values.get((0, name))

    def _forget(self, target: ast.expr, where: Where) -> None:
        for each in ast.walk(target):
            if isinstance(each, ast.Name):
                self.values[where.unit, each.id] = None

    def _expressions(self, node: ast.stmt, where: Where, before: int | None = None) -> None:
        """What a statement, or its head before the line of its body, uses."""
        if not self.worth:
            return
        last = node.end_lineno or node.lineno
        if before is not None:
            last = max(before - 1, node.lineno)
        first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
        if self.worth.isdisjoint(range(first, last + 1)):
            return

        def names(name: str) -> str | None:
            return self._value(name, where)

        text = self.result.source.text
        for use, place, maybe in (used for each in _own_expressions(node) for used in uses_in(each, names, text)):
            if isinstance(use, Looked):
                if not _insists(node):
                    self.looked.add((where.unit, use.path))
            else:
                condition = where.condition or maybe or self._was_looked_for(use, where)
                self.result.found.append(Found(use, _at(place), replace(where, condition=condition)))
        if isinstance(node, ast.Assign | ast.AugAssign):
            self.result.found += [Found(use, _at(place), where) for use, place in of_assignment(node, names)]

    def _was_looked_for(self, use: Use, where: Where) -> bool:
        """Whether the same code has asked before if a path that it uses, or a folder above, is there."""
        paths: list[str] = [use.path] if isinstance(use, Read) else []
        if isinstance(use, Run):
            paths += [*use.words, *use.shell.split()]
        asked = [path for unit, path in self.looked if unit == where.unit]
        return any(path == each or path.startswith(f"{each}/") for path in paths for each in asked)


def _insists(node: ast.stmt) -> bool:
    """Whether a statement that asks for a file cannot do without it."""
    return isinstance(node, ast.Assert) or (isinstance(node, ast.If) and isinstance(node.body[-1], ast.Raise))


_TELLING = (ast.Constant, ast.Call, ast.BinOp, ast.JoinedStr, ast.Attribute, ast.Name, ast.Subscript)


def _worth_lines(text: str) -> frozenset[int]:
    """The lines that hold one of the texts. To find each of them is much faster than one expression for all."""
    places = []
    for each in _WORTH:
        at = text.find(each)
        while at >= 0:
            places.append(at)
            at = text.find(each, at + 1)
    found, line, counted = set(), 1, 0
    for at in sorted(places):
        line += text.count("\n", counted, at)
        counted = at
        found.add(line)
    return frozenset(found)


def _own_expressions(node: ast.stmt) -> list[ast.expr]:
    """The expressions of a statement, without those of the statements inside of it."""
    found: list[ast.expr] = []
    for _, value in ast.iter_fields(node):
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, ast.expr):
                found.append(each)
            elif isinstance(each, ast.withitem):
                found.append(each.context_expr)
    return found


def _names(node: ast.expr | None) -> list[str]:
    """The names of the exceptions that a handler catches; all where it names none."""
    if node is None:
        return ["BaseException"]
    nodes = node.elts if isinstance(node, ast.Tuple) else [node]
    return [dotted(each).rpartition(".")[2] for each in nodes]


def _is_and(node: ast.BoolOp) -> bool:
    return isinstance(node.op, ast.And)


def _says(test: ast.expr) -> str:
    """What a test means that has a meaning of its own."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return {"local": "not local"}.get(_says(operand), "")
        case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
            return "types"
        case ast.Call(func=func, args=[]) if dotted(func) in ("modal.is_local", "is_local"):
            return "local"
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
            sides = {each.id if isinstance(each, ast.Name) else getattr(each, "value", "") for each in (left, right)}
            return "main" if sides == {"__name__", "__main__"} else ""
        case _:
            return ""


def _at(node: ast.stmt | ast.expr) -> At:
    return At(node.lineno, node.col_offset, node.end_lineno or node.lineno, node.end_col_offset or node.col_offset + 1)
