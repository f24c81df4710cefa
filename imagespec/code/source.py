"""A Python file -> what it imports, starts and reads, found in its text; nothing of it is ever run.

Statements are walked once. Expressions are looked into only in the lines of which `_WORTH` says that it can be worth
the time: most of what is written computes, and has nothing to do with what the image holds.
"""

from __future__ import annotations

import ast
import io
import os
import re
import stat
import tokenize
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from imagespec.code.literals import dotted, text_of
from imagespec.code.uses import Use, of_assignment, uses_in
from imagespec.diagnostic import Source, Span, lines

_WORD = re.compile(r"\.?\b[A-Za-z_]\w*")

LARGEST = 2 << 20
"""Bytes of a file that is still read."""


class At(NamedTuple):
    """A stretch of a file as Python counts: lines from 1, columns in bytes from 0."""

    line: int
    column: int
    end_line: int
    end_column: int


Kind: TypeAlias = Literal["module", "definition", "main", "local"]


@dataclass(frozen=True, slots=True)
class Unit:
    """What runs together: a function or a class of a module, the rest of it (`module`), what runs only where the file
    is started as a script (`main`), and what runs only outside of containers (`local`)."""

    kind: Kind
    name: str = ""
    first: int = 0
    last: int = 0
    decorated: bool = False


@dataclass(frozen=True, slots=True)
class Try:
    """A `try` that goes on without the import. `only_imports`: its body does nothing else."""

    at: At
    only_imports: bool
    raises: bool


@dataclass(frozen=True, slots=True)
class Where:
    """What is around a statement: its unit, the `try` that catches a failed import, the one whose handler it is in, and
    whether a missing file is caught, it is under a condition, its import is put off, or it runs at import."""

    unit: int = 0
    guard: int | None = None
    handles: int | None = None
    caught: bool = False
    condition: bool = False
    put_off: bool = False
    at_import: bool = True


@dataclass(frozen=True, slots=True)
class Import:
    """`import a.b` or `from a import b`; `level` are the dots before it."""

    module: str
    names: tuple[str, ...]
    level: int
    at: At
    where: Where
    names_as: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Found:
    """Something that a statement uses: a path, a command, a module by its name."""

    use: Use
    at: At
    where: Where


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a file cannot be read, where, and what to do. `certain`: Python cannot read it either."""

    message: str
    span: Span
    hint: str = ""
    certain: bool = True


@dataclass(slots=True)
class Facts:
    """A file as far as images care."""

    source: Source
    units: list[Unit] = field(default_factory=lambda: [Unit("module")])
    tries: list[Try] = field(default_factory=list)
    imports: list[Import] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    trouble: Trouble | None = None
    _words: dict[int, frozenset[str]] = field(default_factory=dict)

    def words(self, unit: int) -> frozenset[str]:
        """The identifiers of a unit, attributes with their dot. Those of its imports are left out: to import a function
        is not to call it."""
        if not self._words:
            every = self.source.text.split("\n")
            for each in self.imports:
                for line in range(each.at.line, min(each.at.end_line, len(every)) + 1):
                    every[line - 1] = ""
            for number, part in reversed(list(enumerate(self.units))):  # inner ones first, then what is left
                first, last = (1, len(every)) if part.kind == "module" else (part.first, part.last)
                self._words[number] = frozenset(_WORD.findall("\n".join(every[first - 1 : last])))
                every[first - 1 : last] = [""] * (last - first + 1)
        return self._words[unit]

    def span(self, at: At) -> Span:
        """A stretch as findings have it: columns in characters, from 1."""
        every = self.source.text.split("\n")

        def column(line: int, offset: int) -> int:
            text = every[line - 1] if line <= len(every) else ""
            return len(text.encode()[:offset].decode(errors="ignore")) + 1

        if at.end_line != at.line:  # a statement of several lines: its first says what it is
            return Span(self.source, at.line, column(at.line, at.column), at.line, len(every[at.line - 1].rstrip()) + 1)
        return Span(self.source, at.line, column(at.line, at.column), at.line, column(at.end_line, at.end_column))


def facts(path: Path) -> Facts:
    """What a file says. The same file is looked at once."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return _read(path)
    return _facts(path, status.st_mtime_ns, status.st_size, status.st_ino)


@lru_cache(maxsize=4096)
def _facts(path: Path, _changed: int, _size: int, _inode: int) -> Facts:
    return _read(path)


def _read(path: Path) -> Facts:
    text = read_text(path)
    if isinstance(text, Trouble):
        return Facts(text.span.source, trouble=text)
    source = Source(path, _lines_as_python(text))
    result = Facts(source)
    try:
        tree = parsed(source.text)
    except SyntaxError as error:
        line = min(error.lineno or 1, len(lines(source.text)))
        result.trouble = Trouble(f"`{path.name}` is no Python: {error.msg}", source.at(line, max(error.offset or 1, 1)))
    except (RecursionError, MemoryError):
        why = f"`{path.name}` is nested too deeply to be looked through"
        result.trouble = Trouble(why, source.at(1, 1), certain=False)
    except ValueError as error:
        result.trouble = Trouble(f"`{path.name}` is no Python: {error}", source.at(1, 1))
    else:
        _Walk(result, source.text).module(tree)
    return result


