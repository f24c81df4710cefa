"""Specs, their locks and names of packages -> locks with newer versions, and the pins that have to say so.

A pin that several specs share has one version for all of them: the newest that each of them can have.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from imagespec.diagnostic import Diagnostic
from imagespec.image.requirements import name_of
from imagespec.lock.inputs import Inputs
from imagespec.lock.lockfile import Lock
from imagespec.lock.locking import NotLocked, Upgrade
from imagespec.lock.pins import Pin, applies, exact, opened, pins, same
from imagespec.spec.parse import Parsed

Make: TypeAlias = Callable[[Inputs, Upgrade], tuple[Lock, list[Diagnostic]]]
"""Makes a lock from inputs, as `lock.locking.make` does for one spec. Raises `NotLocked`."""


@dataclass(frozen=True, slots=True)
class Locking:
    """One spec whose lock is made anew. `make` makes locks for it, `newest` tells the newest version of packages,
    `complete` adds to a lock that will be written what only that one needs."""

    parsed: Parsed
    made_from: Inputs
    old: Lock | None
    make: Make
    newest: Callable[[Sequence[str]], Mapping[str, str]]
    complete: Callable[[Lock], Lock]

    def pins(self, names: Iterable[str]) -> list[Pin]:
        """Where the spec pins these packages; each place once."""
        every = pins(self.parsed, self.made_from.python)
        return list(dict.fromkeys(pin for pin in every if pin.name in names))

    def version(self, name: str) -> str:
        """What the spec pins, else what the old lock has; empty where neither names the package."""
        package = self.old.package(name) if self.old else None
        return self.pinned().get(name) or (package.version if package else "")

    def pinned(self) -> dict[str, str]:
        """The packages that the spec asks for in one version."""
        fitting = (text for text in self.made_from.requirements if applies(text, self.made_from.python))
        return {name_of(text): version for text in fitting if (version := exact(text))}

    def has(self, name: str) -> bool:
        """Whether the spec asks for a package, or its lock holds it."""
        return name in map(name_of, self.made_from.requirements) or bool(self.version(name))


@dataclass(frozen=True, slots=True)
class Held:
    """A package that stays at its version: another package needs it so, or `by` is empty where there is no newer one.
    `name` are the pins that would have to move with it; `why` is what uv says."""

    package: str
    version: str
    newest: str = ""
    by: str = ""
    name: tuple[str, ...] = ()
    why: str = ""


@dataclass(slots=True)
class Upgraded:
    """The new lock of one spec, made from inputs in which the pins are open; what is to be said of it; what stays."""

    lock: Lock
    said: list[Diagnostic]
    held: list[Held] = field(default_factory=list)


def relaxed(made_from: Inputs, names: Iterable[str], folder: Path) -> Inputs:
    """The inputs without the exact versions of these packages. Requirements files that uv reads itself are written into
    `folder`."""
    chosen = frozenset(names)
    pairs = zip(made_from.requirements, made_from.places, strict=True)
    places = {opened(text) if name_of(text) in chosen else text: place for text, place in pairs}
    requirements = tuple(sorted(places))
    return dataclasses.replace(
        made_from,
        requirements=requirements,
        places=tuple(places[text] for text in requirements),
        files=tuple(_relaxed_file(path, chosen, folder, index) for index, path in enumerate(made_from.files)),
    )


def _relaxed_file(path: Path, names: frozenset[str], folder: Path, index: int) -> Path:
    lines = path.read_text(encoding="utf-8").splitlines()
    lines = [opened(_bare(line)) if name_of(_bare(line)) in names else line for line in lines]
    copy = folder / f"{index}-{path.name}"
    copy.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return copy


def _bare(line: str) -> str:
    return re.sub(r"(^|\s)#.*$", "", line).strip()


def upgrade(specs: Sequence[Locking], wanted: Mapping[str, SpecifierSet], folder: Path) -> dict[Path, Upgraded]:
    """The new lock of each spec. `wanted` are the packages that may move, and within what. Raises `NotLocked`.

    Nothing is written but scratch files into `folder`.
    """
    agreed: dict[Pin, str] = {}
    found: dict[Path, Upgraded] = {}
    left = list(specs)
    while left:
        for each in left:
            found[each.parsed.path] = _upgraded(each, wanted, agreed, folder)
        news = dict(_disagreements(specs, found, wanted))
        agreed |= news
        left = [each for each in specs if not news.keys().isdisjoint(each.pins(wanted))]
    return found


def _disagreements(
    specs: Sequence[Locking], found: Mapping[Path, Upgraded], wanted: Iterable[str]
) -> Iterator[tuple[Pin, str]]:
    """Pins that are to have other versions in one spec than in another, with the oldest of them."""
    versions: dict[Pin, set[str]] = {}
    for each in specs:
        for pin in each.pins(wanted):
            package = found[each.parsed.path].lock.package(pin.name)
            if package is not None:
                versions.setdefault(pin, set()).add(pin.write_as(package.version))
    return ((pin, min(several, key=Version)) for pin, several in versions.items() if len(several) > 1)


def _upgraded(spec: Locking, wanted: Mapping[str, SpecifierSet], agreed: Mapping[Pin, str], folder: Path) -> Upgraded:
    names = [name for name in wanted if spec.has(name)]
    made_from = relaxed(spec.made_from, names, folder)
    within = {name: str(wanted[name]) for name in names if wanted[name]}
    within |= {pin.name: f"=={agreed[pin]}" for pin in spec.pins(names) if pin in agreed}
    free = [name for name in names if name not in within]
    if not any(wanted.values()):  # one that is asked to be older may need others to be older
        within |= {name: at_least(spec.version(name)) for name in free if spec.version(name)}
    made = Upgraded(*spec.make(made_from, moving(names, within)))
    staying = [name for name in free if _stays(spec, made.lock, name)]
    newest = spec.newest(staying) if staying else {}
    for name in staying:
        version = spec.version(name)
        if not newer(newest.get(name, ""), version):
            made.held.append(Held(name, version))
            continue
        beyond = within | {name: f">{version}"}
        try:  # uv has found one set of packages; whether there is one with a newer version of this one it has not said
            made.lock, made.said = spec.make(made_from, moving(names, beyond))
            within = beyond
        except NotLocked as error:
            made.held.append(_held(spec, made.lock, name, newest[name], error.diagnostic.hint, wanted))
    return made


def at_least(version: str) -> str:
    """A specifier that allows no older version than this one, which may have a local part."""
    return f">={version.partition('+')[0]}"


def moving(names: Iterable[str], within: Mapping[str, str]) -> Upgrade:
    """These packages may move, some of them within a specifier."""
    return Upgrade(frozenset(names), within=tuple(f"{name}{specifier}" for name, specifier in sorted(within.items())))


def _stays(spec: Locking, lock: Lock, name: str) -> bool:
    package = lock.package(name)
    return package is not None and bool(spec.version(name)) and same(package.version, spec.version(name))


def newer(version: str, than: str) -> bool:
    """Whether a version comes after another; one that is none comes after nothing."""
    try:
        return Version(version) > Version(than)
    except InvalidVersion:
        return False


def _held(spec: Locking, lock: Lock, name: str, newest: str, why: str, wanted: Iterable[str]) -> Held:
    """What stands in the way, as uv's reason and the lock tell."""
    text = " ".join(why.split())
    needing = [each for each in lock.packages if name in each.requires]
    by = [each for each in needing if re.search(rf"(?<![\w.-]){re.escape(each.name)}\S* depends? on", text)] or needing
    needed_by = " and ".join(f"{each.name} {each.version}" for each in by)
    if not needed_by and spec.made_from.projects and name not in spec.pinned():
        needed_by = "the uv project"
    pinned = spec.pinned().keys() - {*wanted, name}
    blamed = {each for each in pinned if re.search(rf"(?<![\w.-]){re.escape(each)}(?![\w.-]*\w)", text)}
    return Held(
        name,
        spec.version(name),
        newest,
        needed_by,
        tuple(sorted(blamed)),
        why,
    )


def sharing(specs: Sequence[Locking], others: Iterable[Locking], names: Iterable[str]) -> list[Locking]:
    """The others that have one of the pins of these packages in common with the specs, or with each other."""
    reached = {pin for each in specs for pin in each.pins(names)}
    left = {each.parsed.path: (each, set(each.pins(names))) for each in others}
    found: list[Locking] = []
    while touched := [path for path, (_, own) in left.items() if own & reached]:
        for path in touched:
            each, own = left.pop(path)
            found.append(each)
            reached |= own
    return found


def moves(spec: Locking, lock: Lock, names: Iterable[str]) -> dict[Pin, str]:
    """The pins of a spec, with the version that its new lock has."""
    found = ((pin, lock.package(pin.name)) for pin in spec.pins(names))
    return {pin: package.version for pin, package in found if package is not None}
