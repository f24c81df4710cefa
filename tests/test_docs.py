"""The generated pages say what the code says."""

from __future__ import annotations

import pytest

from docs.generate import HERE, pages

PAGES = pages()


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_fresh(name: str) -> None:
    assert (HERE / name).read_text("utf-8") == PAGES[name], "run: python -m docs.generate"
