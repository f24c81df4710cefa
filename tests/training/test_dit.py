"""The transformer and its flow, held against everything that kept the seed's from learning."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from training import dit, flow
from training.parallel import Chance, World

N = 8
WORLD = World(torch.device("cpu"))


def model(*, blank: bool = False, seed: int = 0) -> dit.DiT:
    """Over images of 1x8x8 in 16 patches, with 3 classes. Unless `blank`, nothing in it is zero any more."""
    torch.manual_seed(seed)
    made = dit.DiT(image_size=8, channels=1, classes=3, patch=2, width=32, depth=2, heads=2)
    if not blank:
        for parameter in made.parameters():
            torch.nn.init.normal_(parameter, std=0.2)
    return made


def inputs() -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.randn(N, 1, 8, 8), torch.rand(N), torch.randint(0, 3, (N,))


def loss(
    of: torch.nn.Module, x: Tensor, labels: Tensor, predict: str = "x", seed: int = 0, drop: float = 0.1
) -> Tensor:
    return flow.loss(of, x, labels, Chance(seed, WORLD), null=3, drop=drop, predict=predict)


# ------------------------------------------------------------------------------------- the seed's defects


@pytest.mark.parametrize("predict", ["x", "v"])
def test_the_target_is_not_zero(predict: str) -> None:
    """The defect: the images were both ends of the flow, so the loss was 0 and so was every gradient."""
    x, _, labels = inputs()
    of = model(blank=True)
    value = loss(of, x, labels, predict)
    value.backward()
    assert float(value.detach()) > 0.5
    assert float(of.head.weight.grad.norm()) > 1e-3  # type: ignore[union-attr]
    _, target = flow.mix(x, torch.zeros_like(x), torch.rand(N))
    assert torch.equal(target, x)


@pytest.mark.parametrize("predict", ["x", "v"])
def test_it_learns(predict: str) -> None:
    """Two images, one a class: what is drawn of a class is its image."""
    of = dit.DiT(image_size=8, channels=1, classes=2, patch=2, width=32, depth=2, heads=2)
    torch.manual_seed(0)
    images = torch.randn(2, 1, 8, 8).sign() * 0.8
    labels = torch.arange(2).repeat(16)
    chance = Chance(0, WORLD)
    optimizer = torch.optim.AdamW(of.parameters(), lr=4e-3)
    losses = []
    for _ in range(250):
        value = flow.loss(of, images[labels], labels, chance, null=2, drop=0.1, predict=predict)
        value.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(value.detach()))
    assert sum(losses[-20:]) < 0.5 * sum(losses[:20])
    field = flow.guided(of.eval(), labels, null=2, guidance=1.5, predict=predict)
    drawn = flow.sample(field, torch.randn(32, 1, 8, 8), "heun", 20)
    nearest = torch.cdist(drawn.flatten(1), images.flatten(1)).argmin(1)
    assert float((nearest == labels).float().mean()) > 0.9


def test_tokens_know_where_they_are() -> None:
    """The defect: without positions, swapped patches gave the swapped output, and nothing could be drawn in place."""
    z, t, labels = inputs()
    of, order = model(), torch.randperm(16)

    def swapped(images: Tensor) -> Tensor:
        return dit.unpatchify(dit.patchify(images, 2)[:, order], 2, 1)

    with torch.no_grad():
        one, other = of(swapped(z), t, labels), swapped(of(z, t, labels))
        of.positions.zero_()
        blind = of(swapped(z), t, labels), swapped(of(z, t, labels))
    assert float((one - other).abs().max()) > 0.1
    assert float((blind[0] - blind[1]).abs().max()) < 1e-4


def test_every_position_has_its_own_code() -> None:
    codes = dit.grid_positions(8, 32)
    assert codes.shape == (64, 32)
    assert float((torch.cdist(codes, codes) + 9 * torch.eye(64)).min()) > 0.1


@pytest.mark.parametrize("channels", [1, 3])
def test_unpatchify_is_the_inverse(channels: int) -> None:
    """The defect: tokens were scattered over the image."""
    x = torch.randn(2, channels, 12, 12)
    tokens = dit.patchify(x, 4)
    assert tokens.shape == (2, 9, channels * 16)
    assert torch.equal(tokens[0, 5], x[0, :, 4:8, 8:12].flatten())
    assert torch.equal(dit.unpatchify(tokens, 4, channels), x)


def test_times_are_told_apart() -> None:
    """The defect: times of 0..1 went into an embedding for 0..1000, and were all but the same."""
    times = torch.linspace(0, 1, 11)
    right, wrong = dit.waves(1000 * times, 32), dit.waves(times, 32)
    neighbours = [F.cosine_similarity(codes[:-1], codes[1:]).min() for codes in (right, wrong)]
    assert float(neighbours[0]) < 0.8
    assert float(neighbours[1]) > 0.99
    seen: list[Tensor] = []
    of = model()
    of.time.register_forward_pre_hook(lambda _module, given: seen.append(given[0]))
    z, _, labels = inputs()
    of(z[:2], torch.tensor([0.1, 0.2]), labels[:2])
    assert torch.equal(seen[0], dit.waves(torch.tensor([100.0, 200.0]), 32))


def test_the_null_class_is_no_class_and_is_trained() -> None:
    """The defect: "no class" was one of the classes, and no image was ever trained without its own."""
    of = model()
    assert of.null == 3
    assert of.classes.num_embeddings == 4
    x, _, labels = inputs()
    seen: list[Tensor] = []
    of.classes.register_forward_pre_hook(lambda _module, given: seen.append(given[0]))
    chance = Chance(0, WORLD)
    for _ in range(200):
        with torch.no_grad():
            flow.loss(of, x, labels, chance, null=3, drop=0.1, predict="x")
    dropped = torch.stack(seen) == 3
    assert 0.06 < float(dropped.float().mean()) < 0.14
    assert torch.equal(torch.stack(seen)[~dropped], labels.expand(200, N)[~dropped])
    loss(of, x, labels, drop=0.999).backward()
    gradient = of.classes.weight.grad
    assert gradient is not None
    assert float(gradient[3].norm()) > 0


def test_it_begins_as_nothing() -> None:
    """The defect: adaLN was not zero-initialised. Every block is the identity at first, and the output is 0."""
    z, t, labels = inputs()
    of = model(blank=True)
    assert torch.equal(of(z, t, labels), torch.zeros_like(z))
    x, condition = torch.randn(N, 16, 32), torch.randn(N, 32)
    for block in of.blocks:
        assert torch.equal(block(x, condition), x)


# ---------------------------------------------------------------------------------------- model and field


def test_classes_and_times_matter() -> None:
    z, t, labels = inputs()
    of = model()
    with torch.no_grad():
        assert float((of(z, t, labels) - of(z, t, (labels + 1) % 3)).abs().max()) > 1e-2
        assert float((of(z, t, labels) - of(z, 1 - t, labels)).abs().max()) > 1e-2


def test_a_perfect_prediction_has_no_loss() -> None:
    x, _, labels = inputs()

    class Knows(torch.nn.Module):
        def forward(self, z: Tensor, t: Tensor, labels: Tensor) -> Tensor:
            return x

    assert float(loss(Knows(), x, labels)) == 0


def test_an_error_in_x_is_weighed_as_one_of_the_velocity() -> None:
    x, _, _ = inputs()
    noise, t = torch.randn_like(x), torch.full((N,), 0.75)
    z, target = flow.mix(x, noise, t)
    assert torch.allclose(flow.velocity(x, z, t, "x"), target, atol=1e-5)
    assert torch.allclose(flow.velocity(x + 0.1, z, t, "x") - target, torch.full_like(x, 0.4), atol=1e-5)


def test_guidance_goes_on_from_no_class_over_the_class() -> None:
    z, t, labels = inputs()
    of = model()
    with torch.no_grad():
        by = {g: flow.guided(of, labels, null=3, guidance=g, predict="x")(z, t) for g in (0.0, 1.0, 3.0)}
        without = flow.guided(of, torch.full_like(labels, 3), null=3, guidance=1.0, predict="x")(z, t)
    assert torch.allclose(by[0.0], without, atol=1e-4)
    assert torch.allclose(by[3.0], by[0.0] + 3 * (by[1.0] - by[0.0]), atol=1e-3)


# ------------------------------------------------------------------------------------------------ samplers


def curved(z: Tensor, t: Tensor) -> Tensor:
    """A field whose solution is known: z(t) = z(0) exp(sin t)."""
    return z * t.cos()[:, None]


def order_of(sampler: str) -> float:
    """How fast the error falls when the steps are halved, as a power."""
    start = torch.ones(1, 1, dtype=torch.float64)
    errors = [
        abs(float(flow.integrate(curved, start, sampler, [i / n for i in range(n + 1)])) - math.exp(math.sin(1)))
        for n in (32, 64, 128)
    ]
    assert errors[0] > errors[1] > errors[2]
    return math.log2(errors[1] / errors[2])


@pytest.mark.parametrize(("sampler", "order"), [("euler", 1), ("heun", 2)])
def test_the_samplers_order_of_accuracy(sampler: str, order: int) -> None:
    assert order_of(sampler) == pytest.approx(order, abs=0.1)


@pytest.mark.parametrize("sampler", flow.SAMPLERS)
def test_a_field_that_knows_its_image_draws_it(sampler: str) -> None:
    image = torch.rand(1, 1, 4, 4) * 2 - 1

    class Knows(torch.nn.Module):
        def forward(self, z: Tensor, t: Tensor, labels: Tensor) -> Tensor:
            return image.expand_as(z)

    field = flow.guided(Knows(), torch.zeros(5, dtype=torch.long), null=1, guidance=2.0, predict="x")
    drawn = flow.sample(field, torch.randn(5, 1, 4, 4), sampler, 100)
    assert torch.allclose(drawn, image.expand_as(drawn), atol=1e-4)
