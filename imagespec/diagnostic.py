"""Findings: where they are, what they say, and how they look as text, JSON, GitHub annotations and SARIF."""

from __future__ import annotations

import difflib
import inspect
import json
import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

from imagespec.masked import masked

Severity: TypeAlias = Literal["error", "warning", "note"]

Route: TypeAlias = tuple[str | int, ...]
"""Keys and indices that lead from the top of a spec to a value: `("python", "packages", 0)`."""

Style: TypeAlias = Callable[[str, str], str]
"""Colours a piece of text: `style("error", "error[IS101]")`. Roles: a severity, `location`, `code`, `bold`."""


@dataclass(frozen=True, slots=True)
class Source:
    """A text file that findings point into. `text` is empty where the file could not be read."""

    path: Path
    text: str = field(default="", repr=False, compare=False)

    def at(self, line: int, column: int) -> Span:
        """One character; none at the end of a line, and the end of the text for what lies behind it."""
        every = lines(self.text)
        if line > len(every):
            line, column = len(every), len(every[-1]) + 1
        column = min(column, len(every[line - 1]) + 1)
        return Span(self, line, column, line, min(column, len(every[line - 1])) + 1)

    def find(self, word: str, line: int) -> Span:
        """The first place of a word from a line on, else the whole line."""
        every = lines(self.text)
        for number, text in enumerate(every[line - 1 :], line):
            if (column := text.find(word) + 1) > 0:
                return Span(self, number, column, number, column + len(word))
        return Span(self, line, 1, line, len(every[line - 1]) + 1)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a source, lines and columns counted from 1, in characters; the end column is exclusive."""

    source: Source
    line: int = 1
    column: int = 1
    end_line: int = 1
    end_column: int = 1


@dataclass(frozen=True, slots=True)
class Remove:
    """Take out a key with its value, or an item of a list. A map or list that is empty then goes too."""

    route: Route


@dataclass(frozen=True, slots=True)
class Replace:
    """Another value (text, number, truth, or a list or map of them) in the place of the one that stands there."""

    route: Route
    value: Any


@dataclass(frozen=True, slots=True)
class Rename:
    """Another key for the same value."""

    route: Route
    key: str


@dataclass(frozen=True, slots=True)
class Add:
    """One more item at the end of the list at `route`, or, with `key`, one more key in the map there. What is not there
    yet is made, in the spec's own file."""

    route: Route
    value: Any
    key: str = ""


Edit: TypeAlias = Remove | Replace | Rename | Add
"""What would mend a spec: a change of one value."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding, ready to be shown. `fix` mends it; empty where only the author can."""

    code: str
    severity: Severity
    message: str
    span: Span
    hint: str = ""
    fix: tuple[Edit, ...] = field(default=(), compare=False)

    def to_json(self) -> dict[str, str | int]:
        """The finding as `check --format json` prints it: lines and columns from 1."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "hint": self.hint,
            "file": shown(self.span.source.path),
            "line": self.span.line,
            "column": self.span.column,
            "end_line": self.span.end_line,
            "end_column": self.span.end_column,
        }


FIXABLE = "`imagespec check --fix` mends it where only one thing can be meant."
"""What is said about a kind of finding that is `fixable`."""


@dataclass(frozen=True, slots=True)
class Code:
    """A kind of finding. `text` explains it: the first line is its title, then what, why, and what to do instead.
    `fixable`: `check --fix` mends some of them, those where only one thing can be meant."""

    id: str
    severity: Severity
    text: str
    fixable: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", inspect.cleandoc(self.text))

    @property
    def title(self) -> str:
        return self.text.partition("\n")[0]

    def at(self, span: Span, message: str, hint: str = "", fix: tuple[Edit, ...] = ()) -> Diagnostic:
        return Diagnostic(self.id, self.severity, _brief(masked(message)), span, _brief(masked(hint)), fix)


_LONG = re.compile(r"""([`"'])([^`"']{60})[^`"']{60,}([^`"']{20})\1""")


def _brief(text: str) -> str:
    """`text` with the middle of very long values left out."""
    text = _LONG.sub(r"\1\2…\3\1", text)
    return text if len(text) <= 500 else f"{text[:300]}…{text[-100:]}"


class CompileError(Exception):
    """A spec cannot be compiled. `diagnostics` holds every finding, at least one of them an error."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__(render_text(diagnostics).rstrip())
        self.diagnostics = tuple(diagnostics)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint that names the nearest of `known`, or an empty string where none is near."""
    every = sorted(known)
    begun = [
        each for each in every if min(len(each), len(word)) > 2 and (each.startswith(word) or word.startswith(each))
    ]
    near = [max(begun, key=len)] if begun else difflib.get_close_matches(word, every, n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near and near[0] != word else ""


def only_one_near(word: str, known: Iterable[str]) -> str:
    """The one of `known` that a misspelt word must mean, or an empty string where it could be another."""
    every = sorted(known)
    begun = [
        each for each in every if min(len(each), len(word)) > 2 and (each.startswith(word) or word.startswith(each))
    ]
    near = {*begun, *difflib.get_close_matches(word, every, n=2, cutoff=0.6)}
    close = {*begun, *difflib.get_close_matches(word, every, n=2, cutoff=0.8)}
    return next((found.pop() for found in (near, close) if len(found) == 1), "")


def shown(path: Path) -> str:
    """`path` as a person in the working directory would write it: relative where it lies below, else absolute."""
    absolute, here = os.path.abspath(path), os.getcwd()
    if absolute == here:
        return "."
    prefix = here if here.endswith(os.sep) else here + os.sep
    return Path(absolute.removeprefix(prefix)).as_posix()


def ordered(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Without duplicates (two specs may share a parent), by file, line, column and code."""
    return sorted(
        dict.fromkeys(diagnostics),
        key=lambda d: (str(d.span.source.path), d.span.line, d.span.column, d.code, d.message),
    )


