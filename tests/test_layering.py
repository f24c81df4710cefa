"""The code against the map of the house: a room imports from itself and from rooms before it, never from later ones."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import imagespec

PACKAGE = Path(imagespec.__file__).parent
ROOMS = (
    "masked",
    "diagnostic",
    "machine",
    "spec",
    "image",
    "lock",
    "code",
    "rules",
    "emit",
    "build",
    "adopt",
    "compiler",
    "fix",
    "cli",
)
EDGE = ("__init__", "__main__", "images")
"""What faces the users may import every room; of it, the rooms may know the version alone."""


def room(module: str) -> str:
    """`imagespec.spec.parse` lies in `spec`, `imagespec` itself in `__init__`."""
    return [*module.split("."), "__init__"][1]


def imports(file: Path) -> Iterator[tuple[int, str, str]]:
    """Line, module and name of each import of our own, those in functions and for type checkers too."""
    package = (PACKAGE.name, *file.parent.relative_to(PACKAGE).parts)
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found = [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else ()
            module = ".".join([*above, *([node.module] if node.module else [])])
            found = [
                (f"imagespec.{a.name}", "")
                if module == "imagespec" and room(f".{a.name}") in (*ROOMS, *EDGE)
                else (module, a.name)
                for a in node.names
            ]
        else:
            continue
        yield from ((node.lineno, module, name) for module, name in found if module.split(".")[0] == "imagespec")


FILES = sorted(PACKAGE.rglob("*.py"))


def test_every_file_lies_in_a_room() -> None:
    places = {file.relative_to(PACKAGE).parts[0].removesuffix(".py") for file in FILES}
    assert places <= {*ROOMS, *EDGE}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(PACKAGE).as_posix())
def test_imports_go_one_way(file: Path) -> None:
    here = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if here in EDGE:
        return
    allowed = ROOMS[: ROOMS.index(here) + 1]
    wrong = [
        f"line {line}: {module}"
        for line, module, name in imports(file)
        if room(module) not in allowed and name != "__version__"
    ]
    assert wrong == []
