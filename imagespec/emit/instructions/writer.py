"""What the instructions of a Dockerfile share: the files and secrets that they need, and how paths are written."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imagespec.diagnostic import Code, Diagnostic, Span
from imagespec.image.layers import Image, Layer

BUILDERS = ("2025.06", "2026.10")

NOT_IN_DOCKERFILE = Code(
    "IS908",
    "error",
    """A part of an image that no Dockerfile can hold.

    Python functions, volumes, and images that only Modal has exist on Modal alone. A Python that the image builder does
    not have cannot be added to a base.

    Use instead: `compile --to python`, which holds everything; or `run` commands in place of functions.
    """,
)

CODES = (NOT_IN_DOCKERFILE,)


@dataclass(slots=True)
class Writer:
    """The instructions so far, and what the command that builds them has to be given."""

    image: Image
    span: Callable[..., Span]
    builder: str
    context: Path
    secrets: dict[str, Layer] = field(default_factory=dict)
    contexts: dict[Path, str] = field(default_factory=dict)
    files: list[tuple[str, str, Path]] = field(default_factory=list)
    build_args: dict[str, str] = field(default_factory=dict)
    refused: list[Diagnostic] = field(default_factory=list)

    def refuse(self, layer: Layer, what: str) -> list[str]:
        at, message = self.span(layer.origin, key=True), f"{what} cannot be part of a Dockerfile"
        self.refused.append(NOT_IN_DOCKERFILE.at(at, message, "see: compile --to python"))
        return []

    def copy(self, path: Path, remote: str, method: str = "COPY", options: Sequence[str] = ()) -> str:
        """`COPY` of a local file or folder; from a context of its own where it lies outside of the main one.

        `remote` is as it stands in a Dockerfile: see `literal`.
        """
        source, origin = self.source(path)
        return " ".join([method, *options, f"{origin}{words(source, remote)}"])

    def source(self, path: Path) -> tuple[str, str]:
        """A path as `COPY` names it, and the option that names the context it is relative to."""
        path = Path(os.path.normpath(path))
        if path.is_relative_to(self.context):
            context, relative = "", path.relative_to(self.context).as_posix()
        else:
            folder = path if path.is_dir() else path.parent
            context = self.contexts.setdefault(folder, f"local-{len(self.contexts)}")
            relative = "." if path == folder else path.name
        self.files.append((context, relative, path))
        return literal(relative, pattern=True), f"--from={context} " if context else ""

    def run(self, layer: Layer, command: str) -> str:
        """`RUN`, with the variables and the secrets of the step."""
        operation: Any = layer.operation
        mounts, prefix = "", ""
        for secret in operation.secrets:
            self.secrets.setdefault(secret, layer)
            mounts += f"--mount=type=secret,id={secret} "
            prefix += f"set -a && . /run/secrets/{secret} && set +a && "
        for name, value in (operation.env or {}).items():
            if value is not None and "\n" in value:  # no quotes hold an instruction together over lines
                self.refuse(layer, f"a value of several lines (`{name}`)")
            prefix += f"unset {name} && " if value is None else f"export {name}={shlex.quote(value)} && "
        return f"RUN {mounts}{prefix}{command}"


def as_json(words: Sequence[str]) -> str:
    return json.dumps(list(words), ensure_ascii=False)


def literal(path: str, *, pattern: bool = False) -> str:
    """A path as `COPY` has to be given it, which expands variables and quotes and, of a source, takes a pattern."""
    if pattern:  # a set of one character: engines do not agree on what a backslash does in a pattern
        path = re.sub(r"[*?[\\]", lambda special: "[\\\\]" if special[0] == "\\" else f"[{special[0]}]", path)
    return re.sub(r"[\\$\"']", r"\\\g<0>", path)


def words(*paths: str) -> str:
    """Arguments of `COPY`: as JSON where a space would divide them."""
    return as_json(paths) if any(re.search(r"[\s\[\]\"']", path) for path in paths) else " ".join(paths)
