"""Image -> its layers as they are compared and remembered: digest, method, and arguments as JSON values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imagespec.image.digest import chained, content
from imagespec.image.layers import Image, Layer
from imagespec.spec import operations as ops


@dataclass(frozen=True, slots=True)
class Made:
    """A layer as it is compared and remembered: its chained digest, its method, and its arguments as JSON values.

    They are those that the digest sees, but for a lock's requirements, which stand here line by line.
    """

    digest: str
    op: str
    arguments: Mapping[str, Any]

    @property
    def key(self) -> str:
        """The same for layers that do the same, whatever they stand on."""
        return json.dumps([self.op, self.arguments], sort_keys=True)


def made(image: Image) -> tuple[Made, ...]:
    """Every layer of an image. Reads the local files that they name."""
    contents = [content(layer, image.root) for layer in image.layers]
    return tuple(
        Made(digest, op, json.loads(json.dumps(_line_by_line(layer, arguments))))
        for layer, digest, (op, arguments) in zip(image.layers, chained(contents), contents, strict=True)
    )


def _line_by_line(layer: Layer, arguments: dict[str, Any]) -> dict[str, Any]:
    match layer.operation:
        case ops.UvPipInstall(requirements=(ops.Requirements(lines=lines),)):
            hashed = "requirements"
        case ops.PipInstallFromRequirements(requirements_txt=ops.Requirements(lines=lines)):
            hashed = "requirements_txt"
        case _:
            return arguments
    return {name: value for name, value in arguments.items() if name != hashed} | {"lines": list(lines)}
