"""`imagespec schema`: the JSON Schema of specs."""

from __future__ import annotations

import json

import click

from imagespec.spec.schema import json_schema


@click.command()
def schema() -> None:
    """Print the JSON Schema of specs, for the `yaml-language-server` line of an editor."""
    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))
