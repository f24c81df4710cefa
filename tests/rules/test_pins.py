"""What would be something else tomorrow, and its twin that would not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import COMMIT, DIGEST, Check

HASH = "sha256=" + "0" * 64

PACKAGES = {
    "IS301": (
        ["six", "six>=1", "six~=1.17", "six==1.*", "six!=1", "six<2,>=1", "six[a]", "six; python_version > '3'"],
        ["six==1.17.0", "six===1.17.0", "six==1.17.0,>1", "six[a]==1.17.0", "six==1.17.0; python_version > '3'"],
    ),
    "IS302": (
        [
            "six @ https://h/a.whl",
            "https://h/a.tar.gz",
            "six @ https://h/a.whl#egg=six",
            "six @ https://h/a.whl#sha256=0",
        ],
        [f"six @ https://h/a.whl#{HASH}", f"https://h/a.tar.gz#egg=a&{HASH}"],
    ),
    "IS303": (
        [
            "a @ git+https://h/a",
            "git+https://h/a@main",
            "a @ git+ssh://git@h/a.git@v1.0",
            f"git+https://h/a@{COMMIT[:7]}",
        ],
        [f"a @ git+https://h/a@{COMMIT}", f"git+ssh://git@h/a.git@{COMMIT}#subdirectory=b"],
    ),
}


@pytest.mark.parametrize("code", PACKAGES)
def test_packages(project: Path, found: Check, code: str) -> None:
    bad, good = PACKAGES[code]
    section = 'python:\n  uv: "1.0.0"\n  packages:\n  - "%s"'
    assert {each: found(section % each) for each in bad} == {each: [(code, 5, 5)] for each in bad}
    assert {each: found(section % each) for each in good} == {each: [] for each in good}
    step = "steps:\n- uv_pip_install:\n    uv_version: '1.0.0'\n    packages:\n    - \"%s\""
    assert {each: found(step % each) for each in bad} == {each: [(code, 6, 7)] for each in bad}
    for each in bad:
        (project / "requirements.txt").write_text(f"# x\n  {each}  # y\n")
        assert found("python: {uv: '1.0.0', requirements: [requirements.txt]}") == [(code, 2, 3)]
        assert (code, 2, 3) in found("steps: [{pip_install_from_requirements: requirements.txt}]")


def test_conda_packages(found: Check) -> None:
    bad, good = ["a", "a>=1", "a=1.*", "a!=1"], ["a=1.2", "a==1.2"]
    spec = "base: {micromamba: '3.12.10'}\nconda: ['%s']"
    assert {each: found(spec % each) for each in bad} == {each: [("IS301", 2, 9)] for each in bad}
    assert {each: found(spec % each) for each in good} == {each: [] for each in good}


def test_private_repositories(found: Check) -> None:
    spec = "python: {secrets: [s], private: {git_user: me, repositories: [github.com/a/b%s]}}"
    assert found(spec % "") == found(spec % "@main") == [("IS303", 2, 63)]
    assert found(spec % f"@{COMMIT}") == []


COMMANDS = {
    "a clone": ("git clone https://h/a", True),
    "of a branch": ("git clone --depth 1 -b main https://h/a.git /opt/a", True),
    "by ssh": ("sudo git -C /opt clone git@h:a/b.git && cd b && make", True),
    "with a password": ("git clone https://$TOKEN@h/a", True),
    "of a branch that is checked out": ("git clone https://h/a && cd a && git checkout main", True),
    "of a commit that is checked out": (f"git clone https://h/a && cd a && git checkout -q {COMMIT}", False),
    "of a short commit": ("git clone https://h/a && git -C a reset --hard 0123abc", False),
    "of what a variable says": ("git clone https://h/a && git -C a checkout $COMMIT", False),
    "of a branch by a variable": ("git clone -b $TAG https://h/a", False),
    "of a revision": (f"git clone --revision={COMMIT} https://h/a", False),
    "from here": ("git clone /srv/a", False),
    "of what is not known": ("git clone $URL", False),
    "two of which one is checked out": (
        f"git clone https://h/a; git clone https://h/b; cd b; git switch -d {COMMIT}",
        True,
    ),
    "no clone": ("git config --global clone https://h/a; echo git clone https://h/a", False),
    "pip": ("pip install --no-cache-dir git+https://h/a.git", True),
    "uv, a tag": ("uv pip install 'a @ git+https://h/a@v1'", True),
    "pip, a commit": (f"python -m pip install git+https://h/a@{COMMIT}#egg=a", False),
    "pip, by a variable": ("pip install git+https://h/a@$COMMIT", False),
}


@pytest.mark.parametrize(("command", "expected"), COMMANDS.values(), ids=COMMANDS)
def test_git_in_a_command(found: Check, command: str, expected: bool) -> None:
    places = found(f"run:\n  - echo\n  - {json.dumps(command)}\n")
    assert [each for each in places if each[0] == "IS303"] == ([("IS303", 4, 5)] if expected else [])


def test_a_commit_that_is_checked_out_by_the_next_command(found: Check) -> None:
    clone = "steps:\n- apt_install: [git]\n- run_commands: [git clone https://h/a]\n"
    spec = f"{clone}- run_commands: [git -C a checkout {COMMIT}]\n"
    assert found(spec) == []
    assert found(spec.replace(COMMIT, "main")) == [("IS303", 4, 18)]


BASES = {
    "registry: ubuntu": [("IS304", 1, 18)],
    "registry: ubuntu:24.04": [("IS304", 1, 18)],
    "registry: localhost:5000/a": [("IS304", 1, 18)],
    f"registry: ubuntu:24.04{DIGEST}": [],
    "published: a": [("IS304", 1, 19)],
    "published: a:latest": [("IS304", 1, 19)],
    "published: a:v1": [],
    "id: im-1": [],
    "debian_slim: '3.12'": [("IS305", 1, 21)],
    "micromamba: '3.12'": [("IS305", 1, 20)],
    "debian_slim: 3.12.10": [],
    "scratch: true": [],
}


@pytest.mark.parametrize("base", BASES)
def test_bases(found: Check, base: str) -> None:
    assert found(f"base: {{{base}}}") == BASES[base]


def test_bases_of_dockerfiles(project: Path, found: Check) -> None:
    lines = [
        "ARG BASE=ubuntu",
        "FROM --platform=linux/amd64 python:3.12 AS build",
        f"FROM ubuntu{DIGEST} AS other",
        "from build",
        "FROM $BASE",
        "FROM scratch",
        "FROM \\",
        "  ubuntu",
        "# FROM debian",
    ]
    (project / "Dockerfile").write_text("\r\n".join(lines))
    assert found("base: {dockerfile: Dockerfile}") == [("IS304", 2, 29), ("IS304", 8, 3)]


INSTALLERS = {
    "python: [six==1.17.0]": [("IS306", 2, 1)],
    "python: {packages: [six==1.17.0]}": [("IS306", 2, 1)],
    "python: {project: project}": [("IS306", 2, 1)],
    "python: {uv: latest, packages: [six==1.17.0]}": [("IS306", 2, 14)],
    "python: {uv: '0.9', packages: [six==1.17.0]}": [("IS306", 2, 14)],
    "steps: [{uv_sync: {uv_project_dir: project, uv_version: '1'}}]": [("IS306", 2, 57)],
    "python: {uv: '1.0.0', packages: [six==1.17.0]}": [],
    "python: {uv: '1.0.0', project: project}": [],
    "python: {poetry: poetry/pyproject.toml}": [("IS306", 2, 10)],
    "python: {poetry: {path: poetry/pyproject.toml, version: '1.8'}}": [],
    "steps: [{uv_sync: project}]": [("IS306", 2, 10)],
    "steps: [{uv_sync: {uv_project_dir: project, uv_version: '1.0.0'}}]": [],
    "steps: [{poetry_install_from_file: poetry/pyproject.toml}]": [("IS306", 2, 10)],
    "steps: [{poetry_install_from_file: {poetry_pyproject_toml: poetry/pyproject.toml, poetry_version: ~}}]": [],
}


@pytest.mark.parametrize("spec", INSTALLERS)
def test_installers(found: Check, spec: str) -> None:
    assert found(spec) == INSTALLERS[spec]
