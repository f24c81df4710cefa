"""`imagespec check`: every finding of some specs."""

from __future__ import annotations

import sys

import click

from imagespec.cli.show import FORMATS, formatted, summary
from imagespec.cli.specs import select
from imagespec.compiler import check_all


@click.command()
@click.argument("specs", nargs=-1, metavar="[SPEC]...")
@click.option("--format", "format_", type=click.Choice(FORMATS), default="text", help="How findings are printed.")
def check(specs: tuple[str, ...], format_: str) -> None:
    """Report everything that is wrong with the specs, each finding with its line, the reason and the fix.

    Exit code 1 where there is an error or a warning; notes are advice and leave it at 0.
    """
    paths = select(specs)
    diagnostics = check_all(paths, every_spec=not specs)
    click.echo(formatted(diagnostics, format_), nl=False)
    if format_ == "text":
        if diagnostics:
            click.echo("", err=True)
        click.echo(f"{len(paths)} spec{'s' if len(paths) > 1 else ''} checked: {summary(diagnostics)}", err=True)
    sys.exit(1 if any(d.severity != "note" for d in diagnostics) else 0)
