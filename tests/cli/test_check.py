"""`imagespec check`: what is printed where, and the exit code."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from .conftest import Run

SARIF = Path(__file__).parents[1] / "sarif-2.1.0.schema.json"
BROKEN = "specs/examples/broken.yaml"
SAID = """\
error[IS101]: unknown key `aptt`
  --> specs/examples/broken.yaml:2:1
   |
 2 | aptt: [git]
   | ^^^^
   = did you mean `apt`?
   = see: imagespec explain IS101
"""


def test_nothing_is_found(run: Run, specs: Path) -> None:
    assert run("check", "clean") == (0, "", "1 spec checked: nothing found\n")


def test_notes_are_advice(run: Run, specs: Path) -> None:
    code, out, err = run("check", "noted")
    assert (code, err) == (0, "\n1 spec checked: 1 note\n")
    assert out.startswith("note[IS305]: ")


def test_errors_and_warnings_are_not(run: Run, specs: Path) -> None:
    assert run("check", BROKEN) == (1, SAID, "\n1 spec checked: 1 error\n")
    (specs / "warned.yaml").write_text("base: {registry: ubuntu}\n")
    assert run("check", "warned")[0] == 1


def test_every_spec_of_the_folder(run: Run, specs: Path) -> None:
    code, out, err = run("check")
    assert (code, err) == (0, "\n2 specs checked: 1 note\n")
    assert out.count("[IS") == 1


def test_several_by_name_and_by_path(run: Run, specs: Path) -> None:
    code, out, err = run("check", "clean", "specs/noted.yml", "noted", BROKEN, f"./{BROKEN}")
    assert (code, err) == (1, "\n3 specs checked: 1 error, 1 note\n")
    assert out.index("examples/broken.yaml") < out.index("specs/noted.yml")


def test_from_a_folder_below(run: Run, specs: Path) -> None:
    os.chdir(specs / "examples")
    assert run("check", "clean")[0] == 0
    assert "--> broken.yaml:2:1" in run("check", "broken.yaml")[1]


def test_json(run: Run, specs: Path) -> None:
    code, out, err = run("check", BROKEN, "--format", "json")
    assert (code, err) == (1, "")
    assert json.loads(out) == [
        {
            "code": "IS101",
            "severity": "error",
            "message": "unknown key `aptt`",
            "hint": "did you mean `apt`?",
            "file": BROKEN,
            "line": 2,
            "column": 1,
            "end_line": 2,
            "end_column": 5,
        }
    ]
    assert run("check", "clean", "--format", "json")[1] == "[]\n"


def test_github(run: Run, specs: Path) -> None:
    assert run("check", BROKEN, "--format", "github")[1] == (
        f"::error file={BROKEN},line=2,col=1,endLine=2,endColumn=5,title=IS101"
        "::unknown key `aptt`%0Adid you mean `apt`?\n"
    )
    assert run("check", "clean", "--format", "github") == (0, "", "")


def test_sarif(run: Run, specs: Path) -> None:
    code, out, _ = run("check", BROKEN, "noted", "--format", "sarif")
    log = json.loads(out)
    assert code == 1
    assert list(Draft202012Validator(json.loads(SARIF.read_text("utf-8"))).iter_errors(log)) == []
    assert [rule["id"] for rule in log["runs"][0]["tool"]["driver"]["rules"]] == ["IS101", "IS305"]
    assert [(r["ruleId"], r["ruleIndex"], r["level"]) for r in log["runs"][0]["results"]] == [
        ("IS101", 0, "error"),
        ("IS305", 1, "note"),
    ]


USAGE = {
    ("--format", "xml"): "'xml' is not one of 'text', 'json', 'github', 'sarif'",
    ("clen",): "no spec `clen` in `specs`; did you mean `clean`?",
    ("kubernetes",): "no spec `kubernetes` in `specs`; there are: clean, noted",
    ("--fixx",): "No such option",
    ("a\x1b[31mb",): "no spec `a�[31mb` in `specs`",
}


@pytest.mark.parametrize("arguments", USAGE)
def test_wrong_usage(run: Run, specs: Path, arguments: tuple[str, ...]) -> None:
    code, out, err = run("check", *arguments)
    assert (code, out) == (2, "")
    assert USAGE[arguments] in err


def test_colour_on_a_terminal_only(specs: Path) -> None:
    def said(**environment: str) -> bytes:
        ours, theirs = pty.openpty()
        environ = {k: v for k, v in os.environ.items() if k != "NO_COLOR"} | {"PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-m", "imagespec", "check", BROKEN]
        subprocess.run(
            command, stdout=theirs, stderr=subprocess.PIPE, env=environ | environment, timeout=30, check=False
        )
        os.close(theirs)
        out = os.read(ours, 10_000)
        os.close(ours)
        return out

    assert b"\x1b[31m\x1b[1merror[IS101]" in said()
    assert b"\x1b" not in said(NO_COLOR="1")
