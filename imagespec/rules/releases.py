"""The tables of this folder -> what is known of a release: of torch, of what goes with it, of GPUs and variables.

What the tables do not list is unknown: pre-releases, versions that came later, packages of other makers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

COMPANIONS = ("torchvision", "torchaudio")
"""Packages that are built against one torch each."""

_TABLES = Path(__file__).with_name("tables")


@cache
def _releases() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    found: dict[str, Any] = json.loads((_TABLES / "torch.json").read_text("utf-8"))
    return found


@cache
def _hardware() -> Mapping[str, Mapping[str, Any]]:
    found: dict[str, Any] = json.loads((_TABLES / "hardware.json").read_text("utf-8"))
    return found


def listed(name: str, version: str) -> str:
    """A version as the table writes it, without its local part (`+cu121`); empty where it is unknown."""
    try:
        public = str(Version(Version(version).public))
    except ValueError:  # also a number of thousands of digits
        return ""
    return public if public in _releases().get(name, {}) else ""


def release(name: str, version: str) -> Mapping[str, str]:
    """What the table says of a version; empty where it is unknown."""
    return _releases().get(name, {}).get(listed(name, version), {})


def versions(name: str) -> Sequence[str]:
    """Every version that the table lists, the oldest first."""
    return list(_releases().get(name, {}))


def goes_with(name: str, version: str, torch: str) -> bool | None:
    """Whether a version of a companion goes with a version of torch; `None` where that is unknown."""
    allowed = release(name, version).get("torch")
    if allowed is None or not release("torch", torch):
        return None
    return SpecifierSet(allowed).contains(Version(torch).public)


def beside(name: str, torch: str, python: str = "") -> str:
    """The newest version of a companion that goes with a version of torch, and has a wheel for a series of Python;
    empty where none is known."""
    every = (each for each in reversed(versions(name)) if goes_with(name, each, torch))
    return next((each for each in every if has_wheel(name, each, python) is not False), "")


def torch_beside(name: str, version: str, python: str = "") -> str:
    """The newest torch that a version of a companion goes with, and that has a wheel for a series of Python; empty
    where none is known."""
    every = (each for each in reversed(versions("torch")) if goes_with(name, version, each))
    return next((each for each in every if has_wheel("torch", each, python) is not False), "")


def has_wheel(name: str, version: str, python: str) -> bool | None:
    """Whether a version has a wheel for a series of Python (`3.13`, `3.13t`); `None` where that is unknown."""
    pythons = release(name, version).get("python")
    if pythons is None or not python:
        return None
    try:
        allowed = SpecifierSet(pythons)
    except InvalidSpecifier:
        return python in pythons.split()
    return any(allowed.contains(f"{python.rstrip('t')}.{patch}") for patch in (0, 99))


def built_for(cuda: str, torch: str) -> frozenset[str]:
    """The architectures of a torch for a version of CUDA, as capabilities, `12.0+` where newer GPUs can translate its
    code; empty where they are unknown."""
    own = release("torch", torch)
    code = own.get("sm", "") if own.get("cuda") == cuda else _hardware()["architectures"].get(cuda, "")
    return frozenset(code.split()) if own else frozenset()


def cudas(torch: str) -> Sequence[str]:
    """Each CUDA that a version of torch has wheels for, the oldest first, as far as they are known."""
    series = ".".join(torch.split(".")[:2])
    found = {*_hardware()["wheels"].get(series, "").split(), release("torch", torch).get("cuda", "")} - {""}
    return sorted(found, key=Version)


def capabilities(gpu: str) -> Sequence[str]:
    """The compute capabilities that a GPU of Modal's may have; none where its name is unknown."""
    found = _hardware()["capabilities"].get(gpu.partition(":")[0].strip().upper(), ())
    return found if isinstance(found, list) else ()


def runs_on(capability: str, built: frozenset[str]) -> bool:
    """Whether code for some architectures runs on a GPU: code of the same major version and no later minor one does,
    and what can be translated does on anything newer."""
    major, minor = map(int, capability.split("."))

    def fits(architecture: str) -> bool:
        its = tuple(map(int, architecture.rstrip("+").split(".")))
        return its <= (major, minor) and (architecture.endswith("+") or its[0] == major)

    return any(map(fits, built))


def variables() -> Mapping[str, Mapping[str, Any]]:
    """Variables that torch reads by a newer name, since when, and what it reads before."""
    return {name: about for name, about in _hardware()["variables"].items() if isinstance(about, dict)}
