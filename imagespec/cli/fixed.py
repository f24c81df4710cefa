"""What was mended in specs -> their files, or a diff of them, and a few words about it."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from imagespec.cli.show import summary
from imagespec.diagnostic import Diagnostic, printable, shown
from imagespec.fix.fixing import Outcome, fix
from imagespec.fix.writing import write
from imagespec.lock.pins import Edit as Rewritten
from imagespec.masked import masked


def mend(paths: Sequence[Path], *, every_spec: bool) -> list[Diagnostic]:
    """Mend the files of some specs; what is left to be found in them."""
    outcome = fix(paths, every_spec=every_spec)
    try:
        write(outcome.files)
    except OSError as error:
        raise click.ClickException(printable(str(error))) from None
    _tell(outcome, "fixed")
    return list(outcome.left)


def propose(paths: Sequence[Path], *, every_spec: bool, as_json: bool) -> list[Diagnostic]:
    """Print what would be changed, and leave it; what is found in the files as they are."""
    outcome = fix(paths, every_spec=every_spec)
    if as_json:
        click.echo(json.dumps([_as_json(each, outcome) for each in outcome.files], indent=2))
    else:
        click.echo("".join(map(_diff, outcome.files)), nl=False)
    _tell(outcome, "would fix")
    click.echo(f"would be left: {summary(outcome.left)}", err=True)
    return list(outcome.before)


def _tell(outcome: Outcome, verb: str) -> None:
    for file in outcome.files:
        codes = Counter(_codes(file, outcome))
        count = sum(codes.values())
        said = ", ".join(code if many == 1 else f"{code} ({many})" for code, many in sorted(codes.items()))
        findings = f"{count} finding{'s' if count > 1 else ''}"
        click.echo(f"{verb} {findings} in {printable(shown(file.source.path))}: {said}", err=True)
    for path in outcome.stale:
        then = "is stale now" if verb == "fixed" else "would be stale"
        click.echo(f"the lock of {printable(shown(path))} {then}; run: imagespec lock", err=True)
    for finding, reason in outcome.refused:
        where = f"{shown(finding.span.source.path)}:{finding.span.line}"
        click.echo(printable(f"{where}: {finding.code} is left to you: {reason}"), err=True)


def _codes(file: Rewritten, outcome: Outcome) -> list[str]:
    return [each.finding.code for each in outcome.mended if file.source.path in each.files]


def _diff(file: Rewritten) -> str:
    """For reading: what looks like a secret is covered, here as in findings."""
    name, mark = shown(file.source.path), _mark(file.source.path)
    before, after = ((mark + text).splitlines(keepends=True) for text in (file.source.text, file.text))
    lines = difflib.unified_diff(before, after, f"a/{name}", f"b/{name}")
    whole = (line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
    return "".join(map(masked, whole))


def _mark(path: Path) -> str:
    """The marks of byte order that a file begins with, which its text is read without."""
    text = path.read_bytes().decode()
    return text[: len(text) - len(text.lstrip("\ufeff"))]


def _as_json(file: Rewritten, outcome: Outcome) -> dict[str, object]:
    return {"file": shown(file.source.path), "codes": sorted(_codes(file, outcome)), "diff": _diff(file)}
