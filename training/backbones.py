"""The name of a backbone -> a classifier: torchvision's, with their weights, or a small one of our own.

The only module that needs torchvision, and only where one of its models is asked for.
"""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from training.config import TrainingError, did_you_mean


class SmallNet(nn.Module):
    """Convolutions with residuals, for small images. Normalises per image, so it computes the same in any batch."""

    def __init__(self, channels: int, classes: int, width: int = 64) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, width, 3, padding=1)
        self.blocks = nn.ModuleList([_Block(width, width), _Block(width, 2 * width), _Block(2 * width, 2 * width)])
        self.head = nn.Linear(2 * width, classes)

    def forward(self, x: Tensor) -> Tensor:  # (N, C, H, W)
        x = self.stem(x)
        for index, block in enumerate(self.blocks):
            x = block(F.max_pool2d(x, 2) if index == 1 else x)  # (N, D, H/2, W/2)
        logits: Tensor = self.head(F.gelu(x).mean((2, 3)))
        return logits  # (N, classes)


class _Block(nn.Module):
    def __init__(self, fan_in: int, fan_out: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.GroupNorm(8, fan_in), nn.GroupNorm(8, fan_out)])
        self.first = nn.Conv2d(fan_in, fan_out, 3, padding=1)
        self.second = nn.Conv2d(fan_out, fan_out, 3, padding=1)
        self.skip = nn.Conv2d(fan_in, fan_out, 1) if fan_in != fan_out else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(F.gelu(self.norms[0](x)))
        y = self.second(F.gelu(self.norms[1](y)))
        out: Tensor = self.skip(x) + y
        return out


class Normalised(nn.Module):
    """A torchvision model that is given images in -1..1, grey ones too, scaled as ImageNet's were."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        import torch

        self.model = model
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:  # (N, 1 or 3, H, W)
        y: Tensor = self.model(((x.expand(-1, 3, -1, -1) + 1) / 2 - self.mean) / self.deviation)
        return y  # (N, classes or features)


def classifier(name: str, channels: int, classes: int, *, pretrained: bool) -> nn.Module:
    """A model from images (N, C, H, W) in -1..1 to logits (N, classes).

    Raises:
        TrainingError: there is no such backbone, torchvision cannot be imported, or its weights cannot be fetched.
    """
    if name == "small":
        return SmallNet(channels, classes)
    model = _torchvision(name, pretrained=pretrained)
    parent, leaf = _last_linear(name, model)
    setattr(parent, leaf, nn.Linear(getattr(parent, leaf).in_features, classes))
    return Normalised(model)


def extractor(name: str) -> nn.Module:
    """A pretrained model from images (N, C, H, W) in -1..1 to its features before the last layer (N, D)."""
    model = _torchvision(name, pretrained=True)
    parent, leaf = _last_linear(name, model)
    setattr(parent, leaf, nn.Identity())
    return Normalised(model).eval()


def _torchvision(name: str, *, pretrained: bool) -> nn.Module:
    try:
        from torchvision import models
    except (ImportError, RuntimeError) as error:  # its operators are missing where torch is of another build
        raise TrainingError(
            f"torchvision cannot be imported beside this torch ({error}): install a pair that goes together, "
            "or take `--backbone small --no-pretrained`"
        ) from None
    known = models.list_models(models)
    if name not in known:
        raise TrainingError(f"torchvision has no classifier `{name}`{did_you_mean(name, [*known, 'small'])}")
    weights: Any = "DEFAULT" if pretrained else None
    try:
        model: nn.Module = models.get_model(name, weights=weights)
    except (OSError, RuntimeError) as error:  # no network; another checksum than the published one
        if not pretrained:
            raise
        raise TrainingError(
            f"the pretrained weights of `{name}` cannot be fetched ({error}): `--no-pretrained` trains without them, "
            "and `--features pixels` measures without them"
        ) from None
    return model


def _last_linear(name: str, model: nn.Module) -> tuple[nn.Module, str]:
    """Where the layer is that names the classes: its parent, and its name there."""
    found = [path for path, module in model.named_modules() if isinstance(module, nn.Linear)]
    if not found or hasattr(model, "aux_logits"):
        raise TrainingError(f"`{name}` does not end in one linear layer: take another backbone, such as `resnet50`")
    above, _, leaf = found[-1].rpartition(".")
    return model.get_submodule(above), leaf
