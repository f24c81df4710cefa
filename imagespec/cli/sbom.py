"""`imagespec sbom`: what an image is made of, for programs that look for known weaknesses and licences."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from imagespec.cli.build import STALE
from imagespec.cli.show import summary, text
from imagespec.cli.specs import select
from imagespec.compiler import compile_all
from imagespec.diagnostic import printable


@click.command()
@click.argument("spec")
@click.option("--output", type=click.Path(dir_okay=False, allow_dash=True), default="-", help="A file to write.")
@click.option(
    "--format", "format_", type=click.Choice(("json", "xml")), default="json", help="How it is written.",
)  # fmt: skip
def sbom(spec: str, output: str, format_: str) -> None:
    """Print the CycloneDX bill of materials of SPEC's image, from its lock.

    Exit code 1 where the spec has errors, 3 where its lock is stale or missing.
    """
    try:
        from imagespec.emit import sbom as emitter
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("cyclonedx", "packageurl"):
            raise
        raise click.UsageError("bills of materials need one more package: pip install imagespec[sbom]") from None
    (path,) = select([spec])
    targets, diagnostics = compile_all([path], digest=False)
    if not targets:
        click.echo(text(diagnostics, sys.stderr) + f"\n{summary(diagnostics)}", err=True)
        sys.exit(1)
    (target,) = targets
    if target.held.finding is not None:
        click.echo(text([target.held.finding], sys.stderr), err=True, nl=False)
        sys.exit(STALE)
    save(emitter.emit(target.image, target.held.lock, "xml" if format_ == "xml" else "json"), output)


def save(document: str, output: str) -> None:
    """Write to a file, or to standard output where it is called `-`."""
    if output == "-":
        click.echo(document, nl=False)
        return
    try:
        Path(output).write_text(document, encoding="utf-8")
    except OSError as error:
        raise click.UsageError(printable(f"`{output}` cannot be written: {error.strerror}")) from None
