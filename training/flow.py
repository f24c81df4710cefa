"""Clean images and a model -> the loss of flow matching; noise and a velocity field -> samples.

Time runs from noise at 0 to images at 1 along straight lines, z = t x + (1 - t) noise, whose velocity is x - noise. A
model that predicts x has its error weighed as an error of the velocity, since a token that is wider than the model
cannot carry noise through it: Li and He, "Back to Basics: Let Denoising Generative Models Denoise" (2025).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
from torch import Tensor, nn

from training.parallel import Chance

NEAREST = 0.05
"""How close to 1 the time counts in the loss: errors there are divided by what is left of it."""

Field = Callable[[Tensor, Tensor], Tensor]
"""z (N, ...), t (N,) -> dz/dt (N, ...)."""


def mix(x: Tensor, noise: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """What the model sees at time t (N,), and the velocity there; both as x, (N, ...)."""
    t = _beside(t, x)
    return t * x + (1 - t) * noise, x - noise


def velocity(predicted: Tensor, z: Tensor, t: Tensor, predict: str, nearest: float = NEAREST) -> Tensor:
    """The velocity that a model's output stands for; at least `nearest` of the time is taken to be left."""
    if predict == "v":
        return predicted
    return (predicted - z) / (1 - _beside(t, z)).clamp_min(nearest)


def loss(
    model: nn.Module, x: Tensor, labels: Tensor, chance: Chance, *, null: int, drop: float, predict: str
) -> Tensor:
    """Mean squared error of the velocity at random times; `drop` of the images lose their class to `null`."""
    rows = len(x)
    t = torch.sigmoid(0.8 * chance.normal(rows) - 0.4)  # more of the times at which there is something to decide
    labels = torch.where(chance.uniform(rows) < drop, null, labels)
    z, target = mix(x, chance.normal(*x.shape), t)
    # an error in x is the same error in v, divided by the time left: the same division on both sides of the difference
    if predict == "x":
        target = (x - z) / (1 - _beside(t, z)).clamp_min(NEAREST)
    return (velocity(model(z, t, labels).float(), z, t, predict) - target).square().mean()


def guided(model: nn.Module, labels: Tensor, *, null: int, guidance: float, predict: str) -> Field:
    """The model's velocity field for these classes (N,): `guidance` times as far from no class as the class is."""

    def field(z: Tensor, t: Tensor) -> Tensor:
        if guidance == 1:
            return velocity(model(z, t, labels), z, t, predict, nearest=1e-6)
        both = model(torch.cat([z, z]), torch.cat([t, t]), torch.cat([labels, torch.full_like(labels, null)]))
        with_class, without = (velocity(out, z, t, predict, nearest=1e-6) for out in both.chunk(2))
        return without + guidance * (with_class - without)

    return field


def euler(field: Field, z: Tensor, t: float, until: float) -> Tensor:
    """One step of first order."""
    return z + (until - t) * field(z, _times(t, z))


def heun(field: Field, z: Tensor, t: float, until: float) -> Tensor:
    """One step of second order: the mean of the slopes at both ends."""
    slope = field(z, _times(t, z))
    ahead = field(z + (until - t) * slope, _times(until, z))
    return z + (until - t) * (slope + ahead) / 2


SAMPLERS: dict[str, Callable[[Field, Tensor, float, float], Tensor]] = {"euler": euler, "heun": heun}


def integrate(field: Field, z: Tensor, sampler: str, times: list[float]) -> Tensor:
    """Follow the field from the first of `times` to the last."""
    for t, until in itertools.pairwise(times):
        z = SAMPLERS[sampler](field, z, t, until)
    return z


@torch.no_grad()
def sample(field: Field, noise: Tensor, sampler: str, steps: int) -> Tensor:
    """Images in -1..1 from noise. The last step is Euler's: at time 1 the velocity is no more than a limit."""
    times = [step / steps for step in range(steps + 1)]
    z = integrate(field, noise, sampler, times[:-1])
    return integrate(field, z, "euler", times[-2:]).clamp(-1, 1)


def _times(t: float, z: Tensor) -> Tensor:
    return torch.full((len(z),), t, device=z.device, dtype=z.dtype)


def _beside(t: Tensor, x: Tensor) -> Tensor:
    """(N,) -> (N, 1, ...), to be multiplied with x."""
    return t.view(-1, *([1] * (x.dim() - 1)))
