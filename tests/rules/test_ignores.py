"""Comments that silence findings, and those that silence nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagespec.compiler import check_all

from .conftest import DIGEST, Check

FLOATING = 'base: {debian_slim: "3.12"}'

COMMENTS: dict[str, tuple[str, list[tuple[str, int, int]]]] = {
    "on its line": (f"{FLOATING} # imagespec: ignore[IS305]", []),
    "with a reason": (f"{FLOATING} # imagespec: ignore[IS305] the builder chooses", []),
    "with other comments": (f"{FLOATING} # x # imagespec: ignore[IS305]", []),
    "spelt with spaces": (f"{FLOATING}   #imagespec:  ignore[ IS305 ]", []),
    "several codes": (
        'base: {debian_slim: "3.12"}\npython: [six] # imagespec: ignore[IS301, IS306]',
        [("IS305", 1, 21)],
    ),
    "several codes, one for nothing": (f"{FLOATING} # imagespec: ignore[IS305,IS301]", [("IS112", 1, 55)]),
    "on a line of its own": (f"\n# imagespec: ignore[IS305]\n\n# x\n{FLOATING}"[1:], []),
    "two on lines of their own": (
        "# imagespec: ignore[IS301]\n# imagespec: ignore[IS306]\npython: [six]\nbase: {debian_slim: 3.12.10}",
        [],
    ),
    "on a line of its own, too late": (f"{FLOATING}\n# imagespec: ignore[IS305]", [("IS305", 1, 21), ("IS112", 2, 21)]),
    "on another line": (f"{FLOATING}\napt: [git] # imagespec: ignore[IS305]", [("IS305", 1, 21), ("IS112", 2, 32)]),
    "for nothing": ("base: {debian_slim: 3.12.10} # imagespec: ignore[IS305]", [("IS112", 1, 50)]),
    "of another code": (f"{FLOATING} # imagespec: ignore[IS304]", [("IS305", 1, 21), ("IS112", 1, 49)]),
    "misspelt": (f"{FLOATING} # imagespec: ignore[IS0305]", [("IS305", 1, 21), ("IS112", 1, 49)]),
    "without letters": (f"{FLOATING} # imagespec: ignore[305]", [("IS305", 1, 21), ("IS112", 1, 49)]),
    "without a code": (f"{FLOATING} # imagespec: ignore[]", [("IS305", 1, 21), ("IS112", 1, 49)]),
    "without brackets": (f"{FLOATING} # imagespec: ignore IS305", [("IS305", 1, 21), ("IS112", 1, 42)]),
    "another word": (f"{FLOATING} # imagespec: ignroe[IS305]", [("IS305", 1, 21), ("IS112", 1, 42)]),
    "of another tool": (f"{FLOATING} # noqa: ignore[IS305]", [("IS305", 1, 21)]),
    "without its space": ("base:\n  published: a#imagespec:ignore[IS304]", [("IS206", 2, 14)]),
    "of an error": ("base: {debian_slim: 3.12.10}\napt: [Git] # imagespec: ignore[IS202]", []),
    "of the shape": ("base: {debian_slim: 3.12.10}\naptt: [git] # imagespec: ignore[IS101]", [("IS101", 2, 1)]),
    "of what has no effect": (
        "base: {debian_slim: 3.12.10}\npython: {uv: x} # imagespec: ignore[IS115]",
        [("IS115", 2, 10), ("IS112", 2, 37)],
    ),
    "in single quotes": (f"description: 'x # imagespec: ignore[IS305]'\n{FLOATING}", [("IS305", 2, 21)]),
    "in double quotes": (f'description: "x # imagespec: ignore[IS305]"\n{FLOATING}', [("IS305", 2, 21)]),
    "in quotes over lines": (f'description: "x\n  # imagespec: ignore[IS305]"\n{FLOATING}', [("IS305", 3, 21)]),
    "in a block": (f"description: |\n  # imagespec: ignore[IS305]\n{FLOATING}", [("IS305", 3, 21)]),
    "after quotes": ("base: {debian_slim: '3.12'} # imagespec: ignore[IS305]", []),
    "after a block": (f"description: |\n  x\n# imagespec: ignore[IS305]\n{FLOATING}", []),
    "where lines end otherwise": (f"apt: [git]\r\n{FLOATING} # imagespec: ignore[IS305]\r\n", []),
}


@pytest.mark.parametrize(("text", "expected"), COMMENTS.values(), ids=COMMENTS)
def test_comments(project: Path, text: str, expected: list[tuple[str, int, int]]) -> None:
    path = project / "spec.yaml"
    path.write_text(text, newline="")
    assert [(d.code, d.span.line, d.span.column) for d in check_all([path]) if d.code != "IS401"] == expected


HINTS = {
    "ignore[IS0305]": "did you mean `IS305`?",
    "ignore[305]": "did you mean `IS305`?",
    "ignore[IS035]": "did you mean `IS305`?",
    "ignore[kubernetes]": "see: imagespec explain",
    "ignore": "write `# imagespec: ignore[IS301]`",
    "ignore[IS301]": "remove it",
    "ignore[IS101]": "what is wrong with the shape of a file cannot be silenced",
}


@pytest.mark.parametrize("comment", HINTS)
def test_hints(project: Path, comment: str) -> None:
    path = project / "spec.yaml"
    path.write_text(f"{FLOATING} # imagespec: {comment}")
    assert [d.hint for d in check_all([path]) if d.code == "IS112"] == [HINTS[comment]]


def test_in_a_requirements_file(project: Path, found: Check) -> None:
    spec = 'python: {uv: "1.0.0", requirements: [requirements.txt]}'
    (project / "requirements.txt").write_text("six # imagespec: ignore[IS301]\n# imagespec: ignore[IS301]\ntqdm\n")
    assert found(spec) == []
    (project / "requirements.txt").write_text("six\ntqdm==4.67.1 # imagespec: ignore[IS301]\n")
    assert found(spec) == [("IS301", 1, 1), ("IS112", 2, 34)]


def test_in_a_dockerfile(project: Path, found: Check) -> None:
    (project / "Dockerfile").write_text("# imagespec: ignore[IS304]\nFROM python:3.12\nCOPY data.txt /\n")
    assert found("base: {dockerfile: Dockerfile}") == []
    (project / "Dockerfile").write_text(f"# imagespec: ignore[IS304]\nFROM python:3.12{DIGEST}\nFROM ubuntu\n")
    assert found("base: {dockerfile: Dockerfile}") == [("IS112", 1, 21), ("IS304", 3, 6)]


def test_in_what_is_extended(project: Path) -> None:
    (project / "_p.yaml").write_text(f"{FLOATING} # imagespec: ignore[IS305]\nworkdir: /a # imagespec: ignore[IS301]\n")
    child, other = project / "a.yaml", project / "b.yaml"
    child.write_text("extends: _p.yaml\n")
    other.write_text("extends: _p.yaml\nbase: {debian_slim: 3.12.10}\n")
    assert check_all([child]) == check_all([other]) == check_all([child, other]) == []
    [idle] = check_all([child, other], every_spec=True)
    assert (idle.code, idle.span.source.path.name, idle.span.line) == ("IS112", "_p.yaml", 2)
    assert [d.span.line for d in check_all([other], every_spec=True)] == [1, 2]


def test_a_misspelt_code_in_what_is_extended_is_always_found(project: Path) -> None:
    (project / "_p.yaml").write_text("base: {debian_slim: 3.12.10} # imagespec: ignore[IS999]\n")
    (project / "a.yaml").write_text("extends: _p.yaml\n")
    assert [d.code for d in check_all([project / "a.yaml"])] == ["IS112"]


def test_where_not_everything_was_looked_at_nothing_is_judged(project: Path) -> None:
    broken, whole = project / "a.yaml", project / "b.yaml"
    broken.write_text(f"{FLOATING} # imagespec: ignore[IS301]\naptt: [git]\n")
    whole.write_text(f"{FLOATING} # imagespec: ignore[IS301]\n")
    for paths in ([broken, whole], [whole, broken]):
        found = [(d.code, d.span.source.path.name) for d in check_all(paths)]
        assert found == [("IS305", "a.yaml"), ("IS101", "a.yaml"), ("IS305", "b.yaml"), ("IS112", "b.yaml")]
