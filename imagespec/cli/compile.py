"""`imagespec compile`: an image, printed."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from imagespec.build.result import Target
from imagespec.cli.show import summary, text
from imagespec.cli.specs import select
from imagespec.compiler import compile_all
from imagespec.diagnostic import CompileError
from imagespec.emit.instructions.writer import BUILDERS


@click.command()
@click.argument("spec")
@click.option("--to", "to", type=click.Choice(("python", "dockerfile", "json", "requirements", "spec")), required=True)
@click.option(
    "--builder",
    type=click.Choice(BUILDERS),
    help="Modal's image builder whose Dockerfile to print; the newest by default.",
)
def compile(spec: str, to: str, builder: str | None) -> None:
    """Print the image that SPEC describes: as plain Modal code, Dockerfile, JSON, requirements, or merged spec."""
    if builder is not None and to != "dockerfile":
        raise click.UsageError("--builder belongs to `--to dockerfile`")
    (path,) = select([spec])
    targets, diagnostics = compile_all([path], digest=to == "json")
    if not targets:
        click.echo(text(diagnostics, sys.stderr) + f"\n{summary(diagnostics)}", err=True)
        sys.exit(1)
    try:
        click.echo(_printed(targets[0], to, builder), nl=False)
    except CompileError as error:
        click.echo(text(error.diagnostics, sys.stderr), err=True, nl=False)
        sys.exit(1)


def _printed(target: Target, to: str, builder: str | None) -> str:
    match to:
        case "python":
            from imagespec.emit import python

            return python.emit(target.image)
        case "dockerfile":
            from imagespec.emit import dockerfile

            return dockerfile.emit(target.image, target.parsed.tree.span, builder or BUILDERS[-1], Path.cwd())
        case "json":
            from imagespec.emit import layers_json

            return layers_json.emit(target.image, target.digests, target.parsed.tree.span)
        case "requirements":
            from imagespec.emit import requirements

            return requirements.emit(target.image)
        case _:
            from imagespec.emit import merged

            return merged.emit(target.parsed)
