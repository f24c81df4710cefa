"""The stand-in project, as the working directory of a test."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.conformance import case, contexts, seed


@pytest.fixture(scope="session")
def project_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all tests, which leave it as it is: a module that a test imports is the next one's too."""
    folder = tmp_path_factory.mktemp("project")
    case.write(case.FILES | seed.FILES, folder)
    return folder


@pytest.fixture
def project(project_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project, where whoever runs a Modal app would be: in its folder, its modules importable."""
    monkeypatch.chdir(project_folder)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(str(project_folder))
    return project_folder


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the cases about build contexts."""
    folder = tmp_path / "context"
    case.write(contexts.FILES, folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def at_home(pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The repository's own root, where its commands run."""
    monkeypatch.chdir(pytestconfig.rootpath)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(str(pytestconfig.rootpath))
    return pytestconfig.rootpath
