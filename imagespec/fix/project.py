"""A spec -> the folder of its project, beyond which nothing is edited unasked."""

from __future__ import annotations

import os
from pathlib import Path

_MARKS = (".git", "pyproject.toml")


def inside_project(file: Path, spec: Path) -> bool:
    """Whether a file, wherever links lead, belongs to the project of a spec."""
    return Path(os.path.realpath(file)).is_relative_to(project_of(spec))


def project_of(spec: Path) -> Path:
    """The nearest folder above a spec that holds a repository or a `pyproject.toml`, else the one that holds `specs`,
    else the spec's own."""
    own = Path(os.path.realpath(spec)).parent
    above = [own, *own.parents]
    marked = next((folder for folder in above if any((folder / mark).exists() for mark in _MARKS)), None)
    return marked or next((folder.parent for folder in above if folder.name == "specs"), own)
