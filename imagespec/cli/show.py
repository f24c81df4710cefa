"""Findings -> standard output, in the format that was asked for."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Sequence

import click

from imagespec.diagnostic import Diagnostic, render_github, render_json, render_sarif, render_text

FORMATS = ("text", "json", "github", "sarif")
_COLOURS = {"error": "red", "warning": "yellow", "note": "cyan", "location": "blue"}


def colour(stream: object = None) -> bool:
    """Colour only on a terminal, and not where the user asks for none."""
    stream = stream or sys.stdout
    return bool(getattr(stream, "isatty", lambda: False)()) and not os.environ.get("NO_COLOR")


def style(role: str, text: str) -> str:
    """A piece of a finding in the colour of its role."""
    return click.style(text, fg=_COLOURS.get(role), bold=role in ("error", "warning", "note", "bold"))


def text(diagnostics: Sequence[Diagnostic], stream: object = None) -> str:
    """Findings for a person."""
    return render_text(diagnostics, style) if colour(stream) else render_text(diagnostics)


def formatted(diagnostics: Sequence[Diagnostic], format: str) -> str:
    """Findings as `--format` asks."""
    match format:
        case "json":
            return render_json(diagnostics)
        case "github":
            return render_github(diagnostics)
        case "sarif":
            from imagespec import __version__
            from imagespec.compiler import every_code

            return render_sarif(diagnostics, every_code(), __version__)
        case _:
            return text(diagnostics)


def summary(diagnostics: Sequence[Diagnostic]) -> str:
    """`2 errors, 1 note`"""
    counts = Counter(d.severity for d in diagnostics)
    kinds = [(severity, counts[severity]) for severity in ("error", "warning", "note") if counts[severity]]
    return ", ".join(f"{count} {severity}{'s' if count > 1 else ''}" for severity, count in kinds) or "nothing found"
