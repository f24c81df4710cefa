"""A pyproject.toml -> a draft of an image with its dependencies, as its lock fixes them where it has one."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from imagespec.adopt.codes import TODO, UNREADABLE
from imagespec.adopt.draft import Draft, Written
from imagespec.adopt.names import named
from imagespec.adopt.pins import uv_sources
from imagespec.adopt.pins.python_version import base
from imagespec.diagnostic import Diagnostic, Source, Span
from imagespec.spec import operations as ops


def draft(source: Source, python: str) -> Draft | Diagnostic:
    """The image of a project; else why there is none."""
    try:
        data = tomllib.loads(source.text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return UNREADABLE.at(_place(source, str(error)), f"this is no TOML: {error}", "correct it first")
    folder = source.path.parent
    project, poetry = _table(data, "project"), _table(data, "tool", "poetry")
    installed = _installed(source, data, project, poetry)
    if installed is None:
        hint = "dependencies stand under `[project]` or `[tool.poetry]`"
        return UNREADABLE.at(Span(source), "no project stands in this file", hint)
    wanted = project.get("requires-python") or _table(poetry, "dependencies").get("python")
    if not isinstance(wanted, str):
        wanted = ""
    at = source.find("requires-python" if "requires-python" in project else "python", 1) if wanted else Span(source)
    return Draft(
        name=named(project.get("name"), poetry.get("name"), source.path.parent.name),
        operations=(base(ops.DebianSlim, folder, python, at, wanted=wanted), *installed),
        root=folder,
        exact=False,
    )


def _table(data: Any, *keys: str) -> dict[str, Any]:
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def _installed(
    source: Source, data: dict[str, Any], project: dict[str, Any], poetry: dict[str, Any]
) -> tuple[Written, ...] | None:
    """What installs the dependencies: nothing where there are none, and `None` where this is no project."""
    folder, uv = source.path.parent, _table(data, "tool", "uv")
    listed = project.get("dependencies")
    dependencies = listed if isinstance(listed, list) else []
    if (folder / "uv.lock").is_file() and (dependencies or not project):
        groups = _table(data, "dependency-groups").get("dev")
        also = groups if isinstance(groups, list) else []
        todo = tuple(uv_sources.not_sent(source, uv, [*dependencies, *also]))
        return (Written(ops.UvSync(uv_project_dir=folder), Span(source), todo),)
    if poetry and ((folder / "poetry.lock").is_file() or "dependencies" not in project):
        locked = (folder / "poetry.lock").is_file()
        at = source.find("[tool.poetry", 1)
        step = ops.PoetryInstallFromFile(poetry_pyproject_toml=source.path, ignore_lockfile=not locked)
        return (Written(step, at),)
    if not project:
        return None
    if "dependencies" in (project.get("dynamic") or ()):
        at = source.find("dynamic", 1)
        told = TODO.at(at, "the build backend says what the dependencies are", "write them into the spec")
        return (Written(None, at, (told,)),)
    return (uv_sources.install(source, uv, dependencies),) if dependencies else ()


def _place(source: Source, message: str) -> Span:
    """Where a message of the TOML reader points: `… (at line 3, column 5)`."""
    found = re.search(r"line (\d+), column (\d+)", message)
    return source.at(int(found[1]), int(found[2])) if found else Span(source)
