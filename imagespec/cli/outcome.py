"""What became of locks, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from imagespec.diagnostic import shown
from imagespec.lock.lockfile import Lock, path_of
from imagespec.lock.pins import Pin
from imagespec.lock.upgrade import Held

State: TypeAlias = Literal["written", "fresh", "stale", "missing", "failed", "nothing to lock"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one spec's lock: which versions changed (name to the one before and the one now), which pins were
    written anew, which packages stay where they are, and what is to be said besides."""

    spec: Path
    state: State
    changes: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    count: int = 0
    pins: Mapping[Pin, str] = field(default_factory=dict)
    held: Sequence[Held] = ()
    besides: Sequence[str] = ()


def changes(before: Lock | None, after: Lock) -> dict[str, tuple[str, str]]:
    old = {package.name: package.version for package in before.packages} if before else {}
    new = {package.name: package.version for package in after.packages}
    names = sorted(old.keys() | new.keys())
    return {name: (old.get(name, ""), new.get(name, "")) for name in names if old.get(name) != new.get(name)}


def besides(before: Lock | None, after: Lock) -> list[str]:
    """What else of a lock has changed."""
    changed = []
    if before is not None and not before.inputs:
        changed.append("the old lock could not be trusted: its versions were asked for again")
    if before is not None and before.exclude_newer != after.exclude_newer:
        changed.append(f"exclude-newer {before.exclude_newer or 'none'} -> {after.exclude_newer or 'none'}")
    if before is not None and before.uv not in ("", after.uv):
        changed.append(f"uv itself {before.uv} -> {after.uv}")
    if before is not None and before.base and after.base and before.base != after.base:
        digests = [base.digest.removeprefix("sha256:")[:12] for base in (before.base, after.base)]
        changed.append(f"the base {after.base.image} {digests[0]}… -> {digests[1]}…")
    return changed


def pins_as_text(outcome: Outcome) -> Iterator[str]:
    for pin, version in outcome.pins.items():
        yield f"{shown(pin.source.path)}:{pin.span.line}: {pin.name} {pin.version} -> {version}"


def as_text(outcome: Outcome) -> list[str]:
    name = shown(path_of(outcome.spec))
    if outcome.state == "nothing to lock":
        return [f"{shown(outcome.spec)}: nothing to lock"]
    if outcome.state not in ("written", "fresh"):
        return [f"{name}: {outcome.state}"]
    lines = [
        f"{name}: {outcome.state}, {outcome.count} package{'s' if outcome.count != 1 else ''}",
        *(f"  {each}" for each in outcome.besides),
    ]
    if any(before for before, _ in outcome.changes.values()):
        for package, (before, after) in outcome.changes.items():
            lines.append(f"  {package} {before or '(new)'} -> {after or '(gone)'}")
    lines += [f"  {held_back(each)}" for each in outcome.held]
    return lines


def held_back(held: Held) -> str:
    """Why a package stays where it is."""
    if not held.newest:
        return f"{held.package} stays at {held.version}: there is no newer one for this image"
    why = f"{held.by} needs it" if held.by else "nothing newer goes together with the rest"
    name = f"; to move both, name {' and '.join((held.package, *held.name))}" if held.name else ""
    return f"{held.package} stays at {held.version}, though there is {held.newest}: {why}{name}"


def as_json(outcome: Outcome) -> dict[str, object]:
    return {
        "spec": outcome.spec.stem,
        "lock": shown(path_of(outcome.spec)),
        "state": outcome.state,
        "changes": [{"name": name, "from": old, "to": new} for name, (old, new) in outcome.changes.items()],
        "pins": [
            {
                "name": pin.name,
                "from": pin.version,
                "to": version,
                "file": shown(pin.source.path),
                "line": pin.span.line,
            }
            for pin, version in outcome.pins.items()
        ],
        "held": [
            {"name": each.package, "version": each.version, "newest": each.newest or None, "by": each.by or None}
            for each in outcome.held
        ],
    }
