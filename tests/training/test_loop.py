"""The loop: what it refuses, what it writes, how it computes."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.training import runs
from training import checkpoint, journal, loop, plots, speed
from training.config import TrainingError
from training.data import Pack, open_pack
from training.optimizer import Average, adamw
from training.parallel import Chance, World, world
from training.tasks import task

HERE = World(torch.device("cpu"))


@pytest.fixture
def packed(tmp_path: Path) -> Pack:
    return open_pack(runs.pack(tmp_path / "pack"))


class Clock:
    """Each look at it is `tick` seconds after the one before."""

    def __init__(self, tick: float) -> None:
        self.now, self.tick = 0.0, tick

    def __call__(self) -> float:
        self.now += self.tick
        return self.now


def budget(timeout: float, seconds: float, steps: int, after: int = 50) -> None:
    """Take `steps` steps of so many seconds each, the first one a minute longer."""
    now = [0.0]
    guard = speed.Budget(timeout, after, lambda: now[0])
    for step in range(steps):
        now[0] += seconds + (60 if step == 0 else 0)
        if guard.due() and (found := guard.projected()):
            guard.hold(found, steps - step - 1)


def test_a_run_that_cannot_finish_is_refused_after_fifty_steps() -> None:
    """The defect: 6 hours were estimated for what would have taken 42 days."""
    with pytest.raises(TrainingError) as caught:
        budget(6 * 3600, 45.36, 80_000)
    assert str(caught.value).startswith(
        "a step takes 45.4 s: the remaining 79,950 need 1007.4 h, and 5.4 h are left of `--timeout 21600`: allow more"
    )


@pytest.mark.parametrize(("timeout", "seconds", "steps"), [(3600, 0.5, 5000), (0, 100.0, 5000), (60, 5.0, 20)])
def test_a_run_that_can_is_not(timeout: float, seconds: float, steps: int) -> None:
    """Neither are those without a timeout, nor those that are over before fifty steps."""
    budget(timeout, seconds, steps)


@pytest.mark.parametrize("after", [1, 2, 5, 6])
def test_the_first_steps_do_not_count(after: int) -> None:
    budget(3600, 1.0, 3000, after=max(after, 2))
    with pytest.raises(TrainingError, match="a step takes"):
        budget(3600, 1.3, 3000, after=after)


def test_the_loop_holds_itself_to_it(packed: Pack, tmp_path: Path) -> None:
    own = task(runs.config("dit", timeout=100, budget_after=6, steps=1000, save_every=1000), packed)
    with pytest.raises(TrainingError, match=r"the remaining 994 need .* are left of `--timeout 100`"):
        loop.train(own, tmp_path, HERE, clock=Clock(2.0))
    assert checkpoint.checkpoints(tmp_path) == []


@pytest.mark.parametrize("name", ["classifier", "dit"])
def test_a_loss_that_is_not_finite_stops_the_run(packed: Pack, tmp_path: Path, name: str) -> None:
    """The defect: training went on, and stopped early on a loss of 0. No checkpoint of such a model is written."""
    own = task(runs.config(name, log_every=4, save_every=3), packed)
    own_loss, step = own.loss, iter(range(runs.STEPS))

    def loss(model: nn.Module, images: Tensor, labels: Tensor, chance: Chance) -> Tensor:
        value = own_loss(model, images, labels, chance)
        return value * math.nan if next(step) == 4 else value

    own.loss = loss  # type: ignore[method-assign]
    with pytest.raises(TrainingError, match="the loss of step 4 is nan: take a smaller `--learning-rate` and another"):
        loop.train(own, tmp_path, HERE)
    assert [path.name for path in checkpoint.checkpoints(tmp_path)] == ["step-00000003.ckpt"]
    assert [line["step"] for line in journal.read(tmp_path / "loss.jsonl")] == [0, 1, 2, 3]


def test_a_loss_of_zero_is_no_reason_to_stop(packed: Pack, tmp_path: Path) -> None:
    own = task(runs.config("dit", steps=5), packed)
    own_loss = own.loss
    own.loss = lambda *given: own_loss(*given) * 0  # type: ignore[method-assign]
    loop.train(own, tmp_path, HERE)
    assert [line["loss"] for line in journal.read(tmp_path / "loss.jsonl")] == [0] * 5


@pytest.mark.parametrize("name", ["classifier", "dit"])
def test_a_run_of_one_step(packed: Pack, tmp_path: Path, name: str) -> None:
    """The defect: one epoch was a division by zero."""
    loop.train(task(runs.config(name, steps=1, warmup=100), packed), tmp_path, HERE)
    assert len(journal.read(tmp_path / "loss.jsonl")) == 1


def test_the_logs(packed: Pack, tmp_path: Path) -> None:
    loop.train(task(runs.config("classifier", log_every=10), packed), tmp_path, HERE)
    losses, speeds = (journal.read(tmp_path / name) for name in (journal.LOSS, journal.SPEED))
    assert [line["step"] for line in losses] == list(range(runs.STEPS))
    assert all(math.isfinite(line["loss"]) and line["learning_rate"] > 0 for line in losses)
    assert [line["step"] for line in speeds] == [5, 10, 15, 20, 24]
    assert speeds[0]["images_per_second"] is None
    assert all(line["images_per_second"] > 0 and 0 <= line["waiting_for_data"] <= 1 for line in speeds[1:])
    plots.curve(tmp_path / journal.LOSS, tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_without_a_terminal_a_line_a_minute_says_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    time = [0.0]
    config = runs.config("dit", batch=256, steps=10_000)
    progress = speed.Progress(config, 100, shown=True, clock=lambda: time[0])
    silent = speed.Progress(config, 100, shown=False, clock=lambda: time[0])
    for done in range(101, 181):
        time[0] += 1.5
        progress.loss(done, 0.5)
        silent.loss(done, 0.5)
    assert capsys.readouterr().err.splitlines() == [
        "dit: step 140 of 10,000, loss 0.5000, 171 images a second, 4.1 h left",
        "dit: step 180 of 10,000, loss 0.5000, 171 images a second, 4.1 h left",
    ]


def test_the_loop_says_how_far_it_is(
    packed: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(speed, "EVERY", 0.0)
    loop.train(task(runs.config("dit", steps=3), packed), tmp_path, HERE)
    said = capsys.readouterr().err.splitlines()
    assert [line.partition(",")[0] for line in said] == [f"dit: step {step} of 3" for step in (1, 2, 3)]


def test_a_log_is_cut_at_the_step_that_a_run_goes_on_with(tmp_path: Path) -> None:
    """Even where its beginning was moved away, or two runs wrote in it."""
    for steps, kept in ((range(12), [*range(10)]), (range(6, 12), [*range(6, 10)]), ([8, 8, 9, 9, 10], [8, 9])):
        (tmp_path / journal.LOSS).unlink(missing_ok=True)
        journal.Journal(tmp_path, 0).losses([{"step": step, "loss": 0.1} for step in steps])
        journal.Journal(tmp_path, 10)
        assert [line["step"] for line in journal.read(tmp_path / journal.LOSS)] == kept


def test_half_a_line_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "log").write_text('{"step": 0}\n{"step": 1}\n{"ste')
    assert journal.read(tmp_path / "log") == [{"step": 0}, {"step": 1}]


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_the_parameters_stay_whole_numbers_of_32_bits(packed: Pack, tmp_path: Path, precision: str) -> None:
    model = loop.train(task(runs.config("dit", steps=3, precision=precision), packed), tmp_path, HERE)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    return


def test_no_gpu_where_one_is_asked_for(no_gpu: None) -> None:
    if torch.cuda.is_available():
        assert torch.cuda.device_count() > 0  # it was there before the variable was set
        return
    with pytest.raises(TrainingError) as caught, world(runs.config("dit", device="cuda")):
        pass
    assert str(caught.value) == ("no GPU here, and `--device cuda` asks for one: `--device cpu` goes on without")


def test_the_arithmetic_of_a_step_is_counted(packed: Pack) -> None:
    """A transformer's forward pass takes two operations a parameter and token, and what attention adds."""
    own = task(runs.config("dit", batch=8, width=64, heads=2, depth=3, patch=2), packed)
    model, tokens = own.model(), 64
    blocks = sum(p.numel() for n, p in model.named_parameters() if n.startswith("blocks") and p.dim() == 2)
    modulations = sum(p.numel() for n, p in model.named_parameters() if "blocks" in n and "modulation.weight" in n)
    expected = 3 * 8 * (2 * tokens * (blocks - modulations) + 2 * modulations + 3 * 4 * tokens**2 * 64)
    assert speed.flops(model, own.example()) == pytest.approx(expected, rel=0.05)


