"""The lines of a requirements file, as pip and uv understand them."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagespec.diagnostic import Source, Span
from imagespec.image.requirements import is_local, logical_lines


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a==1\n# no\n\n  b==2  # why\n", [("a==1", 1, 1), ("b==2", 4, 4)]),
        ("a==1 \\\n  --hash=x\nb\n", [("a==1    --hash=x", 1, 2), ("b", 3, 3)]),
        ("a==1 \\\n", [("a==1", 1, 2)]),
        ("a==1 \\", [("a==1", 1, 1)]),
        ("a\r\nb\r\n", [("a", 1, 1), ("b", 2, 2)]),
        ("\x1e/\n", [("/", 1, 1)]),
    ],
)
def test_logical_lines(text: str, expected: list[tuple[str, int, int]]) -> None:
    found = []
    for line in logical_lines(Source(Path("requirements.txt"), text)):
        assert isinstance(line.place, Span)
        found.append((line.text, line.place.line, line.place.end_line))
    assert found == expected


@pytest.mark.parametrize(
    ("text", "local"),
    [
        *(("six-1.0-py3-none-any.whl", True), ("six-1.0.tar.gz", True), ("six.zip[extra]", True), ("./six", True)),
        *(("lib/six", True), ("file:///six", True), ("six @ file:///six", True), ("six @ ./six", True), (".", True)),
        *(("six==1.0", False), ("six @ https://h/six.whl", False), ("git+https://h/a/b.git@v1", False)),
        *(("https://h/six-1.0.tar.gz", False), ("zipp", False), ("six; sys_platform == 'a/b'", False)),
    ],
)
def test_what_lies_on_a_machine(text: str, local: bool) -> None:
    assert is_local(text) is local
