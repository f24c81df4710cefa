"""Image and lock -> the image that is built: packages by hash in layers of their own, the base by digest."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from imagespec.image.layers import Image, Layer
from imagespec.image.requirements import name_of
from imagespec.lock.inputs import Inputs, covers
from imagespec.lock.lockfile import Lock, Package
from imagespec.lock.partition import Part, partition
from imagespec.spec import operations as ops

BY_HASH = "--require-hashes --no-deps"
"""What the installer is told: only these files, and nothing that they ask for."""


def locked(image: Image, lock: Lock, made_from: Inputs) -> Image:
    """The image with what the lock fixes. `made_from` are the inputs of both.

    Wheels that seldom change come right after the base: they need nothing of what apt brings.
    """
    covered = [layer for layer in image.layers if covers(layer)]
    stable, last = _Installing(lock, covered, made_from).layers() if covered else ([], [])
    base, *others = image.layers
    layers = [_pinned(base, lock)]
    # conda brings the Python that they are installed into
    after_conda = any(isinstance(layer.operation, ops.MicromambaInstall) for layer in others)
    layers += [] if after_conda else stable
    for layer in others:
        if not covers(layer):
            layers.append(layer)
        elif layer is covered[0]:
            layers += [*stable, *last] if after_conda else last
    return dataclasses.replace(image, layers=tuple(layers))


def _pinned(base: Layer, lock: Lock) -> Layer:
    operation = base.operation
    if lock.base is None or not isinstance(operation, ops.FromRegistry):
        return base
    tag = f"{operation.tag}@{lock.base.digest}"
    return dataclasses.replace(base, operation=dataclasses.replace(operation, tag=tag))


@dataclass(frozen=True, slots=True)
class _Installing:
    """What the layers of one image have in common."""

    lock: Lock
    covered: Sequence[Layer]
    made_from: Inputs

    def layers(self) -> tuple[list[Layer], list[Layer]]:
        """The layers of wheels that seldom change, and those of all others."""
        hashed = [package for package in self.lock.packages if package.files]
        parts = partition(hashed, frozenset(map(name_of, self.made_from.requirements)), self.lock.platform)
        stable = [self._by_hash(part) for part in parts if part.name != "named"]
        last = [self._by_hash(part) for part in parts if part.name == "named"]
        commits = [package for package in self.lock.packages if not package.files]
        return stable, [*last, *([self._by_commit(commits)] if commits else [])]

    def _by_hash(self, part: Part) -> Layer:
        file = ops.Requirements(tuple(line_of(package) for package in part.packages))
        if any(isinstance(layer.operation, _BY_PIP) for layer in self.covered):
            by_pip = ops.PipInstallFromRequirements(requirements_txt=file, **self._options(BY_HASH))
            return self._layer(by_pip, "lines", part)
        by_uv = ops.UvPipInstall(requirements=(file,), uv_version=self.lock.uv, **self._options(BY_HASH))
        return self._layer(by_uv, "lines", part)

    def _by_commit(self, packages: Sequence[Package]) -> Layer:
        """No hash is known of what git gives; the commit says what it is."""
        names = tuple(f"{package.name} @ {package.source}" for package in packages)
        operation = ops.UvPipInstall(packages=names, uv_version=self.lock.uv, **self._options("--no-deps"))
        return self._layer(operation, "packages", Part("named", tuple(packages)))

    def _layer(self, operation: ops.AnyOperation, field: str, part: Part) -> Layer:
        """What the spec names stands there, everything else in the lock."""
        like = self.covered[0]
        at = [self.made_from.place_of(package.name) or package.span or like.origin for package in part.packages]
        return Layer(operation=operation, origin=like.origin, places={**like.places, field: at}, part=part.name)

    def _options(self, how: str) -> dict[str, Any]:
        """What holds for each of the layers: how to install, from where, and what the installation sees."""
        given: dict[str, Any] = {"extra_options": f"{how} {self.made_from.options}".rstrip()}
        for name in ("index_url", "extra_index_url", "find_links"):
            given[name] = getattr(self.made_from, name) or None
        for name in ("env", "secrets", "gpu"):
            values = [getattr(layer.operation, name) for layer in self.covered]
            given[name] = next(filter(None, values), values[0])
        return given


_BY_PIP = (ops.PipInstall, ops.PipInstallFromRequirements, ops.PipInstallFromPyproject)


def line_of(package: Package) -> str:
    """A line of a requirements file: one version, and the hashes of all its files."""
    what = f"{package.name} @ {package.source}" if package.source else f"{package.name}=={package.version}"
    marker = f" ; {package.marker}" if package.marker else ""
    hashes = "".join(f" --hash=sha256:{sha256}" for sha256 in sorted({file.sha256 for file in package.files}))
    return f"{what}{marker}{hashes}"
