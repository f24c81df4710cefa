"""Why something was not built: a finding with all that was printed, and the exception that carries it."""

from __future__ import annotations

from dataclasses import replace

from imagespec.diagnostic import Code, Diagnostic, Span


class BuildFailed(Exception):
    """A layer could not be built. `diagnostic` says which, and why."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


def finding(code: Code, span: Span, message: str, printed: str = "") -> Diagnostic:
    """A finding whose hint is what a program printed, however long."""
    return replace(code.at(span, message), hint=printed)
