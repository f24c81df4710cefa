"""A draft -> text: its operations as steps, and its findings, for golden files."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from imagespec.adopt.draft import Draft
from imagespec.diagnostic import Diagnostic, lines, ordered, render_text
from imagespec.spec import operations as ops


def text_of(read: list[Draft] | tuple[Diagnostic, ...]) -> str:
    """What adopting a file gives, one line an operation."""
    if isinstance(read, tuple):
        return render_text(ordered(read))
    (draft,) = read
    steps = [_line(written.operation, written.span.line, draft.root) for written in draft.operations]
    return "\n".join([f"# {draft.name}", *steps, "", render_text(ordered(draft.findings()))])


def _line(operation: ops.AnyOperation | None, line: int, root: Path) -> str:
    if operation is None:
        return f"{line}: TODO"
    given = {
        field.name: _plain(getattr(operation, field.name), root)
        for field in dataclasses.fields(operation)
        if getattr(operation, field.name) != field.default
    }
    short = given.get(operation.shorthand or "")
    value = short if len(given) == 1 and short is not None else given
    return (
        f"{line}: "
        + yaml.safe_dump({operation.method: value}, width=10**6, default_flow_style=None, sort_keys=False).strip()
    )


def _plain(value: Any, root: Path) -> Any:
    if isinstance(value, Path):
        return value.relative_to(root).as_posix()
    if isinstance(value, Mapping):
        return {name: _plain(each, root) for name, each in value.items()}
    if isinstance(value, tuple):
        return [_plain(each, root) for each in value]
    return value


def well_placed(read: list[Draft] | tuple[Diagnostic, ...]) -> None:
    """Every finding stands inside its file, and can be shown."""
    findings = read if isinstance(read, tuple) else [finding for draft in read for finding in draft.findings()]
    for span in (finding.span for finding in findings):
        every = lines(span.source.text)
        assert 1 <= span.line <= span.end_line <= len(every)
        assert 1 <= span.column <= len(every[span.line - 1]) + 1
        assert 1 <= span.end_column <= len(every[span.end_line - 1]) + 1
    render_text(findings)
