"""How a finding looks: as text, JSON, GitHub annotations and SARIF."""

from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from imagespec.cli.show import style
from imagespec.diagnostic import (
    Code,
    CompileError,
    Diagnostic,
    Source,
    Span,
    did_you_mean,
    lines,
    ordered,
    printable,
    render_github,
    render_json,
    render_sarif,
    render_text,
    shown,
)

SARIF = Path(__file__).parent / "sarif-2.1.0.schema.json"
"""The schema that OASIS publishes, as `@microsoft/sarif-multitool-ts` 5.7.0 ships it."""

CODE = Code("IS999", "error", "A title.\n\nWhat and why.")


def finding(text: str, *place: int, message: str = "wrong", hint: str = "", path: str = "spec.yaml") -> Diagnostic:
    return CODE.at(Span(Source(Path(path), text), *place), message, hint)


TEXTS: dict[str, tuple[Diagnostic, list[str]]] = {
    "a word": (
        finding("a: 1\nb: two\n", 2, 4, 2, 7, hint="write 2"),
        [
            "error[IS999]: wrong",
            "  --> spec.yaml:2:4",
            "   |",
            " 2 | b: two",
            "   |    ^^^",
            "   = write 2",
            "   = see: imagespec explain IS999",
        ],
    ),
    "wide characters": (finding("名前: 東京 x", 1, 5, 1, 7), [" 1 | 名前: 東京 x", "   |       ^^^^"]),
    "combining characters": (finding("e\u0301a: x", 1, 5, 1, 6), [" 1 | e\u0301a: x", "   |    ^"]),
    "tabs": (finding("\ta: x", 1, 5, 1, 6), [" 1 |  a: x", "   |     ^"]),
    "several lines": (finding("a:\n  b: 1\n  c: 2\n", 2, 3, 3, 7), [" 2 |   b: 1", "   |   ^^^^"]),
    "nothing": (finding("a:\n", 1, 3, 1, 3), [" 1 | a:", "   |   ^"]),
    "the end of the file": (finding("a\n", 2, 1, 2, 1), [" 2 |", "   | ^"]),
    "three digits": (finding("\n" * 99 + "x", 100, 1, 100, 2), ["    --> spec.yaml:100:1", " 100 | x", "     | ^"]),
    "carriage returns": (finding("a: 1\r\nb: 2\r\n", 2, 4, 2, 5), [" 2 | b: 2", "   |    ^"]),
    "other line breaks": (finding("a\x85b\u2028c\u2029d\re", 5, 1, 5, 2), [" 5 | e", "   | ^"]),
    "control characters": (finding("a\x1b[31m\x9b\u202eb", 1, 8, 1, 9), [" 1 | a�[31m��b", "   |        ^"]),
    "a file that was not read": (finding("", 1, 1), ["  --> spec.yaml:1:1", "   = see: imagespec explain IS999"]),
    "a hint of two lines": (finding("x", 1, 1, 1, 2, hint="one\ntwo"), ["   = one", "   = two"]),
    "the start of a long line": (finding("x" * 300, 1, 1, 1, 3), [" 1 | " + "x" * 100 + "…", "   | ^^"]),
    "the middle of a long line": (
        finding("x" * 150 + "y" + "x" * 150, 1, 151, 1, 152),
        [" 1 | …" + "x" * 50 + "y" + "x" * 49 + "…", "   | " + " " * 51 + "^"],
    ),
    "the end of a long line": (finding("x" * 299 + "y", 1, 300), [" 1 | …" + "x" * 50 + "y", "   | " + " " * 51 + "^"]),
    "all of a long line": (finding("x" * 300, 1, 1, 1, 301), [" 1 | " + "x" * 100 + "…", "   | " + "^" * 100]),
    "a message that steers": (finding("x", 1, 1, message="a\nb\x1b[2J"), ["error[IS999]: a�b�[2J"]),
    "a file name that steers": (finding("x", 1, 1, path="a\nb\x1b.yaml"), ["  --> a�b�.yaml:1:1"]),
}


