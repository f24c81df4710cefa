"""Stored images -> what a model sees: scaled, for training cropped, shifted, turned and mirrored, all on the device."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from training.config import Config
from training.parallel import Chance


def plain(images: Tensor, side: int) -> Tensor:
    """uint8 (N, C, H, W) -> float (N, C, side, side) in -1..1."""
    x = images.float() / 127.5 - 1
    if x.shape[-1] == side:
        return x
    return F.interpolate(x, size=(side, side), mode="bilinear", antialias=True, align_corners=False)


def varied(images: Tensor, config: Config, chance: Chance) -> Tensor:
    """As `plain`, each image seen through a window of its own. What lies outside of an image is black."""
    side, rows = config.image_size, len(images)
    if not (config.zoom or config.shift or config.turn):
        x = plain(images, side)
        if config.flip:
            x = torch.where(chance.uniform(rows, 1, 1, 1) < 0.5, x.flip(-1), x)
        return x
    draws = chance.uniform(rows, 5)  # (N, 5)
    size = 1 - config.zoom * draws[:, 0]  # of the window, as a share of the image
    turn = math.radians(config.turn) * (2 * draws[:, 1] - 1)
    mirror = torch.where(draws[:, 2] < 0.5, -1.0, 1.0) if config.flip else torch.ones_like(turn)
    reach = 1 - size + 2 * config.shift  # how far the window's middle may lie from the image's
    middle = reach[:, None] * (2 * draws[:, 3:] - 1)  # (N, 2)
    cos, sin = size * turn.cos(), size * turn.sin()
    theta = torch.stack([mirror * cos, -sin, middle[:, 0], mirror * sin, cos, middle[:, 1]], 1)  # (N, 6)
    together = _IN_CACHE if images.device.type == "cpu" else rows
    parts = zip(images.split(together), theta.view(-1, 2, 3).split(together), strict=True)
    fine = math.ceil(side / (1 - config.zoom))
    return torch.cat([_through(part, windows, side, fine) for part, windows in parts])


_IN_CACHE = 8
"""Images whose floats a CPU's cache holds: 64 of 256 pixels at once take 2.5 times as long."""


def _through(images: Tensor, windows: Tensor, side: int, fine: int) -> Tensor:
    """uint8 (N, C, H, W) seen through affine windows (N, 2, 3) -> float (N, C, side, side) in -1..1.

    Of pixels that lie closer than those of the smallest window, a window would see a few and miss the others: larger
    images are first scaled to `fine` pixels, as `plain` scales.
    """
    x = images.float().div_(255)
    if x.shape[-1] > fine:
        x = F.interpolate(x, size=(fine, fine), mode="bilinear", antialias=True, align_corners=False)
    grid = F.affine_grid(windows, [*images.shape[:2], side, side], align_corners=False)
    return F.grid_sample(x, grid, padding_mode="zeros", align_corners=False).mul_(2).sub_(1)
