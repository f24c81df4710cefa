"""A Modal app's file -> which of its functions run on an image, what is mounted there, and how the file gets there."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from imagespec.code.facts import At, Facts
from imagespec.code.images import Held, Images
from imagespec.code.literals import known, last_name, text_of
from imagespec.code.source import facts, parsed, read_text
from imagespec.image.layers import Image


@dataclass(frozen=True, slots=True)
class App:
    """What Modal makes of an app's file, for the image of the spec of that name.

    `dotted` is its name with the packages around it. `module` is the same where it is run with `-m`, and empty where it
    is run by its path: then that file alone gets there. `here` are the functions that run on the image, `elsewhere`
    those on other images or on this machine, or where that cannot be told; `others` are the variables that hold other
    images. `certain`: the code says itself which image is the spec's. `mounts` are the paths of its volumes, `None`
    where they are not all known. `sources` are modules that its code adds to the image; `altered`: it adds more than
    can be told. `without_source` is where `include_source` is turned off.
    """

    path: Path
    facts: Facts
    spec: str = ""
    module: str = ""
    dotted: str = ""
    here: frozenset[str] = frozenset()
    elsewhere: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()
    certain: bool = False
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
        return App(path, found, image.name)
    tree = parsed(found.source.text)
    images = Images.of(tree, image.name)
    ours = images.of_spec()
    here = {name for name, held in images.functions.items() if held in ours}
    sources, altered = _added(images, ours)
    return App(
        path=path,
        facts=found,
        spec=image.name,
        module=_module(path, image.root, found),
        dotted=_dotted(path, image.root),
        here=frozenset(here),
        elsewhere=frozenset({*images.functions, *images.local} - here),
        others=images.others(ours),
        certain=bool(images.certainly()),
        mounts=_mounts(tree, images),
        sources=tuple(sources),
        altered=altered,
        without_source=_without_source(images, here),
    )


@lru_cache(maxsize=4096)
def runs_elsewhere(text: str, spec: str) -> frozenset[str]:
    """The functions in the text of another file of an app that run on an image which is not called like the spec."""
    images = Images.of(parsed(text), spec)
    return frozenset(
        name
        for name, held in images.functions.items()
        if held.ours is False or (held.ours is None and held.names and not held.called(spec))
    )


_MAY_MOUNT = re.compile(r"volumes|network_file_systems|mounts|\.(?:function|cls|server)\(")


@lru_cache(maxsize=4096)
def mounts_in(text: str, spec: str) -> frozenset[str] | None:
    """The paths at which functions in the text of another file of an app see volumes; `None` where one is not known."""
    if _MAY_MOUNT.search(text) is None:
        return frozenset()
    tree = parsed(text)
    return _mounts(tree, Images.of(tree, spec))


def _added(images: Images, ours: Iterable[Held]) -> tuple[list[str], bool]:
    """The modules that code adds to the image of the spec, and whether it adds more than can be told."""
    added: list[str | None] = []
    altered = False
    for call in (call for held in ours for call in held.calls):
        method = last_name(call.func)
        if method == "add_local_python_source":
            added += [known(text_of(argument, images.texts.get)) for argument in call.args]
        else:
            altered |= method.startswith(_ADDS)
    return [name for name in added if name], altered or None in added


_ADDS = ("add_local", "pip_", "uv_", "run_", "apt_", "dockerfile", "poetry", "pipe")


def _without_source(images: Images, here: Collection[str]) -> At | None:
    """Where `include_source` is turned off, for an app or for a function that runs on the image."""
    for name, keywords in images.keywords.items():
        value = keywords.get("include_source")
        if isinstance(value, ast.Constant) and value.value is False and (name in here or name not in images.functions):
            return At(value.lineno, value.col_offset, value.lineno, value.end_col_offset or 0)
    return None


def _mounts(tree: ast.Module, images: Images) -> frozenset[str] | None:
    """The paths at which functions see volumes."""
    found: set[str] = set()
    for node in ast.walk(tree):
        decorates = isinstance(node, ast.Call) and last_name(node.func) in ("function", "cls", "server")
        for keyword in node.keywords if isinstance(node, ast.Call) else ():
            if keyword.arg is None and decorates:
                return None
            if keyword.arg in ("volumes", "network_file_systems", "mounts"):
                for path in _keys(keyword.value, images):
                    if path is None:
                        return None
                    found.add(posixpath.normpath(path))
    return frozenset(found)


def _keys(node: ast.expr, images: Images) -> Iterator[str | None]:
    if isinstance(node, ast.Name) and node.id in images.values:
        node = images.values[node.id]
    if not isinstance(node, ast.Dict):
        yield None
        return
    for key in node.keys:
        yield known(text_of(key, images.texts.get))


def _module(path: Path, root: Path, found: Facts) -> str:
    """The dotted name by which a file is run with `-m`, where it can only be, or where it or the project says so."""
    dotted_name = _dotted(path, root)
    if "." not in dotted_name:
        return ""
    told = re.compile(rf"-m\s+{re.escape(dotted_name)}\b")
    relative = any(each.level for each in found.imports)
    return dotted_name if relative or told.search(found.source.text) or told.search(_commands(root)) else ""


_HOLD_COMMANDS = ("Makefile", "justfile", "Justfile", "README.md", "*.sh", "scripts/*.sh")


def _commands(root: Path) -> str:
    """The lines of a project's own files that say how it is run on Modal."""
    texts = [read_text(path) for pattern in _HOLD_COMMANDS for path in sorted(root.glob(pattern))]
    lines_of = [line for text in texts if isinstance(text, str) for line in text.split("\n")]
    return "\n".join(line for line in lines_of if re.search(r"\bmodal\s+(run|deploy|serve|shell)\b", line))


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