@pytest.mark.parametrize(("diagnostic", "expected"), TEXTS.values(), ids=TEXTS)
def test_text(diagnostic: Diagnostic, expected: list[str]) -> None:
    said = render_text([diagnostic]).splitlines()
    assert [line for line in said if line in expected] == expected, "\n".join(said)


def test_text_of_several_is_parted_by_blank_lines() -> None:
    one = finding("x", 1, 1, 1, 2)
    assert render_text([one, one]) == f"{render_text([one])}\n{render_text([one])}"


def test_colour_changes_no_character() -> None:
    one = finding("a: 1\n", 1, 4, 1, 5, hint="h")
    coloured = render_text([one], style)
    assert "\x1b[" in coloured
    assert "".join(part.partition("m")[2] for part in ("m" + coloured).split("\x1b[")) == render_text([one])


def cells(text: str) -> int:
    base = [c for c in text if unicodedata.category(c) not in ("Mn", "Me")]
    return len(base) + sum(unicodedata.east_asian_width(c) in "WF" for c in base)


@given(st.text(max_size=60), st.data())
def test_carets_stand_below_their_characters(text: str, data: st.DataObject) -> None:
    every = lines(text)
    line = data.draw(st.integers(1, len(every)))
    start = data.draw(st.integers(1, len(every[line - 1]) + 1))
    end = data.draw(st.integers(start, len(every[line - 1]) + 1))
    said = render_text([finding(text, line, start, line, end)])
    assert all(c == "\n" or printable(c) == c for c in said)
    if text:
        carets = said.splitlines()[4].partition("| ")[2]
        before, below = (printable(part.replace("\t", " ")) for part in (every[line - 1][: start - 1], every[line - 1]))
        assert carets.strip("^").strip(" ") == ""
        assert carets.index("^") == cells(before)
        assert len(carets) <= max(cells(below), carets.index("^") + 1)


def test_what_is_printed_steers_no_terminal() -> None:
    for code in range(0x110000):
        shown_as = printable(chr(code))
        assert len(shown_as) == 1
        assert unicodedata.category(shown_as) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"), hex(code)


def test_json_has_these_fields() -> None:
    [found] = json.loads(render_json([finding("a: 1\nb: 2\n", 2, 4, 2, 5, message="no ü", hint="h")]))
    assert found == {
        "code": "IS999",
        "severity": "error",
        "message": "no ü",
        "hint": "h",
        "file": "spec.yaml",
        "line": 2,
        "column": 4,
        "end_line": 2,
        "end_column": 5,
    }
    assert list(found) == ["code", "severity", "message", "hint", "file", "line", "column", "end_line", "end_column"]
    assert render_json([]) == "[]\n"


GITHUB: dict[str, tuple[Diagnostic, str]] = {
    "plain": (
        finding("x", 1, 1, 1, 2, hint="h"),
        "::error file=spec.yaml,line=1,col=1,endLine=1,endColumn=2,title=IS999::wrong%0Ah\n",
    ),
    "escapes": (
        finding("x", 1, 1, 1, 2, message="50%: a\r\n::error::b", path="a,b:c%.yaml"),
        "::error file=a%2Cb%3Ac%25.yaml,line=1,col=1,endLine=1,endColumn=2,title=IS999::50%25: a�%0A::error::b\n",
    ),
    "a warning": (
        Diagnostic("IS301", "warning", "m", Span(Source(Path("a")))),
        "::warning file=a,line=1,col=1,endLine=1,endColumn=1,title=IS301::m\n",
    ),
    "a note": (
        Diagnostic("IS305", "note", "m", Span(Source(Path("a")))),
        "::notice file=a,line=1,col=1,endLine=1,endColumn=1,title=IS305::m\n",
    ),
}


@pytest.mark.parametrize(("diagnostic", "expected"), GITHUB.values(), ids=GITHUB)
def test_github(diagnostic: Diagnostic, expected: str) -> None:
    assert render_github([diagnostic]) == expected


HOSTILE = finding(
    "x\x1b\udc80", 1, 1, 1, 2, message="\x1b[2J\x9b\u202e\udc80", hint="\u2028", path="\x1b\u202e\udcff.yaml"
)


