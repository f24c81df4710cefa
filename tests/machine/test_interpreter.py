"""Versions to interpreters, with the Pythons of this machine and pretended ones of pyenv's."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from imagespec.machine.interpreter import NotFound, find_python, find_uv, locate, series
from tests.build.project import SERIES

UV = find_uv(os.environ)
FULL = ".".join(map(str, sys.version_info[:3]))


class Download:
    """Stands in for the network: a download that fails."""

    def __init__(self) -> None:
        self.commands: list[Sequence[str]] = []

    def __call__(self, command: Sequence[str], environ: Mapping[str, str]) -> tuple[int, list[str]]:
        self.commands.append(command)
        return 1, ["error: Failed to install", "  cause: dns error"]


def lonely(tmp_path: Path) -> dict[str, str]:
    """An environment without any Python: an empty home, nothing on the `PATH`."""
    return {
        "PATH": str(tmp_path),
        "HOME": str(tmp_path),
        "UV_CACHE_DIR": str(tmp_path / "cache"),
        "UV_PYTHON_INSTALL_DIR": str(tmp_path / "uv"),
    }


def pyenv(home: Path, version: str, told: str | None = None) -> Path:
    """A Python of pyenv's, which is a script that tells its version as a Python would."""
    python = home / ".pyenv" / "versions" / version / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\necho {told or version}\necho {python}\n")
    python.chmod(0o755)
    return python


def test_a_series_that_is_here() -> None:
    found = find_python(SERIES, UV, os.environ, Download())
    assert series(found.version) == SERIES
    assert found.path.exists()
    assert not found.stands_in_for(SERIES)


def test_another_patch_stands_in() -> None:
    found = find_python(f"{SERIES}.99", UV, os.environ, Download())
    assert series(found.version) == SERIES
    assert found.stands_in_for(f"{SERIES}.99")


def test_pyenv_after_uv(tmp_path: Path) -> None:
    python = pyenv(tmp_path, "3.98.4")
    found = find_python("3.98", UV, lonely(tmp_path), Download())
    assert (found.path, found.version) == (python, "3.98.4")


def test_the_newest_of_pyenv(tmp_path: Path) -> None:
    for version in ("3.98.4", "3.98.10", "3.98.9"):
        pyenv(tmp_path, version)
    assert find_python("3.98", UV, lonely(tmp_path), Download()).version == "3.98.10"


def test_the_exact_patch_before_a_newer_one(tmp_path: Path) -> None:
    for version in ("3.98.4", "3.98.10"):
        pyenv(tmp_path, version)
    assert find_python("3.98.4", UV, lonely(tmp_path), Download()).version == "3.98.4"


def test_pyenv_where_its_variable_says(tmp_path: Path) -> None:
    pyenv(tmp_path / "moved", "3.98.4")
    environ = lonely(tmp_path) | {"PYENV_ROOT": str(tmp_path / "moved" / ".pyenv")}
    assert find_python("3.98", UV, environ, Download()).version == "3.98.4"


def test_one_that_does_not_run_is_none(tmp_path: Path) -> None:
    pyenv(tmp_path, "3.98.10").write_text("#!/bin/sh\nexit 127\n")
    pyenv(tmp_path, "3.98.4")
    assert find_python("3.98", UV, lonely(tmp_path), Download()).version == "3.98.4"


def test_a_folder_that_lies_about_its_version(tmp_path: Path) -> None:
    pyenv(tmp_path, "3.98.10", told="3.97.1")
    with pytest.raises(NotFound):
        find_python("3.98", UV, lonely(tmp_path), Download())


def test_free_threaded_ones_are_others(tmp_path: Path) -> None:
    pyenv(tmp_path, "3.98.4t")
    with pytest.raises(NotFound):
        find_python("3.98", UV, lonely(tmp_path), Download())
    assert find_python("3.98t", UV, lonely(tmp_path), Download()).version == "3.98.4t"


def test_none_is_here(tmp_path: Path) -> None:
    pyenv(tmp_path, "3.97.1")
    download = Download()
    with pytest.raises(NotFound) as caught:
        find_python("3.98.1", UV, lonely(tmp_path), download)
    assert str(caught.value) == "no Python 3.98.1 on this machine, and uv could not download it: dns error"
    assert caught.value.hint == (
        "install one: uv python install 3.98.1, or: pyenv install 3.98.1\nor choose one that is here: 3.97"
    )
    assert download.commands == [[UV, "python", "install", "--no-bin", "3.98.1"]]


@pytest.mark.parametrize("wanted", ["", "3", "three", "3.12; rm -rf /", "--help", "/usr/bin/python3", "3.12.1.1"])
def test_what_is_no_version(wanted: str) -> None:
    with pytest.raises(NotFound, match="is no Python version"):
        find_python(wanted, UV, os.environ, Download())


def test_uv_on_the_path_where_it_is_not_installed_with_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uv", None)
    with pytest.raises(NotFound, match="no uv here"):
        find_uv({"PATH": str(tmp_path)})
    (tmp_path / "uv").write_text("#!/bin/sh\n")
    (tmp_path / "uv").chmod(0o755)
    assert find_uv({"PATH": str(tmp_path)}) == str(tmp_path / "uv")


def test_locate() -> None:
    assert locate(SERIES).exists()


@pytest.mark.parametrize(
    ("version", "expected"), [("3.12.10", "3.12"), ("3.12", "3.12"), ("3.13.0t", "3.13t"), ("3.15.0rc1", "3.15")]
)
def test_series(version: str, expected: str) -> None:
    assert series(version) == expected
