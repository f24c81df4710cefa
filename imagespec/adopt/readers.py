"""An existing file -> drafts of the images that it describes: which reader takes which file."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from typing import TypeAlias

from imagespec.adopt.draft import Draft
from imagespec.diagnostic import Diagnostic

Reader: TypeAlias = Callable[[Path], "list[Draft] | tuple[Diagnostic, ...]"]
"""Reads a file, and never runs it. Where there is nothing to adopt, the findings alone."""

READERS = (
    ("*.py", "modal_code"),
    ("Dockerfile", "dockerfile"),
    ("Dockerfile.*", "dockerfile"),
    ("*.[Dd]ockerfile", "dockerfile"),
    ("Containerfile", "dockerfile"),
    ("*", "pins"),
)
"""Pattern of a file's name, and the module of this folder whose `drafts` reads it; the first that fits counts."""


def drafts(path: Path) -> list[Draft] | tuple[Diagnostic, ...]:
    """The images that a file describes, or why there are none."""
    name = next(module for pattern, module in READERS if fnmatch(path.name, pattern))
    read: Reader = importlib.import_module(f"imagespec.adopt.{name}").drafts
    return read(path)


def all_drafts(paths: Sequence[Path]) -> tuple[list[Draft], list[Diagnostic]]:
    """The images of several files, and what is wrong with those that have none.

    Where two files have an image of one name, both get the name of their file too.
    """
    found: list[tuple[str, Draft]] = []
    wrong: list[Diagnostic] = []
    for path in dict.fromkeys(paths):
        read = drafts(path)
        if isinstance(read, tuple):
            wrong += read
        else:
            found += [(path.stem.replace("_", "-"), draft) for draft in read]
    names = Counter(draft.name for _, draft in found)
    return [replace(d, name=_of_file(stem, d.name)) if names[d.name] > 1 else d for stem, d in found], wrong


def _of_file(stem: str, name: str) -> str:
    return stem if name == "image" else f"{stem}-{name}"
