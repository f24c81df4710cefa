"""Layers -> digests: the same digest if and only if the same layer stands on the same layers.

A digest is the SHA-256 of canonical JSON: the method, every argument that is not Modal's default, the content of each
local file that goes into the image, and the digest of the layer before. Where a file lies, and when it was changed, is
not part of it; its content, its name in the image and its mode are, as Modal's cache sees them too.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from imagespec.image.files import in_folder, left_out, of_context, of_module
from imagespec.image.layers import Image, Layer
from imagespec.image.modules import find_module
from imagespec.image.requirements import dependencies_of
from imagespec.spec import operations as ops
from imagespec.spec.operations import AnyOperation


def digests(image: Image) -> tuple[str, ...]:
    """The digest of each layer, mounted ones included, in order. Reads the local files that the layers name."""
    return chained(content(layer, image.root) for layer in image.layers)


def chained(contents: Iterable[Sequence[Any]]) -> tuple[str, ...]:
    """The digests of layers of these contents, each on the one before."""
    found: list[str] = []
    for each in contents:
        found.append(_sha256([found[-1] if found else "", *each]))
    return tuple(found)


def image_digest(image: Image) -> str:
    """One digest for everything that a container of the image sees."""
    return digests(image)[-1] if image.layers else _sha256([])


def content(layer: Layer, root: Path) -> list[Any]:
    """What a layer is made of: the method and its arguments, as JSON values."""
    operation = layer.operation
    arguments = {}
    for field in ops.fields_of(operation):
        value = getattr(operation, field.name)
        if field.default is dataclasses.MISSING or value != field.default:
            arguments[field.name] = _value(operation, field.name, value, root)
    return [operation.method, arguments]


def _value(operation: AnyOperation, name: str, value: Any, root: Path) -> Any:
    match operation:
        case ops.AddLocalPythonSource(ignore=ignore) if name == "modules":
            return [[module, _module(module, root, ignore)] for module in value]
        case ops.AddLocalDir(ignore=ignore) if name == "local_path":
            return _tree(in_folder(value, ignore))
        case ops.AddLocalFile(remote_path=remote) if name == "local_path":
            return [value.name if remote.endswith("/") else None, *_file(value)]
        case ops.PipInstallFromRequirements() if name == "requirements_txt":
            return _plain(value)[1]
        case ops.PipInstallFromPyproject(optional_dependencies=extras) if name == "pyproject_toml":
            lines = dependencies_of(value, extras, ())
            return _hash(value) if lines is None else sorted(line.text for line in lines)
        case ops.UvSync() if name == "uv_project_dir":
            return [_hash(value / "pyproject.toml"), _hash(value / "uv.lock")]
        case ops.PoetryInstallFromFile(ignore_lockfile=ignored, poetry_lockfile=lock) if (
            name == "poetry_pyproject_toml"
        ):
            return [_hash(value), None if ignored else _hash(lock or value.with_name("poetry.lock"))]
        case ops.PoetryInstallFromFile() if name == "poetry_lockfile":
            return None
        case ops.FromDockerfile(context_dir=context, ignore=ignore) if name == "path":
            context = context or root
            return [_hash(value), _tree(of_context(_lines(value), context, left_out(context, value, ignore)))]
        case ops.DockerfileCommands(context_dir=context, ignore=ignore) if name == "dockerfile_commands":
            context = context or root
            return [*value, _tree(of_context(value, context, left_out(context, None, ignore)))]
        case ops.DockerfileCommands() | ops.FromDockerfile() if name == "context_dir":
            return None
        case ops.DockerfileCommands() if name == "context_files":
            return [[key, _hash(path)] for key, path in value.items()]
        case ops.RunFunction() | ops.Pipe() if name in ("raw_f", "func"):
            return [value, _module(value.partition(":")[0], root, None)]
        case _:
            return _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return [value.name, _hash(value)]
    if isinstance(value, ops.Requirements):
        return [value.name, hashlib.sha256(value.text.encode()).hexdigest()]
    if isinstance(value, Mapping):  # in order: Modal's cache sees the order of variables
        return [[key, _plain(item)] for key, item in value.items()]
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _tree(files: Iterable[tuple[str, Path]]) -> list[Any]:
    return sorted([name, *_file(path)] for name, path in files)


def _file(path: Path) -> list[Any]:
    """What Modal's cache sees of a file that it mounts or copies: the content and the mode."""
    try:
        with open(path, "rb") as file:
            return [hashlib.file_digest(file, "sha256").hexdigest(), os.fstat(file.fileno()).st_mode & 0o7777]
    except OSError:
        return ["", 0]


def _hash(path: Path) -> str:
    """What Modal's cache sees of a file that travels inside a request."""
    found: str = _file(path)[0]
    return found


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8", "replace").split("\n")
    except OSError:
        return []


def _module(name: str, root: Path, ignore: tuple[str, ...] | None) -> Any:
    module = find_module(name, root)
    return None if module is None else _tree(of_module(module, ignore))


def _sha256(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
