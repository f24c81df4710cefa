"""A locked spec -> newer versions of its packages, and what each of them would rebuild and bring.

What an upgrade costs is not estimated: the lock and the image are made as they would be, and the digests of the layers
compared with those of today.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from imagespec.image.digest import digests
from imagespec.image.layers import Image
from imagespec.image.requirements import name_of, requirements_of
from imagespec.lock.inputs import Inputs
from imagespec.lock.locked import locked
from imagespec.lock.lockfile import Lock
from imagespec.lock.locking import Upgrade
from imagespec.lock.partition import size
from imagespec.lock.upgrade import Locking, at_least, moving, newer, relaxed


@dataclass(frozen=True, slots=True)
class Cost:
    """The layers that would be built again, and the bytes of the packages in them; `moves` is every version that
    changes: name to the one before and the one after."""

    layers: int
    bytes: int
    moves: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Newer:
    """A package of which there is a newer version.

    `alone` is the newest that goes together with everything else that the spec pins, `together` the newest where all
    pins move, `newest` the newest there is for the image's Python and platform. `cost` is that of `alone`, and `None`
    where it stays.
    """

    name: str
    pinned: bool
    locked: str
    alone: str
    together: str
    newest: str
    cost: Cost | None


@dataclass(frozen=True, slots=True)
class Candidates:
    """The locks that a spec could have: with each pin moved `alone`, with all of them, and with all that is open."""

    newest: Mapping[str, str]
    alone: Mapping[str, Lock]
    together: Lock
    open: Lock


def candidates(spec: Locking, folder: Path) -> Candidates:
    """Ask uv. Raises `NotLocked`. Nothing is written but scratch files into `folder`."""
    assert spec.old is not None
    packages = {package.name: package.version for package in spec.old.packages if not package.source}
    newest = {name: v for name, v in spec.newest(sorted(packages)).items() if newer(v, packages[name])}
    pinned = {name: version for name, version in spec.pinned().items() if name in packages}

    def moved(names: Iterable[str]) -> Lock:
        within = {name: at_least(pinned[name]) for name in names}
        return spec.make(relaxed(spec.made_from, within, folder), moving(within, within))[0]

    alone = {name: moved([name]) for name in pinned if name in newest}
    together = moved(pinned) if len(alone) > 1 else next(iter(alone.values()), spec.old)
    others = frozenset(newest.keys() - pinned.keys())
    open_ = spec.make(spec.made_from, Upgrade(others))[0] if others else spec.old
    return Candidates(newest, alone, together, open_)


def outdated(image: Image, old: Lock, made_from: Inputs, found: Candidates) -> tuple[list[Newer], Cost | None]:
    """The packages with newer versions, pinned ones first; and what it costs to move all pins, where several can.

    `image` is the one that the spec describes, without what its lock fixes.
    """
    today = frozenset(digests(locked(image, old, made_from)))

    def cost(lock: Lock) -> Cost | None:
        return _cost(locked(image, lock, made_from), lock, old, today) if lock.packages != old.packages else None

    packages = []
    for name in sorted(found.newest, key=lambda name: (name not in found.alone, name)):
        pinned = name in found.alone
        alone = found.alone[name] if pinned else _with(old, found.open, name)
        before = _version(old, name)
        packages.append(
            Newer(
                name=name,
                pinned=pinned,
                locked=before,
                alone=_version(alone, name),
                together=_version(found.together if pinned else found.open, name) or before,
                newest=found.newest[name],
                cost=cost(alone) if _version(alone, name) != before else None,
            )
        )
    return packages, cost(found.together) if len(found.alone) > 1 else None


def _version(lock: Lock, name: str) -> str:
    package = lock.package(name)
    return package.version if package else ""


def _with(old: Lock, new: Lock, name: str) -> Lock:
    """The old lock with one package as the new one has it."""
    moved = new.package(name)
    packages = tuple(moved if moved is not None and each.name == name else each for each in old.packages)
    return dataclasses.replace(old, packages=packages)


def _cost(image: Image, lock: Lock, old: Lock, today: frozenset[str]) -> Cost:
    rebuilt = [
        layer
        for layer, digest in zip(image.layers, digests(image), strict=True)
        if digest not in today and not layer.mounted
    ]
    installed = {name_of(line.text) for layer in rebuilt for line in requirements_of(layer)}
    brought = [package for package in lock.packages if package.name in installed]
    before = {package.name: package.version for package in old.packages}
    after = {package.name: package.version for package in lock.packages}
    return Cost(
        layers=len(rebuilt),
        bytes=sum(size(package, lock.platform) for package in brought),
        moves={
            name: (before.get(name, ""), after.get(name, ""))
            for name in sorted(before.keys() | after.keys())
            if before.get(name) != after.get(name)
        },
    )
