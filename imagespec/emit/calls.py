"""Image -> the list of calls that build it, in order. `modal.py` applies the list, `python.py` prints it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from imagespec.diagnostic import Route
from imagespec.image.files import left_out
from imagespec.image.layers import Image, Layer
from imagespec.spec import operations as ops


@dataclass(frozen=True, slots=True)
class Named:
    """An object of Modal's, by name: `modal.Secret.from_name("name")`."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Function:
    """A Python function, as `module:function`."""

    module: str
    name: str


Value: TypeAlias = Any
"""What an argument may be: plain values, `Path`, `Requirements`, `Named`, `Function`, and lists and dicts of them."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a builder method."""

    method: str
    args: tuple[Value, ...]
    kwargs: Mapping[str, Value]
    origin: Route


def calls(image: Image) -> tuple[Call, ...]:
    """The calls that make the image, the base first."""
    return tuple(call(layer) for layer in image.layers)


_KINDS = {
    "secrets": "Secret",
    "secret": "Secret",
    "registry_secret": "Secret",
    "volumes": "Volume",
    "network_file_systems": "NetworkFileSystem",
}
_POSITIONAL = {
    "python_version",
    "tag",
    "name",
    "image_id",
    "local_path",
    "remote_path",
    "raw_f",
    "func",
    "path",
    "vars",
}
_POSITIONAL |= {"requirements_txt", "pyproject_toml", "poetry_pyproject_toml", "uv_project_dir"}
_POSITIONAL |= {"shell_commands", "entrypoint_commands", "cmd"}


def call(layer: Layer) -> Call:
    """What was given, by Modal's own names; what has Modal's default is left out."""
    operation = layer.operation
    args: list[Value] = []
    kwargs: dict[str, Value] = {}
    own = type(operation).__annotations__  # before what all installs and all builds take, as one would write it
    for field in sorted(ops.fields_of(operation), key=lambda field: field.name not in own):
        value = getattr(operation, field.name)
        if field.default is not dataclasses.MISSING and value == field.default:
            continue
        if field.name == operation.variadic or (operation.method == "pipe" and field.name == "args"):
            args += value
        elif operation.method == "pipe" and field.name == "kwargs":
            kwargs |= value
        elif field.name in _POSITIONAL:
            args.append(_argument(field.name, value))
        else:
            kwargs[field.name] = _argument(field.name, value)
    if isinstance(operation, ops.FromDockerfile) and operation.ignore is None:
        kwargs |= _dockerignore(operation)
    return Call(operation.method, tuple(args), kwargs, layer.origin)


def _dockerignore(operation: ops.FromDockerfile) -> dict[str, Value]:
    """What a .dockerignore beside the Dockerfile says. Modal heeds it only where the path is absolute, and the printed
    one is not."""
    if operation.context_dir is None:
        return {}
    beside = left_out(operation.context_dir, operation.path, None)
    return {} if beside == left_out(operation.context_dir, None, None) else {"ignore": list(beside)}


def _argument(name: str, value: Any) -> Value:
    if name in ("raw_f", "func"):
        module, _, function = value.partition(":")
        return Function(module, function)
    if name in _KINDS:
        kind = _KINDS[name]
        if isinstance(value, str):
            return Named(kind, value)
        if isinstance(value, Mapping):
            return {path: Named(kind, item) for path, item in value.items()}
        return [Named(kind, item) for item in value]
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Mapping):
        return dict(value)
    return value
