"""Every broken spec of `tests/errors` and what `imagespec check` says about it, word for word."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from imagespec.cli.main import cli
from imagespec.compiler import check_all
from imagespec.diagnostic import lines
from imagespec.rules import RULES
from imagespec.spec.codes import SHAPE

HERE = Path(__file__).parent / "errors"
CASES = sorted(path.stem for path in HERE.glob("*.yaml") if not path.name.endswith(".lock.yaml"))
CODES = sorted(code.id for code in (*SHAPE, *(rule.code for rule in RULES)))


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HERE)
    Path("files", "empty").mkdir(exist_ok=True)  # git does not keep it
    large = Path("files", "code", "large.py")
    if not large.exists():
        large.write_text("x = 1\n" * 400_000)


@pytest.mark.parametrize("case", CASES)
def test_what_check_says(case: str, update: bool, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        cli.main(["check", f"{case}.yaml"], standalone_mode=False)
    said, golden = capsys.readouterr().out, HERE / f"{case}.txt"
    if update:
        golden.write_text(said, encoding="utf-8")
    assert said == golden.read_text(encoding="utf-8")
    assert exited.value.code == (1 if re.search(r"^(error|warning)\[", said, re.MULTILINE) else 0)
    assert case.partition("-")[0] == "several" or f"[{case.partition('-')[0]}]" in said


def test_every_code_has_a_case() -> None:
    assert sorted({case.partition("-")[0] for case in CASES} - {"several"}) == CODES


def test_every_golden_text_has_a_spec() -> None:
    assert sorted(path.stem for path in HERE.glob("*.txt")) == CASES


@pytest.mark.parametrize("case", CASES)
def test_every_finding_has_a_place_inside_its_file(case: str) -> None:
    for diagnostic in check_all([Path(f"{case}.yaml")]):
        span = diagnostic.span
        assert span.source.path.is_relative_to(HERE)
        every = lines(span.source.text)
        assert 1 <= span.line <= span.end_line <= len(every)
        assert 1 <= span.column <= len(every[span.line - 1]) + 1
        assert 1 <= span.end_column <= len(every[span.end_line - 1]) + 1
        assert (span.line, span.column) <= (span.end_line, span.end_column)


def test_mistakes_of_several_sections_are_found_at_once() -> None:
    found = [(d.code, d.span.line) for d in check_all([Path("several.yaml")])]
    assert found == [
        ("IS101", 1),
        ("IS202", 2),
        ("IS105", 2),
        ("IS101", 4),
        ("IS114", 5),
        ("IS105", 7),
        ("IS203", 8),
        ("IS211", 10),
        ("IS207", 11),
        ("IS101", 13),
        ("IS226", 14),
    ]
