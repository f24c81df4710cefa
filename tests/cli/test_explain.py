"""`imagespec explain`: every finding, and what each means."""

from __future__ import annotations

import pytest

from imagespec.compiler import every_code

from .conftest import Run


def test_all(run: Run) -> None:
    code, out, err = run("explain")
    assert (code, err) == (0, "")
    assert [line.split()[:2] for line in out.splitlines()] == [[each.id, each.severity] for each in every_code()]


@pytest.mark.parametrize("each", every_code(), ids=lambda code: code.id)
def test_each_says_what_and_why_and_what_to_do_instead(run: Run, each: object) -> None:
    from imagespec.diagnostic import Code

    assert isinstance(each, Code)
    code, out, _ = run("explain", each.id)
    assert code == 0
    title, *paragraphs = out.strip().split("\n\n")
    assert title == f"{each.id} ({each.severity}): {each.title}"
    assert title.endswith(".")
    assert len(paragraphs) >= 1
    assert sum(paragraph.startswith("Use instead: ") for paragraph in paragraphs) == 1


def test_in_lower_case(run: Run) -> None:
    assert run("explain", "is301") == run("explain", "IS301")


def test_ids_are_unique_and_in_order() -> None:
    ids = [each.id for each in every_code()]
    assert ids == sorted(set(ids))


@pytest.mark.parametrize(
    ("code", "hint"),
    [("IS3O1", "did you mean `IS301`?"), ("kubernetes", "see: imagespec explain"), ("\x1b[2J", "`�[2J`")],
)
def test_unknown(run: Run, code: str, hint: str) -> None:
    status, out, err = run("explain", code)
    assert (status, out) == (2, "")
    assert hint in err
