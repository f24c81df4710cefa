"""The learning rate of each step, and the average of the parameters."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from training.config import CONFIGS
from training.optimizer import Average, adamw, decay, learning_rate


def rates(steps: int, warmup: int) -> list[float]:
    return [learning_rate(step, steps=steps, warmup=warmup, peak=1.0) for step in range(steps)]


def test_up_a_line_and_down_a_cosine() -> None:
    found = rates(100, 20)
    assert max(found) == found[20] == 1
    assert all(a < b for a, b in itertools.pairwise(found[:21]))
    assert all(a > b for a, b in itertools.pairwise(found[20:]))
    assert found[60] == pytest.approx(0.5)
    assert 0 < found[-1] < 0.01
    assert found[0] > 0


@pytest.mark.parametrize(("steps", "warmup"), [(10, 10), (10, 100), (3, 1000), (2, 5)])
def test_a_run_shorter_than_its_warm_up_reaches_the_peak_and_comes_down(steps: int, warmup: int) -> None:
    """The defect: the schedule was still warming up when the run was over."""
    found = rates(steps, warmup)
    assert max(found) == 1
    assert found[-1] < 1 or steps == 2
    assert all(rate > 0 for rate in found)


@pytest.mark.parametrize("warmup", [0, 1, 50])
def test_a_run_of_one_step(warmup: int) -> None:
    """The defect: the schedule of one epoch divided by zero."""
    assert rates(1, warmup) == [1.0]


def test_the_average_forgets_the_beginning() -> None:
    """The defect: its decay was constant, and the meaningless first parameters weighed for thousands of steps."""
    decays = [decay(step, 0.999) for step in range(20_000)]
    assert decays[0] == pytest.approx(0.1)
    assert all(a <= b for a, b in itertools.pairwise(decays))
    assert decays[-1] == 0.999
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    average = Average(model)
    nn.init.ones_(model.weight)
    for step in range(30):
        average.follow(model, decay(step, 0.999))
    assert float(average.model.weight) > 0.99  # with a constant decay, it would be 0.03


def test_the_average_is_the_mean_that_it_says() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    average = Average(model)
    before = average.model.state_dict()["0.weight"].clone()
    with torch.no_grad():
        model[0].weight.add_(1)  # type: ignore[operator]
        model[1].running_mean.add_(3)  # type: ignore[operator]
    average.follow(model, 0.75)
    assert torch.allclose(average.model.state_dict()["0.weight"], before + 0.25)
    assert torch.equal(average.model.state_dict()["1.running_mean"], torch.full((2,), 3.0))
    assert not any(parameter.requires_grad for parameter in average.model.parameters())


def test_biases_and_norms_do_not_decay() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.GroupNorm(2, 4), nn.Flatten(), nn.Linear(4, 2))
    decaying, others = adamw(model, CONFIGS["classifier"].make({}), torch.device("cpu")).param_groups
    assert {parameter.dim() for parameter in decaying["params"]} == {2, 4}
    assert {parameter.dim() for parameter in others["params"]} == {1}
    assert (decaying["weight_decay"], others["weight_decay"]) == (0.05, 0)
