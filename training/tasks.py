"""A config -> what is particular to one of the trainers: its model, its loss, what is measured when it is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training import backbones, flow, metrics, plots, speed
from training.augment import plain, varied
from training.config import ClassifierConfig, Config, DiTConfig, TrainingError
from training.data import Pack, Split
from training.dit import DiT
from training.parallel import Chance

AT_ONCE = 256
"""Images that are evaluated together."""
AT_MOST = 4000
"""Images that distances are measured on: their cost grows with the square."""


class Task(Protocol):
    """What the loop and the commands need to know."""

    @property
    def config(self) -> Config: ...
    @property
    def pack(self) -> Pack: ...
    @property
    def memory_format(self) -> torch.memory_format: ...
    def model(self, *, pretrained: bool = True) -> nn.Module:
        """Fresh, on the CPU; without `pretrained`, not even with the weights that the config asks for.

        Raises:
            TrainingError: a backbone cannot be had, or does not take images of this size.
        """

    def example(self) -> tuple[Tensor, ...]:
        """What the model is called with, for a batch."""

    def loss(self, model: nn.Module, images: Tensor, labels: Tensor, chance: Chance) -> Tensor:
        """The mean over images, uint8 (N, C, H, W), and their labels (N,)."""

    def finish(self, model: nn.Module, folder: Path, device: torch.device) -> dict[str, Any]:
        """What a training run ends with: a figure or a picture."""

    def evaluate(self, model: nn.Module, folder: Path, device: torch.device) -> dict[str, Any]:
        """Everything that is measured. Writes pictures into `folder`."""

    def sample(self, model: nn.Module, folder: Path, device: torch.device) -> dict[str, Any]:
        """Shows what the model does. Writes pictures into `folder`."""


class Classifier:
    """Names the class of an image."""

    memory_format = torch.channels_last

    def __init__(self, config: ClassifierConfig, pack: Pack) -> None:
        self.config, self.pack = config, pack

    def model(self, *, pretrained: bool = True) -> nn.Module:
        config = self.config
        model = backbones.classifier(
            config.backbone, self.pack.channels, len(self.pack.classes), pretrained=config.pretrained and pretrained
        )
        try:
            speed.flops(model, self.example())
        except (RuntimeError, ValueError, AssertionError) as error:
            why = str(error).strip().partition("\n")[0]
            raise TrainingError(
                f"`backbone={config.backbone}` does not take images of `image_size={config.image_size}` ({why}): take "
                "another `--image-size` or `--backbone`"
            ) from None
        return model

    def example(self) -> tuple[Tensor, ...]:
        side = self.config.image_size
        return (torch.zeros(self.config.batch, self.pack.channels, side, side),)

    def loss(self, model: nn.Module, images: Tensor, labels: Tensor, chance: Chance) -> Tensor:
        logits = model(varied(images, self.config, chance))  # (N, classes)
        return F.cross_entropy(logits, labels, label_smoothing=self.config.label_smoothing)

    def finish(self, model: nn.Module, folder: Path, device: torch.device) -> dict[str, Any]:
        return {"accuracy": metrics.accuracy(*self._probabilities(model, self.pack.test, device))}

    def evaluate(self, model: nn.Module, folder: Path, device: torch.device) -> dict[str, Any]:
        probabilities, labels = self._probabilities(model, self.pack.test, device)
        confusion = metrics.confusion(probabilities, labels)
        bins = metrics.calibration(probabilities, labels)
        plots.confusion(confusion, self.pack.classes, folder / "confusion.png")
        plots.calibration(bins, folder / "calibration.png")
        per_class = metrics.per_class(confusion)
        known = per_class[~per_class.isnan()]  # a class without test images has no accuracy
        return {
            "images": len(labels),
            "accuracy": metrics.accuracy(probabilities, labels),
            "mean_per_class_accuracy": float(known.mean()),
            "per_class_accuracy": {
                name: None if value.isnan() else float(value)
                for name, value in zip(self.pack.classes, per_class, strict=True)
            },
            "calibration_error": metrics.calibration_error(bins),
            "confusion": confusion.tolist(),
        }

    def sample(self, model: nn.Module, folder: Path, device: torch.device) -> dict[str, Any]:
        few = Split(self.pack.test.images[:40], self.pack.test.labels[:40])
        probabilities, labels = self._probabilities(model, few, device)
        named = [self.pack.classes[int(index)] for index in probabilities.argmax(1)]
        right = [bool(index == label) for index, label in zip(probabilities.argmax(1), labels, strict=True)]
        images = few.images.permute(0, 3, 1, 2)
        plots.named(images, named, right, folder / "predictions.png")
        return {"picture": str(folder / "predictions.png"), "right": sum(right), "of": len(right)}

    @torch.no_grad()
    def _probabilities(self, model: nn.Module, split: Split, device: torch.device) -> tuple[Tensor, Tensor]:
        """(N, classes) and labels (N,), on the CPU."""
        model = model.to(device).eval()
        parts = []
        for images in split.images.split(AT_ONCE):
            logits = model(plain(images.to(device).permute(0, 3, 1, 2), self.config.image_size))
            parts.append(logits.float().softmax(1).cpu())
        return torch.cat(parts), split.labels


class Diffusion:
    """Draws images of a class."""

    memory_format = torch.contiguous_format

    def __init__(self, config: DiTConfig, pack: Pack) -> None:
        config.must_fit(pack.channels)
        self.config, self.pack = config, pack
        self.null = len(pack.classes)

    def model(self, *, pretrained: bool = True) -> nn.Module:
        config = self.config
        return DiT(
            image_size=config.image_size, channels=self.pack.channels, classes=self.null, patch=config.patch,
            width=config.width, depth=config.depth, heads=config.heads,
        )  # fmt: skip

    def example(self) -> tuple[Tensor, ...]:
        config = self.config
        images = torch.zeros(config.batch, self.pack.channels, config.image_size, config.image_size)
        return images, torch.zeros(config.batch), torch.zeros(config.batch, dtype=torch.long)

    def loss(self, model: nn.Module, images: Tensor, labels: Tensor, chance: Chance) -> Tensor:
        config, x = self.config, varied(images, self.config, chance)
        drop, predict = config.drop_label, config.predict
        return flow.loss(model, x, labels, chance, null=self.null, drop=drop, predict=predict)

    def finish(self, model: nn.Module, folder: Path, device: torch.device) -> dict[str, Any]:
        return self.sample(model, folder, device)

    def sample(self, model: nn.Module, folder: Path, device: torch.device) -> dict[str, Any]:
        labels = torch.arange(len(self.pack.classes)).repeat_interleave(self.config.per_class)
        images = self._draw(model, labels, device)
        plots.grid(images, self.config.per_class, folder / "samples.png")
        return {"picture": str(folder / "samples.png"), "rows": list(self.pack.classes)}

    def evaluate(self, model: nn.Module, folder: Path, device: torch.device) -> dict[str, Any]:
        """As many samples as held-out images, of the same classes, each measured beside the held-out images."""
        measured = metrics.features(self.config.features, device)  # before the drawing, which takes longest
        held_out = Split(self.pack.test.images[:AT_MOST], self.pack.test.labels[:AT_MOST])
        samples = self._draw(model, held_out.labels, device)
        real, test = (self._real(split, device) for split in (Split(*_few(self.pack.train)), held_out))
        of_real, of_test, of_samples = (measured(images) for images in (real, test, samples))
        rows = _rows(samples, held_out.labels, len(self.pack.classes), self.config.per_class)
        plots.grid(rows, self.config.per_class, folder / "drawn.png")
        result: dict[str, Any] = {
            "images": len(samples),
            "features": self.config.features,
            "frechet": metrics.frechet(of_real, of_samples),
            "frechet_floor": metrics.frechet(of_real, of_test),
            "kid": metrics.kid(of_real, of_samples),
            "kid_floor": metrics.kid(of_real, of_test),
            **metrics.copies(real, test, samples),
        }
        if self.pack.name == "digits":
            train = self._real(self.pack.train, device)
            named = metrics.named_correctly(train, self.pack.train.labels, samples, held_out.labels)
            floor = metrics.named_correctly(train, self.pack.train.labels, test, held_out.labels)
            result |= {"named_correctly": named, "named_correctly_floor": floor}
        return result

    def _real(self, split: Split, device: torch.device) -> Tensor:
        parts = split.images.permute(0, 3, 1, 2).split(AT_ONCE)
        return torch.cat([plain(part.to(device), self.config.image_size).cpu() for part in parts])

    @torch.no_grad()
    def _draw(self, model: nn.Module, labels: Tensor, device: torch.device) -> Tensor:
        """One image in -1..1 for each of `labels`: (N, C, H, W), on the CPU. The same for the same seed."""
        config, model = self.config, model.to(device).eval()
        random = torch.Generator().manual_seed(config.seed)
        shape = (len(labels), self.pack.channels, config.image_size, config.image_size)
        noise = torch.randn(shape, generator=random)
        parts = []
        for z, classes in zip(noise.split(AT_ONCE), labels.split(AT_ONCE), strict=True):
            field = flow.guided(
                model, classes.to(device), null=self.null, guidance=config.guidance, predict=config.predict
            )
            parts.append(flow.sample(field, z.to(device), config.sampler, config.sampling_steps).float().cpu())
        return torch.cat(parts)


def _rows(images: Tensor, labels: Tensor, classes: int, columns: int) -> Tensor:
    """The first `columns` images of each class, (classes * columns, C, H, W): white where there are fewer."""
    rows = images.new_ones(classes, columns, *images.shape[1:])
    for label, row in enumerate(rows):
        first = images[labels == label][:columns]
        row[: len(first)] = first
    return rows.flatten(0, 1)


def _few(split: Split) -> tuple[Tensor, Tensor]:
    """An even choice of at most `AT_MOST` images."""
    every = max(1, -(-len(split.labels) // AT_MOST))
    return split.images[::every], split.labels[::every]


def task(config: Config, pack: Pack) -> Task:
    """The task that a config is of. Raises `TrainingError` where it does not go with the pack."""
    match config:
        case ClassifierConfig():
            return Classifier(config, pack)
        case DiTConfig():
            return Diffusion(config, pack)
        case _:
            raise AssertionError(f"no task for {type(config).__name__}")
