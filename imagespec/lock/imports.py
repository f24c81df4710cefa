"""A lock -> the lock with the modules that its packages bring, as their wheels tell.

Best effort: what cannot be found out stays unknown, for it only makes `check` know less. What was found out is kept,
in the locks and in a folder of the user's, by the hash of the wheel.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from imagespec.lock.lockfile import Lock, Package
from imagespec.lock.partition import wheel_for
from imagespec.lock.reference import RegistryError
from imagespec.lock.wheels import FAILURES, Reader

_AT_ONCE = 16


def with_imports(lock: Lock, known: Iterable[Lock], indexes: Sequence[str], environ: Mapping[str, str]) -> Lock:
    """The lock that was just made, told what its packages bring. What the `known` locks say of the same files holds;
    `indexes` are where the files may be, addresses with logins among them."""
    told = {(p.name, p.files): p.imports for other in known for p in other.packages if p.imports and p.files}
    try:
        reader = Reader(indexes, environ)
    except RegistryError:  # who needs a connection says so; here it is not needed
        return lock
    kept = _Kept(environ)

    def complete(package: Package) -> Package:
        imports = told.get((package.name, package.files)) or _imports(package, lock.platform, kept, reader)
        return dataclasses.replace(package, imports=imports)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dataclasses.replace(lock, packages=tuple(pool.map(complete, lock.packages)))


def _imports(package: Package, platform: str, kept: _Kept, reader: Reader) -> tuple[str, ...]:
    wheel = wheel_for(package.files, platform)
    if wheel is None:
        return ()
    if (found := kept.read(wheel.sha256)) is None and package.wheel:
        try:
            found = reader.modules(package.wheel)
        except FAILURES:
            return ()
        kept.write(wheel.sha256, found)
    return found or ()


class _Kept:
    """A folder of the user's, with a file for each wheel that was ever read."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        home = environ.get("HOME") or os.path.expanduser("~")
        # the number rises with what `modules_in` finds
        self._folder = Path(environ.get("XDG_CACHE_HOME") or Path(home, ".cache"), "imagespec", "modules-1")

    def read(self, sha256: str) -> tuple[str, ...] | None:
        try:
            found = json.loads((self._folder / f"{sha256}.json").read_text("utf-8"))
        except (OSError, ValueError):
            return None
        if isinstance(found, list) and all(isinstance(each, str) and _DOTTED.fullmatch(each) for each in found):
            return tuple(found)
        return None

    def write(self, sha256: str, modules: Sequence[str]) -> None:
        """A file that is cut off is no JSON, and so is read as if there were none."""
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / f"{sha256}.json").write_text(json.dumps(modules), "utf-8")


_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
