"""IS506: folders that bring along what nobody needs in an image."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from imagespec.diagnostic import Add, Edit
from imagespec.image.layers import Image, Layer
from imagespec.image.shipped import MOST, Shipped, shipped
from imagespec.rules.rule import Finding, Rule, rule
from imagespec.spec import operations as ops

WORTH_SAYING = 10_000_000
"""Bytes from which on it matters what a folder brings."""

LARGE = 100_000_000
"""Bytes from which on a file of weights is no small sample."""

_NEVER = frozenset({".git", ".hg", ".venv", "venv", "node_modules", ".imagespec", "__pycache__", ".mypy_cache", ".tox"})
_NEVER |= {".pytest_cache", ".ruff_cache", ".ipynb_checkpoints", ".nox", ".hypothesis", ".cache", ".terraform"}
"""Folders that tools make for themselves."""

_SELDOM = frozenset({"wandb", "runs", "mlruns", "lightning_logs", "checkpoints", "ckpts", "datasets", "dataset"})
"""Folders that training fills, and that an image seldom is meant to hold."""

_WEIGHTS = re.compile(r".*(\.(?:ckpt|pt|pth|safetensors|gguf|onnx|h5|npz|parquet|tar|tgz|tar\.gz|zip))", re.IGNORECASE)


@rule("IS506", "warning", fixable=True)
def whole_repository(image: Image) -> Iterable[Finding]:
    """A folder that brings along what nobody needs in an image: `.git`, an environment, caches, runs, checkpoints.

    All of it is hashed and uploaded, and what is copied makes a layer anew whenever one of these files changes: `.git`
    with every commit, caches with every run of the code.

    Use instead: `ignore: [.git, .venv, …]`, with patterns as in a .dockerignore; or the folder alone that holds the
    code.
    """
    for layer in image.layers:
        if not isinstance(layer.operation, ops.AddLocalDir | ops.AddLocalPythonSource):
            continue
        files = list(shipped(layer, image.root))
        found = sorted(_groups(files).values(), key=lambda group: (-group.size, group.pattern))
        found = [group for group in found if group.size >= WORTH_SAYING or _always(group)]
        if not found:
            continue
        at_least = "at least " if len(files) >= MOST // 2 else ""
        named = ", ".join(f"`{group.shown}` ({at_least}{_bytes(group.size)})" for group in found[:4])
        named += f" and {len(found) - 4} more" if len(found) > 4 else ""
        message = f"an image does not need {named}"
        hint = f"add `ignore: [{', '.join(repr(group.pattern) for group in found[:4])}]`"
        field = "modules" if isinstance(layer.operation, ops.AddLocalPythonSource) else "local_path"
        yield Finding(layer.place(field), message, hint, on_key=True, fix=tuple(_left_out(layer, found)))


@dataclass(slots=True)
class _Group:
    """Files that one pattern leaves out. `tools`: only tools need them."""

    shown: str
    pattern: str
    tools: bool
    size: int = 0


def _groups(files: Iterable[Shipped]) -> dict[str, _Group]:
    found: dict[str, _Group] = {}
    for file in files:
        group = _group(file)
        if group is not None:
            found.setdefault(group.pattern, group).size += file.size
    return found


def _group(file: Shipped) -> _Group | None:
    *folders, name = file.name.split("/")
    for depth, folder in enumerate(folders):
        if folder in _NEVER:
            return _Group(folder, f"**/{folder}" if depth or folder == "__pycache__" else folder, True)
    if folders and folders[0] in _SELDOM:
        return _Group(folders[0], folders[0], False)
    if (match := _WEIGHTS.fullmatch(name)) and file.size >= LARGE:
        return _Group(posixpath.basename(file.name), f"**/*{match[1]}", False)
    return None


def _always(group: _Group) -> bool:
    """What is out of place however small it is: a history, an environment."""
    return group.shown in (".git", ".venv", "node_modules")


def _left_out(layer: Layer, found: Iterable[_Group]) -> Iterator[Edit]:
    place = layer.place("ignore")
    if isinstance(place, tuple):
        yield from (Add(place, group.pattern) for group in found if group.tools)


def _bytes(size: int) -> str:
    for unit, factor in (("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} B"


RULES: tuple[Rule, ...] = (whole_repository,)
