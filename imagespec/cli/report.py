"""`imagespec report`: an image on one page, for people."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import click

from imagespec.build.record import Record, home
from imagespec.cli.build import BACKENDS
from imagespec.cli.sbom import save
from imagespec.cli.show import summary, text
from imagespec.cli.specs import select
from imagespec.compiler import compile_all
from imagespec.emit import report as emitter


@click.command()
@click.argument("spec")
@click.option("--output", type=click.Path(dir_okay=False, allow_dash=True), help="The file to write, - for standard "
              "output; NAME.report.html in the working directory by default.")  # fmt: skip
def report(spec: str, output: str | None) -> None:
    """Write one HTML page about SPEC's image: its layers, its packages by size, and what each kind of edit costs.

    The page needs no network. Sizes come from the lock, seconds from the record of builds.
    """
    (path,) = select([spec])
    targets, diagnostics = compile_all([path])
    if not targets:
        click.echo(text(diagnostics, sys.stderr) + f"\n{summary(diagnostics)}", err=True)
        sys.exit(1)
    (target,) = targets
    held = target.held
    seconds, backend = _seconds(Record(home([path])), target.digests)
    known = emitter.Known(
        lock=held.fresh,
        open=held.finding.message if held.finding is not None else "",
        seconds=seconds,
        backend=backend,
    )
    description = str(target.parsed.spec.description or "")
    page = emitter.emit(target.image, target.digests, description, known, target.parsed.tree.span)
    output = output or f"{target.image.name}.report.html"
    save(page, output)
    if output != "-":
        click.echo(output)


def _seconds(record: Record, digests: Sequence[str]) -> tuple[dict[str, float], str]:
    """The seconds of layers on the backend that built most of them, and its name."""
    try:
        built = {name: dict(_known(record, name, digests)) for name in BACKENDS}
    except OSError as error:
        click.echo(f"{error}; the page has no seconds", err=True)
        return {}, ""
    name = max(built, key=lambda name: len(built[name]))
    return built[name], name if built[name] else ""


def _known(record: Record, backend: str, digests: Sequence[str]) -> Iterator[tuple[str, float]]:
    for digest in digests:
        layer = record.layer(backend, digest)
        if layer is not None and layer.seconds is not None:
            yield digest, layer.seconds
