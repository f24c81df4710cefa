"""Turns an oracle into pytest fixtures."""

from collections.abc import Iterator

import pytest

from . import Oracle


@pytest.fixture(scope="session")
def oracle() -> Iterator[Oracle]:
    """A Modal for the whole session, since the client in this process never lets go of its first one."""
    oracle = Oracle()
    oracle.start()
    yield oracle
    oracle.stop()


@pytest.fixture
def on_oracle(oracle: Oracle) -> Iterator[Oracle]:
    """The oracle as the Modal of this process for one test, with nothing built yet."""
    oracle.forget()
    with oracle.connected():
        yield oracle
