"""`imagespec init`: a first spec."""

from __future__ import annotations

from pathlib import Path

import click

from imagespec.spec.source import NAMES

_FIRST = """\
# An image for Modal. What each key means: imagespec schema
root: ..
base:
  debian_slim: "3.12"  # imagespec: ignore[IS305] Modal's builder chooses the patch
python:
  uv: "0.9.10"
  packages:
    - numpy==2.1.3
checks:
  imports: [numpy]
"""


@click.command()
@click.argument("name", default="image")
def init(name: str) -> None:
    """Write specs/NAME.yaml, a small spec to begin with. Nothing that is there already is touched."""
    stem = name.removesuffix(".yaml")
    if not NAMES.fullmatch(stem):
        raise click.UsageError("NAME is a plain name: letters, digits, `_`, `-`, `+`, `.` and spaces")
    path = Path("specs", f"{stem}.yaml")
    try:
        path.parent.mkdir(exist_ok=True)
        with open(path, "x", encoding="utf-8") as file:
            file.write(_FIRST)
    except FileExistsError as error:
        raise click.UsageError(f"`{error.filename}` is there already") from None
    except OSError as error:
        raise click.UsageError(f"cannot write `{path}`: {error.strerror}") from None
    click.echo(f"wrote {path}; next: imagespec lock {path.stem}, imagespec build {path.stem}")
