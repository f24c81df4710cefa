"""A Modal app's file -> which of its functions run on an image, what is mounted there, and how the file gets there."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from imagespec.code.facts import At, Facts
from imagespec.code.literals import dotted, known, last_name, text_of
from imagespec.code.source import facts, parsed
from imagespec.image.layers import Image


@dataclass(frozen=True, slots=True)
class App:
    """What Modal makes of an app's file.

    `dotted` is its name with the packages around it. `module` is the same where it is run with `-m`, and empty where it
    is run by its path: then that file alone gets there. `here` are the functions that run on the image, `elsewhere`
    those on other images or on this machine. `mounts` are the paths of its volumes, `None` where they are not all
    known. `sources` are modules that its code adds to the image; `altered`: it adds more than can be told.
    `without_source` is where `include_source` is turned off.
    """

    path: Path
    facts: Facts
    module: str = ""
    dotted: str = ""
    here: frozenset[str] = frozenset()
    elsewhere: frozenset[str] = frozenset()
    mounts: frozenset[str] | None = frozenset()
    sources: tuple[str, ...] = ()
    altered: bool = False
    without_source: At | None = None

    @property
    def remote(self) -> str:
        """Where the file is in a container."""
        return f"/root/{self.module.replace('.', '/') or self.path.stem}.py"

    @property
    def packages(self) -> tuple[str, ...]:
        """The names of the packages around the file, as its relative imports see them."""
        return tuple(self.module.split(".")[:-1])


def app_of(path: Path, image: Image) -> App:
    """What an app's file says, read and not run."""
    found = facts(path)
    if found.trouble is not None:
        return App(path, found)
    tree = parsed(found.source.text)
    reader = _Reader(image.name, tree)
    functions = {node.name: reader.runs_here(node) for node in tree.body if isinstance(node, _DEFINITIONS)}
    here = {name for name, runs in functions.items() if runs}
    elsewhere = {name for name, runs in functions.items() if runs is False}
    if not here:  # whatever makes its images: the spec says that they are this one
        local = {name for name in elsewhere if name in reader.local}
        here, elsewhere = elsewhere - local, local
    return App(
        path=path,
        facts=found,
        module=_module(path, image.root, found),
        dotted=_dotted(path, image.root),
        here=frozenset(here),
        elsewhere=frozenset(elsewhere),
        mounts=reader.mounts(),
        sources=tuple(reader.added),
        altered=reader.altered,
        without_source=reader.without_source,
    )


