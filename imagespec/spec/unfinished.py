"""Source -> the comments `# TODO` of `imagespec adopt` in it: what a spec lacks of the code that it comes from."""

from __future__ import annotations

import re
from collections.abc import Iterator

from imagespec.diagnostic import Diagnostic, Source, Span
from imagespec.spec import codes
from imagespec.spec.source import quoted
from imagespec.spec.syntax import point

_TODO = re.compile(r"^ *(# TODO \S.*?:\d+: (.*\S))", re.MULTILINE)


def unfinished(source: Source) -> Iterator[Diagnostic]:
    """A finding for each comment that begins with `TODO`, a file and a line."""
    found = list(_TODO.finditer(source.text))
    texts = quoted(source) if found else []
    for match in found:
        if not any(start <= match.start(1) < end for start, end in texts):
            at = point(source, source.text[: match.start(1)])
            span = Span(source, at.line, at.column, at.line, at.column + len(match[1]))
            yield codes.UNFINISHED.at(span, f"not adopted: {match[2]}", "do it by hand, and remove the comment")
