"""`imagespec run`: a command, inside a built image."""

from __future__ import annotations

import os
import sys

import click

from imagespec.cli.build import ON, backend, compiled, failures
from imagespec.cli.progress import Lines
from imagespec.cli.specs import select


@click.command()
@click.argument("spec")
@ON
@click.option(
    "--env",
    "-e",
    "variables",
    multiple=True,
    metavar="NAME[=VALUE]",
    help="A variable for the command; without a value, the one that it has here.",
)
@click.argument("command", nargs=-1, required=True)
def run(spec: str, on: str, variables: tuple[str, ...], command: tuple[str, ...]) -> None:
    """Run COMMAND inside the image of SPEC: imagespec run classifier -- python -V

    What is not built yet is built first. The exit code is the command's, or 4 where the build failed.
    """
    environ = dict(map(_variable, variables))
    paths = select([spec])
    targets = compiled(paths, quiet=True)
    if targets is None:
        sys.exit(1)
    with failures():
        # plain lines, on a terminal too: that belongs to the command
        code = backend(on, paths).run(targets[0], command, Lines([targets[0].image.name]), environ)
    sys.exit(code)


def _variable(text: str) -> tuple[str, str]:
    name, given, value = text.partition("=")
    if not name or not (given or name in os.environ):
        raise click.UsageError(
            f"--env {text}: " + ("there is no such variable here" if name else "the name is missing")
        )
    return name, value if given else os.environ[name]
