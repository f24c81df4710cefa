"""Named packages -> newer versions of them, in the files that pin them and in the locks."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import click
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from imagespec.cli.locking import locking, other_locks, settled, unwritten
from imagespec.cli.outcome import Outcome, changes
from imagespec.cli.specs import select
from imagespec.compiler import examine, span_of
from imagespec.diagnostic import Diagnostic, did_you_mean, printable, shown
from imagespec.lock import codes
from imagespec.lock.inputs import Inputs
from imagespec.lock.lockfile import Lock, dump, path_of, write
from imagespec.lock.locking import NotLocked
from imagespec.lock.pins import Changed, Pin, edits, same
from imagespec.lock.upgrade import Locking, Upgraded, moves, sharing, upgrade
from imagespec.machine.interpreter import NotFound
from imagespec.spec.extends import Reader


def told(names: Sequence[str]) -> tuple[list[str], dict[str, SpecifierSet]]:
    """The specs, and the packages with the versions that they may have."""
    specs, packages = [], dict[str, SpecifierSet]()
    for name in names:
        if _is_spec(name):
            specs.append(name)
            continue
        try:
            parsed = Requirement(name)
        except InvalidRequirement:
            raise click.UsageError(printable(f"`{name}` is no spec, and no package can be called so")) from None
        packages[canonicalize_name(parsed.name)] = parsed.specifier
    return specs, packages


def _is_spec(name: str) -> bool:
    try:
        (path,) = select([name])
    except click.UsageError:
        return False
    return not path.is_dir() or "/" in name


def upgraded(
    paths: Sequence[Path], packages: Mapping[str, SpecifierSet], found: list[Diagnostic], cut: str
) -> list[Outcome]:
    specs = []
    for path in paths:
        examined = examine(path, Reader())
        outcome = settled(path, examined, found, check=False, anew=True, cut=cut)
        if outcome is None:
            specs.append(locking(examined, other_locks(path), cut))
        elif outcome.state == "failed":
            return [outcome]
    for name in packages:
        if not any(each.has(name) for each in specs):
            raise click.UsageError(printable(_unknown(name, specs)))
    specs = [each for each in specs if any(map(each.has, packages))]
    specs += sharing(specs, _neighbours(specs, cut), packages)
    click.echo(f"locks {', '.join(each.parsed.name for each in specs)} …", err=True)
    try:
        with tempfile.TemporaryDirectory(prefix="imagespec-") as folder:
            made = upgrade(specs, packages, Path(folder))
        return _write_all(specs, made, packages, found)
    except NotLocked as error:
        found.append(error.diagnostic)
        return [Outcome(each.parsed.path, "failed") for each in specs]
    except (NotFound, OSError) as error:
        raise unwritten(specs[0].parsed.path, error) from None


def _unknown(name: str, specs: Sequence[Locking]) -> str:
    known = {package.name for each in specs if each.old for package in each.old.packages}
    named = set().union(*(each.pinned() for each in specs))
    where = ", ".join(each.parsed.name for each in specs)
    hint = did_you_mean(name, known | named)
    return f"no spec and no package `{name}`" + (f" in {where}" if where else "") + (f"; {hint}" if hint else "")


def _neighbours(specs: Sequence[Locking], cut: str) -> list[Locking]:
    """The other specs in the folders of these, and in those below, that have a lock and no errors."""
    known = {os.path.abspath(each.parsed.path) for each in specs}
    folders = dict.fromkeys(Path(path).parent for path in sorted(known))
    found = []
    locks = [lock for folder in folders for pattern in ("", "*/") for lock in folder.glob(f"{pattern}*.lock.yaml")]
    for lock in sorted(locks):
        for ending in (".yaml", ".yml"):
            path = lock.with_name(lock.name.removesuffix(".lock.yaml") + ending)
            if path.is_file() and str(path) not in known:
                known.add(str(path))
                examined = examine(path, Reader())
                if settled(path, examined, [], check=False, anew=True, cut=cut) is None:
                    found.append(locking(examined, other_locks(path), cut))
    return found


def _write_all(
    specs: Sequence[Locking],
    made: Mapping[Path, Upgraded],
    packages: Iterable[str],
    found: list[Diagnostic],
) -> list[Outcome]:
    """First the files with the pins, then the locks: in between, a lock is stale, which nothing is built from."""
    outcomes = []
    moved = {each.parsed.path: moves(each, made[each.parsed.path].lock, packages) for each in specs}
    for each in specs:
        _refuse_hidden_pins(each, made[each.parsed.path].lock, moved[each.parsed.path])
        if _inputs_now(each).digest != each.made_from.digest:
            raise Changed(f"`{shown(each.parsed.path)}` was edited meanwhile")
    locks = {each.parsed.path: each.complete(made[each.parsed.path].lock) for each in specs}
    for edit in edits({pin: version for versions in moved.values() for pin, version in versions.items()}):
        edit.write()
    for each in specs:
        path, upgraded = each.parsed.path, made[each.parsed.path]
        now = _inputs_now(each)
        lock = dataclasses.replace(locks[path], inputs=now.digest, requirements=now.requirements)
        write(path_of(path), dump(lock))
        found += upgraded.said
        changed = {pin: v for pin, version in moved[path].items() if (v := pin.write_as(version)) != pin.version}
        outcomes.append(
            Outcome(path, "written", changes(each.old, lock), len(lock.packages), changed, tuple(upgraded.held))
        )
    return outcomes


def _inputs_now(spec: Locking) -> Inputs:
    """What the spec says at this moment."""
    now = examine(spec.parsed.path, Reader()).held.made_from
    if now is None:
        raise Changed(f"`{shown(spec.parsed.path)}` was edited meanwhile")
    return now


def _refuse_hidden_pins(spec: Locking, lock: Lock, moved: Iterable[Pin]) -> None:
    """Raises `NotLocked` at an exact version that moves, and whose place in its file is not to be found."""
    found = {(pin.name, pin.version) for pin in moved}
    for name, version in spec.pinned().items():
        package, place = lock.package(name), spec.made_from.place_of(name)
        if package and place and (name, version) not in found and not same(package.version, version):
            why = f"`{name}=={version}` is written in a way that cannot be edited"
            hint = f"write `{name}=={package.version}` there, and run: imagespec lock"
            raise NotLocked(codes.UNRESOLVED.at(span_of(place, spec.parsed.tree), why, hint))
