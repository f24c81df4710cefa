"""`imagespec plan`: what a build would make anew, why, and what that costs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from imagespec.build.plan import Plan, since, since_last
from imagespec.build.record import Record, home
from imagespec.build.result import Target
from imagespec.cli.build import modal_login
from imagespec.cli.planned import FORMATS
from imagespec.cli.show import summary, text
from imagespec.cli.specs import select
from imagespec.compiler import compile_all, examine
from imagespec.diagnostic import Diagnostic, printable, shown
from imagespec.image.made import Made, made
from imagespec.machine.revision import NoRevision, Revision, checked_out, repository


@click.command()
@click.argument("specs", nargs=-1, metavar="[SPEC]...")
@click.option("--against", metavar="last|FILE|REV", default="last", show_default=True,
              help="The last build, another spec file, or the same spec at a git revision.")  # fmt: skip
@click.option("--on", type=click.Choice(("auto", "modal", "container", "local")), default="auto", show_default=True,
              help="Whose builds count, as with build.")  # fmt: skip
@click.option("--explain", is_flag=True, help="Say why the layers stand in this order.")
@click.option("--format", "format_", type=click.Choice(tuple(FORMATS)), default="text",
              help="How it is printed; github: Markdown for a comment.")  # fmt: skip
def plan(specs: tuple[str, ...], against: str, on: str, explain: bool, format_: str) -> None:
    """Tell for each layer of each SPEC whether a build keeps it or makes it anew, and the first cause of that.

    Nothing is built. Exit code 1 where a spec has errors, or was not there at the revision.
    """
    paths = select(specs)
    targets, diagnostics = compile_all(paths, digest=False)
    errors = [d for d in diagnostics if d.severity == "error"]
    stale = [t.held.finding for t in targets if t.held.finding is not None and t.held.finding.severity == "warning"]
    if errors or stale:
        click.echo(text([*errors, *stale], sys.stderr), err=True, nl=False)
    if errors:
        click.echo(f"\n{summary(errors)}; a spec with errors has no plan", err=True)
    failed = bool(errors)
    backend = on if on != "auto" else "modal" if modal_login(os.environ) else "local"
    if backend == "local" and os.name == "nt":
        raise click.UsageError("builds on this machine need Linux or macOS; name another backend with --on")
    plans = []
    try:
        for found in _plans(targets, against, backend, home(paths)):
            if isinstance(found, Plan):
                plans.append(found)
            else:
                failed = True
                click.echo(printable(f"error: {found}"), err=True)
    except NoRevision as error:
        raise click.UsageError(printable(str(error))) from None
    except OSError as error:
        raise click.ClickException(printable(str(error))) from None
    click.echo(FORMATS[format_](plans, explain=explain), nl=False)
    sys.exit(1 if failed else 0)


def _plans(targets: Sequence[Target], against: str, backend: str, folder: Path) -> Iterator[Plan | str]:
    """The plan of each target, or in words why there is none. Raises `NoRevision`."""
    record = Record(folder)
    if against == "last":
        yield from (since_last(target, backend, record, folder) for target in targets)
    elif os.path.lexists(against):
        old = _made(Path(against))
        if isinstance(old, Diagnostic):
            click.echo(text([old], sys.stderr), err=True, nl=False)
            yield f"`{against}` has errors, and nothing can be held against it"
        else:
            yield from (since(target, old, shown(Path(against)), backend, record) for target in targets)
    else:
        for top, of_top in _by_repository(targets).items():
            with checked_out(top, against) as revision:
                olds = [_then(target, revision, against) for target in of_top]
            for target, then in zip(of_top, olds, strict=True):
                yield then if isinstance(then, str) else since(target, then, against, backend, record)


def _by_repository(targets: Sequence[Target]) -> dict[Path, list[Target]]:
    found: dict[Path, list[Target]] = {}
    for target in targets:
        found.setdefault(repository(target.parsed.path.absolute().parent), []).append(target)
    return found


def _then(target: Target, revision: Revision, name: str) -> tuple[Made, ...] | str:
    """The layers of a spec as it was at a revision."""
    path = revision.then(target.parsed.path.absolute())
    if not path.exists():
        return f"`{shown(target.parsed.path)}` did not exist at `{name}`"
    old = _made(path)
    if isinstance(old, Diagnostic):
        where = f"{os.path.relpath(old.span.source.path, revision.folder)}:{old.span.line}"
        return f"`{shown(target.parsed.path)}` had errors at `{name}`: {old.message} ({where})"
    return old


def _made(path: Path) -> tuple[Made, ...] | Diagnostic:
    """The layers of a spec, whatever rules it breaks; a finding where it has none."""
    examined = examine(path)
    if examined.image is not None:
        return made(examined.image)
    return next(d for d in examined.diagnostics if d.severity == "error")
