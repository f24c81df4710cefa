"""`imagespec lock`: everything that an image is made of, fixed by hash."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

import click
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from imagespec.cli.build import STALE, failures
from imagespec.cli.show import summary, text
from imagespec.cli.specs import select
from imagespec.compiler import Examined, examine, of_section, span_of
from imagespec.diagnostic import Diagnostic, Span, did_you_mean, printable, shown
from imagespec.image.layers import Place
from imagespec.lock import codes
from imagespec.lock.inputs import Inputs
from imagespec.lock.lockfile import Lock, dump, path_of, salvaged, write
from imagespec.lock.lockfile import load as load_lock
from imagespec.lock.locking import NotLocked, Upgrade, make, moment
from imagespec.lock.pins import Changed, Pin, edits, same
from imagespec.lock.resolve import Unresolved, newest
from imagespec.lock.upgrade import Held, Locking, Upgraded, at_least, moves, moving, newer, relaxed, sharing
from imagespec.lock.upgrade import upgrade as upgrade_all
from imagespec.machine.interpreter import NotFound
from imagespec.machine.processes import Processes
from imagespec.spec.extends import Reader

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


@click.command()
@click.argument("names", nargs=-1, metavar="[SPEC]... [PACKAGE]...")
@click.option("--check", is_flag=True, help="Write nothing; exit with 3 where a lock is missing or stale.")
@click.option("--upgrade", is_flag=True, help="Take newer versions: of each PACKAGE, or of all that is open.")
@click.option("--exclude-newer", metavar="DATE", help="Only what was published until then: 2026-01-31.")
@click.option("--format", "format_", type=click.Choice(("text", "json")), default="text", help="How it is reported.")
def lock(names: tuple[str, ...], check: bool, upgrade: bool, exclude_newer: str | None, format_: str) -> None:
    """Write NAME.lock.yaml beside each SPEC: every package with every file's hash, the base's digest, uv's version.

    What a lock fixes stays as it is until the spec asks for something else, or --upgrade is given.

    With --upgrade alone, what the spec leaves open moves to its newest versions: packages that others need, ranges, uv
    and the base's digest; a date of --exclude-newer that the lock had ends. Exact versions (torch==2.5.1) stay.

    With --upgrade and PACKAGEs, these alone move, and what they need: an exact version is written anew where it stands
    (in the spec, one that it extends, a requirements file or a pyproject.toml), then the lock. Specs beside it that
    share the line are locked again too. PACKAGE can say how far: torch, "torch<2.7", torch==2.6.0.
    """
    if check and (upgrade or exclude_newer):
        raise click.UsageError("--check writes nothing: leave out --upgrade and --exclude-newer")
    try:
        cut = moment(exclude_newer) if exclude_newer else ""
    except ValueError:
        raise click.UsageError(f"--exclude-newer takes a date, 2026-01-31, not `{exclude_newer}`") from None
    found: list[Diagnostic] = []
    specs, packages = _told(names) if upgrade else (names, {})
    paths = select(specs)
    with failures("the lock stays as it was"):
        if packages:
            outcomes = _upgraded(paths, packages, found, cut)
        else:
            outcomes = _each(paths, found, check=check, everything=upgrade, cut=cut)
    if format_ == "json":
        click.echo(json.dumps([_as_json(each) for each in outcomes], indent=2))
    else:
        for line in dict.fromkeys(line for each in outcomes for line in _pins_as_text(each)):
            click.echo(line)
        for each in outcomes:
            click.echo("\n".join(_as_text(each)))
    if found:
        click.echo("\n" + text(found, sys.stderr) + f"\n{summary(found)}", err=True)
    states = {each.state for each in outcomes}
    sys.exit(1 if "failed" in states else STALE if states & {"stale", "missing"} else 0)


# --------------------------------------------------------------------------------------------- spec by spec


def _each(paths: Sequence[Path], found: list[Diagnostic], *, check: bool, everything: bool, cut: str) -> list[Outcome]:
    outcomes: list[Outcome] = []
    made: list[Lock] = []
    for path in paths:
        _refuse_twin(path)
        examined = examine(path, Reader())
        if (outcome := _settled(path, examined, found, check=check, anew=everything, cut=cut)) is not None:
            outcomes.append(outcome)
            continue
        others = made if everything else other_locks(path)
        spec = locking(examined, others, cut)
        click.echo(f"locks {path.stem} …", err=True)
        try:
            lock, said = spec.make(spec.made_from, Upgrade(everything=everything))
            write(path_of(path), dump(lock))
        except NotLocked as error:
            found.append(error.diagnostic)
            outcomes.append(Outcome(path, "failed"))
            continue
        except (NotFound, OSError) as error:
            raise _unwritten(path, error) from None
        found += said
        made.append(lock)
        besides = _besides(spec.old, lock)
        outcomes.append(Outcome(path, "written", _changes(spec.old, lock), len(lock.packages), besides=besides))
        if everything:
            _tell_pins(spec)
    return outcomes


def _refuse_twin(path: Path) -> None:
    twin = path.with_suffix({".yaml": ".yml", ".yml": ".yaml"}.get(path.suffix, path.suffix)) if path.name else path
    if twin != path and twin.is_file():
        raise click.UsageError(f"`{shown(path)}` and `{shown(twin)}` would share a lock; rename one of them")


def _settled(
    path: Path, examined: Examined, found: list[Diagnostic], *, check: bool, anew: bool, cut: str
) -> Outcome | None:
    """What there is to say of a spec where no lock is to be made."""
    held, parsed = examined.held, examined.parsed
    errors = [d for d in examined.diagnostics if d.severity == "error" and d is not held.finding]
    if errors or parsed is None:
        found += errors or examined.diagnostics
        return Outcome(path, "failed")
    if held.made_from is None:
        return Outcome(path, "nothing to lock")
    if held.fresh is not None and not anew and cut in ("", held.fresh.exclude_newer):
        return Outcome(path, "fresh", count=len(held.fresh.packages))
    if check:
        found += [held.finding] if held.finding is not None else []
        return Outcome(path, "stale" if path_of(path).exists() else "missing")
    return None


def locking(examined: Examined, others: Iterable[Lock], cut: str) -> Locking:
    """What makes locks for a spec that has something to lock."""
    held, parsed = examined.held, examined.parsed
    assert held.made_from is not None
    assert parsed is not None
    made_from, tree = held.made_from, parsed.tree
    old = _old(examined)

    def span(place: Place) -> Span:
        return of_section(place, tree)

    def making(inputs: Inputs, upgrade: Upgrade) -> tuple[Lock, list[Diagnostic]]:
        return make(inputs, old, others, upgrade, cut, span, os.environ, _run)

    def latest(names: Sequence[str]) -> dict[str, str]:
        try:
            return newest(made_from, names, cut or (old.exclude_newer if old else ""), os.environ, _run)
        except Unresolved as error:
            raise NotLocked(codes.UNRESOLVED.at(span(error.place), str(error), error.hint)) from None

    return Locking(parsed, made_from, old, making, latest)


def _old(examined: Examined) -> Lock | None:
    """The lock that there is; of one that cannot be trusted what can be made out."""
    assert examined.parsed is not None
    return examined.held.lock or salvaged(path_of(examined.parsed.path))


def _run(command: Sequence[str], environ: Mapping[str, str]) -> tuple[int, list[str]]:
    return Processes().lines(command, lambda line: None, env=environ, cwd=Path("/"))


def other_locks(path: Path) -> list[Lock]:
    """The locks of the other specs in the folder."""
    found = (load_lock(each) for each in sorted(path.parent.glob("*.lock.yaml")) if each != path_of(path))
    return [each for each in found if isinstance(each, Lock)]


def _unwritten(path: Path, error: NotFound | OSError) -> click.ClickException:
    if isinstance(error, NotFound):
        return click.ClickException(f"{error}; {error.hint}")
    return click.ClickException(f"`{shown(path_of(path))}` cannot be written: {error}")


def _tell_pins(spec: Locking) -> None:
    """Say which exact versions could move too."""
    pinned = spec.pinned()
    with tempfile.TemporaryDirectory(prefix="imagespec-") as folder:
        open_ = relaxed(spec.made_from, pinned, Path(folder))
        within = {name: at_least(version) for name, version in pinned.items()}
        try:
            together, _ = spec.make(open_, moving(pinned, within))
        except NotLocked:
            return
    could = [p for p in together.packages if p.name in pinned and newer(p.version, pinned[p.name])]
    if could:
        told = ", ".join(f"{package.name} {pinned[package.name]} -> {package.version}" for package in could)
        how = " ".join(package.name for package in could)
        click.echo(f"{spec.parsed.name}: exact versions that could move too: {told}", err=True)
        click.echo(f"  imagespec lock --upgrade {how}; what it would cost: imagespec outdated", err=True)


# ------------------------------------------------------------------------------------------- named packages


def _told(names: Sequence[str]) -> tuple[list[str], dict[str, SpecifierSet]]:
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


def _upgraded(
    paths: Sequence[Path], packages: Mapping[str, SpecifierSet], found: list[Diagnostic], cut: str
) -> list[Outcome]:
    specs = []
    for path in paths:
        examined = examine(path, Reader())
        outcome = _settled(path, examined, found, check=False, anew=True, cut=cut)
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
            made = upgrade_all(specs, packages, Path(folder))
        return _write_all(specs, made, packages, found)
    except NotLocked as error:
        found.append(error.diagnostic)
        return [Outcome(each.parsed.path, "failed") for each in specs]
    except (NotFound, OSError) as error:
        raise _unwritten(specs[0].parsed.path, error) from None


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
                if _settled(path, examined, [], check=False, anew=True, cut=cut) is None:
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
    for edit in edits({pin: version for versions in moved.values() for pin, version in versions.items()}):
        edit.write()
    for each in specs:
        path, upgraded = each.parsed.path, made[each.parsed.path]
        now = _inputs_now(each)
        lock = dataclasses.replace(upgraded.lock, inputs=now.digest, requirements=now.requirements)
        write(path_of(path), dump(lock))
        found += upgraded.said
        changed = {pin: v for pin, version in moved[path].items() if (v := pin.write_as(version)) != pin.version}
        outcomes.append(
            Outcome(path, "written", _changes(each.old, lock), len(lock.packages), changed, tuple(upgraded.held))
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


# -------------------------------------------------------------------------------------------------- results


def _changes(before: Lock | None, after: Lock) -> dict[str, tuple[str, str]]:
    old = {package.name: package.version for package in before.packages} if before else {}
    new = {package.name: package.version for package in after.packages}
    names = sorted(old.keys() | new.keys())
    return {name: (old.get(name, ""), new.get(name, "")) for name in names if old.get(name) != new.get(name)}


def _besides(before: Lock | None, after: Lock) -> list[str]:
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


def _pins_as_text(outcome: Outcome) -> Iterator[str]:
    for pin, version in outcome.pins.items():
        yield f"{shown(pin.source.path)}:{pin.span.line}: {pin.name} {pin.version} -> {version}"


def _as_text(outcome: Outcome) -> list[str]:
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


def _as_json(outcome: Outcome) -> dict[str, object]:
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
