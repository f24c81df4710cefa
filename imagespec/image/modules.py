"""The name of a module -> its file or folder, looked up as Python would, with nothing imported."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib.machinery import PathFinder
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Module:
    """A module that was found: `folder` for a package, `file` for a module (or a package's `__init__.py`)."""

    name: str
    file: Path | None
    folder: Path | None


@lru_cache(maxsize=1024)
def find_module(name: str, root: Path) -> Module | None:
    """The module that `import name` would find with `root` on the path, or `None`."""
    search: list[str] | None = [str(root), *sys.path]
    spec = None
    for part in name.split("."):
        if not part.isidentifier() or search is None:
            return None
        spec = PathFinder.find_spec(part, search)
        if spec is None:
            return None
        search = list(spec.submodule_search_locations) if spec.submodule_search_locations is not None else None
    if spec is None:
        return None
    file = Path(spec.origin) if spec.origin and spec.origin not in ("built-in", "frozen") else None
    return Module(name, file, Path(search[0]) if search else None)
