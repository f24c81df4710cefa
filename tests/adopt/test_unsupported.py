"""What cannot be known without running the code, or has no counterpart in a spec: what is said of it, word for word."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from imagespec.adopt.readers import drafts
from imagespec.adopt.spec.sections import adopted
from imagespec.diagnostic import ordered, render_text

HERE = Path(__file__).parent / "unsupported"
CASES = sorted(path.stem for path in HERE.glob("*.py"))


def said(path: Path) -> str:
    """The specs that a file is adopted to, and the findings."""
    found = drafts(path)
    if isinstance(found, tuple):
        return render_text(found)
    specs = [adopted(draft, path.parent) for draft in found]
    texts = [f"--- {spec.name}.yaml\n{spec.text}" for spec in specs]
    return "\n".join([*texts, render_text(ordered(f for spec in specs for f in spec.findings))])


@pytest.mark.parametrize("case", CASES)
def test_it_says_so(case: str, project: Path, update: bool) -> None:
    path = project / f"{case}.py"
    shutil.copyfile(HERE / f"{case}.py", path)
    text, golden = said(path), HERE / f"{case}.txt"
    path.unlink()
    if update:
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")
    assert "warning[IS95" in text


def test_every_golden_text_has_its_code() -> None:
    assert sorted(path.stem for path in HERE.glob("*.txt")) == CASES
