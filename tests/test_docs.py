"""The generated pages say what the code says."""

from __future__ import annotations

import json

import pytest

from docs.generate import HERE, pages

PAGES = pages()


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_fresh(name: str) -> None:
    read = json.loads if name.endswith(".json") else str  # pydantic's versions order keywords in their own ways
    assert read((HERE / name).read_text("utf-8")) == read(PAGES[name]), "run: python -m docs.generate"
