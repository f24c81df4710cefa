"""Weights -> rectangles of those areas that fill a larger one, as square as can be.

The squarified treemap of Bruls, Huizing and van Wijk (2000): rows are laid along the shorter side, and a row takes
another rectangle as long as that makes its worst one no worse.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Rectangle(NamedTuple):
    x: float
    y: float
    width: float
    height: float


def squarify(weights: Sequence[float], into: Rectangle) -> list[Rectangle]:
    """A rectangle a weight, in the same order. Weights are positive, and begin with the greatest."""
    if not weights or into.width <= 0 or into.height <= 0:
        return [Rectangle(into.x, into.y, 0, 0) for _ in weights]
    scale = into.width * into.height / sum(weights)
    areas = [weight * scale for weight in weights]
    found: list[Rectangle] = []
    while areas:
        side = min(into.width, into.height)
        count = 1
        while count < len(areas) and _worst(areas[: count + 1], side) <= _worst(areas[:count], side):
            count += 1
        row, areas = areas[:count], areas[count:]
        placed, into = _lay(row, into)
        found += placed
    return found


def _worst(row: Sequence[float], side: float) -> float:
    """How long the longest rectangle of a row is, compared with its width."""
    depth = sum(row) / side
    return max(max(area / depth**2, depth**2 / area) for area in row)


def _lay(row: Sequence[float], into: Rectangle) -> tuple[list[Rectangle], Rectangle]:
    """A row along the shorter side, and what is left beside it."""
    x, y, width, height = into
    total, done, placed = sum(row), 0.0, list[Rectangle]()
    if width >= height:
        depth = min(total / height, width)
        for area in row:
            placed.append(Rectangle(x, y + done / total * height, depth, area / total * height))
            done += area
        return placed, Rectangle(x + depth, y, width - depth, height)
    depth = min(total / width, height)
    for area in row:
        placed.append(Rectangle(x + done / total * width, y, area / total * width, depth))
        done += area
    return placed, Rectangle(x, y + depth, width, height - depth)
