"""Noisy images, times and classes -> a prediction of the clean image, or of the velocity: a diffusion transformer.

After Peebles and Xie, "Scalable Diffusion Models with Transformers" (2023): adaLN-Zero, sin-cos positions.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def patchify(x: Tensor, patch: int) -> Tensor:
    """(N, C, H, W) -> (N, T, C * patch * patch), T running over rows of patches."""
    n, c, h, w = x.shape
    x = x.reshape(n, c, h // patch, patch, w // patch, patch)
    return x.permute(0, 2, 4, 1, 3, 5).reshape(n, (h // patch) * (w // patch), c * patch * patch)


def unpatchify(tokens: Tensor, patch: int, channels: int) -> Tensor:
    """The inverse of `patchify`, for square images."""
    n, t, _ = tokens.shape
    side = math.isqrt(t)
    x = tokens.reshape(n, side, side, channels, patch, patch)
    return x.permute(0, 3, 1, 4, 2, 5).reshape(n, channels, side * patch, side * patch)


def waves(positions: Tensor, width: int) -> Tensor:
    """(...,) -> (..., width): cosines and sines whose wavelengths grow from 2 pi to 10,000 times that."""
    frequencies = torch.exp(-math.log(10_000) / (width // 2) * torch.arange(width // 2, device=positions.device))
    angles = positions[..., None].float() * frequencies
    return torch.cat([angles.cos(), angles.sin()], -1)


def grid_positions(side: int, width: int) -> Tensor:
    """(side * side, width): half of each row says in which row of the grid a token is, half in which column."""
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    return torch.cat([waves(rows.flatten(), width // 2), waves(columns.flatten(), width // 2)], -1)


class Block(nn.Module):
    """Attention and a perceptron, each scaled, shifted and gated by the condition. Starts as the identity."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.norm2 = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)
        self.modulation = nn.Linear(width, 6 * width)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:  # (N, T, D), (N, D)
        n, t, d = x.shape
        shift1, scale1, gate1, shift2, scale2, gate2 = self.modulation(condition)[:, None].chunk(6, -1)  # (N, 1, D)
        y = self.norm1(x) * (1 + scale1) + shift1
        q, k, v = (
            self.qkv(y).view(n, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        )  # (N, heads, T, D/heads)
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, t, d)
        x = x + gate1 * self.out(y)
        y = self.norm2(x) * (1 + scale2) + shift2
        return x + gate2 * self.down(F.gelu(self.up(y), approximate="tanh"))


class DiT(nn.Module):
    """`classes` has one row more than there are classes: the last is the null class, of no image at all."""

    positions: Tensor

    def __init__(
        self, *, image_size: int, channels: int, classes: int, patch: int, width: int, depth: int, heads: int
    ) -> None:
        super().__init__()
        self.patch, self.channels, self.width, self.null = patch, channels, width, classes
        self.embed = nn.Linear(channels * patch * patch, width)
        self.register_buffer("positions", grid_positions(image_size // patch, width), persistent=False)
        self.time = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.classes = nn.Embedding(classes + 1, width)
        self.blocks = nn.ModuleList([Block(width, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.modulation = nn.Linear(width, 2 * width)
        self.head = nn.Linear(width, channels * patch * patch)
        self._begin()

    def _begin(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        nn.init.normal_(self.classes.weight, std=0.02)
        for index in (0, 2):
            nn.init.normal_(self.time.get_submodule(str(index)).weight, std=0.02)  # type: ignore[arg-type]
        modulations = [block.modulation for block in self.blocks if isinstance(block, Block)]
        for linear in (*modulations, self.modulation, self.head):  # adaLN-Zero: every block is the identity at first
            nn.init.zeros_(linear.weight)
            nn.init.zeros_(linear.bias)

    def forward(self, z: Tensor, t: Tensor, labels: Tensor) -> Tensor:
        """z (N, C, H, W), t (N,) in 0..1, labels (N,) -> (N, C, H, W)."""
        x = self.embed(patchify(z, self.patch)) + self.positions  # (N, T, D)
        condition = self.time(waves(1000 * t, self.width)) + self.classes(labels)  # (N, D)
        condition = F.silu(condition)
        for block in self.blocks:
            x = block(x, condition)
        shift, scale = self.modulation(condition)[:, None].chunk(2, -1)
        return unpatchify(self.head(self.norm(x) * (1 + scale) + shift), self.patch, self.channels)
