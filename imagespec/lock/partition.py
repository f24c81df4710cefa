"""Packages -> the layers they are installed in, such that a new version of one costs little more than that package.

An image is a stack: a new layer makes everything above it new. So what is expensive and seldom changes belongs below,
what is cheap and often changes above, and what changes together into one layer. Which layer a package goes to is
decided by what it is and by what needs it, never by what else there is: adding a package moves no other one, and specs
that have torch in common have its layers in common.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from imagespec.lock.lockfile import File, Package

HEAVY = 20_000_000
"""Bytes of a wheel from which on a package is no light one. With torch 2.5.1: the CUDA libraries, triton and torch are
heavier, numpy (16 MB) and everything else is lighter."""

FRAMEWORKS = frozenset({"torch", "jax", "jaxlib", "tensorflow", "tensorflow-cpu", "paddlepaddle", "paddlepaddle-gpu"})
"""What the heaviest libraries are there for. A framework fixes their versions, and keeps them over its own patches."""

REASONS: Mapping[str, str] = {
    "libraries": "the CUDA libraries: gigabytes that stay the same from one patch of the framework to the next",
    "frameworks": "torch and its like: heavy, and bumped more often than the libraries below",
    "needed": "what the named packages need in turn, and other wheels of 20 MB and more: seldom bumped, or heavy",
    "named": "the light packages that the spec names, which are bumped most often, and what is built from source",
}
"""The layers in their order, each with the reason for its place. All but the last hold wheels only."""


@dataclass(frozen=True, slots=True)
class Part:
    """One layer of packages, in the order of their names."""

    name: str
    packages: tuple[Package, ...]


def partition(packages: Sequence[Package], named: frozenset[str], platform: str) -> list[Part]:
    """At most four layers, empty ones left out. `named` are the packages that the spec itself asks for."""
    known = {package.name: package for package in packages}
    heavy = {name for name, package in known.items() if size(package, platform) >= HEAVY}
    below = _required(known, FRAMEWORKS & known.keys())

    def part(package: Package) -> str:
        name = package.name
        if not any(runs_on(file, platform) for file in package.files):
            return "named"
        if name in FRAMEWORKS:
            return "frameworks"
        if name in below - named and (name in heavy or name.startswith("nvidia-")):
            return "libraries"
        return "needed" if name in heavy or name not in named else "named"

    parts = {package.name: part(package) for package in packages}
    chosen = [Part(name, tuple(each for each in packages if parts[each.name] == name)) for name in REASONS]
    return [part for part in chosen if part.packages]


def _required(known: Mapping[str, Package], names: frozenset[str]) -> set[str]:
    """Everything that these packages need, what that needs in turn, and so on; without themselves."""
    found: set[str] = set()
    left = list(names)
    while left:
        for name in known[left.pop()].requires:
            if name in known and name not in found:
                found.add(name)
                left.append(name)
    return found - names


def size(package: Package, platform: str) -> int:
    """Bytes of the wheel that is installed on a platform; of its source, where there is none for it."""
    wheels = [file for file in package.files if runs_on(file, platform)]
    return max((file.size or 0 for file in wheels or package.files), default=0)


def runs_on(file: File, platform: str) -> bool:
    """Whether a file is a wheel for a platform, which is called as uv calls it: `x86_64-manylinux_2_36`."""
    machine, _, system = platform.partition("-")
    linux = "musllinux" if "musl" in system else "manylinux"
    return any(
        tag.platform == "any" or (tag.platform.startswith((linux, "linux")) and tag.platform.endswith(f"_{machine}"))
        for tag in tags(file)
    )


def wheel_for(files: Sequence[File], platform: str) -> File | None:
    """The wheel that is installed on a platform: among several, one that is compiled for it."""
    fitting = [file for file in files if runs_on(file, platform)]
    return min(fitting, key=lambda file: (file.name.endswith("-any.whl"), file.name), default=None)


def tags(file: File) -> frozenset[Tag]:
    """The tags of a wheel; none of any other file."""
    if not file.is_wheel:
        return frozenset()
    try:
        return parse_wheel_filename(file.name)[3]
    except InvalidWheelFilename:
        return frozenset()
