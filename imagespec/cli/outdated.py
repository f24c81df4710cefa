"""`imagespec outdated`: newer versions of what is locked, and what each would cost."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from imagespec.cli.build import STALE, failures
from imagespec.cli.locking import locking, other_locks
from imagespec.cli.show import colour, style, summary, text
from imagespec.cli.specs import select
from imagespec.compiler import examine
from imagespec.diagnostic import Diagnostic, shown
from imagespec.image.lower import lower
from imagespec.lock.lockfile import path_of
from imagespec.lock.locking import NotLocked
from imagespec.lock.outdated import Candidates, Cost, Newer, candidates
from imagespec.lock.outdated import outdated as newer_packages
from imagespec.machine.interpreter import NotFound
from imagespec.spec.extends import Reader


@dataclass(frozen=True, slots=True)
class Report:
    """What one spec could have. `together` is what it costs to move all pins, where several can."""

    spec: Path
    locked: int
    packages: Sequence[Newer]
    together: Cost | None


@click.command()
@click.argument("specs", nargs=-1, metavar="[SPEC]...")
@click.option("--all", "every", is_flag=True, help="Show also what others hold back.")
@click.option("--format", "format_", type=click.Choice(("text", "json")), default="text", help="How it is printed.")
def outdated(specs: tuple[str, ...], every: bool, format_: str) -> None:
    """Newer versions of what the locks fix, and what each would rebuild and download.

    First the exact versions in the spec: the newest that goes together with the rest (alone), the newest where all of
    them move (together), the newest there is. Then the packages that they need. Nothing is written; `lock --upgrade`
    does that. Exit code 3 where a lock is missing or stale, else 0, whether or not anything is outdated.
    """
    paths = select(specs)
    found: list[Diagnostic] = []
    with failures("nothing was written"):
        reports, not_locked = _reports(paths, found)
    if format_ == "json":
        click.echo(json.dumps([_as_json(each) for each in reports], indent=2))
    else:
        for each in reports:
            click.echo("\n".join(_as_text(each, every)))
    wrong = [*found, *not_locked]
    if wrong:
        click.echo("\n" + text(wrong, sys.stderr) + f"\n{summary(wrong)}", err=True)
    sys.exit(1 if found else STALE if not_locked else 0)


def _reports(paths: Sequence[Path], found: list[Diagnostic]) -> tuple[list[Report], list[Diagnostic]]:
    """Those of the specs with a fresh lock, and which have none; what is wrong with the others goes to `found`."""
    reports, not_locked = [], []
    asked: dict[str, Candidates] = {}  # specs with equal locks could have equal ones
    for path in paths:
        examined = examine(path, Reader())
        held, parsed = examined.held, examined.parsed
        errors = [d for d in examined.diagnostics if d.severity == "error" and d is not held.finding]
        if errors or parsed is None:
            found += errors or examined.diagnostics
        elif held.finding is not None:
            not_locked.append(held.finding)
        elif held.lock is not None and held.made_from is not None:
            try:
                if held.lock.digest not in asked:
                    click.echo(f"looks for newer versions of what {path.stem} needs …", err=True)
                    with tempfile.TemporaryDirectory(prefix="imagespec-") as folder:
                        spec = locking(examined, other_locks(path), "")
                        asked[held.lock.digest] = candidates(spec, Path(folder))
                newer = newer_packages(lower(parsed), held.lock, held.made_from, asked[held.lock.digest])
                reports.append(Report(path, len(held.lock.packages), *newer))
            except NotLocked as error:
                found.append(error.diagnostic)
            except NotFound as error:
                raise click.ClickException(f"{error}; {error.hint}") from None
    return reports, not_locked


# -------------------------------------------------------------------------------------------------- results


def _as_text(report: Report, every: bool) -> Iterator[str]:
    def paint(words: str) -> str:
        return style("bold", words) if colour() else words

    name = shown(path_of(report.spec))
    if not report.packages:
        yield f"{name}: every package is the newest that there is ({report.locked} packages)"
        return
    yield f"{paint(name)}: {len(report.packages)} of {report.locked} packages have newer versions"
    pinned = [each for each in report.packages if each.pinned]
    others = [each for each in report.packages if not each.pinned]
    width = max(len(each.name) for each in report.packages)
    if pinned:
        yield from _table("pinned in the spec", pinned, width)
        names = [each.name for each in pinned if each.together != each.locked]
        if names:
            cost = f"all of them: {_cost(report.together)}; " if report.together else ""
            yield f"  {cost}imagespec lock --upgrade {report.spec.stem} {' '.join(names)}"
    movable = [each for each in others if each.together != each.locked]
    if shown_others := others if every else movable:
        yield from _table("needed by those", shown_others, width)
    if movable:
        yield f"  imagespec lock --upgrade {report.spec.stem}"
    if left := len(others) - len(shown_others):
        yield f"  {left} more that others hold back: --all shows {'them' if left > 1 else 'it'}"


def _table(title: str, packages: Sequence[Newer], width: int) -> Iterator[str]:
    head = ("", "locked", "alone", "together", "newest", "alone it rebuilds")
    rows = [head]
    for each in packages:
        alone = each.alone if each.alone != each.locked else "-"
        together = each.together if each.together != each.locked else "-"
        cost = _cost(each.cost) if each.cost else "held back" if together == "-" else "moves with others only"
        rows.append((each.name, each.locked, alone, together, each.newest, cost))
    widths = [max(width, *(len(row[0]) for row in rows)), *(max(len(row[i]) for row in rows) for i in range(1, 5))]
    yield f"  {title}"
    for row in rows:
        yield "    " + "  ".join([*(cell.ljust(wide) for cell, wide in zip(row, widths, strict=False)), row[-1]])


def _cost(cost: Cost | None) -> str:
    if cost is None:
        return "nothing"
    return f"{cost.layers} layer{'s' if cost.layers != 1 else ''}, {_bytes(cost.bytes)}"


def _bytes(count: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" or count >= 10 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def _as_json(report: Report) -> dict[str, object]:
    return {
        "spec": report.spec.stem,
        "lock": shown(path_of(report.spec)),
        "packages": [
            {
                "name": each.name,
                "pinned": each.pinned,
                "locked": each.locked,
                "alone": each.alone,
                "together": each.together,
                "newest": each.newest,
                "cost": _cost_as_json(each.cost),
            }
            for each in report.packages
        ],
        "together": _cost_as_json(report.together),
    }


def _cost_as_json(cost: Cost | None) -> dict[str, object] | None:
    if cost is None:
        return None
    changes = [{"name": name, "from": before, "to": after} for name, (before, after) in cost.moves.items()]
    return {"layers": cost.layers, "bytes": cost.bytes, "changes": changes}
