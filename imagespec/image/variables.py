"""Image -> the environment variables that it sets, in `env`, in steps and in Dockerfiles."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from imagespec.image.commands import instructions_of
from imagespec.image.layers import Image, Place
from imagespec.spec import operations as ops


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable as it is written. `is_key`: its name is the key that the place ends with."""

    name: str
    value: str
    place: Place
    is_key: bool


_PAIR = re.compile(r"""(?:^|\s)([A-Za-z_]\w*)=("(?:[^"\\]|\\.)*"|'[^']*'|(?:[^\s\\]|\\.)*)""")


def variables_of(image: Image) -> Iterator[Variable]:
    """Every variable, in the order in which the image sets them."""
    for layer in image.layers:
        if isinstance(layer.operation, ops.Env):
            for name, value in layer.operation.vars.items():
                yield Variable(name, value, layer.place("vars", name), is_key=True)
        for instruction in instructions_of(layer):
            if instruction.word == "ENV":
                for name, value in _pairs(instruction.text):
                    yield Variable(name, value, instruction.place, is_key=layer.origin == ("env",))


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    """`A=b C="d e"`, or the older `A b`."""
    found = [(match[1], match[2].strip("\"'")) for match in _PAIR.finditer(text)]
    name, _, value = text.partition(" ")
    yield from found if "=" in name else [(name, value.strip())]
