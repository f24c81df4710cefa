"""A file -> YAML nodes with positions, and back from a route of keys to a place in the file.

PyYAML's nodes are kept as they come from libyaml: each knows where it starts and ends. Whatever could exhaust memory or
the stack (a huge file, deep nesting, aliases that multiply) is refused before it can.
"""

from __future__ import annotations

import io
import os
import re
import stat
from pathlib import Path
from typing import Any

import yaml

from imagespec.diagnostic import Diagnostic, Route, Source, Span
from imagespec.spec import codes

try:
    from yaml import CSafeLoader as Loader
except ImportError:  # a PyYAML built without libyaml: slower, otherwise the same
    from yaml import SafeLoader as Loader  # type: ignore[assignment]

MAX_BYTES = 1 << 20
MAX_DEPTH = 64

_NESTING = re.compile(r"[\[{]|[-?:][ \t]+(?=[-?][ \t])|\n {64}")


class _Named(io.StringIO):
    """A stream whose name PyYAML writes into every mark."""

    def __init__(self, text: str, name: str) -> None:
        super().__init__(text)
        self.name = name


def read(path: Path, at: Span | None = None) -> Source | Diagnostic:
    """The text of a file. `at` is the place that names the file, where something does."""

    def refuse(why: str, hint: str) -> Diagnostic:
        return codes.UNREADABLE.at(at or Span(Source(path)), why, hint)

    name = f"`{path.name}`"
    try:
        with open(path, "rb", opener=lambda p, flags: os.open(p, flags | os.O_NONBLOCK)) as file:
            status = os.fstat(file.fileno())
            if stat.S_ISDIR(status.st_mode):
                return refuse(f"{name} is a folder, not a spec", "name a YAML file in it")
            if not stat.S_ISREG(status.st_mode):
                return refuse(f"{name} is not an ordinary file", "name a YAML file")
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return refuse(f"{name} does not exist", _neighbours(path))
    except PermissionError:
        return refuse(f"no permission to read {name}", "make it readable: chmod u+r")
    except OSError as error:
        if error.errno == 40:  # ELOOP
            return refuse(f"{name} is a symbolic link that leads back to itself", "point the link at a file")
        return refuse(f"{name} cannot be read: {error.strerror or error}", "")
    except ValueError:
        return refuse(f"{name} is no file name", "remove the NUL byte")
    if len(data) > MAX_BYTES:
        return refuse(f"{name} is larger than {MAX_BYTES >> 20} MiB, too large for a spec", "is it the right file?")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return refuse(f"{name} is UTF-16, not UTF-8", "save it as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig")
        source = Source(path, data.decode("utf-8", "replace"))
        return codes.UNREADABLE.at(_point(source, before), f"{name} is not UTF-8: byte 0x{data[error.start]:02x}", "save it as UTF-8")
    if "\0" in text:
        source = Source(path, text)
        return codes.UNREADABLE.at(_point(source, text[: text.index("\0")]), f"{name} holds a NUL byte", "is it the right file?")
    return Source(path, text)


def _point(source: Source, before: str) -> Span:
    line = before.count("\n") + 1
    column = len(before) - (before.rfind("\n") + 1) + 1
    return Span(source, line, column, line, column + 1)


def _neighbours(path: Path) -> str:
    """What else lies there, where the folder exists."""
    from imagespec.diagnostic import did_you_mean

    try:
        names = [entry.name for entry in path.parent.iterdir() if entry.suffix in (".yaml", ".yml")]
    except OSError:
        return f"the folder `{path.parent.name}` does not exist either" if path.parent.name else ""
    return did_you_mean(path.name, names)


def compose(source: Source) -> yaml.MappingNode | Diagnostic:
    """The nodes of a YAML file whose top is a map."""
    name = str(source.path)
    try:
        if len(_NESTING.findall(source.text)) > MAX_DEPTH:
            too_deep = _too_deep(source, name)
            if too_deep is not None:
                return too_deep
        node = yaml.compose(_Named(source.text, name), Loader=Loader)
    except yaml.YAMLError as error:
        return _syntax_error(source, error)
    if node is None:
        return codes.MISSING.at(Span(source), "the spec is empty", "begin with `base:`, or with `extends:`")
    if not isinstance(node, yaml.MappingNode):
        return codes.WRONG_TYPE.at(span_of(node, source), "a spec is a map of keys, `base:` first", "see: imagespec schema")
    return node


def _too_deep(source: Source, name: str) -> Diagnostic | None:
    """Look at the events one by one: libyaml's composer would recurse and overflow the stack of the process."""
    depth = 0
    for event in yaml.parse(_Named(source.text, name), Loader=Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                span = Span(source, *_place(event.start_mark), *_place(event.end_mark))
                return codes.TOO_MUCH.at(span, f"nested more than {MAX_DEPTH} levels deep", "a spec needs five")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return None


def _place(mark: Any) -> tuple[int, int]:
    return mark.line + 1, mark.column + 1


def _syntax_error(source: Source, error: yaml.YAMLError) -> Diagnostic:
    if isinstance(error, yaml.reader.ReaderError):
        at = min(error.position, len(source.text)) if isinstance(error.position, int) else 0
        return codes.SYNTAX.at(_point(source, source.text[:at]), "a control character that YAML does not allow", "remove it")
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line, column = _place(mark) if mark is not None else (1, 1)
    problem = str(getattr(error, "problem", None) or error).strip()
    context = str(getattr(error, "context", None) or "")
    span = Span(source, line, column, line, column + 1)
    lines = source.text.split("\n")
    here = lines[line - 1] if line <= len(lines) else ""
    if "\t" in here[: column + 1] or ("\t" in here and "cannot start any token" in problem):
        tab = here.index("\t") + 1
        return codes.SYNTAX.at(Span(source, line, tab, line, tab + 1), "a tab: YAML indents with spaces", "replace the tab with spaces")
    if "but found another document" in problem:
        return codes.YAML_FEATURE.at(span, "a second document begins here; a file holds one spec", "put it into a file of its own")
    message = f"{context}: {problem}" if context else problem
    hint = ""
    if "undefined alias" in problem:
        hint = "a value that begins with `*` is an alias; quote it if it is text"
    elif "mapping values are not allowed" in problem:
        hint = "quote a value that contains `: `, and check the indentation"
    elif "cannot start any token" in problem:
        hint = "quote a value that begins with `@`, a backquote or `%`"
    elif "block end" in problem or "block mapping" in context or "flow" in context:
        hint = "check the indentation and the brackets of this and the line before"
    return codes.SYNTAX.at(span, f"not valid YAML: {message}", hint)


def span_of(node: yaml.Node, source: Source) -> Span:
    """Where a node stands, without the blank lines that libyaml counts to the end of a block."""
    start, end = node.start_mark, node.end_mark
    return Span(source, start.line + 1, start.column + 1, end.line + 1, end.column + 1)


def find(node: yaml.Node, route: Route, *, key: bool = False) -> yaml.Node:
    """The node that a route leads to, or as far as it leads; with `key` the key of its last step.

    A key that a node lacks is a shorthand (`python: [torch]` stands for `python: {packages: [torch]}`): it leads to the
    node itself.
    """
    for position, step in enumerate(route):
        if isinstance(node, yaml.MappingNode) and isinstance(step, str):
            for key_node, value in node.value:
                if key_node.value == step:
                    node = key_node if key and position == len(route) - 1 else value
                    break
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
    return node
