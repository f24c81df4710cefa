"""The lines of a requirements file, as pip and uv understand them."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagespec.diagnostic import Source, Span
from imagespec.image.requirements import logical_lines


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
