"""What an environment holds of an image: variables as a Dockerfile's lines mean them, keys, and what is left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagespec.build.local.contents import Assignment, contents, env_line, variables
from imagespec.build.local.links import inside
from tests.build.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("A=1", {"A": "1"}),
        ("A=1 B=2", {"A": "1", "B": "2"}),
        ('A="one two" B=3', {"A": "one two", "B": "3"}),
        ("A=one\\ two", {"A": "one two"}),
        ("A=", {"A": ""}),
        ('A=""', {"A": ""}),
        ("A one two", {"A": "one two"}),
        ("A=$X", {"A": "x"}),
        ("A=${X}y", {"A": "xy"}),
        ('A="$X"', {"A": "x"}),
        ("A='$X'", {"A": "$X"}),
        (r"A=\$X", {"A": "$X"}),
        (r'A="\$X"', {"A": "$X"}),
        (r'A="\\$X"', {"A": "\\x"}),
        (r'A="say \"$X\""', {"A": 'say "x"'}),
        (r'A="a\b"', {"A": r"a\b"}),
        ("A=$5", {"A": "$5"}),
        ("A=$UNKNOWN", {"A": ""}),
        ("A='one'\"two\"three", {"A": "onetwothree"}),
        ("A=it's", {"A": "it's"}),
        ("PATH=/x:$PATH", {"PATH": "/x:/bin"}),
        ("", {}),
    ],
)
def test_env_lines(line: str, expected: dict[str, str]) -> None:
    start = {"X": "x", "PATH": "/bin"}
    made = variables([Assignment(name, value, True) for name, value in env_line(line)], start)
    assert {name: value for name, value in made.items() if start.get(name) != value} == expected


def test_variables_come_one_after_the_other() -> None:
    assignments = [Assignment("A", "1", False), Assignment("A", "$A.2", True), Assignment("B", "$A", False)]
    assert variables(assignments, {}) == {"A": "1.2", "B": "$A"}


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/app", "app"), ("/", "."), ("//app/", "app"), ("/a/../../../etc", "etc"), ("relative", "relative"), ("..", ".")],
)
def test_nothing_lies_outside_of_the_stand_in(path: str, expected: str) -> None:
    assert inside(Path("/files"), path) == Path("/files", expected)


def key(project: Project, text: str) -> str:
    project.spec("one", text)
    return contents(project.target("one").image).key


def test_what_changes_no_package_changes_no_key(project: Project) -> None:
    plain = key(project, "python: [six==1.16.0]")
    assert key(project, "python: [six == 1.16.0]") == plain
    assert key(project, "python: {packages: [six==1.16.0], uv: 0.9.10, gpu: T4, secrets: [token]}") == plain
    assert key(project, "python: [six==1.16.0]\napt: [curl]\nrun: ['true']\nworkdir: /app\nenv: {A: a}") == plain


def test_what_changes_packages_changes_the_key(project: Project) -> None:
    texts = [
        "python: [six==1.16.0]",
        "python: [six==1.15.0]",
        "python: [iniconfig==2.0.0, six==1.16.0]",
        "python: {packages: [six==1.16.0], installer: pip}",
        "python: {packages: [six==1.16.0], index_url: https://example.org/simple}",
        "python: {packages: [six==1.16.0], env: {A: a}}",
        "python: {packages: [six==1.16.0], options: --no-deps}",
        "steps: [{env: {A: a}}, {uv_pip_install: [six==1.16.0]}]",
    ]
    assert len({key(project, text) for text in texts}) == len(texts)


def test_what_is_left_out(project: Project) -> None:
    project.file("f.py", "def make(): pass")
    project.spec("one", """
        apt: [a, b, c, d, e, f, g, h]
        conda: [numpy]
        python: {packages: [six==1.16.0], secrets: [token], gpu: T4}
        run: [one, two]
        function: f:make
        entrypoint: [serve]
        cmd: [serve]
        shell: [bash]
        gpus: [A100]
    """, base="micromamba: '3.12'")  # fmt: skip
    assert contents(project.target("one").image).left_out == (
        "the system of `micromamba`",
        "`apt` (a, b, c, d, e, f and 2 more)",
        "`conda` (numpy)",
        "secrets (token)",
        "the GPU of `python` (T4)",
        "`shell`",
        "`run` (2 commands)",
        "`function` (f:make)",
        "`entrypoint`",
        "`cmd`",
        "`gpus` (A100)",
    )
