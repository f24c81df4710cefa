"""An existing file -> drafts of the images that it describes: which reader takes which file."""

from __future__ import annotations

import importlib
from collections.abc import Callable
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
