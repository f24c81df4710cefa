"""An existing file -> drafts of the images that it describes: which reader takes which file."""

from __future__ import annotations

import importlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import TypeAlias

from imagespec.adopt.draft import Draft
from imagespec.adopt.names import named
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
    ("*.py", "modal.images", ("python",)),
    ("dockerfile*", "dockerfile.image", _BUILT),
    ("*.dockerfile", "dockerfile.image", _BUILT),
    ("containerfile*", "dockerfile.image", _BUILT),
    ("*.containerfile", "dockerfile.image", _BUILT),
    ("*", "pins.files", ("python",)),
)
"""Pattern of a file's name in lower case, the module below this folder whose `drafts` reads it, and what of `Given`
that one takes; the first that fits counts."""

NOTHING = Given()


def drafts(path: Path, given: Given = NOTHING) -> list[Draft] | tuple[Diagnostic, ...]:
    """The images that a file describes, or why there are none."""
    name, takes = _reader(path)
    read: Reader = importlib.import_module(f"imagespec.adopt.{name}").drafts
    return read(path, **{option: getattr(given, option) for option in takes})


def _reader(path: Path) -> tuple[str, tuple[str, ...]]:
    return next((module, takes) for pattern, module, takes in READERS if fnmatch(path.name.lower(), pattern))


def without_argument(paths: Iterable[Path], given: Given) -> str:
    """A build argument that is given, and that no `ARG` of the files is called; an empty string where there is none."""
    if not given.build_args:
        return ""
    from imagespec.adopt.dockerfile.image import arguments

    known = {name for path in paths if _reader(path)[0] == "dockerfile.image" for name in arguments(path)}
    return next((name for name in given.build_args if name not in known), "")


def all_drafts(paths: Sequence[Path], given: Given = NOTHING) -> tuple[list[Draft], list[Diagnostic]]:
    """The images of several files, and what is wrong with those that have none.

    Images of one name get the names of their files too, and as many of the folders above as it takes.
    """
    found: list[tuple[Path, Draft]] = []
    wrong: list[Diagnostic] = []
    for path in {os.path.abspath(path): path for path in paths}.values():
        read = drafts(path, given)
        if isinstance(read, tuple):
            wrong += read
        else:
            found += [(path, draft) for draft in read]
    return [replace(draft, name=name) for name, (_, draft) in zip(_told_apart(found), found, strict=True)], wrong


def _told_apart(found: Sequence[tuple[Path, Draft]]) -> list[str]:
    names = [draft.name for _, draft in found]
    files = [Path(os.path.abspath(path)) for path, _ in found]
    words = [[file.stem.replace("_", "-"), *(folder.name for folder in file.parents)] for file in files]
    for level in range(max(map(len, words), default=0)):
        for name in [name for name, count in Counter(names).items() if count > 1]:
            same = {i: words[i][level] for i, other in enumerate(names) if other == name and level < len(words[i])}
            if len(set(same.values())) > 1:
                for i, word in same.items():
                    names[i] = _of_file(named(word, name), name)
    return names


def _of_file(word: str, name: str) -> str:
    return word if name == "image" else f"{word}-{name}"
