"""`imagespec adopt`: existing code to specs."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from imagespec.adopt.readers import drafts
from imagespec.cli.show import formatted, summary
from imagespec.diagnostic import ordered


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder of the specs; `specs` by default."
)
def adopt(files: tuple[Path, ...], out: Path | None) -> None:
    """Write a spec for each image that FILE describes: Modal code, a Dockerfile, or a file of pins."""
    found, every = [], []
    for file in files:
        read = drafts(file)
        if isinstance(read, tuple):
            found += read
        else:
            every += read
    found += [finding for draft in every for finding in draft.findings()]
    click.echo(formatted(ordered(found), "text"), nl=False)
    click.echo(summary(found), err=True)
    sys.exit(1 if found else 0)
