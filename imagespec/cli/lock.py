"""`imagespec lock`: everything that an image is made of, fixed by hash."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from imagespec.cli.build import STALE, failures
from imagespec.cli.locking import locking, other_locks, settled, unwritten
from imagespec.cli.outcome import Outcome, as_json, as_text, besides, changes, pins_as_text
from imagespec.cli.show import summary, text
from imagespec.cli.specs import select
from imagespec.cli.upgrade import told, upgraded
from imagespec.compiler import examine
from imagespec.diagnostic import Diagnostic, shown
from imagespec.lock.lockfile import Lock, dump, path_of, write
from imagespec.lock.locking import NotLocked, Upgrade, moment
from imagespec.lock.upgrade import Locking, at_least, moving, newer, relaxed
from imagespec.machine.interpreter import NotFound
from imagespec.spec.extends import Reader


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
    specs, packages = told(names) if upgrade else (names, {})
    paths = select(specs)
    with failures("the lock stays as it was"):
        if packages:
            outcomes = upgraded(paths, packages, found, cut)
        else:
            outcomes = _each(paths, found, check=check, everything=upgrade, cut=cut)
    if format_ == "json":
        click.echo(json.dumps([as_json(each) for each in outcomes], indent=2))
    else:
        for line in dict.fromkeys(line for each in outcomes for line in pins_as_text(each)):
            click.echo(line)
        for each in outcomes:
            click.echo("\n".join(as_text(each)))
    if found:
        click.echo("\n" + text(found, sys.stderr) + f"\n{summary(found)}", err=True)
    states = {each.state for each in outcomes}
    sys.exit(1 if "failed" in states else STALE if states & {"stale", "missing"} else 0)


def _each(paths: Sequence[Path], found: list[Diagnostic], *, check: bool, everything: bool, cut: str) -> list[Outcome]:
    outcomes: list[Outcome] = []
    made: list[Lock] = []
    for path in paths:
        _refuse_twin(path)
        examined = examine(path, Reader())
        if (outcome := settled(path, examined, found, check=check, anew=everything, cut=cut)) is not None:
            outcomes.append(outcome)
            continue
        others = made if everything else other_locks(path)
        spec = locking(examined, others, cut)
        click.echo(f"locks {path.stem} …", err=True)
        try:
            lock, said = spec.make(spec.made_from, Upgrade(everything=everything))
            lock = spec.complete(lock)
            write(path_of(path), dump(lock))
        except NotLocked as error:
            found.append(error.diagnostic)
            outcomes.append(Outcome(path, "failed"))
            continue
        except (NotFound, OSError) as error:
            raise unwritten(path, error) from None
        found += said
        made.append(lock)
        outcomes.append(
            Outcome(path, "written", changes(spec.old, lock), len(lock.packages), besides=besides(spec.old, lock))
        )
        if everything:
            _tell_pins(spec)
    return outcomes


def _refuse_twin(path: Path) -> None:
    twin = path.with_suffix({".yaml": ".yml", ".yml": ".yaml"}.get(path.suffix, path.suffix)) if path.name else path
    if twin != path and twin.is_file():
        raise click.UsageError(f"`{shown(path)}` and `{shown(twin)}` would share a lock; rename one of them")


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
