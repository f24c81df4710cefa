"""The command line: finds the command and loads its module, and nothing else."""

from __future__ import annotations

import importlib
import io
import os
import sys

import click

from imagespec import __version__

_COMMANDS = {
    "check": "every finding, all at once",
    "compile": "print the image as Python, Dockerfile, JSON, requirements or merged spec",
    "lock": "fix every package by hash, and the base by digest",
    "outdated": "newer versions of what is locked, and what each would rebuild",
    "plan": "what a build would make anew, why, and what that costs",
    "build": "build for real, then run the checks inside",
    "run": "run a command inside the built image",
    "report": "one HTML page: layers, packages and what each edit costs",
    "sbom": "the bill of materials, as CycloneDX",
    "adopt": "existing Modal code, Dockerfiles and files of pins to specs",
    "explain": "what a finding means, why, and what to do instead",
    "schema": "print the JSON Schema of specs, for editors",
    "init": "write a first spec",
}


class _Commands(click.Group):
    """A command is a module of `imagespec.cli` that is imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"imagespec.cli.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from imagespec.diagnostic import did_you_mean, printable

        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            hint = did_you_mean(args[0], _COMMANDS) or f"there are: {', '.join(_COMMANDS)}"
            ctx.fail(printable(f"no command `{args[0]}`; {hint}"))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="imagespec")
def cli() -> None:
    """YAML specs of container images, compiled to `modal.Image`.

    SPEC is a path, or the name of a spec in the nearest folder `specs`. Exit codes: 0 fine, 1 findings, 2 wrong usage,
    3 a stale or missing lock, 4 a build failed.
    """


def main() -> None:
    """Run the command line. A reader that goes away (`| head`) and Ctrl-C end it quietly."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        os.getcwd()
    except FileNotFoundError:
        click.echo("Error: the working directory is gone", err=True)
        sys.exit(2)
    try:
        cli(prog_name="imagespec")
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
    except OSError as error:  # a full disk, most likely
        click.echo(f"Error: {error}", err=True)
        os._exit(1)  # what could not be written would be tried again on the way out
