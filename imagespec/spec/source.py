"""A file -> YAML nodes with positions, and back from a route of keys to a place in the file.

PyYAML's nodes are kept as they come from libyaml: each knows where it starts and ends. Whatever could exhaust memory or
the stack (a huge file, deep nesting, aliases that multiply) is refused before it can.
"""

from __future__ import annotations

import errno
import io
import os
import re
import stat
from codecs import BOM_UTF8
from pathlib import Path
from typing import Any

import yaml

from imagespec.diagnostic import Diagnostic, Route, Source, Span, did_you_mean, lines
from imagespec.spec import codes, syntax

try:
    from yaml import CSafeLoader as Loader
except ImportError:  # a PyYAML built without libyaml: slower, otherwise the same
    from yaml import SafeLoader as Loader  # type: ignore[assignment]

NAMES = re.compile(r"\w[\w .+-]*")
"""What the file of a spec may be called, without its ending."""

MAX_BYTES = 1 << 20
MAX_DEPTH = 64

_NESTING = re.compile(r"[\[{]|[-?:][ \t]+(?=[-?][ \t])|\n {64}")


class _Named(io.StringIO):
    """A stream whose name PyYAML writes into every mark."""

    def __init__(self, text: str, name: str) -> None:
        super().__init__(text)
        self.name = name


def read(path: Path, at: Span | None = None, largest: int = MAX_BYTES) -> Source | Diagnostic:
    """The text of a file of at most so many bytes. `at` is the place that names the file, where something does."""

    def refuse(why: str, hint: str) -> Diagnostic:
        return codes.UNREADABLE.at(at or Span(Source(path)), why, hint)

    name = f"`{path.name or path}`"
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return refuse(f"{name} is not an ordinary file", "name a YAML file")
            data = file.read(largest + 1)
    except FileNotFoundError:
        if path.is_symlink():
            return refuse(f"{name} is a symbolic link to nothing", f"it leads to `{os.readlink(path)}`")
        return refuse(f"{name} does not exist", _neighbours(path))
    except IsADirectoryError:
        return refuse(f"{name} is a folder, not a file", "name a YAML file in it")
    except PermissionError:
        return refuse(f"no permission to read {name}", "make it readable: chmod u+r")
    except OSError as error:
        if error.errno == errno.ELOOP:
            return refuse(f"{name} is a symbolic link that leads back to itself", "point the link at a file")
        return refuse(f"{name} cannot be read: {error.strerror or error}", "")
    except ValueError:
        return refuse(f"{name} is no file name", "remove the NUL byte")
    if len(data) > largest:
        return refuse(f"{name} is larger than {largest >> 20} MiB, too large for a spec", "is it the right file?")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return refuse(f"{name} is UTF-16, not UTF-8", "save it as UTF-8")
    while data.startswith(BOM_UTF8):  # libyaml skips them all and does not count them
        data = data.removeprefix(BOM_UTF8)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        source = Source(path, data.decode(errors="replace"))
        at = syntax.point(source, data[: error.start].decode())
        return codes.UNREADABLE.at(at, f"{name} is not UTF-8: byte 0x{data[error.start]:02x}", "save it as UTF-8")
    if "\0" in text:
        at = syntax.point(Source(path, text), text.partition("\0")[0])
        return codes.UNREADABLE.at(at, f"{name} holds a NUL byte", "is it the right file, and saved as UTF-8?")
    return Source(path, text)


def _without_waiting(path: str, flags: int) -> int:
    """Open a pipe or a device at once, to be refused."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _neighbours(path: Path) -> str:
    """What else lies there, where the folder exists."""
    try:
        names = {entry.stem: entry.name for entry in path.parent.iterdir() if entry.suffix in (".yaml", ".yml")}
    except OSError:
        return f"the folder `{path.parent.name}` does not exist either" if path.parent.name else ""
    if path.stem in names:
        return f"did you mean `{names[path.stem]}`?"
    near = did_you_mean(path.stem, names)
    return near and f"did you mean `{names[near.split('`')[1]]}`?"


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
        return syntax.finding(source, error)
    if node is None or node.tag == "tag:yaml.org,2002:null":
        return codes.MISSING.at(Span(source), "the spec is empty", "begin with `base:`, or with `extends:`")
    if not isinstance(node, yaml.MappingNode):
        return codes.WRONG_TYPE.at(
            span_of(node, source), "a spec is a map of keys, `base:` first", "see: imagespec schema"
        )
    return node


def quoted(source: Source) -> list[tuple[int, int]]:
    """Where the text of a YAML file is in quotes or in a block, from and to which character: no comments there."""
    tokens = yaml.scan(_Named(source.text, str(source.path)), Loader=Loader)
    return [(t.start_mark.index, t.end_mark.index) for t in tokens if isinstance(t, yaml.ScalarToken) and not t.plain]


def _too_deep(source: Source, name: str) -> Diagnostic | None:
    """Look at the events one by one: libyaml's composer would recurse and overflow the stack of the process."""
    depth = 0
    for event in yaml.parse(_Named(source.text, name), Loader=Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                span = span_of(event, source)
                return codes.TOO_MUCH.at(span, f"nested more than {MAX_DEPTH} levels deep", "a spec needs five")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return None


def span_of(node: yaml.Node | yaml.Event, source: Source) -> Span:
    """Where a node stands, without the blank lines and comments that libyaml counts to the end of a block."""
    start: Any = node.start_mark
    end = last_of(node).end_mark
    line, column = start.line + 1, start.column + 1
    if start.line == end.line:
        return Span(source, line, column, line, end.column + 1)
    every = lines(source.text[start.index : end.index].rstrip())
    last = len(every[-1]) + (column if len(every) == 1 else 1)
    return Span(source, line, column, line + len(every) - 1, last)


def last_of(node: Any) -> Any:
    """What a block ends with; the node itself where that is in another file, or before it (an alias)."""
    last = node
    for _ in range(MAX_DEPTH):
        if isinstance(last, yaml.ScalarNode | yaml.Event) or last.flow_style or not last.value:
            break
        last = last.value[-1][1] if isinstance(last, yaml.MappingNode) else last.value[-1]
    same = last.start_mark.name == node.start_mark.name and last.end_mark.index > node.start_mark.index
    return last if same else node


def find(node: yaml.Node, route: Route, *, key: bool = False) -> yaml.Node:
    """The node that a route leads to, or as far as it leads; with `key` the key of its last step.

    A key that a node lacks is a shorthand (`python: [torch]` stands for `python: {packages: [torch]}`): it leads to the
    node itself.
    """
    for position, step in enumerate(route):
        if isinstance(node, yaml.MappingNode) and isinstance(step, str):
            for key_node, value in reversed(node.value):  # of a key that stands there twice, the one that is used
                if key_node.value == step:
                    node = key_node if key and position == len(route) - 1 else value
                    break
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
    return node
