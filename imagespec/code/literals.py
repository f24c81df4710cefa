"""An expression of Python -> the text that it has, as far as that can be told without running it.

`UNKNOWN` stands in a text for what cannot be told, `FILE` for the path of the file itself. What a variable for a list
of words holds is a text too: the words, each behind `WORDS`.
"""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Callable, Sequence
from typing import TypeAlias

UNKNOWN, FILE, WORDS = "\0", "\1", "\2"

Names: TypeAlias = Callable[[str], str | None]
"""The text of a variable, `None` where it is not known."""

_SAME = frozenset(
    {"Path", "PurePath", "PosixPath", "PurePosixPath", "str", "fspath", "abspath", "realpath", "normpath"}
)
_ITSELF = frozenset({"resolve", "absolute", "as_posix", "__str__", "strip"})
DEEPEST = 40


def text_of(node: ast.expr | None, names: Names, depth: int = 0) -> str | None:
    """The text of a string or a path; `None` where nothing of it is known."""
    if node is None or depth > DEEPEST:
        return None
    match node:
        case ast.Constant(value=str() as value):
            return value
        case ast.Name(id=name):
            held = FILE if name == "__file__" else names(name)
            return None if held is not None and WORDS in held else held
        case ast.JoinedStr(values=values):
            parts = [v if isinstance(v, ast.Constant) else getattr(v, "value", None) for v in values]
            return "".join(_or_unknown(text_of(part, names, depth + 1)) for part in parts)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            parts_ = [text_of(side, names, depth + 1) for side in (left, right)]
            return None if parts_ == [None, None] else "".join(map(_or_unknown, parts_))
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return _joined([text_of(left, names, depth + 1), text_of(right, names, depth + 1)])
        case ast.Attribute(value=value, attr="parent"):
            return _above(text_of(value, names, depth + 1), 1)
        case ast.Attribute(value=ast.Name(id="sys"), attr="executable"):
            return "python"
        case ast.Subscript(value=ast.Attribute(value=value, attr="parents"), slice=ast.Constant(value=int() as count)):
            return _above(text_of(value, names, depth + 1), count + 1)
        case ast.Call():
            return _of_call(node, names, depth + 1)
        case _:
            return None


def _of_call(node: ast.Call, names: Names, depth: int) -> str | None:
    name = last_name(node.func)
    on = node.func.value if isinstance(node.func, ast.Attribute) else None
    arguments = [text_of(argument, names, depth) for argument in node.args]
    if name in ("getcwd", "cwd") and not arguments:
        return "."
    if name == "dirname" and len(arguments) == 1:
        return _above(arguments[0], 1)
    if name == "join" and dotted(on) in ("os.path", "path", "posixpath"):
        return _joined(arguments)
    if name in _SAME and arguments:
        return _joined(arguments)
    if name == "joinpath" and on is not None:
        return _joined([text_of(on, names, depth), *arguments])
    if name in _ITSELF and on is not None and not arguments:
        return text_of(on, names, depth)
    return None


def words_of(node: ast.expr, names: Names) -> list[str] | None:
    """The words of a command that is written as a list, `UNKNOWN` for those that cannot be told."""
    match node:
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [word for item in items for word in _item(item, names)]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            first = words_of(left, names) or _listed(left, names)
            return None if first is None else [*first, *(words_of(right, names) or [UNKNOWN])]
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str() as text), attr="split"), args=[]):
            return text.split()
        case ast.Call(func=func, args=[argument]) if dotted(func) == "shlex.split":
            text_ = text_of(argument, names)
            return None if text_ is None else text_.split()
        case _:
            return None


def _item(node: ast.expr, names: Names) -> list[str]:
    """The words that an item of a list stands for."""
    if isinstance(node, ast.Starred):
        return words_of(node.value, names) or _listed(node.value, names) or [UNKNOWN]
    return [_or_unknown(text_of(node, names))]


def _listed(node: ast.expr, names: Names) -> list[str] | None:
    """The words that a variable holds."""
    value = names(node.id) if isinstance(node, ast.Name) else None
    return value.split(WORDS)[1:] if value is not None and value.startswith(WORDS) else None


def as_text(words: Sequence[str]) -> str:
    """A list of words as the text that its variable holds."""
    return "".join(WORDS + word for word in words)


def dotted(node: ast.expr | None) -> str:
    """`os.path.join` of the expression that says so; empty where it is none of names alone."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join(reversed([*parts, node.id])) if isinstance(node, ast.Name) else ""


def last_name(node: ast.expr) -> str:
    """The name that a call goes by: `run` of `subprocess.run`."""
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case _:
            return ""


def known(text: str | None) -> str | None:
    """`text` where all of it is known."""
    return None if text is None or UNKNOWN in text else text


def _or_unknown(text: str | None) -> str:
    return UNKNOWN if text is None else text


def _above(path: str | None, count: int) -> str | None:
    return None if path is None else posixpath.join(path, *[".."] * count)


def _joined(parts: Sequence[str | None]) -> str | None:
    return None if parts[0] is None else posixpath.join(parts[0], *map(_or_unknown, parts[1:]))
