"""`imagespec explain`: what a finding means."""

from __future__ import annotations

import click

from imagespec.compiler import every_code
from imagespec.diagnostic import FIXABLE, did_you_mean, printable


@click.command()
@click.argument("code", required=False)
def explain(code: str | None) -> None:
    """Print what CODE means, why it matters and what to do instead; without CODE, list all."""
    codes = {each.id: each for each in every_code()}
    if code is None:
        for each in codes.values():
            click.echo(f"{each.id}  {each.severity:<8} {each.title}")
        return
    found = codes.get(code.upper())
    if found is None:
        hint = did_you_mean(code.upper(), codes) or "see: imagespec explain"
        raise click.UsageError(printable(f"no finding `{code}`; {hint}"))
    click.echo(f"{found.id} ({found.severity}): {found.text}")
    if found.fixable:
        click.echo(f"\n{FIXABLE}")
