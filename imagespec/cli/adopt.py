"""`imagespec adopt`: existing code to specs."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from imagespec.adopt.draft import Draft
from imagespec.adopt.pins.python_version import VERSION
from imagespec.adopt.readers import Given, all_drafts, without_argument
from imagespec.adopt.spec.sections import adopted
from imagespec.adopt.spec.write import write
from imagespec.cli.show import summary, text
from imagespec.diagnostic import Diagnostic, ordered, printable, shown
from imagespec.spec.folder import nearest_specs


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--out", help="Folder to write the specs to; by default the nearest `specs`.")
@click.option("--tidy", is_flag=True, help="Sections rather than steps, and say what is requested differently then.")
@click.option("--prove", is_flag=True, help="Import the Modal code in a sandbox, and compare the requests.")
@click.option("--force", is_flag=True, help="Overwrite specs that are there.")
@click.option("--python", default="", metavar="VERSION", help="The Python of pins and bases, where they do not say it.")
@click.option("--context", help="The folder that a Dockerfile is built in; by default its own.")
@click.option("--build-arg", multiple=True, metavar="NAME=VALUE", help="The value of an ARG of a Dockerfile.")
def adopt(
    files: tuple[str, ...],
    out: str | None,
    tidy: bool,
    prove: bool,
    force: bool,
    python: str,
    context: str | None,
    build_arg: tuple[str, ...],
) -> None:
    """Write a spec for each image that FILE describes: Modal code, a Dockerfile, or a file of pins.

    The code is read, never run, but for `--prove`. What cannot be known from the text alone is a finding, and a comment
    `TODO` in the spec. Exit code 1 where there is one.
    """
    if wrong := next((each for each in build_arg if not each.partition("=")[1]), None):
        raise click.UsageError(printable(f"`--build-arg {wrong}`: write it as NAME=VALUE"))
    if python and not VERSION.fullmatch(python):
        raise click.UsageError(printable(f"`--python {python}`: write it as 3.12, or as 3.12.4"))
    build_args = dict(each.split("=", 1) for each in build_arg)
    if context is not None and not Path(context).is_dir():
        raise click.UsageError(printable(f"`--context {context}`: there is no such folder"))
    given = Given(python=python, context=Path(context) if context else None, build_args=build_args)
    paths = [Path(file) for file in files]
    drafts, found = all_drafts(paths, given)
    if found:  # with all of the files or none
        sys.exit(_said(found))
    if unknown := without_argument(paths, given):
        raise click.UsageError(printable(f"`--build-arg {unknown}`: no `ARG` is called so"))
    folder = Path(out) if out is not None else nearest_specs(Path.cwd()) or Path("specs")
    specs = [adopted(draft, folder, tidy=tidy) for draft in drafts]
    found = [finding for spec in specs for finding in spec.findings]
    try:
        made = write(specs, folder, force=force)
    except OSError as error:
        raise click.UsageError(printable(f"cannot write to `{shown(folder)}`: {error.strerror or error}")) from None
    if isinstance(made, tuple):
        sys.exit(_said(made))
    for path in made:
        click.echo(printable(shown(path)))
    code = _said([*found, *(_proofs(drafts, made) if prove else ())])
    if code == 0:
        named = " ".join(_named(path) for path in made)
        click.echo(printable(f"next: imagespec check {named}, imagespec lock {named}"), err=True)
    sys.exit(code)


def _proofs(drafts: list[Draft], paths: list[Path]) -> list[Diagnostic]:
    from imagespec.adopt.proof.prove import Equal, prove

    found: list[Diagnostic] = []
    for path, proof in zip(paths, prove(drafts, paths), strict=True):
        if isinstance(proof, Equal):
            what = f"{proof.requests} request{'s' if proof.requests != 1 else ''}"
            click.echo(f"{printable(shown(path))}: equal, {what}")
        else:
            found.append(proof)
    return found


def _named(path: Path) -> str:
    """A spec as another command is told of it: by its name where it lies in the nearest `specs`."""
    specs = nearest_specs(Path.cwd())
    at_home = specs is not None and path.parent.resolve() == specs.resolve()
    return shlex.quote(path.stem if at_home else shown(path))


def _said(found: Sequence[Diagnostic]) -> int:
    """Show the findings. The exit code that they make."""
    if found:
        click.echo(text(ordered(found), sys.stderr), err=True)
        click.echo(summary(found), err=True)
    return 1 if any(d.severity != "note" for d in found) else 0
