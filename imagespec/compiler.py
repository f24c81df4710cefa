"""Spec files -> checked images: reads, checks, lowers, and silences what a comment asks to silence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from imagespec.build.codes import BUILD
from imagespec.build.result import Target
from imagespec.diagnostic import Code, CompileError, Diagnostic, Source, Span, ordered
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
    found = list(parsed.diagnostics)
    for rule in RULES:
        for finding in rule.check(image):
            span = _span(finding.place, parsed.tree, on_key=finding.on_key)
            found.append(rule.code.at(span, finding.message, finding.hint))
    return Examined(parsed, image if parsed.whole else None, tuple(found))


def _span(place: Place, tree: Tree, *, on_key: bool) -> Span:
    return place if isinstance(place, Span) else tree.span(place, key=on_key)


def check_all(paths: Sequence[Path]) -> list[Diagnostic]:
    """Every finding of some specs, in the order of files and lines, without those that comments silence."""
    reader = Reader()
    return silenced([examine(path, reader) for path in paths])


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
    reader = Reader()
    examined = [examine(path, reader) for path in paths]
    targets = []
    for each in examined:
        errors = any(d.severity == "error" for d in silenced([each]))
        if each.image is not None and each.parsed is not None and not errors and _complete(each.image):
            targets.append(Target(each.image, digests(each.image) if digest else (), each.parsed))
    return targets, silenced(examined) + [_partial(each.parsed) for each in examined if _cannot_stand_alone(each)]


def _complete(image: Image) -> bool:
    return bool(image.layers) and image.layers[0].origin[:1] == ("base",)


def _cannot_stand_alone(examined: Examined) -> bool:
    return examined.parsed is not None and examined.image is not None and not _complete(examined.image)


def _partial(parsed: Parsed | None) -> Diagnostic:
    assert parsed is not None
    span = parsed.tree.span(())
    at = Span(span.source, span.line, span.column, span.line, span.column + 1)
    return codes.MISSING.at(at, "a partial spec without a base cannot be built", "name a spec that extends it")


# ----------------------------------------------------------------------------------------------- ignores


@dataclass(slots=True)
class _Ignore:
    source: Source
    line: int
    column: int
    code: str
    used: bool = False


def silenced(examined: Iterable[Examined]) -> list[Diagnostic]:
    """The findings without those that an ignore comment on their line silences, and with those of unused comments."""
    every = list(examined)
    sources: dict[Path, Source] = {}
    for each in every:
        if each.parsed is not None:
            sources |= {source.path: source for source in each.parsed.tree.sources.values()}
        sources |= {d.span.source.path: d.span.source for d in each.diagnostics}
    ignores = {
        (ignore.source.path, ignore.line, ignore.code): ignore
        for source in sources.values()
        if "imagespec:" in source.text
        for ignore in _ignores(source)
    }
    kept = []
    for diagnostic in (d for each in every for d in each.diagnostics):
        ignore = ignores.get((diagnostic.span.source.path, diagnostic.span.line, diagnostic.code))
        if ignore is None or diagnostic.code.startswith("IS1"):
            kept.append(diagnostic)
        else:
            ignore.used = True
    if all(each.image is not None for each in every):
        kept += [_unused(ignore) for ignore in ignores.values() if not ignore.used]
    return ordered(kept)


def _ignores(source: Source) -> Iterator[_Ignore]:
    for number, line in enumerate(source.text.split("\n"), 1):
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
