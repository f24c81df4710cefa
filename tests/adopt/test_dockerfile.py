"""Every Dockerfile of `tests/adopt/dockerfiles`, and what is read from it: operations in their order, and findings."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagespec.adopt.dockerfile import drafts
from tests.adopt.steps import text_of

HERE = Path(__file__).parent / "dockerfiles"
CASES = sorted(path.stem for path in HERE.glob("*.Dockerfile"))


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HERE)


@pytest.mark.parametrize("case", CASES)
def test_what_is_read(case: str, update: bool) -> None:
    said, golden = text_of(drafts(Path(f"{case}.Dockerfile"))), HERE / f"{case}.txt"
    if update:
        golden.write_text(said, encoding="utf-8")
    assert said == golden.read_text(encoding="utf-8")
