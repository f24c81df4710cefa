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
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from imagespec.image.layers import Image, Layer
from imagespec.image.modules import Module, find_module
from imagespec.spec.operations import AddLocalDir, AddLocalPythonSource, Operation


def digests(image: Image) -> tuple[str, ...]:
    """The digest of each layer, mounted ones included, in order. Reads the local files that the layers name."""
    found: list[str] = []
    for layer in image.layers:
        found.append(_sha256([found[-1] if found else "", *content(layer, image.root)]))
    return tuple(found)


def image_digest(image: Image) -> str:
    """One digest for everything that a container of the image sees."""
    return digests(image)[-1] if image.layers else _sha256([])


def content(layer: Layer, root: Path) -> list[Any]:
    """What a layer is made of: the method and its arguments, as JSON values."""
    operation = layer.operation
    arguments = {}
    for field in dataclasses.fields(operation):
        value = getattr(operation, field.name)
        if field.default is dataclasses.MISSING or value != field.default:
            arguments[field.name] = _value(operation, field.name, value, root)
    return [operation.method, arguments]


def _value(operation: Operation, name: str, value: Any, root: Path) -> Any:
    if isinstance(operation, AddLocalPythonSource) and name == "modules":
        return [[module, _module(module, root)] for module in value]
    if name in ("raw_f", "func"):
        return [value, _module(value.partition(":")[0], root)]
    if isinstance(value, Path):
        ignore = operation.ignore if isinstance(operation, AddLocalDir) else None
        return _path(value, ignore)
    if isinstance(value, Mapping):  # in order: Modal's cache sees the order of variables
        return [[key, _value(operation, "", item, root)] for key, item in value.items()]
    if isinstance(value, list | tuple):
        return [_value(operation, "", item, root) for item in value]
    return value


def _path(path: Path, ignore: tuple[str, ...] | None) -> Any:
    if path.is_dir():
        return [[name, *_file(file)] for name, file in sorted(_files(path))]
    return [path.name, *_file(path)]


def _file(path: Path) -> list[Any]:
    try:
        with open(path, "rb") as file:
            return [hashlib.file_digest(file, "sha256").hexdigest(), os.fstat(file.fileno()).st_mode & 0o7777]
    except OSError:
        return [None, None]


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if f != "__pycache__")
        for name in sorted(names):
            path = Path(parent, name)
            yield path.relative_to(folder).as_posix(), path


def _module(name: str, root: Path) -> Any:
    module = find_module(name, root)
    if not isinstance(module, Module):
        return None
    if module.folder is None:
        return [module.file.name, *_file(module.file)] if module.file else None
    return [[name, *_file(file)] for name, file in sorted(_files(module.folder)) if name.endswith(".py")]


def _sha256(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
