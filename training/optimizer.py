"""Parameters and a step -> what changes them: AdamW, the learning rate of the step, the average that is kept."""

from __future__ import annotations

import copy
import math

import torch
from torch import nn

from training.config import Config


def adamw(model: nn.Module, config: Config, device: torch.device) -> torch.optim.AdamW:
    """AdamW that decays matrices and filters, not biases, norms and embeddings of single rows."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
    fused = device.type == "cuda"
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, config.beta2), fused=fused)


def learning_rate(step: int, *, steps: int, warmup: int, peak: float) -> float:
    """Of a step from 0: a line up to the peak, then half a cosine down to nearly 0 in the last step.

    The warm-up takes half of the run at most, so that even the shortest run reaches the peak and comes down.
    """
    warm = min(warmup, steps // 2)
    if step < warm:
        return peak * (step + 1) / (warm + 1)
    return peak * (1 + math.cos(math.pi * (step - warm) / (steps - warm))) / 2


def decay(step: int, limit: float) -> float:
    """Of the average after a step: short at first, so that the first parameters, which mean nothing, are forgotten."""
    return min(limit, (1 + step) / (10 + step))


class Average:
    """A copy of a model that follows its parameters slowly, and its buffers at once."""

    def __init__(self, model: nn.Module) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)

    @torch.no_grad()
    def follow(self, model: nn.Module, weight: float) -> None:
        """Keep `weight` of what was, take the rest from `model`."""
        torch._foreach_lerp_(list(self.model.parameters()), list(model.parameters()), 1 - weight)
        for mine, theirs in zip(self.model.buffers(), model.buffers(), strict=True):
            mine.copy_(theirs)
