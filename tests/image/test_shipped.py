"""The files that a layer brings, held against those that its digest sees."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagespec.image.files import in_folder, left_out, of_context
from imagespec.image.layers import Layer
from imagespec.image.shipped import shipped
from imagespec.spec import operations as ops

NAMES = ("a.py", "b/c.py", "b/d/e.txt", "b/d/.env", ".git/x/y", "z z.csv", "b.csv")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in NAMES:
        path = tmp_path / "code" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "code" / "link").symlink_to("b")
    return tmp_path / "code"


def names(operation: ops.AnyOperation, root: Path) -> list[str]:
    return sorted(file.name for file in shipped(Layer(operation=operation, origin=("x",)), root))


PATTERNS = [None, (), ("b",), ("**/*.py",), ("b", "!b/d/.env"), ("*", "!b"), (".git", "*.csv"), ("b/d/",), ("!a.py",)]


@pytest.mark.parametrize("ignore", PATTERNS)
def test_a_folder(folder: Path, ignore: tuple[str, ...] | None) -> None:
    operation = ops.AddLocalDir(local_path=folder, remote_path="/a", ignore=ignore)
    assert names(operation, folder) == sorted(name for name, _ in in_folder(folder, ignore))


LINES = [
    ["COPY . /a"],
    ["COPY b /a", "ADD *.csv /b/"],
    ["COPY a.py b/d /a/"],
    ["RUN x"],
    ["COPY nowhere /a"],
    ["COPY --from=x b /"],
]


@pytest.mark.parametrize("lines", LINES)
@pytest.mark.parametrize("ignore", PATTERNS)
def test_a_context(folder: Path, lines: list[str], ignore: tuple[str, ...] | None) -> None:
    patterns = left_out(folder, None, ignore)
    expected = sorted({name for name, _ in of_context(lines, folder, patterns)})
    given = ops.DockerfileCommands(dockerfile_commands=tuple(lines), context_dir=folder, ignore=ignore)
    assert sorted(set(names(given, folder))) == expected


def test_what_is_not_there(folder: Path) -> None:
    assert names(ops.AddLocalDir(local_path=folder / "nowhere", remote_path="/a"), folder) == []
    assert names(ops.AddLocalFile(local_path=folder / "nowhere", remote_path="/a"), folder) == []
    assert names(ops.AddLocalPythonSource(modules=("nowhere",), ignore=()), folder) == []
    assert names(ops.FromDockerfile(path=folder / "nowhere"), folder) == []
    assert names(ops.AddLocalDir(local_path=folder, remote_path="/a", ignore=("[",)), folder) == []
