"""Spec files -> checked images: reads, checks, lowers, and silences what a comment asks to silence."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from imagespec.adopt.codes import ADOPT
from imagespec.build.codes import BUILD
from imagespec.build.result import Target
from imagespec.diagnostic import Code, CompileError, Diagnostic, Span, lines, ordered, shown
from imagespec.emit.instructions.writer import CODES as NO_DOCKERFILE
from imagespec.image.digest import digests
from imagespec.image.layers import Image, Place
from imagespec.image.lower import lower
from imagespec.lock.codes import LOCK, MISSING, STALE
from imagespec.lock.held import NOTHING, Held, held
from imagespec.lock.installed import installed
from imagespec.lock.locked import locked
from imagespec.rules import RULES
from imagespec.rules.ignores import Ignores
from imagespec.spec import codes
from imagespec.spec.extends import Reader, Tree
from imagespec.spec.parse import Parsed, parse


@dataclass(frozen=True, slots=True)
class Examined:
    """One spec after every check. `image` is `None` where the shape of the file is wrong; what its lock fixes is fixed
    in it. `held` is that lock."""

    parsed: Parsed | None
    image: Image | None
    diagnostics: tuple[Diagnostic, ...]
    held: Held = NOTHING


def examine(path: Path, reader: Reader | None = None) -> Examined:
    """Read and check one spec: every finding, none silenced yet."""
    parsed = parse(path, reader or Reader())
    if not isinstance(parsed, Parsed):
        return Examined(None, None, tuple(parsed))
    image = lower(parsed)
    lock = held(image, parsed.path, lambda place: of_section(place, parsed.tree)) if not parsed.partial else NOTHING
    packages, complete = installed(image, lock)
    unfinished = any(d.code == codes.UNFINISHED.id for d in parsed.diagnostics)
    image = dataclasses.replace(
        image,
        locked=lock.fresh is not None,
        installed=packages,
        complete=complete and not unfinished,
        unfinished=unfinished,
    )
    found = [*parsed.diagnostics, *_broken_rules(image, parsed)]
    if lock.finding is not None and _worth_saying(lock, lock.finding, found):
        found.append(lock.finding)
    if lock.fresh is not None and lock.made_from is not None:
        image = locked(image, lock.fresh, lock.made_from)
    return Examined(parsed, image if parsed.whole else None, tuple(_one_error_a_place(found)), lock)


def _worth_saying(lock: Held, finding: Diagnostic, others: Sequence[Diagnostic]) -> bool:
    """A lock is judged by a spec that is right, whatever the code of its apps is; and that a tag alone is not locked,
    its own rule says."""
    if finding.code == MISSING.id and lock.made_from is not None and not lock.made_from.packages:
        return False
    errors = [d for d in others if d.severity == "error"]
    if finding.code == STALE.id:
        errors = [d for d in errors if not d.code.startswith("IS6")]
    return finding.severity == "error" or not errors


def _broken_rules(image: Image, parsed: Parsed) -> Iterator[Diagnostic]:
    for rule in RULES:
        for finding in rule.check(image):
            if not (finding.on_key and isinstance(finding.place, tuple) and parsed.doubtful(finding.place)):
                hint = finding.hint
                if finding.other is not None:
                    other = span_of(finding.other, parsed.tree)
                    hint += f"; the other is at {shown(other.source.path)}:{other.line}"
                if finding.mend:
                    hint += f"{chr(10) if hint else ''}add to {_section(finding.mend, parsed)}: {finding.mend}"
                at = span_of(finding.place, parsed.tree, on_key=finding.on_key)
                yield rule.code.at(at, finding.message, hint, finding.fix)


def _section(text: str, parsed: Parsed) -> str:
    """Where in a spec the section is that a text begins with: its line, or the file alone where there is none yet."""
    name = text.partition(":")[0]
    at = parsed.tree.span((name,), key=True)
    if lines(at.source.text)[at.line - 1][at.column - 1 :].startswith(f"{name}:"):
        return f"{shown(at.source.path)}:{at.line}"
    return shown(parsed.path)


def of_section(place: Place, tree: Tree) -> Span:
    """Where a place stands; what is about a whole section, at its key."""
    return span_of(place, tree, on_key=isinstance(place, tuple) and len(place) == 1)


def span_of(place: Place, tree: Tree, *, on_key: bool = False) -> Span:
    """Where a place stands; with `on_key`, its last key."""
    return place if isinstance(place, Span) else tree.span(place, key=on_key)


def _one_error_a_place(found: Sequence[Diagnostic]) -> Iterator[Diagnostic]:
    """What else there is to say about the place of an error most often follows from the error, and is left unsaid."""
    errors: dict[Span, str] = {}
    for diagnostic in found:
        if diagnostic.severity == "error":
            errors.setdefault(diagnostic.span, diagnostic.code)
    return (d for d in found if errors.get(d.span, d.code) == d.code)


def check_all(paths: Sequence[Path], *, every_spec: bool = False) -> list[Diagnostic]:
    """Every finding of some specs, in the order of files and lines, without those that comments silence.

    `every_spec`: there are no others, so that a comment which silences nothing for them silences nothing at all.
    """
    reader, ignores = Reader(), Ignores({code.id for code in every_code()}, every_spec)
    found = [d for path in paths for d in silenced(examine(path, reader), ignores)]
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
    reader, ignores = Reader(), Ignores({code.id for code in every_code()})
    targets, found = [], list[Diagnostic]()
    for path in paths:
        examined = examine(path, reader)
        kept = silenced(examined, ignores)
        image, parsed = examined.image, examined.parsed
        if image is not None and parsed is not None and not any(d.severity == "error" for d in kept):
            if image.layers and image.layers[0].origin[0] == "base":
                targets.append(Target(image, digests(image) if digest else (), parsed, examined.held))
            else:
                hint = "name a spec that extends it"
                kept.append(codes.MISSING.at(parsed.tree.top(), "a partial spec without a base cannot be built", hint))
        found += kept
    return targets, ordered([*found, *ignores.unused()])


def silenced(examined: Examined, ignores: Ignores) -> list[Diagnostic]:
    """What was found in a spec, without what comments silence."""
    parsed = examined.parsed
    if parsed is None:
        return list(examined.diagnostics)
    specs, own = parsed.tree.sources.values(), Path(os.path.abspath(parsed.path))
    return ignores.silence(examined.diagnostics, specs, own, whole=examined.image is not None)


def every_code() -> list[Code]:
    """Every kind of finding there is, in the order of its code."""
    found = [*codes.SHAPE, *(rule.code for rule in RULES), *LOCK, *NO_DOCKERFILE, *BUILD, *ADOPT]
    return sorted(found, key=lambda code: code.id)
