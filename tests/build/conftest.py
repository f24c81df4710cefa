"""The stand-in project of the conformance suite, for plans too; and a storage of containers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import bases
from tests.conformance.conftest import project_folder

__all__ = ["project_folder"]


@pytest.fixture(scope="session")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A storage for all tests here, with the stand-in bases to read."""
    if missing := bases.missing():
        pytest.skip(f"not installed: apt-get install {' '.join(missing)}")
    with bases.storage(tmp_path_factory.mktemp("containers"), images=[bases.made()]) as variables:
        yield variables
