"""A spec -> what makes locks for it, on this machine; or what there is to say where none is to be made."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import click

from imagespec.cli.outcome import Outcome
from imagespec.compiler import Examined, every_code, of_section, silenced
from imagespec.diagnostic import Diagnostic, Span, shown
from imagespec.image.layers import Place
from imagespec.lock import codes
from imagespec.lock.inputs import Inputs
from imagespec.lock.lockfile import Lock, load, path_of, salvaged
from imagespec.lock.locking import NotLocked, Upgrade, make
from imagespec.lock.resolve import Unresolved, newest
from imagespec.lock.upgrade import Locking
from imagespec.machine.interpreter import NotFound
from imagespec.machine.processes import Processes
from imagespec.rules.ignores import Ignores


def settled(
    path: Path, examined: Examined, found: list[Diagnostic], *, check: bool, anew: bool, cut: str
) -> Outcome | None:
    """What there is to say of a spec where no lock is to be made."""
    held, parsed = examined.held, examined.parsed
    errors = _in_the_way(examined)
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


def _in_the_way(examined: Examined) -> list[Diagnostic]:
    """The errors that no comment silences. What is wrong with the code of apps, a lock need not wait for."""
    kept = silenced(examined, Ignores({code.id for code in every_code()}))
    errors = [d for d in kept if d.severity == "error" and d is not examined.held.finding]
    return [d for d in errors if not d.code.startswith("IS6")]


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

    def complete(lock: Lock) -> Lock:
        from imagespec.lock.imports import with_imports

        indexes = (made_from.index_url, made_from.extra_index_url, made_from.find_links)
        return with_imports(lock, [*others, *([old] if old else [])], indexes, os.environ)

    return Locking(parsed, made_from, old, making, latest, complete)


def _old(examined: Examined) -> Lock | None:
    """The lock that there is; of one that cannot be trusted what can be made out."""
    assert examined.parsed is not None
    return examined.held.lock or salvaged(path_of(examined.parsed.path))


def _run(command: Sequence[str], environ: Mapping[str, str]) -> tuple[int, list[str]]:
    return Processes().lines(command, lambda line: None, env=environ, cwd=Path("/"))


def other_locks(path: Path) -> list[Lock]:
    """The locks of the other specs in the folder."""
    found = (load(each) for each in sorted(path.parent.glob("*.lock.yaml")) if each != path_of(path))
    return [each for each in found if isinstance(each, Lock)]


def unwritten(path: Path, error: NotFound | OSError) -> click.ClickException:
    if isinstance(error, NotFound):
        return click.ClickException(f"{error}; {error.hint}")
    return click.ClickException(f"`{shown(path_of(path))}` cannot be written: {error}")