@pytest.mark.parametrize("render", [render_text, render_json, render_github, lambda d: render_sarif(d, [CODE], "1")])
def test_no_format_steers_a_terminal_or_cannot_be_encoded(render: object) -> None:
    said: str = render([HOSTILE])  # type: ignore[operator]
    assert all(c == "\n" or printable(c) == c for c in said)
    said.encode()


def test_sarif_follows_the_published_schema() -> None:
    validator = Draft202012Validator(json.loads(SARIF.read_text("utf-8")))
    every = [
        *(d for d, _ in TEXTS.values()),
        *(d for d, _ in GITHUB.values()),
        HOSTILE,
        finding("x", 1, 1, path="/a b"),
    ]
    known = [CODE, Code("IS301", "warning", "W."), Code("IS305", "note", "N.")]
    log = json.loads(render_sarif(every, known, "1.2.3"))
    assert [error.message for error in validator.iter_errors(log)] == []
    assert [error.message for error in validator.iter_errors({**log, "runs": [{}]})] != []
    [run] = log["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["IS999", "IS301", "IS305"]
    assert len(run["results"]) == len(every)


def test_sarif_names_the_place() -> None:
    log = json.loads(render_sarif([finding("a: 1\nb: 2\n", 2, 4, 2, 5, hint="h", path="a b/ü.yaml")], [CODE], "1"))
    [result] = log["runs"][0]["results"]
    assert (result["ruleId"], result["level"], result["message"]) == ("IS999", "error", {"text": "wrong\nh"})
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "a%20b/%C3%BC.yaml"},
        "region": {"startLine": 2, "startColumn": 4, "endLine": 2, "endColumn": 5},
    }


def test_sarif_without_findings_has_no_rules() -> None:
    [run] = json.loads(render_sarif([], [CODE], "1"))["runs"]
    assert (run["results"], run["tool"]["driver"]["rules"]) == ([], [])


NEAR = {
    ("packges", "packages apt"): "packages",
    ("environment", "env python"): "env",
    ("debian", "debian_slim id"): "debian_slim",
    ("uv_pip_install_from_requirements", "uv_pip_install pip_install_from_requirements"): "uv_pip_install",
    ("kubernetes", "packages apt"): None,
    ("id", "identity"): None,
    ("env", "env"): None,
    ("", "env"): None,
}


@pytest.mark.parametrize(("word", "known"), NEAR)
def test_did_you_mean(word: str, known: str) -> None:
    meant = NEAR[word, known]
    assert did_you_mean(word, known.split()) == (f"did you mean `{meant}`?" if meant else "")


def test_long_values_are_cut() -> None:
    span = Span(Source(Path("a")))
    assert CODE.at(span, f"`{'x' * 500}` is bad").message == f"`{'x' * 60}…{'x' * 20}` is bad"
    assert CODE.at(span, f"`{'x' * 100}` is not long").message == f"`{'x' * 100}` is not long"
    assert len(CODE.at(span, "`" * 100_000, "\"'" * 100_000).message) < 500


def test_paths_are_relative_below_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown(tmp_path / "a" / "b.yaml") == "a/b.yaml"
    assert shown(Path("a/../b.yaml")) == "b.yaml"
    assert shown(tmp_path) == "."
    assert shown(tmp_path.parent / "b.yaml") == str(tmp_path.parent / "b.yaml")
    assert shown(Path(f"{tmp_path}-other")) == f"{tmp_path}-other"
    os.chdir("/")
    assert shown(Path("/a")) == "a"


def test_findings_are_ordered_and_not_repeated() -> None:
    second, first = finding("x\ny", 2, 1), finding("x\ny", 1, 1)
    other = finding("x", 1, 1, path="a.yaml")
    assert ordered([second, first, other, second]) == [other, first, second]


def test_the_error_of_a_compilation_says_everything() -> None:
    one = finding("a: 1\n", 1, 4, 1, 5)
    error = CompileError([one])
    assert error.diagnostics == (one,)
    assert str(error) == render_text([one]).rstrip()
