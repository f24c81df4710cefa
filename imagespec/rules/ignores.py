"""Comments `# imagespec: ignore[IS301]` -> the findings that they silence, and those that silence nothing.

A comment silences what is found on its own line; one that has a line to itself, what is found on the next that says
something (a Dockerfile knows no other comments).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from imagespec.diagnostic import Diagnostic, Source, Span, did_you_mean, lines
from imagespec.spec import codes
from imagespec.spec.source import quoted
from imagespec.spec.syntax import point

_COMMENT = re.compile(r"(?:^|(?<=[ \t]))#[ \t]*imagespec:[ \t]*(ignore\[([^\]\n]*)\]|.*)", re.MULTILINE)

_BLOCK = re.compile(r"[|>][-+0-9]*\s*$")


@dataclass(slots=True)
class _Ignore:
    """One code of a comment. `line` is the one that it is about."""

    span: Span
    line: int
    code: str
    used: bool = False


@dataclass(slots=True)
class Ignores:
    """The comments of all files that were looked at.

    `known` are the codes that there are. What specs extend is judged only where `every_spec` was looked at: a comment
    there may silence something for another one.
    """

    known: Collection[str]
    every_spec: bool = False
    _found: dict[tuple[Path, int, str], _Ignore] = field(default_factory=dict)
    _said: dict[tuple[Path, int], list[str]] = field(default_factory=dict)
    _seen: set[Path] = field(default_factory=set)
    _unjudged: set[Path] = field(default_factory=set)
    _wrong: list[Diagnostic] = field(default_factory=list)

    def silence(self, found: Iterable[Diagnostic], specs: Iterable[Source], own: Path, whole: bool) -> list[Diagnostic]:
        """The findings of the spec `own` without those that a comment silences. `specs` are all files of YAML that it
        is made of; the comments of one that is not `whole` are not judged, for not everything was looked at."""
        every, found = list(specs), list(found)
        for source in every:
            self._read(source, yaml=True)
        for diagnostic in found:
            span = diagnostic.span
            self._read(span.source, yaml=False)
            self._said.setdefault((span.source.path, span.line), []).append(diagnostic.code)
        if not whole:
            self._unjudged |= {source.path for source in every}
        elif not self.every_spec:
            self._unjudged |= {source.path for source in every if source.path != own or own.name.startswith("_")}
        return [d for d in found if not self._silences(d)]

    def unused(self) -> list[Diagnostic]:
        """A finding for each comment that silenced nothing."""
        unused = [(path, each) for (path, _, _), each in self._found.items() if not each.used]
        misspelt = [self._misspelt(path, each) for path, each in unused if each.code not in self.known]
        idle = [_idle(each) for path, each in unused if each.code in self.known and path not in self._unjudged]
        return [*self._wrong, *misspelt, *idle]

    def _misspelt(self, path: Path, ignore: _Ignore) -> Diagnostic:
        code = ignore.code if ignore.code.startswith("IS") else f"IS{ignore.code}"
        hint = did_you_mean(code, self._said.get((path, ignore.line), ())) or did_you_mean(code, self.known)
        if code in self.known:
            hint = f"did you mean `{code}`?"
        return codes.UNUSED_IGNORE.at(
            ignore.span, f"there is no finding `{ignore.code}`", hint or "see: imagespec explain"
        )

    def _read(self, source: Source, *, yaml: bool) -> None:
        if source.path in self._seen:
            return
        self._seen.add(source.path)
        if "imagespec:" in source.text:
            for each in _ignores(source, yaml):
                if isinstance(each, Diagnostic):
                    self._wrong.append(each)
                else:
                    self._found[source.path, each.line, each.code] = each

    def _silences(self, diagnostic: Diagnostic) -> bool:
        ignore = self._found.get((diagnostic.span.source.path, diagnostic.span.line, diagnostic.code))
        if ignore is None or diagnostic.code.startswith("IS1"):
            return False
        ignore.used = True
        return True


def _ignores(source: Source, yaml: bool) -> Iterator[_Ignore | Diagnostic]:
    every = lines(source.text)
    texts = quoted(source) if yaml and any(map(_goes_on, every)) else []
    for match in _COMMENT.finditer(source.text):
        if any(start <= match.start() < end for start, end in texts):
            continue
        at = point(source, source.text[: match.start(1)])
        if match[2] is None:
            span = Span(source, at.line, at.column, at.line, at.column + max(1, len(match[1].rstrip())))
            yield codes.UNUSED_IGNORE.at(span, "this comment is not understood", "write `# imagespec: ignore[IS301]`")
            continue
        line, start = _line_after(every, at.line), at.column + len("ignore[")
        for part in match[2].split(","):
            code, column = part.strip(), start + len(part) - len(part.lstrip())
            span = Span(source, at.line, column, at.line, column + max(1, len(code)))
            yield _Ignore(span, line, code)
            start += len(part) + 1


def _goes_on(line: str) -> bool:
    """Whether quotes or a block may go on after a line: cheap, and wrong only where it says yes."""
    said = "" if line.lstrip().startswith("#") else line.partition(" #")[0]
    return bool(said.count('"') % 2 or said.count("'") % 2 or "\\" in said or _BLOCK.search(said))


def _line_after(every: tuple[str, ...], line: int) -> int:
    """The line that a comment is about: its own, or where it has that to itself, the next that says something."""
    if not every[line - 1].lstrip().startswith("#"):
        return line
    says = (
        number
        for number, text in enumerate(every, 1)
        if number > line and text.strip() and not text.lstrip().startswith("#")
    )
    return next(says, line)


def _idle(ignore: _Ignore) -> Diagnostic:
    hint = "what is wrong with the shape of a file cannot be silenced" if ignore.code.startswith("IS1") else "remove it"
    return codes.UNUSED_IGNORE.at(ignore.span, f"nothing here is silenced by `ignore[{ignore.code}]`", hint)
