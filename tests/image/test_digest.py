"""Digests change with what Modal's cache sees, and with nothing else."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from imagespec.compiler import compile_spec
from imagespec.emit import modal as to_modal
from imagespec.image.digest import digests, image_digest
from imagespec.image.modules import find_module
from tests.conformance.case import FILES, write
from tests.oracle import Oracle

Edit = Callable[[Path], object]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the stand-in project that the test may change."""
    write(FILES, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.partition(".")[0] in ("standin", "alone")]:
        monkeypatch.delitem(sys.modules, name)
    find_module.cache_clear()
    return tmp_path


def base_and(step: str) -> str:
    return f'base: {{debian_slim: "3.12"}}\nsteps:\n  - {step}\n'


def append(name: str, text: str = "# more\n") -> Edit:
    def edit(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        with open(folder / name, "a") as file:
            file.write(text)
            os.utime(folder / name, (0, 0))  # Modal refuses files that change while it builds

    return edit


def mode(name: str) -> Edit:
    return lambda folder: (folder / name).chmod(0o640)


def touch(name: str) -> Edit:
    return lambda folder: os.utime(folder / name, (1, 1))


def link(name: str, target: str) -> Edit:
    return lambda folder: (folder / name).symlink_to(target)


def move(name: str, to: str) -> Edit:
    return lambda folder: (shutil.move(folder / name, folder / to), append("spec.yaml", "")(folder))


MODULE = base_and("add_local_python_source: {modules: [standin], copy: true}")
MODULE_BUT = base_and('add_local_python_source: {modules: [standin], copy: true, ignore: ["*.json"]}')
MOUNTED = base_and("add_local_python_source: standin")
FILE = base_and("add_local_file: {local_path: notes.txt, remote_path: /notes.txt, copy: true}")
FOLDER = base_and('add_local_dir: {local_path: data, remote_path: /data, copy: true, ignore: ["**/*.log"]}')
REQUIREMENTS = base_and("uv_pip_install: {requirements: [requirements.txt]}")
PYPROJECT = base_and("pip_install_from_pyproject: {pyproject_toml: pyproject.toml, optional_dependencies: [train]}")
PROJECT = base_and("uv_sync: .")
POETRY = base_and("poetry_install_from_file: poetry/pyproject.toml")
CONDA = 'base: {micromamba: "3.12"}\nsteps:\n  - micromamba_install: {spec_file: environment.txt}\n'
DOCKERFILE = "base: {dockerfile: {path: Dockerfile, ignore: ['**/*.log']}}\n"
CONTEXT = base_and(
    "dockerfile_commands: {dockerfile_commands: [COPY data /d, COPY g /g], context_files: {/g: notes.txt}}"
)

EDITS: dict[str, tuple[str, Edit, bool]] = {
    "content of a file": (FILE, append("notes.txt"), True),
    "mode of a file": (FILE, mode("notes.txt"), True),
    "time of a file": (FILE, touch("notes.txt"), False),
    "a file in a folder": (FOLDER, append("data/deep/b.csv"), True),
    "mode in a folder": (FOLDER, mode("data/a.txt"), True),
    "a new file in a folder": (FOLDER, append("data/new.txt"), True),
    "an ignored file in a folder": (FOLDER, append("data/left.log"), False),
    "bytecode in a folder": (FOLDER, append("data/__pycache__/a.cpython-312.pyc"), True),
    "a link to a folder in a folder": (FOLDER, link("data/more", "../more"), False),
    "a link to a file in a folder": (FOLDER, link("data/linked.txt", "../notes.txt"), True),
    "source of a module": (MODULE, append("standin/deep/layers.py"), True),
    "hidden source of a module": (MODULE, append("standin/.hidden/notes.py"), True),
    "data of a module": (MODULE, append("standin/weights.json"), False),
    "bytecode of a module": (MODULE, append("standin/__pycache__/train.cpython-312.pyc"), False),
    "data of a module with patterns": (MODULE_BUT, append("standin/deep/data.csv"), True),
    "ignored data of a module with patterns": (MODULE_BUT, append("standin/weights.json"), False),
    "bytecode of a module with patterns": (MODULE_BUT, append("standin/__pycache__/train.cpython-312.pyc"), True),
    "source of a mounted module": (MOUNTED, append("standin/train.py"), True),
    "a requirements file": (REQUIREMENTS, append("requirements.txt"), True),
    "mode of a requirements file": (REQUIREMENTS, mode("requirements.txt"), False),
    "dependencies of a pyproject.toml": (PYPROJECT, append("pyproject.toml", 'more = ["a"]\n'), False),
    "what a uv project depends on": (PROJECT, append("pyproject.toml"), True),
    "lock of a uv project": (PROJECT, append("uv.lock"), True),
    "another file of a uv project": (PROJECT, append("alone.py"), False),
    "lock of a Poetry project": (POETRY, append("poetry/poetry.lock"), True),
    "another lock of a Poetry project": (POETRY, append("poetry/other.lock"), False),
    "a file of conda packages": (CONDA, append("environment.txt"), True),
    "a Dockerfile": (DOCKERFILE, append("Dockerfile", "RUN true\n"), True),
    "mode of a Dockerfile": (DOCKERFILE, mode("Dockerfile"), False),
    "the context of a Dockerfile": (DOCKERFILE, append("data/deep/b.csv"), True),
    "ignored in the context of a Dockerfile": (DOCKERFILE, append("data/left.log"), False),
    "what a Dockerfile does not copy": (DOCKERFILE, append("notes.txt"), False),
    "the context of commands": (CONTEXT, append("data/left.log"), True),
    "a .dockerignore of commands": (CONTEXT, append(".dockerignore", "**/*.log\n"), True),
    "a file given to commands": (CONTEXT, append("notes.txt"), True),
    "mode of a file given to commands": (CONTEXT, mode("notes.txt"), False),
}


@pytest.mark.parametrize(("spec", "edit", "changes"), EDITS.values(), ids=EDITS)
def test_a_digest_sees_what_modals_cache_sees(
    oracle: Oracle, folder: Path, spec: str, edit: Edit, changes: bool
) -> None:
    (folder / "spec.yaml").write_text(spec)
    image = compile_spec(folder / "spec.yaml")
    digest, requests = image_digest(image), oracle.requests(to_modal.emit(image))
    edit(folder)
    assert (oracle.requests(to_modal.emit(image)) != requests) == changes
    assert (image_digest(image) != digest) == changes


RESPELT: dict[str, tuple[str, str]] = {
    "order and duplicates of packages": ("apt: [git, curl]", "apt: [curl, git, curl]"),
    "spelling of requirements": ("python: [Pillow == 11.0.0, a_b>1]", "python: [a-b>1, pillow==11.0.0]"),
    "order of variables": ("env: {A: '1', B: $A}", "env: {B: $A, A: '1'}"),
    "order of keys": ("apt: [git]\nworkdir: /w", "workdir: /w\napt: [git]"),
    "short and long": ("python: [six]\nrun: [ls]", "python: {packages: [six]}\nrun: {commands: [ls]}"),
    "what is the default anyway": ("python: [six]", "python: {packages: [six], installer: uv, prerelease: false}"),
    "comments, quotes and style": ("apt:\n  - git # it", "apt: ['git']"),
    "in a file or in the spec": ("python: {requirements: [requirements.txt]}", "python: [six==1.17.0, torch==2.5.1]"),
    "what the image is held against": ("description: a\ngpus: [T4]", "checks: {imports: [os]}"),
}


@pytest.mark.parametrize(("one", "other"), RESPELT.values(), ids=RESPELT)
def test_what_nobody_means_changes_no_digest(folder: Path, one: str, other: str) -> None:
    assert digests_of(one, folder) == digests_of(other, folder)


MEANT: dict[str, tuple[str, str]] = {
    "a value": ("env: {A: '1'}", "env: {A: '2'}"),
    "order of commands": ("run: [a, b]", "run: [b, a]"),
    "one step or two": ("steps: [{apt_install: [a, b]}]", "steps: [{apt_install: a}, {apt_install: b}]"),
    "order of a step's packages": ("steps: [{apt_install: [a, b]}]", "steps: [{apt_install: [b, a]}]"),
    "order of a step's variables": ("steps: [{env: {A: '1', B: '2'}}]", "steps: [{env: {B: '2', A: '1'}}]"),
    "which argument": ("python: {packages: [a], find_links: b}", "python: {packages: [a], index_url: b}"),
    "where lists are cut": ("cmd: [a, bc]", "cmd: [ab, c]"),
    "text and number": (
        "steps: [{run_function: {raw_f: 'alone:f', args: ['1']}}]",
        "steps: [{run_function: {raw_f: 'alone:f', args: [1]}}]",
    ),
}


@pytest.mark.parametrize(("one", "other"), MEANT.values(), ids=MEANT)
def test_what_is_meant_changes_the_digest(folder: Path, one: str, other: str) -> None:
    (folder / "alone.py").write_text("def f(x):\n    pass\n")
    assert digests_of(one, folder) != digests_of(other, folder)


def digests_of(sections: str, folder: Path) -> tuple[str, ...]:
    (folder / "spec.yaml").write_text(f'base: {{debian_slim: "3.12"}}\n{sections}\n')
    return digests(compile_spec(folder / "spec.yaml"))


def test_a_digest_stands_on_those_before_it(folder: Path) -> None:
    one = digests_of("apt: [git]\nrun: [ls]", folder)
    other = digests_of("apt: [curl]\nrun: [ls]", folder)
    assert [a == b for a, b in zip(one, other, strict=True)] == [True, False, False]


def test_where_the_project_lies_changes_no_digest(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    sections = "source: [{dir: data, to: /data, copy: true}, {package: standin}]\npython: {project: .}"
    before = digests_of(sections, folder)
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "project"
    shutil.copytree(folder, elsewhere)
    assert digests_of(sections, elsewhere) == before
