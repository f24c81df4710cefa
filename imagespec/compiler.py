"""Spec files -> checked images: reads, checks, lowers, and silences what a comment asks to silence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from imagespec.build.codes import BUILD
from imagespec.build.result import Target
from imagespec.diagnostic import Code, CompileError, Diagnostic, Source, Span, lines, ordered, shown
from imagespec.emit.dockerfile import CODES as NO_DOCKERFILE
from imagespec.image.digest import digests
from imagespec.image.layers import Image, Place
from imagespec.image.lower import lower
from imagespec.rules import RULES
from imagespec.spec import codes
from imagespec.spec.extends import Reader, Tree
from imagespec.spec.parse import Parsed, parse

_IGNORE = re.compile(r"(?:^|\s)#\s*imagespec:\s*ignore\[([^\]\n]*)\]")


@dataclass(frozen=True, slots=True)
class Examined:
    """One spec after every check. `image` is `None` where the shape of the file is wrong."""

    parsed: Parsed | None
    image: Image | None
    diagnostics: tuple[Diagnostic, ...]


def examine(path: Path, reader: Reader | None = None) -> Examined:
    """Read and check one spec: every finding, none silenced yet."""
    parsed = parse(path, reader or Reader())
    if not isinstance(parsed, Parsed):
        return Examined(None, None, tuple(parsed))
    image = lower(parsed)
    found = [*parsed.diagnostics, *_broken_rules(image, parsed)]
    return Examined(parsed, image if parsed.whole else None, tuple(_one_error_a_place(found)))


def _broken_rules(image: Image, parsed: Parsed) -> Iterator[Diagnostic]:
    for rule in RULES:
        for finding in rule.check(image):
            if isinstance(finding.place, Span) or not parsed.doubtful(finding.place):
                hint = finding.hint
                if finding.other is not None:
                    other = _span(finding.other, parsed.tree)
                    hint += f"; the other is at {shown(other.source.path)}:{other.line}"
                yield rule.code.at(_span(finding.place, parsed.tree, on_key=finding.on_key), finding.message, hint)


def _span(place: Place, tree: Tree, *, on_key: bool = False) -> Span:
    return place if isinstance(place, Span) else tree.span(place, key=on_key)


def _one_error_a_place(found: Sequence[Diagnostic]) -> Iterator[Diagnostic]:
    """What else there is to say about the place of an error most often follows from the error, and is left unsaid."""
    errors: dict[Span, str] = {}
    for diagnostic in found:
        if diagnostic.severity == "error":
            errors.setdefault(diagnostic.span, diagnostic.code)
    return (d for d in found if errors.get(d.span, d.code) == d.code)


def check_all(paths: Sequence[Path]) -> list[Diagnostic]:
    """Every finding of some specs, in the order of files and lines, without those that comments silence."""
    reader, ignores = Reader(), _Ignores()
    found = [d for path in paths for d in ignores.silence(examine(path, reader))]
    return ordered([*found, *ignores.unused()])


def check(path: Path) -> list[Diagnostic]:
    """Every finding of one spec."""
    return check_all([path])


def compile_spec(path: Path) -> Image:
    """The image of one spec. Raises `CompileError` with every finding where one of them is an error."""
    targets, diagnostics = compile_all([path], digest=False)
    if not targets:
        raise CompileError(diagnostics)
    return targets[0].image


def compile_all(paths: Sequence[Path], *, digest: bool = True) -> tuple[list[Target], list[Diagnostic]]:
    """The images of the specs without errors, and all findings. The digests are left out where nothing needs them."""
    reader, ignores = Reader(), _Ignores()
    targets, found = [], list[Diagnostic]()
    for path in paths:
        examined = examine(path, reader)
        kept = ignores.silence(examined)
        image, parsed = examined.image, examined.parsed
        if image is not None and parsed is not None and not any(d.severity == "error" for d in kept):
            if image.layers and image.layers[0].origin[0] == "base":
                targets.append(Target(image, digests(image) if digest else (), parsed))
            else:
                hint = "name a spec that extends it"
                kept.append(codes.MISSING.at(parsed.tree.top(), "a partial spec without a base cannot be built", hint))
        found += kept
    return targets, ordered([*found, *ignores.unused()])


# ----------------------------------------------------------------------------------------------- ignores


@dataclass(slots=True)
class _Ignore:
    source: Source
    line: int
    column: int
    code: str
    used: bool = False


@dataclass(slots=True)
class _Ignores:
    """The ignore comments of all files that were looked at, and which of them have silenced something."""

    found: dict[tuple[Path, int, str], _Ignore] = field(default_factory=dict)
    seen: set[Path] = field(default_factory=set)
    complete: bool = True

    def silence(self, examined: Examined) -> list[Diagnostic]:
        """The findings of one spec, without those that a comment on their line silences."""
        parsed = examined.parsed
        sources = [*(parsed.tree.sources.values() if parsed else ()), *(d.span.source for d in examined.diagnostics)]
        for source in sources:
            if source.path not in self.seen:
                self.seen.add(source.path)
                if "imagespec:" in source.text:
                    self.found |= {(source.path, each.line, each.code): each for each in _ignores(source)}
        self.complete = self.complete and examined.image is not None
        return [d for d in examined.diagnostics if not self._silenced(d)]

    def _silenced(self, diagnostic: Diagnostic) -> bool:
        span = diagnostic.span
        ignore = self.found.get((span.source.path, span.line, diagnostic.code))
        if ignore is None or diagnostic.code.startswith("IS1"):
            return False
        ignore.used = True
        return True

    def unused(self) -> list[Diagnostic]:
        """A finding for each comment that silenced nothing, unless an error kept something from being looked at."""
        return [_unused(ignore) for ignore in self.found.values() if self.complete and not ignore.used]


def _ignores(source: Source) -> Iterator[_Ignore]:
    for number, line in enumerate(lines(source.text), 1):
        for match in _IGNORE.finditer(line):
            start = match.start(1)
            for part in match[1].split(","):
                lead = len(part) - len(part.lstrip())
                yield _Ignore(source, number, start + lead + 1, part.strip())
                start += len(part) + 1


def _unused(ignore: _Ignore) -> Diagnostic:
    span = Span(ignore.source, ignore.line, ignore.column, ignore.line, ignore.column + max(1, len(ignore.code)))
    if ignore.code not in {code.id for code in every_code()}:
        return codes.UNUSED_IGNORE.at(span, f"there is no finding `{ignore.code}`", "see: imagespec explain")
    return codes.UNUSED_IGNORE.at(span, f"nothing here is silenced by `ignore[{ignore.code}]`", "remove the comment")


def every_code() -> list[Code]:
    """Every kind of finding there is, in the order of its code."""
    found = [*codes.SHAPE, *(rule.code for rule in RULES), *NO_DOCKERFILE, *BUILD]
    return sorted(found, key=lambda code: code.id)
