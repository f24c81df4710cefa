"""The script that reads out of locks what packages bring and need, against an index on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.refresh_needs import TABLE, main, merged, rows, text
from tests.lock.index import Index


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    with Index() as served:
        for name, value in served.variables(tmp_path / "uv-cache").items():
            monkeypatch.setenv(name, value)
        yield served


def test_what_a_package_brings_and_needs_in_turn(index: Index, tmp_path: Path) -> None:
    index.add("scikit-learn", "1.5.2", requires=["numpy"], brings=["sklearn/__init__.py", "sklearn/tree.py"])
    index.add("numpy", "2.1.3", requires=["nvidia-thing"], brings=["numpy/__init__.py"])
    index.add("nvidia-thing", "1.0", brings=["nvidia/thing/lib/libthing.so"])
    assert rows("scikit-learn", tmp_path) == {
        "scikit-learn": {"brings": "sklearn", "needs": "numpy"},
        "numpy": {"brings": "numpy", "needs": "nvidia-thing"},
        "nvidia-thing": {"brings": "nvidia", "needs": ""},
    }


def test_a_package_of_an_earlier_day(index: Index, tmp_path: Path) -> None:
    index.add("a", "1.0", requires=["old"], uploaded="2024-06-01T00:00:00Z")
    index.add("a", "2.0", requires=["new"], uploaded="2025-06-01T00:00:00Z")
    index.add("old", "1.0", uploaded="2024-06-01T00:00:00Z")
    index.add("new", "1.0", uploaded="2025-06-01T00:00:00Z")
    assert rows("a", tmp_path)["a"]["needs"] == "new"
    assert rows("a", tmp_path, "2025-01-01")["a"]["needs"] == "old"


def test_one_that_cannot_be_locked_is_said_and_left_out(
    index: Index, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    index.add("a", "1.0", requires=["nowhere"])
    assert rows("a", tmp_path) == {}
    assert "nowhere" in capsys.readouterr().err


def test_the_table_gains_and_loses_nothing(index: Index, tmp_path: Path) -> None:
    table = tmp_path / "needs.json"
    known = {"a": {"brings": "a", "needs": "gone"}, "other": {"brings": "?", "needs": ""}}
    table.write_text(text(known))
    index.add("a", "1.0", requires=["b"], uploaded="2024-06-01T00:00:00Z", brings=["a/__init__.py", "extra.py"])
    index.add("b", "1.0", uploaded="2024-06-01T00:00:00Z")
    main(["a"], table)
    assert json.loads(table.read_text())["packages"] == {
        "a": {"brings": "a extra", "needs": "b gone"},
        "b": {"brings": "b", "needs": ""},
        "other": {"brings": "?", "needs": ""},
    }


def test_two_versions_together() -> None:
    one, other = {"brings": "a ?", "needs": "x y"}, {"brings": "a", "needs": "y z"}
    assert merged(one, other) == {"brings": "? a", "needs": "x y z"}


def test_the_table_is_as_it_was_written() -> None:
    table = json.loads(TABLE.read_text("utf-8"))
    assert text(table["packages"]) == TABLE.read_text("utf-8")
