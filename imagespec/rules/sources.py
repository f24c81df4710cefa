"""A file of this machine that the image lacks -> what has to be written under `source` to bring it."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from imagespec.code.tree import HOME, Tree
from imagespec.diagnostic import Add, Edit
from imagespec.image.files import matcher
from imagespec.image.layers import Image, Place
from imagespec.image.modules import find_module
from imagespec.spec import operations as ops


@dataclass(frozen=True, slots=True)
class Added:
    """An item of `source`; where a pattern leaves the file out, the place of the patterns instead."""

    item: dict[str, str]
    ignored_at: Place | None = None

    @property
    def hint(self) -> str:
        return "" if self.ignored_at is None else "a source brings its folder, and `ignore` leaves it out"

    @property
    def mending(self) -> dict[str, Any]:
        """What a finding says about it."""
        if self.ignored_at is not None:
            return {"other": self.ignored_at}
        item = {key: str(value) for key, value in self.item.items()}
        text = yaml.safe_dump([item], default_flow_style=True, allow_unicode=True, sort_keys=False, width=1 << 20)
        fix: tuple[Edit, ...] = (Add(("source",), self.item),)
        return {"mend": f"source: {text.rstrip()}", "fix": fix}


def source_for(name: str, local: Path, image: Image, tree: Tree) -> Added:
    """What brings a module by its dotted name; `local` is its file or folder."""
    ignored = _ignored(local, image)
    if ignored is not None:
        return Added({}, ignored)
    beside = _beside(local, tree)
    if beside is not None:
        return _placed(local, f"{beside}/{local.name}", image)
    parts = name.split(".")
    for length in (1, len(parts)):
        module = find_module(".".join(parts[:length]), image.root)
        place = None if module is None else module.folder or module.file
        if place is not None and (local == place or local.is_relative_to(place)):
            if not (length == 1 and len(parts) > 1 and _held(parts[0], tree)):
                return Added({"package": ".".join(parts[:length])})
    package = _package_above(parts, local)
    if package is not None and not _held(parts[0], tree):
        return _placed(package, f"{HOME}/{parts[0]}", image)
    return _placed(local, posixpath.join(HOME, *parts[:-1], local.name), image)


def _package_above(parts: Sequence[str], local: Path) -> Path | None:
    """The folder of the outermost package of a module, where it has one."""
    folder = next((each for each in local.parents if each.name == parts[0]), None) if len(parts) > 1 else None
    return folder if folder is not None and (folder / "__init__.py").is_file() else None


def file_for(local: Path, remote: str, image: Image) -> Added:
    """What brings a file or a folder to a path of the image."""
    ignored = _ignored(local, image)
    return Added({}, ignored) if ignored is not None else _placed(local, remote, image)


def _placed(local: Path, remote: str, image: Image) -> Added:
    kind = "dir" if local.is_dir() else "file"
    return Added({kind: Path(os.path.relpath(local, image.root)).as_posix(), "to": remote})


def _held(name: str, tree: Tree) -> bool:
    return f"{HOME}/{name}/__init__.py" in tree.files or f"{HOME}/{name}" in tree.folders


def _beside(local: Path, tree: Tree) -> str | None:
    """Where the other files of the same folder are brought to, one by one."""
    for remote, layer in tree.brought.items():
        if isinstance(layer.operation, ops.AddLocalFile) and tree.files[remote].parent == local.parent:
            if remote.endswith(".py"):
                return posixpath.dirname(remote)
    return None


def _ignored(local: Path, image: Image) -> Place | None:
    """The patterns of a layer that would bring a file, but for them."""
    for layer in image.layers:
        match layer.operation:
            case ops.AddLocalDir(local_path=folder, ignore=tuple() as patterns) if patterns:
                folders = [folder]
            case ops.AddLocalPythonSource(modules=modules, ignore=tuple() as patterns) if patterns:
                found = [find_module(name, image.root) for name in modules]
                folders = [module.folder for module in found if module is not None and module.folder is not None]
            case _:
                continue
        for folder in folders:
            if local.is_relative_to(folder) and matcher(patterns)(local.relative_to(folder)):
                return layer.place("ignore")
    return None
