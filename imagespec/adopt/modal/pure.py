"""Operators, functions and methods of Python that only compute, on values that are known, in bounded time and space."""

from __future__ import annotations

import functools
import inspect
import itertools
import json
import operator
import os
import posixpath
import re
import shlex
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

from imagespec.adopt.modal.values import Value

LARGEST = 100_000
"""Items of a list, or ten characters of a text, beyond which nothing is computed."""

BINARY: Mapping[str, Callable[[Any, Any], Any]] = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mult": operator.mul,
    "Div": operator.truediv,
    "FloorDiv": operator.floordiv,
    "Mod": operator.mod,
    "BitOr": operator.or_,
    "BitAnd": operator.and_,
    "BitXor": operator.xor,
}
COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "Eq": operator.eq,
    "NotEq": operator.ne,
    "Lt": operator.lt,
    "LtE": operator.le,
    "Gt": operator.gt,
    "GtE": operator.ge,
    "Is": operator.is_,
    "IsNot": operator.is_not,
    "In": lambda a, b: a in b,
    "NotIn": lambda a, b: a not in b,
}
UNARY: Mapping[str, Callable[[Any], Any]] = {
    "Not": operator.not_,
    "USub": operator.neg,
    "UAdd": operator.pos,
    "Invert": operator.invert,
}
BUILTINS: Mapping[str, Callable[..., Any]] = {
    f.__name__: f for f in (str, int, float, bool, len, tuple, dict, range, repr, abs, round, min, max, sum)
} | {
    "list": list,
    "set": set,
    "frozenset": frozenset,
    "sorted": sorted,
    "any": any,
    "all": all,
    "print": lambda *_, **__: None,
    "enumerate": lambda items, start=0: list(enumerate(items, start)),
    "zip": lambda *items, strict=False: list(zip(*items, strict=strict)),
    "reversed": lambda items: list(reversed(items)),
}
FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "os.path.join": os.path.join,
    "os.path.dirname": os.path.dirname,
    "os.path.basename": os.path.basename,
    "os.path.normpath": os.path.normpath,
    "os.path.splitext": os.path.splitext,
    "os.fspath": os.fspath,
    "posixpath.join": posixpath.join,
    "pathlib.Path": Path,
    "pathlib.PurePath": PurePath,
    "pathlib.PurePosixPath": PurePosixPath,
    "textwrap.dedent": textwrap.dedent,
    "textwrap.indent": textwrap.indent,
    "inspect.cleandoc": inspect.cleandoc,
    "shlex.quote": shlex.quote,
    "shlex.join": shlex.join,
    "shlex.split": shlex.split,
    "json.dumps": json.dumps,
    "itertools.chain": lambda *items: list(itertools.chain(*items)),
    "itertools.chain.from_iterable": lambda items: list(itertools.chain.from_iterable(items)),
    "copy.copy": lambda value: value.copy() if isinstance(value, list | dict | set) else value,
    "types.MappingProxyType": dict,
    "typing.cast": lambda _, value: value,
    "modal.is_local": lambda: True,  # images are made where the app is run from
}
THERE: Mapping[str, Callable[..., Any]] = {
    "os.getcwd": str,
    "pathlib.Path.cwd": Path,
    "os.path.abspath": lambda here, path: os.path.abspath(os.path.join(here, path)),
    "os.path.realpath": lambda here, path: os.path.realpath(os.path.join(here, path)),
    "os.path.relpath": lambda here, path, start="": os.path.relpath(
        os.path.join(here, path), os.path.join(here, start)
    ),
}
"""Functions that depend on the working directory, which they take first."""
CONSTANTS: Mapping[str, Value] = {
    "os.sep": os.sep,
    "os.linesep": os.linesep,
    "os.curdir": os.curdir,
    "os.pardir": os.pardir,
    "typing.TYPE_CHECKING": False,
}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


METHODS: Mapping[type, frozenset[str]] = {
    str: _words(
        "capitalize casefold center count endswith expandtabs find format index isalnum isalpha isdigit isidentifier"
        " islower isnumeric isspace istitle isupper join ljust lower lstrip partition removeprefix removesuffix replace"
        " rfind rindex rjust rpartition rsplit rstrip split splitlines startswith strip swapcase title upper zfill"
    ),
    list: _words("append extend insert pop remove reverse sort copy count index clear"),
    dict: _words("get items keys values update setdefault pop copy clear"),
    set: _words("add union difference intersection update discard copy"),
    frozenset: _words("union difference intersection copy"),
    tuple: _words("count index"),
    PurePath: _words(
        "joinpath with_name with_suffix with_stem as_posix relative_to is_absolute resolve absolute is_relative_to"
    ),
}
CHANGING = _words("append extend insert pop remove reverse sort clear update setdefault add discard")
"""Methods that change what they are called on."""
PROPERTIES = _words("parent parents name stem suffix suffixes parts anchor")
"""What a path has without being called."""
CONTAINING = _words("append extend insert copy get items keys values update setdefault add list tuple dict print")
"""Functions and methods that do not mind what the items are that they handle."""

_WIDE = re.compile(r"\d{5}|\*")


class TooLarge(Exception):
    """The result would be too large to be of use."""


def binary(name: str, left: Value, right: Value) -> Value:
    """A binary operator. Raises what Python raises, and `TooLarge`."""
    if name == "Mult":
        for text, times in ((left, right), (right, left)):
            if isinstance(text, Sequence) and isinstance(times, int) and len(text) * times > LARGEST:
                raise TooLarge
    if name == "Mod" and isinstance(left, str | bytes) and _WIDE.search(str(left)):
        raise TooLarge
    return bounded(BINARY[name](left, right))


def call(function: Callable[..., Any], args: Sequence[Value], kwargs: Mapping[str, Value]) -> Value:
    """A function that only computes. Raises what Python raises, and `TooLarge`."""
    weight = 1
    for value in (*args, *kwargs.values()):
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) > LARGEST and function is not str:
            raise TooLarge
        weight *= max(1, len(value)) if isinstance(value, str) else 1
        bounded(value)
    if weight > LARGEST * 100:
        raise TooLarge
    return bounded(function(*args, **kwargs))


def method(owner: Value, name: str) -> Callable[..., Any] | None:
    """A method of a known value that only computes, or changes that value alone."""
    for kind, names in METHODS.items():
        if isinstance(owner, kind) and name in names:
            if name in ("format", "join", "replace"):
                return functools.partial(_amplifying, str(owner), name)
            if name in ("keys", "values", "items"):
                return lambda: list(getattr(owner, name)())
            return getattr(owner, name)  # type: ignore[no-any-return]
    return None


def _amplifying(owner: str, name: str, *args: Any, **kwargs: Any) -> str:
    """Methods whose result can be much larger than what goes in."""
    if name == "format" and (_WIDE.search(owner) or re.search(r":[^}]*\{", owner)):
        raise TooLarge
    if name == "join" and args and len(args[0]) * (len(owner) + 1) > LARGEST * 10:
        raise TooLarge
    return str(getattr(owner, name)(*args, **kwargs))


def bounded(value: Value) -> Value:
    """The value. Raises `TooLarge` where it is."""
    if isinstance(value, int) and value.bit_length() > 4096:
        raise TooLarge
    if isinstance(value, str | bytes):
        if len(value) > LARGEST * 10:
            raise TooLarge
    elif isinstance(value, range | list | tuple | dict | set | frozenset) and len(value) > LARGEST:
        raise TooLarge
    return value
