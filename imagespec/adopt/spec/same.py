"""Operations -> what Modal is asked for: equal texts stand for equal requests."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from imagespec.image.digest import chained, content
from imagespec.image.layers import Image, Layer
from imagespec.spec import operations as ops
from imagespec.spec.operations import AnyOperation


def normal(operation: AnyOperation) -> AnyOperation:
    """The operation with everything in one order that Modal's client puts in order too."""
    changed: dict[str, Any] = {}
    for field in ops.fields_of(operation):
        value = getattr(operation, field.name)
        if field.name == "packages" and isinstance(operation, ops.PipInstall | ops.UvPipInstall):
            value = tuple(sorted(value))
        elif isinstance(operation, ops.FromDockerfile) and isinstance(value, Mapping):
            value = dict(sorted(value.items()))
        elif isinstance(operation, ops.FromScratch):
            value = False  # an empty image is not built
        changed[field.name] = _settled(value)
    return dataclasses.replace(operation, **changed)


def _settled(value: Any) -> Any:
    match value:
        case Path():
            return Path(os.path.normpath(value))
        case tuple():
            return tuple(_settled(item) for item in value)
        case Mapping():
            return {key: _settled(item) for key, item in value.items()}
        case _:
            return value


def alike(one: AnyOperation, other: AnyOperation) -> bool:
    """Whether two operations are the same request. Unlike `==`, this sees the order of variables."""
    return repr(normal(one)) == repr(normal(other))


def image_of(name: str, operations: Iterable[AnyOperation], root: Path) -> Image:
    """The image of some operations, as if each of them had been written as a step."""
    layers = tuple(Layer(operation=normal(each), origin=("steps", i)) for i, each in enumerate(operations))
    return Image(name=name, layers=layers, root=root)


def digests_of(operations: Iterable[AnyOperation], root: Path) -> tuple[str, ...]:
    """The digests of some operations, in a chain. Reads the files that they name."""
    return chained(content(layer, root) for layer in image_of("", operations, root).layers)
