"""A project for specs to refer to, and what `check` finds in a spec there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import pytest

from imagespec.compiler import check
from imagespec.diagnostic import Diagnostic
from imagespec.image.modules import find_module

DIGEST = "@sha256:" + "0" * 64
COMMIT = "0123456789" * 4
BASE = 'base: {debian_slim: "3.12.10"}\n'

Place: TypeAlias = tuple[str, int, int]
Check: TypeAlias = Callable[[str], list[Place]]
Checked: TypeAlias = Callable[[Mapping[str, str], str], list[Diagnostic]]

FILES = {
    "data.txt": "data",
    "other/data.txt": "other",
    "pkg/__init__.py": "",
    "pkg/tools.py": "def prepare():\n    def inner(): ...\n\nclass C:\n    def method(self): ...\n\nname = 1\n",
    "requirements.txt": "six==1.17.0\n",
    "Dockerfile": f"FROM python:3.12{DIGEST}\nCOPY data.txt /data.txt\n",
    "project/pyproject.toml": '[project]\nname = "x"\nversion = "1"\ndependencies = ["six==1.17.0"]\n'
    "[project.optional-dependencies]\ntrain = []\n[dependency-groups]\ndev = []\n",
    "project/uv.lock": "version = 1\n",
    "poetry/pyproject.toml": '[tool.poetry]\nname = "x"\nversion = "1"\n',
    "poetry/poetry.lock": "",
    "environment.yml": "dependencies: []\n",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    find_module.cache_clear()
    return tmp_path


@pytest.fixture
def found(project: Path) -> Check:
    """Code, line and column of each finding in a spec, but for that it is not locked; a base is put before one that has
    none."""

    def find(text: str) -> list[Place]:
        path = project / "spec.yaml"
        path.write_text(text if text.startswith(("base:", "extends:")) else BASE + text)
        return [(d.code, d.span.line, d.span.column) for d in check(path) if d.code != "IS401"]

    return find


@pytest.fixture
def checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checked:
    """The IS6xx findings of a spec beside some files."""
    monkeypatch.chdir(tmp_path)

    def run(files: Mapping[str, str], spec: str) -> list[Diagnostic]:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (tmp_path / "spec.yaml").write_text(spec if "base:" in spec else BASE + spec)
        find_module.cache_clear()
        return [d for d in check(tmp_path / "spec.yaml") if d.code.startswith("IS6")]

    return run
