"""A lock -> the lock with the modules that its packages bring, as their wheels tell.

Best effort: what cannot be found out stays unknown, for it only makes `check` know less. What was found out is kept,
in the locks and in a folder of the user's, by the hash of the wheel.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from imagespec.lock.lockfile import Lock, Package
from imagespec.lock.partition import wheel_for
from imagespec.lock.reference import RegistryError
from imagespec.lock.wheels import modules_in


def with_imports(
    lock: Lock, known: Iterable[Lock], indexes: Sequence[str], environ: Mapping[str, str], patience: float = 60
) -> Lock:
    """The lock that was just made, told what its packages bring. What the `known` locks say of the same files holds;
    `indexes` are where the files may be, addresses with logins among them; what is not known after `patience`, in
    seconds, stays unknown."""
    found = {(p.name, p.files): p.imports for other in known for p in other.packages if p.imports and p.files}
    kept = _Kept(environ)
    asked: dict[str, Package] = {}
    for package in lock.packages:
        wheel = wheel_for(package.files, lock.platform)
        if wheel is None or (package.name, package.files) in found:
            continue
        if (imports := kept.read(wheel.sha256)) is not None:
            found[package.name, package.files] = imports
        elif package.wheel:
            asked[wheel.sha256] = package
    if asked:
        wheels = {sha256: package.wheel for sha256, package in asked.items()}
        for sha256, imports in _read(wheels, indexes, environ, patience):
            kept.write(sha256, imports)
            found[asked[sha256].name, asked[sha256].files] = imports
    packages = [dataclasses.replace(each, imports=found.get((each.name, each.files), ())) for each in lock.packages]
    return dataclasses.replace(lock, packages=tuple(packages))


def _read(
    addresses: Mapping[str, str], indexes: Sequence[str], environ: Mapping[str, str], patience: float
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The modules of wheels, those that could be read, by what the addresses go by."""
    from imagespec.lock.listing import FAILURES, Listing

    async def one(listing: Listing, key: str) -> tuple[str, tuple[str, ...]] | None:
        with suppress(*FAILURES):
            return key, modules_in(await listing.files(addresses[key]))
        return None

    async def all_() -> list[tuple[str, tuple[str, ...]] | None]:
        async with Listing(indexes, environ) as listing:
            tasks = [asyncio.create_task(one(listing, key)) for key in addresses]
            done, late = await asyncio.wait(tasks, timeout=patience)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
            return [task.result() for task in done]

    with suppress(RegistryError):  # of variables that are wrong; who needs a connection says so
        yield from filter(None, asyncio.run(all_()))


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