def test_the_share_of_the_arithmetic(packed: Pack) -> None:
    """Images a second times the operations of one image, of what the devices can do."""
    own = task(runs.config("dit", batch=8), packed)
    model = own.model()
    one = speed.flops(model, tuple(each[:1] for each in own.example()))
    meter = loop._Meter(own, model, World(torch.device("cpu"), size=2), peak=1e6)
    meter.line(1)
    time.sleep(0.05)
    line = meter.line(5)
    assert line["mfu"] == pytest.approx(line["images_per_second"] * one / 2e6, rel=1e-2)


def test_processes_drop_different_rows() -> None:
    """What draws from torch's own generator: anew in each step and process, and the same again."""
    seeds = {(seed, step, rank): loop._seed(seed, step, rank) for seed in (0, 1) for step in (0, 1) for rank in (0, 1)}
    assert len(set(seeds.values())) == len(seeds)
    assert loop._seed(0, 1, 0) == seeds[0, 1, 0]


def test_dropout_goes_on_as_it_would_have(packed: Pack, tmp_path: Path) -> None:
    own = task(runs.config("classifier", backbone="mobilenet_v3_small", pretrained=False, batch=4, steps=4), packed)
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    loop.train(own, tmp_path / "whole", HERE)
    own_loss = own.loss

    def loss(*given: Any) -> Tensor:
        signal.raise_signal(signal.SIGTERM)
        return own_loss(*given)

    own.loss = loss  # type: ignore[method-assign]
    with pytest.raises(loop.Stopped):
        loop.train(own, tmp_path / "parts", HERE)
    own.loss = own_loss  # type: ignore[method-assign]
    torch.rand(7)  # as another process would have drawn other numbers
    loop.train(own, tmp_path / "parts", HERE)
    assert runs.same(*(checkpoint.newest(tmp_path / name) for name in ("whole", "parts")))


@pytest.mark.parametrize(("begun", "on"), [("fp32", "fp16"), ("fp16", "fp32")])
def test_a_run_goes_on_in_another_precision(packed: Pack, tmp_path: Path, begun: str, on: str) -> None:
    """As `auto` has it, where the next GPU is an older one."""
    task_of = {name: task(runs.config("classifier", precision=name, steps=2), packed) for name in (begun, on)}
    loop.train(task_of[begun], tmp_path, HERE)
    state = checkpoint.newest(tmp_path)
    assert state is not None
    assert bool(state["scaler"]) == (begun == "fp16")
    scaler = torch.amp.GradScaler("cpu", enabled=on == "fp16")
    own, model = task_of[on], task_of[on].model()
    chance = Chance(0, HERE)
    everything = loop._Everything(
        own.config, packed, model, adamw(model, own.config, HERE.device), Average(model), scaler, chance
    )
    assert everything.resume(tmp_path) == 2
