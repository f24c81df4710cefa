"""`imagespec check`: every finding of some specs, and with `--fix` fewer of them."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from imagespec.cli.show import FORMATS, formatted, summary
from imagespec.cli.specs import select
from imagespec.compiler import check_all
from imagespec.diagnostic import Diagnostic


@click.command()
@click.argument("specs", nargs=-1, metavar="[SPEC]...")
@click.option("--format", "format_", type=click.Choice(FORMATS), default="text", help="How findings are printed.")
@click.option("--fix", is_flag=True, help="Mend what is safe to mend in the files, then report what is left.")
@click.option("--diff", is_flag=True, help="Print what --fix would change, as a unified diff; write nothing.")
def check(specs: tuple[str, ...], format_: str, fix: bool, diff: bool) -> None:
    """Report everything that is wrong with the specs, each finding with its line, the reason and the fix.

    Exit code 1 where there is an error or a warning; notes are advice and leave it at 0. With --fix it is about what is
    left, with --diff about the files as they are. --fix --diff is --diff. `imagespec explain CODE` says what is mended.
    """
    if diff and format_ not in ("text", "json"):
        raise click.UsageError(f"--diff prints a diff or JSON, not {format_}")
    paths = select(specs)
    if diff or fix:
        from imagespec.cli.fixed import mend, propose

        if diff:
            sys.exit(_code(propose(paths, every_spec=not specs, as_json=format_ == "json")))
        diagnostics = mend(paths, every_spec=not specs)
    else:
        diagnostics = check_all(paths, every_spec=not specs)
    click.echo(formatted(diagnostics, format_), nl=False)
    if format_ == "text":
        if diagnostics:
            click.echo("", err=True)
        click.echo(f"{len(paths)} spec{'s' if len(paths) > 1 else ''} checked: {summary(diagnostics)}", err=True)
    sys.exit(_code(diagnostics))


def _code(diagnostics: Sequence[Diagnostic]) -> int:
    return 1 if any(d.severity != "note" for d in diagnostics) else 0
