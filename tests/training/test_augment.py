"""What a model sees of stored images."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from training.augment import plain, varied
from training.config import CONFIGS
from training.parallel import Chance, World

CPU = torch.device("cpu")
STILL = {"zoom": 0.0, "shift": 0.0, "turn": 0.0, "flip": False}


def seen(images: Tensor, side: int, chance: Chance | None = None, **given: Any) -> Tensor:
    config = CONFIGS["classifier"].make({"data": "synthetic", **STILL, "image_size": side, **given})
    return varied(images, config, chance or Chance(0, World(CPU)))


@pytest.fixture
def noise() -> Tensor:
    return torch.randint(0, 256, (16, 3, 64, 64), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def test_plain_is_from_minus_one_to_one() -> None:
    images = torch.tensor([0, 51, 255], dtype=torch.uint8).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    assert torch.allclose(plain(images, 4)[0, :, 0, 0], torch.tensor([-1.0, -0.6, 1.0]))
    assert torch.allclose(plain(images, 2)[0, :, 0, 0], torch.tensor([-1.0, -0.6, 1.0]))


def test_nothing_varied_is_plain(noise: Tensor) -> None:
    assert torch.equal(seen(noise, 64), plain(noise, 64))


def test_half_of_the_images_are_mirrored(noise: Tensor) -> None:
    whole, flipped = plain(noise, 64), seen(noise, 64, flip=True)
    mirrored = [bool(torch.equal(one, other.flip(-1))) for one, other in zip(flipped, whole, strict=True)]
    kept = [bool(torch.equal(one, other)) for one, other in zip(flipped, whole, strict=True)]
    assert [a != b for a, b in zip(mirrored, kept, strict=True)] == [True] * 16
    assert 3 < sum(mirrored) < 13


def test_a_small_turn_moves_pixels_by_an_angle() -> None:
    """A bright row through the middle of a square stays a row through the middle, and rises to one side."""
    images = torch.zeros(8, 1, 65, 65, dtype=torch.uint8)
    images[:, :, 31:34] = 255
    heights = (seen(images, 65, turn=10.0)[:, 0] + 1).argmax(1).float()  # (N, columns)
    assert ((heights[:, 32] - 32).abs() <= 1).all()
    angles = torch.rad2deg(torch.atan2(heights[:, 60] - heights[:, 4], torch.tensor(56.0)))
    assert angles.abs().max() < 11
    assert angles.std() > 2


def test_what_lies_outside_is_black() -> None:
    white = torch.full((8, 3, 32, 32), 255, dtype=torch.uint8)
    edges = seen(white, 32, shift=0.5)
    assert edges.min() == -1
    assert edges.max() == 1
    assert torch.allclose(seen(white, 32, zoom=0.5), torch.ones(1), atol=1e-6)  # a crop stays within its image


@pytest.mark.parametrize("given", [{"turn": 1e-3}, {"shift": 1e-5}, {"zoom": 0.3}], ids=lambda given: next(iter(given)))
def test_small_images_are_not_made_of_a_few_pixels(noise: Tensor, given: dict[str, float]) -> None:
    """Of noise, the mean of many pixels is near its mean, and one of a few is not."""
    few, many = seen(noise, 8, **given), plain(noise, 8)
    assert few.std() < 1.6 * many.std()


def test_processes_see_their_rows_as_one_would(noise: Tensor) -> None:
    given = {"zoom": 0.3, "turn": 10.0, "flip": True, "shift": 0.1}
    whole = seen(noise, 32, **given)
    parts = [seen(noise[8 * r : 8 * r + 8], 32, Chance(0, World(CPU, r, 2)), **given) for r in range(2)]
    assert torch.equal(torch.cat(parts), whole)
