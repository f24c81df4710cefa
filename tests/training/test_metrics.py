"""Figures, against closed forms and by hand."""

from __future__ import annotations

import pytest
import torch

from training import metrics

DOUBLE = torch.float64


def test_accuracy_confusion_and_classes() -> None:
    probabilities = torch.tensor([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.6, 0.4, 0.0], [0.1, 0.9, 0.0]])
    labels = torch.tensor([0, 1, 1, 0])
    matrix = metrics.confusion(probabilities, labels)
    assert metrics.accuracy(probabilities, labels) == 0.5
    assert matrix.tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 0]]
    per_class = metrics.per_class(matrix)
    assert per_class[:2].tolist() == [0.5, 0.5]
    assert bool(per_class[2].isnan())


def test_calibration() -> None:
    """Ten predictions that are 95% sure and always right, ten that are 65% sure and right five times."""
    probabilities = torch.tensor([[0.95, 0.05]] * 10 + [[0.65, 0.35]] * 10)
    labels = torch.tensor([0] * 10 + [0, 1] * 5)
    bins = metrics.calibration(probabilities, labels, bins=10)
    assert [(each.share, each.accuracy) for each in bins] == [(0.5, 0.5), (0.5, 1.0)]
    assert metrics.calibration_error(bins) == pytest.approx(0.5 * 0.15 + 0.5 * 0.05, abs=1e-6)


def with_moments(mean: torch.Tensor, root: torch.Tensor, n: int = 4000) -> torch.Tensor:
    """Points (n, D) whose mean is `mean` and whose covariance is `root` squared, exactly."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, root.shape[0], generator=generator, dtype=DOUBLE)
    x = x - x.mean(0)
    values, vectors = torch.linalg.eigh(x.T @ x / (n - 1))
    return x @ (vectors * values.rsqrt()) @ vectors.T @ root + mean


def test_frechet_of_commuting_covariances() -> None:
    """|m1 - m2|^2 + sum of (s1 - s2)^2 of the deviations."""
    one = with_moments(torch.zeros(3, dtype=DOUBLE), torch.diag(torch.tensor([1.0, 2, 3], dtype=DOUBLE)))
    other = with_moments(torch.ones(3, dtype=DOUBLE), torch.diag(torch.tensor([2.0, 2, 1], dtype=DOUBLE)))
    assert metrics.frechet(one, other) == pytest.approx(3 + 1 + 0 + 4, abs=1e-9)


def test_frechet_of_covariances_that_do_not_commute() -> None:
    """Against the eigenvalues of the product, which is not symmetric."""
    generator = torch.Generator().manual_seed(1)
    roots = [torch.randn(4, 4, generator=generator, dtype=DOUBLE) for _ in range(2)]
    roots = [root @ root.T for root in roots]
    one, other = (with_moments(torch.zeros(4, dtype=DOUBLE), root) for root in roots)
    c1, c2 = (root @ root for root in roots)
    expected = c1.trace() + c2.trace() - 2 * torch.linalg.eigvals(c1 @ c2).real.sqrt().sum()
    assert metrics.frechet(one, other) == pytest.approx(float(expected), rel=1e-8)


@pytest.mark.parametrize("rank", [1, 3])
def test_frechet_where_the_covariance_has_no_full_rank(rank: int) -> None:
    """The defect: its square root of such a matrix was wrong. Fewer points than features, as with few samples."""
    dimensions = 64
    basis = torch.linalg.qr(torch.randn(dimensions, rank, dtype=DOUBLE)).Q
    inner = with_moments(torch.zeros(rank, dtype=DOUBLE), torch.eye(rank, dtype=DOUBLE), 50)
    one, other = inner @ basis.T, 3 * inner @ basis.T + 1
    assert metrics.frechet(one, other) == pytest.approx(dimensions + 4 * rank, rel=1e-6)
    assert metrics.frechet(one, one) == pytest.approx(0, abs=1e-6)


def test_kid_is_unbiased() -> None:
    """Of two halves of one distribution it is 0 on average, whatever the number of points; of others it is not."""
    generator = torch.Generator().manual_seed(0)

    def points(shift: float = 0.0) -> torch.Tensor:
        return torch.randn(30, 8, generator=generator, dtype=DOUBLE) + shift

    same = torch.tensor([metrics.kid(points(), points()) for _ in range(300)])
    assert abs(float(same.mean())) < 4 * float(same.std()) / 300**0.5
    assert metrics.kid(points(), points(1.0)) > 0.5


def test_kid_by_hand() -> None:
    one, other = torch.tensor([[1.0], [2.0]]), torch.tensor([[0.0], [3.0]])
    assert metrics.kid(one, other) == pytest.approx(3**3 + 1 - 2 * (1 + 1 + 4**3 + 7**3) / 4)


def test_memorised_images_are_noticed() -> None:
    generator = torch.Generator().manual_seed(0)
    train, test, drawn = (torch.randn(200, 1, 8, 8, generator=generator) for _ in range(3))
    fresh, copied = metrics.copies(train, test, drawn), metrics.copies(train, test, train[:50] + 0.01)
    assert fresh["copies"] < 0.05
    assert fresh["nearest_ratio"] == pytest.approx(1, abs=0.1)
    assert copied["copies"] == 1
    assert copied["nearest_ratio"] < 0.1


def test_large_images_are_measured_small() -> None:
    assert metrics.pixels(torch.zeros(2, 3, 64, 64)).shape == (2, 3 * 64)
    assert metrics.pixels(torch.zeros(2, 1, 8, 8)).shape == (2, 64)
