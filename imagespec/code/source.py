"""A Python file -> what it says; nothing of it is ever run."""

from __future__ import annotations

import ast
import io
import os
import stat
import tokenize
import warnings
from functools import lru_cache
from pathlib import Path

from imagespec.code.facts import Facts, Trouble
from imagespec.code.walk import Walk
from imagespec.diagnostic import Source, Span, lines

LARGEST = 2 << 20
"""Bytes of a file that is still read."""


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
        at = source.at(line, max(error.offset or 1, 1))
        of_version = not isinstance(error, IndentationError)
        result.trouble = Trouble(f"`{path.name}` is no Python: {error.msg}", at, of_version=of_version)
    except (RecursionError, MemoryError):
        why = f"`{path.name}` is nested too deeply to be looked through"
        result.trouble = Trouble(why, source.at(1, 1), certain=False)
    except ValueError as error:
        result.trouble = Trouble(f"`{path.name}` is no Python: {error}", source.at(1, 1))
    else:
        Walk(result, source.text).module(tree)
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
