"""Project files, requirements files and Dockerfiles that name what is not there, and their twins that do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagespec.compiler import check

from .conftest import DIGEST, Check

WORKSPACE = '[project]\nname = "x"\ndependencies = []\n[tool.uv.workspace]\nmembers = ["*"]\n'
SYNC = 'python: {uv: "1.0.0", project: {path: made, extras: [%s], groups: [%s]}}'
PROJECT = (
    '[project]\nname = "x"\ndependencies = []\n[project.optional-dependencies]\na = []\n[dependency-groups]\nb = []\n'
)

PROJECTS = {
    "nothing is wrong": (PROJECT, ("a", "b"), []),
    "no extra": (PROJECT, ("b", "b"), [("IS214", 2, 54)]),
    "no group": (PROJECT, ("a", "a"), [("IS214", 2, 67)]),
    "no dependencies": ('[project]\nname = "x"\n', ("", ""), [("IS214", 2, 39)]),
    "Poetry's": ('[tool.poetry]\nname = "x"\n', ("", ""), [("IS214", 2, 39)]),
    "a workspace": (WORKSPACE, ("", ""), [("IS214", 2, 39)]),
    "no TOML": ("[project]\nname = \n", ("", ""), [("IS214", 2, 8)]),
    "no TOML at its end": ("[project", ("", ""), [("IS214", 1, 9)]),
    "no table": ("project = 1", ("", ""), [("IS214", 2, 39)]),
    "not UTF-8": (b"\xff", ("", ""), [("IS214", 2, 39)]),
}


@pytest.mark.parametrize(("text", "names", "expected"), PROJECTS.values(), ids=PROJECTS)
def test_uv_projects(
    project: Path, found: Check, text: str | bytes, names: tuple[str, str], expected: list[tuple[str, int, int]]
) -> None:
    (project / "made").mkdir()
    (project / "made/pyproject.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert found(SYNC % names) == expected
    in_file = text in ("[project]\nname = \n", "[project")
    if expected and in_file:
        assert check(project / "spec.yaml")[0].span.source.path.name == "pyproject.toml"


def test_a_project_that_is_nested_deeply(project: Path, found: Check) -> None:
    (project / "project/pyproject.toml").write_text("a = " + "[" * 10_000)
    assert [place[:2] for place in found('python: {uv: "1.0.0", project: project}')] == [("IS214", 1)]
    assert [place[0] for place in found('python: {uv: "1.0.0", pyproject: project/pyproject.toml}')] == ["IS214"]


def test_a_folder_that_is_no_project(found: Check) -> None:
    assert found('python: {uv: "1.0.0", project: other}') == [("IS214", 2, 32)]
    assert found('python: {uv: "1.0.0", project: project}') == []


def test_pyproject_files(found: Check) -> None:
    section = 'python: {uv: "1.0.0", pyproject: {path: %s, extras: [%s]}}'
    assert found(section % ("project/pyproject.toml", "train")) == []
    assert found(section % ("project/pyproject.toml", "trian")) == [("IS214", 2, 74)]
    assert found(section % ("poetry/pyproject.toml", "")) == [("IS214", 2, 41)]
    step = "steps: [{pip_install_from_pyproject: {pyproject_toml: %s, optional_dependencies: [%s]}}]"
    assert found(step % ("project/pyproject.toml", "train")) == []
    assert found(step % ("project/pyproject.toml", "trian")) == [("IS214", 2, 103)]
    assert found(step % ("poetry/pyproject.toml", "")) == [("IS214", 2, 55)]


def test_poetry_projects(project: Path, found: Check) -> None:
    spec = "python: {poetry: {path: poetry/pyproject.toml, version: '1.8.5'%s}}"
    assert found(spec % "") == []
    (project / "poetry/poetry.lock").unlink()
    assert found(spec % "") == [("IS214", 2, 25)]
    assert found(spec % ", ignore_lockfile: true") == []
    (project / "a.lock").write_text("")
    assert found(spec % ", lockfile: a.lock") == []


LINES = {
    "-r other.txt": "name that file under `requirements` too",
    "--requirement=other.txt": "name that file under `requirements` too",
    "-c constraints.txt": "write the versions into this file",
    "--constraint constraints.txt": "write the versions into this file",
    "-e .": "add the code with `source`",
    "--editable=./a": "add the code with `source`",
    "-f ./wheels": (LINKS := "copy the folder with a step before, and name it by its path in the image: `-f /wheels`"),
    "--find-links=wheels": LINKS,
    "--find-links /wheels": None,
    "-f https://h/": None,
    "-f $WHEELS": None,
    "-r https://h/requirements.txt": None,
    "--index-url https://h": None,
    "# -r other.txt": None,
}


@pytest.mark.parametrize("line", LINES)
def test_requirements_files_that_name_others(project: Path, found: Check, line: str) -> None:
    (project / "requirements.txt").write_text(f"six==1.17.0\n{line}\n")
    places = found('python: {uv: "1.0.0", requirements: [requirements.txt]}')
    hints = [(d.hint, d.span.source.path.name) for d in check(project / "spec.yaml") if d.code != "IS401"]
    expected = LINES[line]
    assert (places, hints) == (
        ([("IS215", 2, 1)], [(expected, "requirements.txt")]) if expected is not None else ([], [])
    )
    step = "steps: [{pip_install_from_requirements: requirements.txt}]"
    assert ("IS215" in {code for code, *_ in found(step)}) == (expected is not None)


BY_PATH = {
    "./libs/foo": True,
    "../foo[extra]": True,
    "foo @ ./libs/foo ; python_version > '3'": True,
    "./dist/foo-1.0-py3-none-any.whl": True,
    "/opt/foo": False,
    "foo @ file:///opt/foo": False,
    "$HOME/foo": False,
    "foo @ https://h/foo-1.0-py3-none-any.whl": False,
}


@pytest.mark.parametrize("text", BY_PATH)
def test_requirements_by_path(project: Path, found: Check, text: str) -> None:
    (project / "requirements.txt").write_text(f"six==1.17.0\n{text}\n")
    in_file = found('python: {uv: "1.0.0", requirements: [requirements.txt]}')
    in_step = found("steps: [{pip_install_from_requirements: requirements.txt}]")
    package = found(f'python: {{uv: "1.0.0", packages: ["{text}"]}}')
    expected = [("IS215", 2, 1)], [("IS215", 2, 1)], [("IS215", 2, 34)]
    of_rule = tuple([each for each in places if each[0] == "IS215"] for places in (in_file, in_step, package))
    assert of_rule == (expected if BY_PATH[text] else ([], [], []))


BEFORE = {
    "nothing": ("apt_install: [git]", True),
    "a folder": ("add_local_dir: {local_path: pkg, remote_path: /pkg, copy: true}", False),
    "a command": ("run_commands: [git init libs]", False),
}


@pytest.mark.parametrize(("step", "expected"), BEFORE.values(), ids=BEFORE)
def test_a_path_that_a_step_may_have_put_there(found: Check, step: str, expected: bool) -> None:
    places = found(f'steps:\n- {step}\n- pip_install: ["./libs/foo"]\n')
    assert [each for each in places if each[0] == "IS215"] == ([("IS215", 4, 17)] if expected else [])


@pytest.mark.parametrize(("step", "expected"), BEFORE.values(), ids=BEFORE)
def test_a_folder_of_wheels_that_a_step_may_have_put_there(
    project: Path, found: Check, step: str, expected: bool
) -> None:
    (project / "requirements.txt").write_text("-f wheels\nsix==1.17.0\n")
    places = found(f"steps:\n- {step}\n- pip_install_from_requirements: requirements.txt\n")
    assert [each for each in places if each[0] == "IS215"] == ([("IS215", 1, 1)] if expected else [])


def test_a_path_on_a_base_of_somebody_else(found: Check) -> None:
    """What lies on this machine is meant; anything else may lie in the base."""
    spec = f"base: {{registry: {{image: 'python:3.12{DIGEST}'}}}}\npython: {{uv: '1.0.0', packages: ['%s']}}"
    assert [each for each in found(spec % "./project") if each[0] == "IS215"] == [("IS215", 2, 34)]
    assert [each for each in found(spec % "./elsewhere") if each[0] == "IS215"] == []


COPIES = {
    "a file": ("COPY data.txt /", None),
    "a folder": ("COPY other /other", None),
    "a pattern": ("COPY *.txt ./", None),
    "from another stage": ("COPY --from=build /nowhere /", None),
    "from the web": ("ADD https://h/nowhere /", None),
    "with options": ("COPY --chown=1:1 data.txt /", None),
    "a heredoc": ("COPY <<EOF /a", None),
    "a comment": ("# COPY nowhere /", None),
    "not there": ("COPY nowhere /", 6),
    "one of two": ("COPY data.txt nowhere /", 15),
    "in lower case": ("copy nowhere /", 6),
    "not there, with options": ("COPY --chown=1:1 nowhere /", 18),
    "above": ("COPY ../nowhere /", 6),
}


@pytest.mark.parametrize(("line", "column"), COPIES.values(), ids=COPIES)
def test_what_a_dockerfile_copies(project: Path, found: Check, line: str, column: int | None) -> None:
    (project / "Dockerfile").write_text(f"# x\nFROM python:3.12{DIGEST}\n\n{line}\n")
    assert found("base: {dockerfile: Dockerfile}") == ([("IS216", 4, column)] if column else [])
    step = f"steps: [{{dockerfile_commands: [WORKDIR /, {line!r}]}}]"
    assert found(step) == ([("IS216", 2, 43)] if column else [])


@pytest.mark.parametrize(
    "line",
    [
        *("ADD data.txt /", 'COPY ["data.txt", "/a"]', "COPY --parents data.txt /"),
        *("COPY $FILE /", "COPY ${FILE} /", "COPY data-${V}.txt /", "COPY data.txt a$V.txt /"),
    ],
)
def test_what_modals_client_does_not_understand(project: Path, found: Check, line: str) -> None:
    (project / "Dockerfile").write_text(f"FROM python:3.12{DIGEST}\n{line}\n")
    assert found("base: {dockerfile: Dockerfile}") == [("IS216", 2, 1)]
    assert found(f"steps: [{{dockerfile_commands: [WORKDIR /, {line!r}]}}]") == [("IS216", 2, 43)]


def test_continued_lines(project: Path, found: Check) -> None:
    (project / "Dockerfile").write_text(f"FROM python:3.12{DIGEST}\nRUN a && \\\n  b\nCOPY data.txt \\\n  nowhere /\n")
    assert found("base: {dockerfile: Dockerfile}") == [("IS216", 5, 3)]
    assert found(r'steps: [{dockerfile_commands: ["RUN a \\", "b", "COPY nowhere /"]}]') == [("IS216", 2, 49)]


def test_the_context_decides(found: Check) -> None:
    assert found("base: {dockerfile: {path: Dockerfile, context: other}}") == []
    assert found("base: {dockerfile: {path: Dockerfile, context: pkg}}") == [("IS216", 2, 6)]
    step = "steps: [{dockerfile_commands: {dockerfile_commands: [COPY data.txt /], %s}}]"
    assert found(step % "context_dir: other") == []
    assert found(step % "context_dir: pkg") == [("IS216", 2, 54)]
    assert found(step % "context_dir: pkg, context_files: {data.txt: requirements.txt}") == []


def test_a_secret_needs_one_stage(project: Path, found: Check) -> None:
    text = f"FROM python:3.12{DIGEST} AS a\nFROM python:3.12{DIGEST}\nCOPY --from=a /a /a\n"
    (project / "Dockerfile").write_text(text)
    assert found("base: {dockerfile: {path: Dockerfile, secret: registry}}") == [("IS216", 1, 47)]
    assert found("base: {dockerfile: {path: Dockerfile}}") == []
