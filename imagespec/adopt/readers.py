"""An existing file -> drafts of the images that it describes: which reader takes which file."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import TypeAlias

from imagespec.adopt.draft import Draft
from imagespec.diagnostic import Diagnostic


@dataclass(frozen=True, slots=True)
class Given:
    """What somebody says of files that do not say it themselves: the Python of pins and bases, the folder that a
    Dockerfile is built in, and values of its `ARG`s."""

    python: str = ""
    context: Path | None = None
    build_args: Mapping[str, str] = field(default_factory=dict)


Reader: TypeAlias = Callable[..., "list[Draft] | tuple[Diagnostic, ...]"]
"""Reads a file, and never runs it. Where there is nothing to adopt, the findings alone."""

_BUILT = ("context", "build_args")
READERS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("*.py", "modal_code", ("python",)),
    ("Dockerfile", "dockerfile", _BUILT),
    ("Dockerfile.*", "dockerfile", _BUILT),
    ("*.[Dd]ockerfile", "dockerfile", _BUILT),
    ("Containerfile", "dockerfile", _BUILT),
    ("*", "pins", ("python",)),
)
"""Pattern of a file's name, the module of this folder whose `drafts` reads it, and what of `Given` that one takes; the
first that fits counts."""

NOTHING = Given()


def drafts(path: Path, given: Given = NOTHING) -> list[Draft] | tuple[Diagnostic, ...]:
    """The images that a file describes, or why there are none."""
    name, takes = next((module, takes) for pattern, module, takes in READERS if fnmatch(path.name, pattern))
    read: Reader = importlib.import_module(f"imagespec.adopt.{name}").drafts
    return read(path, **{option: getattr(given, option) for option in takes})


def all_drafts(paths: Sequence[Path], given: Given = NOTHING) -> tuple[list[Draft], list[Diagnostic]]:
    """The images of several files, and what is wrong with those that have none.

    Where two files have an image of one name, both get the name of their file too.
    """
    found: list[tuple[str, Draft]] = []
    wrong: list[Diagnostic] = []
    for path in dict.fromkeys(paths):
        read = drafts(path, given)
        if isinstance(read, tuple):
            wrong += read
        else:
            found += [(path.stem.replace("_", "-"), draft) for draft in read]
    names = Counter(draft.name for _, draft in found)
    return [replace(d, name=_of_file(stem, d.name)) if names[d.name] > 1 else d for stem, d in found], wrong


def _of_file(stem: str, name: str) -> str:
    return stem if name == "image" else f"{stem}-{name}"