_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(slots=True)
class _Reader:
    """Reads the top of one file."""

    spec: str
    tree: ast.Module
    images: dict[str, bool | None] = field(default_factory=dict)
    texts: dict[str, str | None] = field(default_factory=dict)
    values: dict[str, ast.expr] = field(default_factory=dict)
    apps: dict[str, bool | None] = field(default_factory=dict)
    local: set[str] = field(default_factory=set)
    added: list[str] = field(default_factory=list)
    altered: bool = False
    without_source: At | None = None

    def __post_init__(self) -> None:
        for node in self.tree.body:
            match node:
                case ast.ImportFrom(module="imagespec.images", names=names):
                    for alias in names:
                        self.images[alias.asname or alias.name] = _same(alias.name, self.spec)
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    self._assigned(name, value)
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                    self._assigned(name, value)
                case _:
                    pass

    def _assigned(self, name: str, value: ast.expr) -> None:
        self.values[name] = value
        self.texts[name] = text_of(value, self.texts.get)
        self.images[name] = self._image(value)
        if isinstance(value, ast.Call) and last_name(value.func) in ("App", "Stub"):
            given = {keyword.arg: keyword.value for keyword in value.keywords}
            self.apps[name] = None if None in given else ("image" in given and self._image(given["image"]))
            self._own_source(given.get("include_source"))

    def _own_source(self, value: ast.expr | None) -> None:
        if isinstance(value, ast.Constant) and value.value is False:
            self.without_source = At(value.lineno, value.col_offset, value.lineno, value.end_col_offset or 0)

    def _image(self, node: ast.expr) -> bool | None:
        """Whether an expression is the image of the spec; `None` where that cannot be told."""
        calls: list[ast.Call] = []
        while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
            calls.append(node)
            if isinstance(node.func, ast.Name) or dotted(node.func) in ("imagespec.load",):
                break
            node = node.func.value
        first = calls[-1] if calls else None
        if first is not None and last_name(first.func) == "load" and dotted(first.func) in ("imagespec.load", "load"):
            name = known(text_of(first.args[0], self.texts.get)) if first.args else None
            ours: bool | None = None if name is None else _same(Path(name).stem, self.spec)
        elif isinstance(node, ast.Name):
            ours = self.images.get(node.id)
        elif dotted(node).endswith("Image") and first is not None:
            ours = None if last_name(first.func) in ("from_name", "from_id") else False
        else:
            ours = None
        if ours is not False:
            self._added_by(calls[:-1] if first is not None and last_name(first.func) == "load" else calls)
        return ours

    def _added_by(self, calls: list[ast.Call]) -> None:
        for call in calls:
            method = last_name(call.func)
            if method == "add_local_python_source":
                names = [known(text_of(argument, self.texts.get)) for argument in call.args]
                self.added += [name for name in names if name]
                self.altered |= None in names
            elif method.startswith(("add_local", "pip_", "uv_", "run_", "apt_", "dockerfile", "poetry", "pipe")):
                self.altered = True

    def runs_here(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool | None:
        """Whether a function runs on the image of the spec; `None` where it is no function of Modal's at all."""
        for decorator in node.decorator_list:
            call = decorator if isinstance(decorator, ast.Call) else None
            function = decorator.func if isinstance(decorator, ast.Call) else decorator
            if not isinstance(function, ast.Attribute):
                continue
            if function.attr == "local_entrypoint":
                self.local.add(node.name)
                return False
            if function.attr in ("function", "cls", "server"):
                given = {keyword.arg: keyword.value for keyword in call.keywords} if call else {}
                self._own_source(given.get("include_source"))
                on = dotted(function.value)
                runs = self._image(given["image"]) if "image" in given else self.apps.get(on)
                return True if runs is None or None in given else runs
        return None

    def mounts(self) -> frozenset[str] | None:
        """The paths at which functions see volumes."""
        found: set[str] = set()
        for node in ast.walk(self.tree):
            decorates = isinstance(node, ast.Call) and last_name(node.func) in ("function", "cls", "server")
            for keyword in node.keywords if isinstance(node, ast.Call) else ():
                if keyword.arg is None and decorates:
                    return None
                if keyword.arg in ("volumes", "network_file_systems", "mounts"):
                    for path in self._keys(keyword.value):
                        if path is None:
                            return None
                        found.add(posixpath.normpath(path))
        return frozenset(found)

    def _keys(self, node: ast.expr) -> Iterator[str | None]:
        if isinstance(node, ast.Name) and node.id in self.values:
            node = self.values[node.id]
        if not isinstance(node, ast.Dict):
            yield None
            return
        for key in node.keys:
            yield known(text_of(key, self.texts.get))


def _same(name: str, spec: str) -> bool:
    return name.replace("-", "_") == spec.replace("-", "_")


def _module(path: Path, root: Path, found: Facts) -> str:
    """The dotted name by which a file is run with `-m`, where it can only be, or says that it is."""
    dotted_name = _dotted(path, root)
    relative = any(each.level for each in found.imports)
    said = re.search(rf"-m\s+{re.escape(dotted_name)}\b", found.source.text)
    return dotted_name if "." in dotted_name and (relative or said) else ""


def _dotted(path: Path, root: Path) -> str:
    """The name that `import` takes: from the folder above the outermost package, or from the root."""
    parts, folder = [path.stem], path.parent
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    if len(parts) == 1 and path.is_relative_to(root):
        parts = [*path.relative_to(root).parts[:-1], path.stem]
    return ".".join(parts)


def top_of(app: App) -> Path:
    """The folder above the outermost package of an app."""
    return app.path.parents[len(app.packages)]
