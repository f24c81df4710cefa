"""Laws of `check --fix` for random specs in random layouts."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import Phase, event, given, settings
from hypothesis import strategies as st

from imagespec.diagnostic import Remove, Source
from imagespec.fix.fixing import fix
from imagespec.fix.values import value_of
from imagespec.spec.source import compose
from tests.conformance.conftest import project_folder
from tests.fix.layouts import Layout, mistaken
from tests.strategies import PARTIAL, SPEC

__all__ = ["project_folder"]

COMMENT = re.compile(r"# comment \d+,.*")


@pytest.fixture(scope="module", autouse=True)
def in_project(project_folder: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(project_folder)
        patched.syspath_prepend(str(project_folder))
        patched.setattr(sys, "dont_write_bytecode", True)
        yield


def saved(text: str) -> Path:
    path = Path("fixed.yaml").absolute()
    path.write_bytes(text.encode())
    return path


@settings(
    max_examples=250,
    deadline=None,
    derandomize="CI" in os.environ,
    phases=tuple(phase for phase in Phase if phase is not Phase.explain),
)
@given(spec=SPEC, data=st.data())
def test_fix(spec: dict[str, object], data: st.DataObject) -> None:
    before = Layout(data.draw).text(mistaken(spec, data.draw))
    outcome = fix([saved(before)])
    after = outcome.files[0].text if outcome.files else before
    event(f"{len(outcome.mended)} mended")

    # it still parses, and nothing that can be mended is left
    assert isinstance(compose(Source(Path("fixed.yaml"), after)), yaml.MappingNode)
    assert [d for d in outcome.left if d.fix] == [d for d, _ in outcome.refused]
    assert [why for _, why in outcome.refused if not why.startswith("it would bring")] == []

    # a second run finds nothing to do
    assert fix([saved(after)]).files == ()

    # comments stay to the letter and in their order, but for those that stand beside what is taken out
    taken_out = any(isinstance(edit, Remove) for each in outcome.mended for edit in each.finding.fix)
    kept = [c.rstrip("\r") for c in COMMENT.findall(after)]
    lost = [c.rstrip("\r") for c in COMMENT.findall(before) if c.rstrip("\r") not in kept]
    assert kept == [c.rstrip("\r") for c in COMMENT.findall(before) if c.rstrip("\r") in kept]
    assert taken_out or not lost

    # every other line stays as it is
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    edited = sum(line not in old for line in new)
    assert edited <= sum(len(each.finding.fix) for each in outcome.mended)
    assert len(new) <= len(old)
    if not taken_out:
        assert len(new) == len(old)
        assert sum(one != other for one, other in zip(old, new, strict=True)) == edited


@given(spec=SPEC, data=st.data())
@settings(max_examples=50, deadline=None, derandomize="CI" in os.environ)
def test_layouts_mean_the_spec(spec: dict[str, object], data: st.DataObject) -> None:
    """Or else the law above would be about other specs than it says. Forgotten quotes aside."""
    top = compose(Source(Path("fixed.yaml"), Layout(data.draw).text(spec)))
    assert isinstance(top, yaml.MappingNode)
    wanted = yaml.compose(yaml.safe_dump(spec, sort_keys=False))
    said, meant = (re.sub("tag='[^']*', ", "", repr(value_of(node))) for node in (top, wanted))
    assert said == meant


@settings(max_examples=60, deadline=None, derandomize="CI" in os.environ)
@given(parent=PARTIAL, one=SPEC, two=SPEC, data=st.data())
def test_fix_of_a_family(
    parent: dict[str, object], one: dict[str, object], two: dict[str, object], data: st.DataObject
) -> None:
    """Specs that share a parent: nothing that could be mended is left, and no error comes up in any of them."""
    Path("_shared.yaml").write_bytes(Layout(data.draw).text(mistaken(parent, data.draw) or {"apt": ["git"]}).encode())
    paths = [Path("first.yaml").absolute(), Path("second.yaml").absolute()]
    for path, spec in zip(paths, (one, two), strict=True):
        path.write_bytes(Layout(data.draw).text({"extends": "_shared.yaml", **spec}).encode())
    outcome = fix(paths)
    assert [d for d in outcome.left if d.fix] == [d for d, _ in outcome.refused]
    assert {d.message for d in outcome.left if d.severity == "error"} <= {d.message for d in outcome.before}
    for file in outcome.files:
        file.write()
    again = fix(paths)
    assert (again.files, again.left) == ((), outcome.left)


PIECES = ("&a ", "*a", "|\n", " # c\n", "- ", "\n  ", ": ", "[", "]", "{", "}", ", ", "'", '"', "\t", "\r", "? ")
PIECES += ("!!str ", "\u2028", "é", "no", "1", "copy: true", "installer: pip\n", "---\n", "...\n", "<<: ", "~")


@settings(max_examples=150, deadline=None, derandomize="CI" in os.environ)
@given(spec=SPEC, data=st.data())
def test_no_text_makes_a_traceback(spec: dict[str, object], data: st.DataObject) -> None:
    text = Layout(data.draw).text(mistaken(spec, data.draw))
    for piece in data.draw(st.lists(st.sampled_from(PIECES), min_size=1, max_size=4)):
        place = data.draw(st.integers(0, len(text)))
        text = text[:place] + piece + text[place + data.draw(st.integers(0, 2)) :]
    outcome = fix([saved(text)])
    after = outcome.files[0].text if outcome.files else text
    assert fix([saved(after)]).files == ()
