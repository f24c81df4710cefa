"""Image -> what an environment on this machine can hold of it: Python, packages, variables, and which parts are left out."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import posixpath
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from imagespec.build.files import HOME
from imagespec.image.digest import content
from imagespec.image.layers import Image, Layer
from imagespec.image.lower import expand
from imagespec.spec import operations as ops

FORMAT = 1
"""Of the keys and the folders that they name; another number, and no environment of an earlier format is used."""

Package: TypeAlias = (
    ops.PipInstall
    | ops.PipInstallFromRequirements
    | ops.PipInstallFromPyproject
    | ops.PipInstallPrivateRepos
    | ops.UvPipInstall
    | ops.UvSync
    | ops.PoetryInstallFromFile
)


@dataclass(frozen=True, slots=True)
class Assignment:
    """A variable of the image. Where it `expands`, its value refers to others."""

    name: str
    value: str
    expands: bool


@dataclass(frozen=True, slots=True)
class Step:
    """A layer that can be held, the `position`-th (from 0) of the image.

    `key` names the environment that this layer ends in, `parent` the one that it starts from. Equal keys, equal
    environments; a layer that installs nothing ends in the one that it starts from.
    """

    position: int
    layer: Layer
    key: str
    parent: str
    assignments: tuple[Assignment, ...]


@dataclass(frozen=True, slots=True)
class Contents:
    """What can be held of an image, what is left out, and what else its user should know."""

    python: str
    steps: tuple[Step, ...]
    assignments: tuple[Assignment, ...]
    workdir: str
    left_out: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def key(self) -> str:
        """The environment of the whole image."""
        return self.steps[-1].key


def contents(image: Image) -> Contents:
    """Look through the layers in order. The first must be a base."""
    python, notes = _python(image.layers[0].operation)
    reading = _Reading(image.root, [*image.layers[0].operation.env] if False else [])
    key = _digest([FORMAT, sys.platform, platform.machine(), python])
    reading.steps.append(Step(0, image.layers[0], key, "", ()))
    for position, layer in enumerate(image.layers):
        reading.read(position, layer)
    if image.gpus:
        reading.left_out.append(f"`gpus` ({_few(image.gpus)})")
    return Contents(python, tuple(reading.steps), tuple(reading.assignments), reading.workdir, tuple(reading.left_out), notes)
