"""Specs -> the texts of their files with everything mended that is safe to mend, and what is found then.

Rounds of check and edit, in memory, until nothing is left to mend. Nothing is written here: what a round makes worse is
taken back before anybody sees it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from imagespec.diagnostic import Diagnostic, Source
from imagespec.fix.look import Key, Kind, Look, Seen, alike, key, kind, look, sharing
from imagespec.fix.mend import Fix, Moved, mended, plan
from imagespec.fix.merged import says_the_same
from imagespec.fix.project import inside_project
from imagespec.fix.values import Refused
from imagespec.lock.pins import Edit as Rewritten


@dataclass(frozen=True, slots=True)
class Mended:
    """A finding as it was found, and the files that were edited for it."""

    finding: Diagnostic
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """`before` is what was found at first, `left` what is found with the new texts; `refused` are the findings that
    have a fix which was not made, with the reason; `stale` are the specs whose lock holds for them no longer."""

    before: tuple[Diagnostic, ...]
    left: tuple[Diagnostic, ...]
    mended: tuple[Mended, ...]
    refused: tuple[tuple[Diagnostic, str], ...]
    files: tuple[Rewritten, ...]
    stale: tuple[Path, ...] = ()


def fix(paths: Sequence[Path], *, every_spec: bool = False) -> Outcome:
    """Mend what can be mended in some specs, and in what they extend."""
    first = look(paths, (), {}, every_spec=every_spec)
    if not any(d.fix for d in first.found):
        return Outcome(first.found, first.found, (), (), ())
    texts = first.sources()
    work = _Work(paths, sharing(paths, set(texts)), every_spec, dict(texts))
    start, last = work.run()
    files = [Rewritten(Source(Path(f), texts[f]), now) for f, now in work.texts.items() if texts.get(f) != now]
    refused = tuple((d, work.refused[key(d)]) for d in last.found if d.fix and key(d) in work.refused)
    stale = [now.path for was, now in zip(start.every(), last.every(), strict=True) if was.locked and not now.locked]
    return Outcome(first.found, last.found, tuple(work.mended), refused, tuple(files), tuple(stale))


@dataclass(slots=True)
class _Work:
    paths: Sequence[Path]
    others: Sequence[Path]
    every_spec: bool
    texts: dict[str, str]
    mended: list[Mended] = field(default_factory=list)
    refused: dict[Key, str] = field(default_factory=dict)

    def look(self, texts: dict[str, str]) -> Look:
        return look(self.paths, self.others, texts, every_spec=self.every_spec)

    def run(self) -> tuple[Look, Look]:
        """Round after round; what makes things worse is tried again in smaller parts, and at last given up. The looks
        before and after."""
        first = now = self.look(self.texts)
        most = len(now.found)
        progress = False
        for _ in range(3 * most + 20):
            done, texts = self._round(now, most)
            if not done and not progress:
                break
            if not done:  # what was refused may be possible beside what was mended since
                self.refused, progress = {}, False
                continue
            if texts == self.texts:
                self.refused |= {key(d): "what it would add is there already" for d in done}
                continue
            after = self.look(texts)
            worse = [each for each in (after.errors() - now.errors()) if not self._goes_on(each, after)]
            if not worse:
                self.texts, now, progress = texts, after, True
                self.mended += [Mended(d, files) for d, files in done.items()]
            elif len(done) == 1:
                self.refused |= {key(d): f"it would bring {worse[0][0]}: {worse[0][2]}" for d in done}
            else:
                most = max(1, len(done) // 2)
        return first, now

    def _goes_on(self, error: Kind, after: Look) -> bool:
        """Whether an error that came up can be mended in its turn."""
        return any(d.fix and key(d) not in self.refused for d in after.found if kind(d) == error)

    def _round(self, now: Look, most: int) -> tuple[dict[Diagnostic, tuple[Path, ...]], dict[str, str]]:
        """The findings that were mended, at most so many, and the texts with that."""
        done: dict[Diagnostic, tuple[Path, ...]] = {}
        texts = dict(self.texts)
        for fix in self._planned(now):
            if len(done) == most or _settled(fix, done):
                continue
            try:
                changed = mended(fix, texts)
                self._agree(fix, now, texts, changed)
            except Moved:
                continue
            except Refused as reason:
                self.refused[key(fix.finding)] = str(reason)
                continue
            texts |= changed
            done[fix.finding] = tuple(Path(file) for file in changed)
        return done, texts

    def _planned(self, now: Look) -> list[Fix]:
        """What can be mended, from the ends of the files on: then no edit moves the place of a later one. What is added
        goes into a spec before those that extend it, and is inherited."""
        fixes: list[Fix] = []
        for seen in now.specs:
            for finding in seen.found:
                if finding.fix and key(finding) not in self.refused:
                    try:
                        fixes.append(plan(finding, seen))
                    except Refused as reason:
                        self.refused[key(finding)] = str(reason)
        return sorted(fixes, key=lambda fix: (-fix.start, fix.seen.files))

    def _agree(self, fix: Fix, now: Look, texts: dict[str, str], changed: dict[str, str]) -> None:
        """Every spec that reads a changed file must have the same finding, or say the same with the file changed."""
        for file in changed:
            if file != fix.seen.own and not inside_project(Path(file), fix.seen.path):
                raise Refused("it stands in a file outside of the project")
        for seen in now.every():
            if seen.own != fix.seen.own and any(seen.reads(file) for file in changed):
                self._ask(seen, fix, texts, changed)

    def _ask(self, seen: Seen, fix: Fix, texts: dict[str, str], changed: dict[str, str]) -> None:
        about = [d for d in seen.examined.diagnostics if key(d) == key(fix.finding)]
        if any(alike(d, fix.finding) for d in about) or says_the_same(seen.path, texts, changed):
            return
        why = "is not mended in this way" if about else "is right with it as it is"
        raise Refused(f"`{seen.path.name}` reads what it would change, and {why}")


def _settled(fix: Fix, done: dict[Diagnostic, tuple[Path, ...]]) -> bool:
    """Whether an edit for the same finding was made in a file that the spec of this one reads."""
    return any(alike(each, fix.finding) and any(fix.seen.reads(str(f)) for f in files) for each, files in done.items())
