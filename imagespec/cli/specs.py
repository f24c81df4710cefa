"""What a user names -> the spec files that are meant."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from imagespec.diagnostic import did_you_mean, printable, shown
from imagespec.spec.folder import Unusable, in_folder, nearest_specs


def select(names: Sequence[str]) -> list[Path]:
    """The files that are meant: a path, the name of a spec in the nearest `specs/`, or every spec there."""
    try:
        return _selected(names, nearest_specs(Path.cwd()))
    except Unusable as error:
        raise click.UsageError(str(error)) from None


def _selected(names: Sequence[str], folder: Path | None) -> list[Path]:
    if not names:
        if folder is None:
            raise click.UsageError("no folder `specs` here or above; name a spec, or begin with: imagespec init")
        paths = list(in_folder(folder).values())
        if not paths:
            raise click.UsageError(f"no specs in `{shown(folder)}`; begin with: imagespec init")
        return paths
    return list({os.path.abspath(path): path for path in (_select(name, folder) for name in names)}.values())


def _select(name: str, folder: Path | None) -> Path:
    if name.endswith(".lock.yaml"):
        raise click.UsageError(printable(f"`{name}` is a lock; name its spec"))
    if "/" in name or name.endswith((".yaml", ".yml")) or Path(name).is_file():
        return Path(name)
    known = in_folder(folder) if folder else {}
    if name in known:
        return known[name]
    if folder is not None and (folder / f"{name}.yaml").exists():
        return folder / f"{name}.yaml"
    if Path(name).exists():  # a folder, which reading it will say
        return Path(name)
    where = f"in `{shown(folder)}`" if folder else "and no folder `specs` here or above"
    hint = did_you_mean(name, known) or (f"there are: {', '.join(known)}" if known else "name a file")
    raise click.UsageError(printable(f"no spec `{name}` {where}; {hint}"))
