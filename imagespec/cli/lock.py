"""`imagespec lock`: everything that an image is made of, fixed by hash."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import click

from imagespec.cli.build import STALE, failures
from imagespec.cli.show import summary, text
from imagespec.cli.specs import select
from imagespec.compiler import Examined, examine, span_of
from imagespec.diagnostic import Diagnostic, shown
from imagespec.lock.lockfile import Lock, dump, path_of, write
from imagespec.lock.lockfile import load as load_lock
from imagespec.lock.locking import NotLocked, Upgrade, make, moment
from imagespec.machine.interpreter import NotFound
from imagespec.machine.processes import Processes
from imagespec.spec.extends import Reader

State: TypeAlias = Literal["written", "fresh", "stale", "missing", "failed", "nothing to lock"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one spec's lock, and which versions changed: name to the one before and the one now."""

    spec: Path
    state: State
    changes: Mapping[str, tuple[str, str]]
    count: int = 0


@click.command()
@click.argument("names", nargs=-1, metavar="[SPEC]...")
@click.option("--check", is_flag=True, help="Write nothing; exit with 3 where a lock is missing or stale.")
@click.option("--upgrade", is_flag=True, help="Take newer versions, of the packages that are named or of all.")
@click.option("--exclude-newer", metavar="DATE", help="Only what was published until then: 2026-01-31.")
@click.option("--format", "format_", type=click.Choice(("text", "json")), default="text", help="How it is reported.")
def lock(names: tuple[str, ...], check: bool, upgrade: bool, exclude_newer: str | None, format_: str) -> None:
    """Write NAME.lock.yaml beside each SPEC: every package with every file's hash, the base's digest, uv's version.

    What a lock fixes stays as it is until the spec asks for something else.
    """
    if check and (upgrade or exclude_newer):
        raise click.UsageError("--check writes nothing: leave out --upgrade and --exclude-newer")
    try:
        cut = moment(exclude_newer) if exclude_newer else ""
    except ValueError:
        raise click.UsageError(f"--exclude-newer takes a date, 2026-01-31, not `{exclude_newer}`") from None
    paths = select(names)
    found: list[Diagnostic] = []
    outcomes = []
    with failures("the lock stays as it was"):
        for path in paths:
            outcomes.append(_one(path, found, check=check, upgrade=Upgrade(everything=upgrade), cut=cut))
    if format_ == "json":
        click.echo(json.dumps([_as_json(each) for each in outcomes], indent=2))
    else:
        for each in outcomes:
            click.echo("\n".join(_as_text(each)))
    if found:
        click.echo("\n" + text(found, sys.stderr) + f"\n{summary(found)}", err=True)
    states = {each.state for each in outcomes}
    sys.exit(1 if "failed" in states else STALE if states & {"stale", "missing"} else 0)


def _one(path: Path, found: list[Diagnostic], *, check: bool, upgrade: Upgrade, cut: str) -> Outcome:
    examined = examine(path, Reader())
    held, parsed = examined.held, examined.parsed
    errors = [d for d in examined.diagnostics if d.severity == "error" and d is not held.finding]
    if errors or parsed is None:
        found += errors or examined.diagnostics
        return Outcome(path, "failed", {})
    if held.made_from is None:
        return Outcome(path, "nothing to lock", {})
    if held.fresh and held.lock is not None and not upgrade.everything and cut in ("", held.lock.exclude_newer):
        return Outcome(path, "fresh", {}, len(held.lock.packages))
    if check:
        found += [held.finding] if held.finding is not None else []
        return Outcome(path, "stale" if path_of(path).exists() else "missing", {})
    try:
        made, said = _made(path, examined, upgrade, cut)
        write(path_of(path), dump(made))
    except NotLocked as error:
        found.append(error.diagnostic)
        return Outcome(path, "failed", {})
    except (NotFound, OSError) as error:
        raise click.ClickException(f"`{shown(path_of(path))}` cannot be written: {error}") from None
    found += said
    return Outcome(path, "written", _changes(held.lock, made), len(made.packages))


def _made(path: Path, examined: Examined, upgrade: Upgrade, cut: str) -> tuple[Lock, list[Diagnostic]]:
    held, parsed, processes = examined.held, examined.parsed, Processes()
    assert held.made_from is not None
    assert parsed is not None
    others = [] if held.lock is None and upgrade.everything else _others(path)

    def run(command: Sequence[str], environ: Mapping[str, str]) -> tuple[int, list[str]]:
        return processes.lines(command, lambda line: None, env=environ, cwd=Path("/"))

    click.echo(f"locks {path.stem} …", err=True)
    try:
        return make(
            held.made_from,
            held.lock,
            others,
            upgrade,
            cut,
            lambda place: span_of(place, parsed.tree),
            os.environ,
            run,
        )
    except BaseException:
        processes.stop()
        raise


def _others(path: Path) -> list[Lock]:
    """The locks of the other specs in the folder."""
    found = (load_lock(each) for each in sorted(path.parent.glob("*.lock.yaml")) if each != path_of(path))
    return [each for each in found if isinstance(each, Lock)]


def _changes(before: Lock | None, after: Lock) -> dict[str, tuple[str, str]]:
    old = {package.name: package.version for package in before.packages} if before else {}
    new = {package.name: package.version for package in after.packages}
    names = sorted(old.keys() | new.keys())
    return {name: (old.get(name, ""), new.get(name, "")) for name in names if old.get(name) != new.get(name)}


def _as_text(outcome: Outcome) -> list[str]:
    name = shown(path_of(outcome.spec))
    if outcome.state == "nothing to lock":
        return [f"{shown(outcome.spec)}: nothing to lock"]
    if outcome.state not in ("written", "fresh"):
        return [f"{name}: {outcome.state}"]
    lines = [f"{name}: {outcome.state}, {outcome.count} packages"]
    if any(before for before, _ in outcome.changes.values()):
        for package, (before, after) in outcome.changes.items():
            lines.append(f"  {package} {before or '(new)'} -> {after or '(gone)'}")
    return lines


def _as_json(outcome: Outcome) -> dict[str, object]:
    return {
        "spec": outcome.spec.stem,
        "lock": shown(path_of(outcome.spec)),
        "state": outcome.state,
        "changes": [{"name": name, "from": old, "to": new} for name, (old, new) in outcome.changes.items()],
    }
