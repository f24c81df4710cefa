"""Weights -> rectangles: the laws of a treemap."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagespec.emit.treemap import Rectangle, squarify

WEIGHTS = st.lists(st.floats(1, 1e10), min_size=1, max_size=40).map(lambda found: sorted(found, reverse=True))
INTO = st.builds(Rectangle, st.floats(-50, 50), st.floats(-50, 50), st.floats(1, 2000), st.floats(1, 2000))


@given(WEIGHTS, INTO)
def test_areas_are_the_weights_and_fill_all(weights: list[float], into: Rectangle) -> None:
    found = squarify(weights, into)
    whole = into.width * into.height
    for weight, place in zip(weights, found, strict=True):
        assert place.width * place.height == pytest.approx(whole * weight / sum(weights), rel=1e-6, abs=whole * 1e-9)
        assert place.x >= into.x - 1e-6
        assert place.y >= into.y - 1e-6
        assert place.x + place.width <= into.x + into.width + 1e-6
        assert place.y + place.height <= into.y + into.height + 1e-6
    for one, other in combinations(found, 2):
        wide = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
        high = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
        assert min(wide, high) < 1e-6


def test_the_example_of_its_authors() -> None:
    found = squarify([6, 6, 4, 3, 2, 2, 1], Rectangle(0, 0, 6, 4))
    assert [tuple(round(number, 2) for number in place) for place in found] == [
        (0, 0, 3, 2),
        (0, 2, 3, 2),
        (3, 0, 1.71, 2.33),
        (4.71, 0, 1.29, 2.33),
        (3, 2.33, 1.2, 1.67),
        (4.2, 2.33, 1.2, 1.67),
        (5.4, 2.33, 0.6, 1.67),
    ]


def test_nothing_and_nowhere() -> None:
    assert squarify([], Rectangle(0, 0, 1, 1)) == []
    assert squarify([1, 1], Rectangle(2, 3, 0, 5)) == [Rectangle(2, 3, 0, 0)] * 2
