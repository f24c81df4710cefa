"""An app -> the imports that are made where it is started, on a machine that need not have what its image has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from imagespec.code.app import App, top_of
from imagespec.code.facts import Facts, Import
from imagespec.code.finder import folders_here, on_disk
from imagespec.code.source import facts
from imagespec.code.uses import OnPath


def imported_at_start(app: App, root: Path) -> Iterator[tuple[Facts, Import]]:
    """The imports that this machine makes when an app is started: its own at the top, and those of its modules."""
    seen: set[Path] = set()
    folders = [app.path.parent, root, top_of(app)]
    waiting: list[tuple[Path, tuple[str, ...]]] = [(app.path, app.packages)]
    while waiting:
        path, packages = waiting.pop(0)
        if path in seen:
            continue
        seen.add(path)
        found = facts(path)
        for edit in found.found:
            if isinstance(edit.use, OnPath):
                folders += folders_here(edit.use.path, path, [root, app.path.parent])
        for each in found.imports:
            where = each.where
            if not where.at_import or where.condition or where.put_off or where.guard is not None:
                continue
            if found.units[where.unit].kind not in ("module", "definition") or where.handles is not None:
                continue
            name = each.module
            if each.level:
                name = ".".join([*packages[: max(len(packages) - each.level + 1, 0)], *([name] if name else [])])
            files = list(_files_on_disk(name, each.names, folders)) if name else []
            if files:
                waiting += files
            elif not each.level:
                yield found, each


def _files_on_disk(name: str, names: Sequence[str], folders: Sequence[Path]) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """The files that an import of a module of the author's runs, each with the packages around it."""
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        place = on_disk(parts[:depth], names if depth == len(parts) else (), folders)
        if place is None:
            continue
        if place.is_dir():
            if (place / "__init__.py").is_file():
                yield place / "__init__.py", tuple(parts[:depth])
            for each in names if depth == len(parts) else ():
                if (place / f"{each}.py").is_file():
                    yield place / f"{each}.py", tuple(parts)
        else:
            yield place, tuple(parts[: depth - 1])