def parsed(text: str) -> ast.Module:
    """A text as Python reads it, without its warnings: they are the author's to see."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def read_text(path: Path) -> str | Trouble:
    """The text of a file, or why there is none."""
    nothing = Span(Source(path))
    name = f"`{path.name}`"
    try:
        with open(path, "rb", opener=lambda p, flags: os.open(p, flags | getattr(os, "O_NONBLOCK", 0))) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return Trouble(f"{name} is not an ordinary file", nothing)
            data = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        if os.path.islink(path) and not os.path.exists(path):
            return Trouble(f"{name} is a symbolic link to nothing", nothing, f"it leads to `{os.readlink(path)}`")
        return Trouble(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}", nothing)
    if len(data) > LARGEST:
        hint = "imports and files that it names are not known"
        return Trouble(f"{name} is larger than {LARGEST >> 20} MiB, and was not looked at", nothing, hint, False)
    return _decoded(path, data)


def _decoded(path: Path, data: bytes) -> str | Trouble:
    data = data.removeprefix(b"\xef\xbb\xbf")
    source = Source(path, _lines_as_python(data.decode(errors="replace")))
    if (nul := data.find(b"\0")) >= 0:
        at = source.at(data.count(b"\n", 0, nul) + 1, 1)
        return Trouble(f"`{path.name}` holds a NUL byte", at, "is it Python, and saved as UTF-8?")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        at = source.at(data.count(b"\n", 0, error.start) + 1, 1)
        wrong = Trouble(f"`{path.name}` is not UTF-8: byte 0x{data[error.start]:02x}", at, "save it as UTF-8")
    try:
        encoding, read = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data.decode(encoding) if encoding != "utf-8" and read else wrong
    except (SyntaxError, UnicodeDecodeError, LookupError):
        return wrong


def _lines_as_python(text: str) -> str:
    """`text` with the ends of lines that Python knows and no others, so that everybody counts the same lines."""
    for end, instead in (("\r\n", "\n"), ("\r", "\n"), ("\x85", " "), ("\u2028", " "), ("\u2029", " ")):
        text = text.replace(end, instead)
    return text


# ------------------------------------------------------------------------------------------------ walk

_WORTH = (
    *("open(", "sys.path", "sys.executable", "subprocess", "Popen", "check_call", "check_output", "import_module"),
    *("__import__", "iterdir", "os.system", "os.popen", "os.exec", "listdir", "scandir", "os.walk", "read_", "glob("),
    *(".load(", "loadtxt", "imread", "ImageFolder", "DatasetFolder", "load_file", "load_from_disk", "StaticFiles"),
    *("Jinja2Templates", '"python', "'python", "torchrun", "run(", "call(", "ZipFile", "copy", "addsitedir"),
)
"""Texts one of which is in every line that `uses` can make something of."""
_FAILED_IMPORT = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
_NO_FILE = frozenset({"OSError", "IOError", "EnvironmentError", "FileNotFoundError", "Exception", "BaseException"})
_WITHOUT_OTHERS = (ast.Expr, ast.Assign, ast.Return, ast.AugAssign, ast.AnnAssign, ast.Raise, ast.Assert, ast.Pass)
_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


class _Walk:
    """Walks the statements of a module in their order, without recursion: a long `elif` is deep."""

    def __init__(self, result: Facts, text: str) -> None:
        self.result = result
        self.worth = _worth_lines(text)
        self.values: dict[tuple[int, str], str | None] = {}

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
            case _:
                pass
        self._expressions(node, where)

    def _import(self, node: ast.Import | ast.ImportFrom, where: Where) -> None:
        at = _at(node)
        if isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names)
            renamed = frozenset(alias.name for alias in node.names if alias.asname)
            self.result.imports.append(Import(node.module or "", names, node.level, at, where, renamed))
        else:
            self.result.imports += [Import(alias.name, (), 0, at, where) for alias in node.names]

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
            where = replace(where, at_import=False, guard=None, handles=None, caught=False, put_off=False)
            given = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
            for argument in given:
                self.values[where.unit, argument.arg] = None
        self._expressions(node, where, node.body[0].lineno)
        return [(each, where) for each in node.body]

    def _if(self, node: ast.If, where: Where) -> list[tuple[ast.stmt, Where]]:
        self._expressions(node, where, node.body[0].lineno)
        test = ast.unparse(node.test) if _simple(node.test) else ""
        body, otherwise = replace(where, condition=True), replace(where, condition=True)
        if test in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            return [(each, where) for each in node.orelse]
        if test in ("__name__ == '__main__'", "'__main__' == __name__"):
            body, otherwise = self._inside("main", node.body, where), where
        elif test in ("modal.is_local()", "is_local()"):
            body, otherwise = self._inside("local", node.body, where), where
        elif test in ("not modal.is_local()", "not is_local()"):
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
                case ast.Call(func=ast.Attribute(attr="imports"), args=[]):
                    where = replace(where, put_off=True)
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
        text = text_of(value, lambda other: self._value(other, where)) if isinstance(value, _TELLING) else None
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

        found = [used for each in _own_expressions(node) for used in uses_in(each, names, self.result.source.text)]
        if isinstance(node, ast.Assign | ast.AugAssign):
            found += of_assignment(node, names)
        self.result.found += [Found(use, _at(place), where) for use, place in found]


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


def _simple(node: ast.expr) -> bool:
    """Whether a test may be one of those that have a meaning: they are short."""
    return node.end_lineno == node.lineno and (node.end_col_offset or 0) - node.col_offset < 40


def _at(node: ast.stmt | ast.expr) -> At:
    return At(node.lineno, node.col_offset, node.end_lineno or node.lineno, node.end_col_offset or node.col_offset + 1)
