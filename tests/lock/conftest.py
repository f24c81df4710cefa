"""A workshop: a project with an index of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lock.index import Index
from tests.lock.workshop import Workshop


@pytest.fixture
def index() -> Iterator[Index]:
    with Index() as served:
        yield served


@pytest.fixture
def workshop(tmp_path: Path, index: Index, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    return Workshop(tmp_path, index, monkeypatch)
