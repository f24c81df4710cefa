"""A file that pins packages -> a draft of an image that holds them: which kind of file it is, and requirements.txt."""

from __future__ import annotations

import os
from pathlib import Path

from imagespec.adopt.codes import UNREADABLE
from imagespec.adopt.draft import Draft
from imagespec.adopt.names import named
from imagespec.adopt.pins import cog, conda, pyproject
from imagespec.adopt.pins.python_version import base
from imagespec.adopt.pins.requirement_lines import install
from imagespec.diagnostic import Diagnostic, Source, Span
from imagespec.image.requirements import logical_lines
from imagespec.spec import operations as ops
from imagespec.spec.source import read

KINDS = "a Python file, a Dockerfile, a requirements.txt, an environment.yml, a cog.yaml or a pyproject.toml"
_INSTEAD = {
    "uv.lock": "name the pyproject.toml beside it",
    "poetry.lock": "name the pyproject.toml beside it",
    "Pipfile": "`pipenv requirements > requirements.txt` writes what can be adopted",
    "Pipfile.lock": "`pipenv requirements > requirements.txt` writes what can be adopted",
    "setup.cfg": "name the requirements.txt, or write the packages into a pyproject.toml",
}


def drafts(path: Path, *, python: str = "") -> list[Draft] | tuple[Diagnostic, ...]:
    """The image of a file that pins packages, on `python` where it does not say which it is for; else why there is
    none."""
    path = Path(os.path.abspath(path))
    source = read(path)
    if isinstance(source, Diagnostic):
        hint = source.hint.replace("a YAML file", "one that pins packages")
        return (UNREADABLE.at(source.span, source.message, hint),)
    if path.name == "pyproject.toml":
        found = pyproject.draft(source, python)
    elif path.suffix in (".yaml", ".yml"):
        found = (cog if path.stem == "cog" else conda).draft(source, python)
    elif path.suffix in (".txt", ".in", ".pip"):
        found = _requirements(source, python)
    else:
        hint = _INSTEAD.get(path.name, f"it reads {KINDS}")
        found = UNREADABLE.at(Span(source), f"adopt does not know what `{path.name}` is", hint)
    return (found,) if isinstance(found, Diagnostic) else [found]


# -------------------------------------------------------------------------------------- requirements.txt


def _requirements(source: Source, python: str) -> Draft | Diagnostic:
    every = list(logical_lines(source))
    if not every:
        return UNREADABLE.at(Span(source), "no package stands in this file", "is it the right file?")
    folder, installed = source.path.parent, install(source.path, every)
    name = named(source.path.stem if source.path.stem != "requirements" else "", folder.name, "requirements")
    return Draft(
        name=name, operations=(base(ops.DebianSlim, folder, python, Span(source)), installed), root=folder, exact=False
    )
