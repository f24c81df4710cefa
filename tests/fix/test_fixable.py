"""The codes that say that they can be mended are those of which a broken spec of `tests/errors` is mended."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagespec.compiler import check_all, every_code
from imagespec.fix.fixing import fix

HERE = Path(__file__).parents[1] / "errors"
CASES = sorted(path.stem for path in HERE.glob("*.yaml"))


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HERE)
    Path("files", "empty").mkdir(exist_ok=True)  # git does not keep it


@pytest.mark.parametrize("case", CASES)
def test_what_has_a_fix_is_mended_or_the_reason_said(case: str) -> None:
    outcome = fix([Path(f"{case}.yaml")])
    assert [d for d in outcome.left if d.fix] == [d for d, _ in outcome.refused]
    for file in outcome.files:
        assert file.source.path.is_relative_to(HERE)


def test_codes_say_whether_they_can_be_mended() -> None:
    found = [d for case in CASES for d in check_all([Path(f"{case}.yaml")])]
    assert {d.code for d in found if d.fix} == {code.id for code in every_code() if code.fixable}
