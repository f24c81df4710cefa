"""A spec and the packages of its lock -> both as files, the lock fresh, without any resolving."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from imagespec.build.result import Target
from imagespec.compiler import compile_all, examine
from imagespec.lock.lockfile import Base, File, Lock, Package, dump, path_of, write


def file(name: str, size: int | None = 1000) -> File:
    """A file with a hash that its name decides."""
    return File(name, size, hashlib.sha256(name.encode()).hexdigest())


def wheel(package: str, version: str, tag: str = "py3-none-any", size: int | None = 1000) -> File:
    return file(f"{package.replace('-', '_')}-{version}-{tag}.whl", size)


def lock(spec: Path, packages: Sequence[Package], base: str = "", exclude_newer: str = "") -> Lock:
    """The lock of a spec with these packages, written beside it; `base` is the digest of its base."""
    made_from = examine(spec).held.made_from
    assert made_from is not None
    made = Lock(
        inputs=made_from.digest,
        requirements=made_from.requirements,
        python=made_from.python,
        platform=made_from.platform,
        uv=made_from.uv or "0.9.10",
        exclude_newer=exclude_newer,
        base=Base(made_from.base, base) if base else None,
        packages=tuple(sorted(packages, key=lambda package: package.name)),
    )
    write(path_of(spec), dump(made))
    return made


def target(spec: Path) -> Target:
    """A spec, compiled; it must have no errors."""
    (found,), _ = compile_all([spec])
    return found