# ----------------------------------------------------------------------------------------------- text


def _plain(_role: str, text: str) -> str:
    return text


def printable(text: str, *, keep: str = "") -> str:
    """`text` with control characters made visible, so that a spec cannot steer the terminal that shows it."""
    return "".join(
        c
        if c in keep or (c.isprintable() and unicodedata.category(c) not in ("Cf", "Co", "Cs"))
        else "\N{REPLACEMENT CHARACTER}"
        for c in text
    )


def render_text(diagnostics: Iterable[Diagnostic], style: Style = _plain) -> str:
    """All findings for a person: title, location, the line with carets, hint; a blank line between two."""
    return "\n".join(_render_one(d, style) for d in diagnostics)


_WINDOW = 100
_LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")


@lru_cache(maxsize=8)
def lines(text: str) -> tuple[str, ...]:
    """`text` in lines as YAML 1.1 counts them, without their ends."""
    return tuple(_LINE_BREAK.split(text))


def _render_one(diagnostic: Diagnostic, style: Style) -> str:
    span = diagnostic.span
    gutter = " " * (len(str(span.line)) + 1)
    title = style(diagnostic.severity, f"{diagnostic.severity}[{diagnostic.code}]")
    where = f"{shown(span.source.path)}:{span.line}:{span.column}"
    bar = style("location", "|")
    out = [
        f"{title}: {style('bold', printable(diagnostic.message))}",
        f"{gutter}{style('location', '-->')} {printable(where)}",
    ]
    every = lines(span.source.text)
    if span.source.text and span.line <= len(every):
        shown_line, offset, width = _excerpt(masked(every[span.line - 1]), span)
        out += [
            f"{gutter} {bar}",
            f" {style('location', str(span.line))} {bar} {shown_line}".rstrip(),
            f"{gutter} {bar} {' ' * offset}{style(diagnostic.severity, '^' * width)}",
        ]
    for hint in printable(diagnostic.hint, keep="\n").splitlines():
        out.append(f"{gutter} {style('location', '=')} {hint}")
    out.append(f"{gutter} {style('location', '=')} see: imagespec explain {diagnostic.code}")
    return "\n".join(out) + "\n"


def _excerpt(line: str, span: Span) -> tuple[str, int, int]:
    """The line as shown, and the caret's offset and width in terminal cells. A long line is cut around the caret."""
    start = min(span.column - 1, len(line))
    end = min(span.end_column - 1 if span.end_line == span.line else len(line), len(line))
    first = max(0, start - _WINDOW // 2) if len(line) > _WINDOW else 0
    last = first + _WINDOW
    head = "…" if first else ""
    tail = "…" if last < len(line) else ""
    view = printable(line[first:last].replace("\t", " "))
    width = _cells(view[start - first : end - first])
    return head + view + tail, _cells(head) + _cells(view[: start - first]), max(1, width)


def _cells(text: str) -> int:
    return sum(_width(c) for c in text)


def _width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


# --------------------------------------------------------------------------------------- for programs


def render_json(diagnostics: Iterable[Diagnostic]) -> str:
    return _json([d.to_json() for d in diagnostics])


def _json(value: Any) -> str:
    """JSON in ASCII: what a spec says may also steer a terminal, or be no text that UTF-8 can hold."""
    return json.dumps(value, indent=2) + "\n"


def render_github(diagnostics: Iterable[Diagnostic]) -> str:
    """Workflow commands that GitHub Actions turns into annotations of a pull request."""
    kinds = {"error": "error", "warning": "warning", "note": "notice"}

    def data(text: str) -> str:
        return printable(text, keep="\n").replace("%", "%25").replace("\n", "%0A")

    def value(text: str) -> str:
        return data(text).replace(":", "%3A").replace(",", "%2C")

    return "".join(
        f"::{kinds[d.severity]} file={value(shown(d.span.source.path))},line={d.span.line},col={d.span.column},"
        f"endLine={d.span.end_line},endColumn={d.span.end_column},title={d.code}"
        f"::{data(d.message + (chr(10) + d.hint if d.hint else ''))}\n"
        for d in diagnostics
    )


def render_sarif(diagnostics: Sequence[Diagnostic], codes: Iterable[Code], version: str) -> str:
    """A SARIF 2.1.0 log: one run, with the rules that it has findings of."""
    seen = {d.code for d in diagnostics}
    rules = [code for code in codes if code.id in seen]
    index = {code.id: i for i, code in enumerate(rules)}
    log: dict[str, Any] = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "imagespec",
                        "version": version,
                        "rules": [
                            {
                                "id": code.id,
                                "shortDescription": {"text": code.title},
                                "fullDescription": {"text": code.text},
                                "defaultConfiguration": {"level": code.severity},
                            }
                            for code in rules
                        ],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_sarif_result(d, index) for d in diagnostics],
            }
        ],
    }
    return _json(log)


def _sarif_result(diagnostic: Diagnostic, index: dict[str, int]) -> dict[str, Any]:
    from urllib.parse import quote

    path = shown(diagnostic.span.source.path)
    uri = Path(path).as_uri() if os.path.isabs(path) else quote(os.fsencode(path))
    span = diagnostic.span
    return {
        "ruleId": diagnostic.code,
        "ruleIndex": index[diagnostic.code],
        "level": diagnostic.severity,
        "message": {"text": diagnostic.message + (f"\n{diagnostic.hint}" if diagnostic.hint else "")},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": uri},
                    "region": {
                        "startLine": span.line,
                        "startColumn": span.column,
                        "endLine": span.end_line,
                        "endColumn": span.end_column,
                    },
                }
            }
        ],
    }
