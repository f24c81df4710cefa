"""Specs, as they are or with other texts -> everything that is found in them, kept apart by spec."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from imagespec.compiler import Examined, every_code, examine, silenced
from imagespec.diagnostic import Diagnostic, Edit, lines, ordered
from imagespec.rules.ignores import Ignores
from imagespec.spec.extends import Reader, Tree

Kind: TypeAlias = tuple[str, str, str]
Key: TypeAlias = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Seen:
    """One spec. `found` is what no comment silences; `tree` is everything that is written, wrong parts too."""

    path: Path
    examined: Examined
    tree: Tree | None
    found: tuple[Diagnostic, ...]

    @property
    def own(self) -> str:
        return os.path.abspath(self.path)

    @property
    def files(self) -> int:
        """How many files it is read from: more than any spec that it extends."""
        return 0 if self.tree is None else len(self.tree.sources)

    @property
    def locked(self) -> bool:
        """Whether its lock holds for it."""
        return self.examined.held.fresh is not None

    def reads(self, file: str) -> bool:
        return self.tree is not None and file in self.tree.sources


@dataclass(frozen=True, slots=True)
class Look:
    """What was found in `specs`, those that are to be mended, and in `others`, which share files with them."""

    specs: tuple[Seen, ...]
    others: tuple[Seen, ...]
    found: tuple[Diagnostic, ...]

    def every(self) -> Iterator[Seen]:
        yield from self.specs
        yield from self.others

    def errors(self) -> Counter[Kind]:
        """How many errors of each kind there are."""
        found = dict.fromkeys(d for seen in self.every() for d in seen.found)
        return Counter(kind(d) for d in found if d.severity == "error")

    def sources(self) -> dict[str, str]:
        """The text of every file of the specs to be mended."""
        trees = [seen.tree for seen in self.specs if seen.tree is not None]
        return {name: source.text for tree in trees for name, source in tree.sources.items()}


def kind(diagnostic: Diagnostic) -> Kind:
    """What stays the same of a finding while other fixes are made: code, file and message."""
    return diagnostic.code, str(diagnostic.span.source.path), diagnostic.message


def key(diagnostic: Diagnostic) -> Key:
    """The same with the text of its line, to tell it from its like in the same file."""
    every, line = lines(diagnostic.span.source.text), diagnostic.span.line
    return *kind(diagnostic), every[line - 1] if line <= len(every) else ""


def alike(one: Diagnostic, other: Diagnostic) -> bool:
    """Whether two findings, of the same spec or of two, are mended by the same edits. Their hints may name their spec,
    and items have other numbers in a spec that inherits them."""
    return (key(one), one.span, _edits(one)) == (key(other), other.span, _edits(other))


def _edits(finding: Diagnostic) -> list[Edit]:
    return [replace(edit, route=tuple(step for step in edit.route if isinstance(step, str))) for edit in finding.fix]


def look(paths: Sequence[Path], others: Sequence[Path], texts: Mapping[str, str], *, every_spec: bool) -> Look:
    """Check specs, with `texts` in the place of what files hold."""
    reader, ignores = Reader(texts), Ignores({code.id for code in every_code()}, every_spec)
    specs = tuple(_seen(path, reader, ignores) for path in paths)
    found = ordered([*(d for seen in specs for d in seen.found), *ignores.unused()])
    return Look(specs, tuple(_seen(path, reader, ignores) for path in others), tuple(found))


def _seen(path: Path, reader: Reader, ignores: Ignores) -> Seen:
    examined = examine(path, reader)
    tree = reader.load(path)
    return Seen(path, examined, tree if isinstance(tree, Tree) else None, tuple(silenced(examined, ignores)))


def sharing(paths: Sequence[Path], files: set[str]) -> list[Path]:
    """The specs beside some files that read one of these files, and are none of `paths`."""
    reader, known = Reader(), {os.path.abspath(path) for path in paths}
    beside = sorted({path for folder in {Path(file).parent for file in files} for path in _specs_in(folder)})
    trees = {path: reader.load(path) for path in beside if str(path) not in known}
    return [path for path, tree in trees.items() if isinstance(tree, Tree) and files & set(tree.sources)]


def _specs_in(folder: Path) -> Iterator[Path]:
    try:
        yield from (
            path
            for path in folder.iterdir()
            if path.suffix in (".yaml", ".yml") and not path.name.endswith(".lock.yaml")
        )
    except OSError:
        return
