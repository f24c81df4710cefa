"""Predictions and labels, real and drawn images -> figures: how often right, how sure, how far apart, how copied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from training import backbones
from training.config import TrainingError

# ------------------------------------------------------------------------------------------ classification


def accuracy(probabilities: Tensor, labels: Tensor) -> float:
    """Share of images (N, classes) whose most probable class is their label (N,)."""
    return float((probabilities.argmax(1) == labels).double().mean())


def confusion(probabilities: Tensor, labels: Tensor) -> Tensor:
    """(classes, classes): row the true class, column the named one, int64."""
    classes = probabilities.shape[1]
    return torch.bincount(labels * classes + probabilities.argmax(1), minlength=classes**2).view(classes, classes)


def per_class(confusion: Tensor) -> Tensor:
    """Accuracy on the images of each class (classes,); not a number where there are none."""
    return confusion.diagonal().double() / confusion.sum(1)


@dataclass(frozen=True)
class Bin:
    """The predictions of one range of confidence."""

    share: float
    """Of all predictions."""
    confidence: float
    """Their mean."""
    accuracy: float


def calibration(probabilities: Tensor, labels: Tensor, bins: int = 15) -> list[Bin]:
    """Confidence against accuracy, in `bins` ranges of equal width; empty ones are left out."""
    sure, named = probabilities.double().max(1)
    right = (named == labels).double()
    place = (sure * bins).long().clamp_max(bins - 1)
    groups = [place == index for index in range(bins) if bool((place == index).any())]
    return [Bin(float(g.double().mean()), float(sure[g].mean()), float(right[g].mean())) for g in groups]


def calibration_error(bins: list[Bin]) -> float:
    """Mean distance of confidence and accuracy, over predictions (ECE)."""
    return sum(each.share * abs(each.confidence - each.accuracy) for each in bins)


# ----------------------------------------------------------------------------------------------- generation


def features(name: str, device: torch.device) -> Callable[[Tensor], Tensor]:
    """A function from images (N, C, H, W) in -1..1 to features (N, D), float64.

    `pixels` are the images themselves, averaged down to 8x8 at most; every other name is a torchvision classifier.
    """
    if name == "pixels":
        return pixels
    extractor = backbones.extractor(name).to(device)

    @torch.no_grad()
    def measured(images: Tensor) -> Tensor:
        large = (F.interpolate(part.to(device), size=(224, 224), mode="bilinear") for part in images.split(64))
        return torch.cat([extractor(part).double().cpu() for part in large])

    return measured


def pixels(images: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C * 64) at most."""
    return F.adaptive_avg_pool2d(images, min(8, images.shape[-1])).flatten(1).double()


def frechet(one: Tensor, other: Tensor) -> float:
    """Fréchet distance of two normal distributions with the means and covariances of features (N, D), (M, D).

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1^1/2 C2 C1^1/2)^1/2). The inner matrix is symmetric and has no negative eigenvalues,
    so its root's trace is the sum of their roots, whatever the rank: fewer images than features are no trouble.
    """
    one, other = one.double(), other.double()
    c1, c2 = _covariance(one), _covariance(other)
    root = _root(c1)
    inner = root @ c2 @ root
    cross = torch.linalg.eigvalsh((inner + inner.T) / 2).clamp_min(0).sqrt().sum()
    return float((one.mean(0) - other.mean(0)).square().sum() + c1.trace() + c2.trace() - 2 * cross)


def _covariance(x: Tensor) -> Tensor:
    centred = x - x.mean(0)
    return centred.T @ centred / (len(x) - 1)


def _root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return vectors * values.clamp_min(0).sqrt() @ vectors.T


def kid(one: Tensor, other: Tensor) -> float:
    """Kernel inception distance: the unbiased squared discrepancy under (x.y / D + 1)^3, of features (N, D), (M, D)."""

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        return (x @ y.T / x.shape[1] + 1) ** 3

    def within(x: Tensor) -> Tensor:
        k = kernel(x, x)
        return (k.sum() - k.diagonal().sum()) / (len(x) * (len(x) - 1))

    one, other = one.double(), other.double()
    return float(within(one) + within(other) - 2 * kernel(one, other).mean())


def copies(train: Tensor, test: Tensor, samples: Tensor) -> dict[str, float]:
    """Whether samples are memorised images: their distance to the nearest training image, beside held-out images'.

    `nearest_ratio` is that of the medians: far below 1, samples are closer to the training images than new images are.
    `copies` is the share of samples nearer than all but one in a hundred held-out images: 0.01 is what chance gives.
    """
    train, test, samples = (pixels(images) for images in (train, test, samples))
    drawn, held_out = (torch.cdist(each, train).min(1).values for each in (samples, test))
    return {
        "nearest_ratio": float(drawn.median() / held_out.median()),
        "copies": float((drawn < held_out.quantile(0.01)).double().mean()),
    }


def named_correctly(train: Tensor, labels: Tensor, images: Tensor, expected: Tensor) -> float:
    """Share of `images` that an independent classifier, trained on real ones, takes for what they should be.

    scikit-learn's support vector machine on pixels: nothing that it knows comes from a network of ours.
    """
    try:
        from sklearn.svm import SVC
    except ImportError:
        raise TrainingError("the judge comes with scikit-learn, which is not here: pip install scikit-learn") from None
    judge = SVC(gamma="scale", C=10).fit(pixels(train).numpy(), labels.numpy())
    return float((torch.from_numpy(judge.predict(pixels(images).numpy())) == expected).double().mean())
