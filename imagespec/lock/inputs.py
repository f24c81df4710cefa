"""Image -> what its lock is made from. A lock is fresh as long as this is the same; nothing else makes it stale."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Any, TypeAlias

from imagespec.diagnostic import Source
from imagespec.image.bases import platform_of
from imagespec.image.layers import Image, Layer, Place
from imagespec.image.requirements import Line, canonical, files_of, logical_lines, name_of, requirements_of
from imagespec.spec import operations as ops
from imagespec.spec.source import read

Lockable: TypeAlias = (
    ops.UvPipInstall | ops.PipInstall | ops.PipInstallFromRequirements | ops.PipInstallFromPyproject | ops.UvSync
)
"""What installs packages that a lock can fix. A Poetry project has a lock of its own, a private repository a commit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """`requirements` are canonical and sorted, `places` tells where each was written. `files` are requirements files
    with options, which uv reads itself; `projects` are uv projects; `base` is a registry image without a digest,
    or empty.

    `prerelease` to `options` go to uv as they are; `at` is where the packages are listed.
    """

    requirements: tuple[str, ...]
    files: tuple[Path, ...]
    projects: tuple[ops.UvSync, ...]
    base: str
    python: str
    platform: str
    uv: str
    index_url: str
    extra_index_url: str
    find_links: str
    prerelease: bool
    options: str
    places: tuple[Place, ...] = field(compare=False)
    base_place: Place = field(compare=False)
    at: Place = field(compare=False)

    def place_of(self, name: str) -> Place | None:
        """Where the spec names a package."""
        return dict(zip(map(name_of, self.requirements), self.places, strict=True)).get(name)

    @property
    def packages(self) -> bool:
        """Whether there is any package to lock."""
        return bool(self.requirements or self.files or self.projects)

    @property
    def digest(self) -> str:
        """The same for the same lock: of files what stands in them counts, without comments, and not where they lie."""
        named = [[name, getattr(self, name)] for name in (*_OPTIONS, "base", "python", "platform", "uv")]
        files = [[_without_comments(path)] for path in self.files]
        projects = [_project(each) for each in self.projects]
        value = [1, self.requirements, sorted(files), sorted(projects), named]
        text = json.dumps(value, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


_OPTIONS = ("index_url", "extra_index_url", "find_links", "prerelease", "options")


def covers(layer: Layer) -> bool:
    """Whether a lock fixes what a layer installs. Steps are sent as they are written."""
    return layer.origin[0] == "python" and isinstance(layer.operation, Lockable)


def inputs(image: Image) -> Inputs | None:
    """What a lock of the image is made from; `None` where there is nothing that a lock could fix."""
    layers = [layer for layer in image.layers if covers(layer)]
    base = image.layers[0] if image.layers else None
    tag = _floating_tag(base) if base else ""
    if base is None or not (layers or tag):
        return None
    lines = [line for layer in layers for line in _requirements(layer)]
    places = {canonical(line.text): line.place for line in reversed(lines)}
    requirements = tuple(sorted(places))
    pip = [layer.operation for layer in layers if isinstance(layer.operation, ops.Pip)]
    by_uv = [layer.operation for layer in layers if isinstance(layer.operation, ops.UvPipInstall | ops.UvSync)]
    return Inputs(
        requirements=requirements,
        files=tuple(file for layer in layers for file in files_of(layer.operation)),
        projects=tuple(layer.operation for layer in layers if isinstance(layer.operation, ops.UvSync)),
        base=tag,
        python=image.python if layers else "",
        platform=platform_of(base.operation),
        uv=next((each.uv_version for each in by_uv if each.uv_version), ""),
        index_url=next((each.index_url for each in pip if each.index_url), ""),
        extra_index_url=next((each.extra_index_url for each in pip if each.extra_index_url), ""),
        find_links=next((each.find_links for each in pip if each.find_links), ""),
        prerelease=any(each.pre for each in pip),
        options=next((each.extra_options for each in pip if each.extra_options), ""),
        places=tuple(places[each] for each in requirements),
        base_place=base.place("tag") if tag else base.origin,
        at=layers[0].origin if layers else base.origin,
    )


def _floating_tag(base: Layer) -> str:
    operation = base.operation
    return operation.tag if isinstance(operation, ops.FromRegistry) and "@" not in operation.tag else ""


def _requirements(layer: Layer) -> Iterator[Line]:
    """Those of a file with options are left to uv."""
    operation = layer.operation
    if isinstance(operation, ops.UvPipInstall):
        yield from (Line(text, layer.place("packages", i)) for i, text in enumerate(operation.packages))
    elif not isinstance(operation, ops.PipInstallFromRequirements):
        yield from requirements_of(layer)


def _without_comments(path: Path) -> Sequence[str]:
    source = read(path)
    return sorted(canonical(line.text) for line in logical_lines(source)) if isinstance(source, Source) else []


def _project(operation: ops.UvSync) -> list[object]:
    folder = operation.uv_project_dir
    files = [_tables(folder / "pyproject.toml", _OF_PROJECT), _tables(folder / "uv.lock", ())]
    options = [operation.extra_options] if operation.extra_options else []
    return [*files, sorted(operation.extras or ()), sorted(operation.groups or ()), *options]


_OF_PROJECT = (("project", "dependencies"), ("project", "optional-dependencies"), ("project", "requires-python"))
_OF_PROJECT += (("dependency-groups",), ("tool", "uv"))  # type: ignore[assignment]
"""What of a `pyproject.toml` says which packages there are."""


def _tables(path: Path, wanted: Sequence[Sequence[str]]) -> str | None:
    """Some tables of a TOML file, or all, whatever its comments and layout; `None` where there is no file."""
    try:
        text = path.read_bytes()
        found: Any = tomllib.loads(text.decode())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError):
        return "" if path.is_dir() else hashlib.sha256(text).hexdigest()
    parts = [reduce(lambda table, key: table.get(key, {}), keys, found) for keys in wanted] if wanted else found
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
