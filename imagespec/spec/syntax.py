"""What PyYAML says about a text that is no YAML -> a finding that says it plainly, at the place of the mistake."""

from __future__ import annotations

import re
from dataclasses import dataclass

import yaml

from imagespec.diagnostic import Diagnostic, Source, Span, lines
from imagespec.spec import codes


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What a message of PyYAML's means. `at_start`: the mistake is where the construct begins, not where it failed."""

    pattern: str
    message: str
    hint: str
    at_start: bool = False


_FITS = "this does not fit what stands before it"
_MEANINGS = (
    _Meaning("scanning an (alias|anchor)", "a value cannot begin with `{char}`", "quote it", at_start=True),
    _Meaning("undefined alias", "an alias to nothing: a value that begins with `*` is one", "quote it if it is text"),
    _Meaning("duplicate anchor", "the same anchor a second time", "give it another name"),
    _Meaning("quoted scalar.*unexpected end", "a quote that is never closed", "close it", at_start=True),
    _Meaning(
        "quoted scalar.*(escape|hex)",
        "an escape that YAML does not know",
        "in double quotes write `\\\\` for a backslash, or use single quotes",
    ),
    _Meaning(
        "flow (sequence|mapping)",
        "a closing bracket or a comma is missing",
        "close the bracket, and divide its items by commas",
        at_start=True,
    ),
    _Meaning(
        "mapping values are not allowed",
        "a `: ` cannot stand here",
        "quote text that contains `: `; check the indentation",
    ),
    _Meaning("tab character", "a tab: YAML indents with spaces", "replace the tab with spaces"),
    _Meaning("cannot start any token", "a value cannot begin with `{char}`", "quote it"),
    _Meaning("node content", "a value cannot begin with `{char}`", "quote it if it is text"),
    _Meaning("sequence entries are not allowed", "a list cannot begin here", "begin it on a line of its own"),
    _Meaning(
        "could not find expected ':'",
        "a line without `: `",
        "write `key: value`, or indent it below its key",
        at_start=True,
    ),
    _Meaning(
        "expected key|'-' indicator|block end", _FITS, "check the indentation, and the quotes and brackets before it"
    ),
    _Meaning("document start", _FITS, "check the line before it"),
)
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def finding(source: Source, error: yaml.YAMLError) -> Diagnostic:
    """The one finding that there is when YAML cannot be read: the reader stops at the first mistake."""
    if isinstance(error, yaml.reader.ReaderError):
        match = _FORBIDDEN.search(source.text)
        at = point(source, source.text[: match.start()] if match else "")
        return codes.SYNTAX.at(at, "a control character that YAML does not allow", "remove it")
    context, problem = str(getattr(error, "context", None) or ""), str(getattr(error, "problem", None) or error)
    start, end = getattr(error, "context_mark", None), getattr(error, "problem_mark", None)
    at = _one(source, end or start)
    if "another document" in problem:
        hint = "put it into a file of its own"
        return codes.YAML_FEATURE.at(at, "a second document begins here; a file holds one spec", hint)
    said = f"{context}: {problem}" if context else problem
    for meaning in _MEANINGS:
        if re.search(meaning.pattern, said):
            char = _character(at)
            if char == "\t":
                return codes.SYNTAX.at(at, "a tab: YAML indents with spaces", "replace the tab with spaces")
            if (
                meaning.at_start
                and start is not None
                and end is not None
                and (start.line != end.line or "alias" in meaning.pattern)
            ):
                at = _one(source, start)
            return codes.SYNTAX.at(at, meaning.message.format(char=_character(at)), meaning.hint)
    return codes.SYNTAX.at(at, f"not valid YAML: {said}", "the mistake is here or just before")


def _character(at: Span) -> str:
    line = lines(at.source.text)[at.line - 1]
    return line[at.column - 1 : at.column]


def _one(source: Source, mark: yaml.Mark | None) -> Span:
    return source.at(mark.line + 1, mark.column + 1) if mark is not None else source.at(1, 1)


def point(source: Source, before: str) -> Span:
    """The character after `before`, the text that it stands behind."""
    every = lines(before)
    return source.at(len(every), len(every[-1]) + 1)
