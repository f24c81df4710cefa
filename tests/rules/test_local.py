"""Files, folders and modules that are not there, and their twins that are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from imagespec.compiler import check

from .conftest import Check

PATHS = {
    "a file": ("source: [{file: %s, to: /a}]", "dta.txt", "data.txt", "did you mean `data.txt`?"),
    "a file in a folder": ("source: [{file: %s, to: /a}]", "othr/data.txt", "other/data.txt", "did you mean `other`?"),
    "nowhere": ("source: [{file: %s, to: /a}]", "x/y/z.txt", "data.txt", "no folder `x` in `.`"),
    "a folder": ("source: [{dir: %s, to: /a}]", "pgk", "pkg", "did you mean `pkg`?"),
    "a file for a folder": ("source: [{dir: %s, to: /a}]", "data.txt", "other", "a file is added with `file`"),
    "a folder for a file": ("source: [{file: %s, to: /a}]", "other", "data.txt", "a folder is added with `dir`"),
    "requirements": (
        'python: {uv: "1.0.0", requirements: [%s]}',
        "requirement.txt",
        "requirements.txt",
        "did you mean",
    ),
    "a Dockerfile": ("base: {dockerfile: %s}", "dockerfile", "Dockerfile", "did you mean `Dockerfile`?"),
    "a context": ("base: {dockerfile: {path: Dockerfile, context: %s}}", "data.txt", ".", ""),
    "a project": ('python: {uv: "1.0.0", project: %s}', "projects", "project", "did you mean `project`?"),
    "conda packages": (
        "base: {micromamba: '3.12.10'}\nconda: {file: %s}",
        "env.yml",
        "environment.yml",
        "did you mean",
    ),
    "an app": ("apps: [%s]", "pkg/tool.py", "pkg/tools.py", "did you mean `tools.py`?"),
    "a file of a step": (
        "steps: [{dockerfile_commands: {dockerfile_commands: [COPY a /a], context_files: {a: %s}}}]",
        "dat.txt",
        "data.txt",
        "did you mean `data.txt`?",
    ),
}


@pytest.mark.parametrize(("spec", "bad", "good", "hint"), PATHS.values(), ids=PATHS)
def test_paths(project: Path, found: Check, spec: str, bad: str, good: str, hint: str) -> None:
    line = 1 if spec.startswith("base: {dockerfile") else 2
    assert ("IS211", line, spec.splitlines()[-1].index("%s") + 1) in found(spec % bad)
    assert hint in next(d.hint for d in check(project / "spec.yaml") if d.code == "IS211")
    assert found(spec % good) == []


def test_a_home_that_nobody_has(found: Check) -> None:
    assert found("apps: ['~no-such-user/x.py']") == [("IS211", 2, 8)]
    assert found("source: [{file: '~no-such-user/x', to: /a}]") == [("IS211", 2, 17)]


def test_a_pipe_is_no_file_to_read(project: Path, found: Check) -> None:
    os.mkfifo(project / "pipe")
    assert found("source: [{file: pipe, to: /a}]") == [("IS211", 2, 17)]
    assert found("python: {uv: '1.0.0', requirements: [pipe]}") == [("IS211", 2, 38)]
    assert found("base: {dockerfile: pipe}") == [("IS211", 1, 20)]


MODULES = {
    "a file": ("pkg/tools.py", "did you mean `pkg.tools`?"),
    "a path": ("./pkg", "did you mean `pkg`?"),
    "misspelt": ("pgk", "did you mean `pkg`?"),
    "misspelt below": ("pkg.tols", "did you mean `pkg.tools`?"),
    "not there": ("no_such_module", "set `root` to the folder that holds it"),
    "no name at all": ("a b", "write it as `import` takes it: `package.module`"),
    "empty": ("", "write it as `import` takes it: `package.module`"),
    "a part of Python": ("json", "remove it"),
    "a part of Python without a file": ("sys", "remove it"),
}


@pytest.mark.parametrize(("name", "hint"), MODULES.values(), ids=MODULES)
def test_modules(project: Path, found: Check, name: str, hint: str) -> None:
    assert found(f'source: [{{package: "{name}"}}]') == [("IS212", 2, 20)]
    [diagnostic] = check(project / "spec.yaml")
    assert diagnostic.hint == hint
    assert found(f'steps: [{{add_local_python_source: [pkg, "{name}"]}}]') == [("IS212", 2, 41)]


@pytest.mark.parametrize("name", ["pkg", "pkg.tools"])
def test_modules_that_are_there(found: Check, name: str) -> None:
    assert found(f"source: [{{package: {name}}}]") == []


def test_a_module_that_has_the_name_of_a_part_of_python(project: Path, found: Check) -> None:
    (project / "calendar.py").write_text("")
    assert found("source: [{package: calendar}]") == []


FUNCTIONS = {
    "with a point": ("pkg.tools.prepare", "write it as `pkg.tools:prepare`"),
    "without a module": ("prepare", "write it as `module:function`"),
    "without a function": ("pkg.tools:", "write it as `module:function`"),
    "misspelt": ("pkg.tools:prepar", "did you mean `prepare`?"),
    "in another function": ("pkg.tools:inner", ""),
    "in a class, without it": ("pkg.tools:method", ""),
    "a module that is not there": ("pkg.tols:prepare", "did you mean `pkg.tools`?"),
    "an expression": ("pkg.tools:prepare()", "write it as `module:function`"),
}


@pytest.mark.parametrize(("name", "hint"), FUNCTIONS.values(), ids=FUNCTIONS)
def test_functions(project: Path, found: Check, name: str, hint: str) -> None:
    assert found(f'function: "{name}"') == [("IS212", 2, 11)]
    [diagnostic] = check(project / "spec.yaml")
    assert diagnostic.hint == hint
    assert found(f'steps: [{{pipe: "{name}"}}, {{run_function: "{name}"}}]') == [
        ("IS212", 2, 16),
        ("IS212", 2, 34 + len(name) + 2),
    ]


@pytest.mark.parametrize("name", ["pkg.tools:prepare", "pkg.tools:C.method", "pkg.tools:name"])
def test_functions_that_are_there(found: Check, name: str) -> None:
    assert found(f"function: {name}") == []


@pytest.mark.parametrize("code", ["from os import *", "def __getattr__(name): ...", "def broken(:", "x = '\0'"])
def test_what_a_module_defines_cannot_always_be_known(project: Path, found: Check, code: str) -> None:
    (project / "odd.py").write_text(code)
    assert found("function: odd:anything") == []


def test_empty_folders(project: Path, found: Check) -> None:
    (project / "empty" / "deeper").mkdir()
    assert found("source: [{dir: empty, to: /a}]") == [("IS213", 2, 16)]
    (project / "empty" / "deeper" / "file").write_text("")
    assert found("source: [{dir: empty, to: /a}]") == []
