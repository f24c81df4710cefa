"""The name of a module -> its files, in an image's tree and in folders of this machine, looked up as Python would."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from imagespec.code.literals import FILE
from imagespec.code.tree import Tree


@dataclass(frozen=True, slots=True)
class Hit:
    """What a lookup found: the files that the import runs, those of packages first. `folder` is where submodules are
    looked for. `lacking` is the number of the part of the name that is not there, though what is above it is.
    `compiled`: the module itself is no source."""

    files: tuple[str, ...]
    folder: str = ""
    lacking: int | None = None
    compiled: bool = False


def in_tree(tree: Tree, parts: Sequence[str], search: Iterable[str]) -> Hit | None:
    """The files of a module in an image; `None` where its first part is nowhere on the path."""
    best: Hit | None = None
    for place in search:
        hit = _below(tree, parts, "" if place == "/" else place)
        if hit is not None and (hit.lacking is None or hit.files):
            return hit
        best = best or hit
    return best


def _below(tree: Tree, parts: Sequence[str], folder: str) -> Hit | None:
    files: list[str] = []
    for number, part in enumerate(parts):
        path = f"{folder}/{part}"
        if f"{path}/__init__.py" in tree.files:
            files.append(f"{path}/__init__.py")
        elif f"{path}.py" in tree.files:
            files.append(f"{path}.py")
            return Hit(tuple(files)) if number == len(parts) - 1 else Hit(tuple(files), lacking=number + 1)
        elif path in tree.compiled:
            return Hit(tuple(files), compiled=True)
        elif path not in tree.folders:
            return Hit(tuple(files), folder, number) if number else None
        folder = path
    return Hit(tuple(files), folder)


def folders_here(path: str, file: Path, places: Iterable[Path]) -> list[Path]:
    """The folders of this machine that a path on `sys.path` may mean; `file` is the one that says so."""
    here = Path(os.path.normpath(path.replace(FILE, str(file))))
    return [here] if here.is_absolute() else [place / here for place in places]


def on_disk(parts: Sequence[str], names: Sequence[str], folders: Iterable[Path]) -> Path | None:
    """The file or folder of this machine that `import` would find for a module of the author's."""
    for folder in folders:
        found = _at(folder, parts, names)
        if found is not None:
            return found
    return None


def _at(folder: Path, parts: Sequence[str], names: Sequence[str]) -> Path | None:
    package: Path | None = None
    for part in parts:
        here = folder / part
        if os.path.isfile(here / "__init__.py"):
            package = here
        elif os.path.lexists(f"{here}.py") and not os.path.isdir(f"{here}.py"):
            return Path(f"{here}.py")
        elif not os.path.isdir(here):
            return package
        folder = here
    return folder if folder == package or _has_modules(folder, names) else package


def _has_modules(folder: Path, names: Sequence[str]) -> bool:
    """Whether a folder without `__init__.py` is a package all the same: it holds what is asked for, or some module."""
    if names and names != ("*",):
        return any(os.path.isfile(folder / f"{name}.py") or _is_package(folder / name) for name in names)
    return _is_package(folder)


def _is_package(folder: Path) -> bool:
    try:
        return any(name.endswith(".py") for name in os.listdir(folder))
    except OSError:
        return False
