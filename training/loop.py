"""A task and a pack -> a trained model: the one loop of both trainers."""

from __future__ import annotations

import itertools
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from training import checkpoint, speed
from training.config import Config, TrainingError
from training.data import Pack, batches
from training.journal import Journal
from training.optimizer import Average, adamw, decay, learning_rate
from training.parallel import Chance, World
from training.tasks import Task


class Stopped(Exception):
    """The run was asked to stop, and did so behind a checkpoint. `signal` is what asked."""

    def __init__(self, step: int, number: int) -> None:
        self.step, self.signal = step, number
        super().__init__(
            f"stopped at step {step} by {signal.Signals(number).name}: the same command goes on from there"
        )


def train(task: Task, folder: Path, world: World, *, clock: Callable[[], float] = time.monotonic) -> nn.Module:
    """Train until the last step, from the newest checkpoint in `folder` where there is one. Returns the averaged model.

    Raises:
        TrainingError: the loss is not finite, the time will not suffice, the disk is full, or the checkpoints are of
            another configuration.
        Stopped: by a signal, after a checkpoint.
    """
    config, device = task.config, world.device
    torch.manual_seed(config.seed)
    model = world.synced(task.model().to(device).to(memory_format=task.memory_format))  # type: ignore[call-overload]
    optimizer = adamw(model, config, device)
    average = Average(model)
    dtype = precision(config, device)
    scaler = torch.amp.GradScaler(device.type, enabled=dtype is torch.float16)
    chance = Chance(config.seed, world)
    state = _Everything(config, task.pack, model, optimizer, average, scaler, chance)
    begin = state.resume(folder)

    learner: Any = world.wrap(model)
    if config.compile and device.type == "cuda":
        learner = torch.compile(learner)
    rows = world.rows(config.batch)
    journal = Journal(folder, begin) if world.first else None
    budget = speed.Budget(config.timeout, config.budget_after, clock)
    meter = _Meter(task, model, world, speed.peak(device))
    losses = _Losses(config, world, journal, begin)

    steps = range(begin, config.steps)
    reader = batches(task.pack.train, config.batch, config.seed, steps, rows, device)
    progress = speed.Progress(config, begin, shown=world.first)
    with progress.bar as bar, _listening() as asked:
        for step in steps:
            torch.manual_seed(_seed(config.seed, step, world.rank))
            images, labels = meter.waiting(lambda: next(reader))
            for group in optimizer.param_groups:
                group["lr"] = _rate(step, config)

            with torch.autocast(device.type, dtype, enabled=dtype is not torch.float32):
                loss = task.loss(learner, images, labels, chance)
            _descend(loss, model, optimizer, scaler, config.clip)
            average.follow(model, decay(step, config.ema))

            losses.add(loss)
            bar.update()
            done = step + 1
            stop = int(world.most(asked[0] if asked else 0))
            save = stop or done == config.steps or done % config.save_every == 0
            if save or done % config.log_every == 0:
                progress.loss(done, losses.settle())
                if journal:
                    journal.speed(meter.line(done))
            if budget.due():
                meter.finish()
                if seconds := world.most(budget.projected()):
                    budget.hold(seconds, config.steps - done)
            if save and world.first:
                checkpoint.save(state.whole(done), folder, done, config.keep)
            if stop and done < config.steps:
                raise Stopped(done, stop)
    world.wait()
    return average.model


def _descend(
    loss: Tensor, model: nn.Module, optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler, clip: float
) -> None:
    """One step down the gradient of `loss`, whose norm is at most `clip`."""
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    if clip:
        nn.utils.clip_grad_norm_(model.parameters(), clip)
    scaler.step(optimizer)
    scaler.update()
    optimizer.zero_grad(set_to_none=True)


def precision(config: Config, device: torch.device) -> torch.dtype:
    """What to compute in. `auto` is bf16 where the GPU has it in hardware, fp16 on older GPUs, fp32 on CPUs."""
    if config.precision != "auto":
        return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[config.precision]
    if device.type != "cuda":
        return torch.float32
    return torch.bfloat16 if torch.cuda.get_device_capability(device) >= (8, 0) else torch.float16


def _seed(*numbers: int) -> int:
    """For what draws from torch's own generators, as dropout does: its own in each step and process, so that processes
    do not drop the same rows of their shares, and a resumed run draws as it would have."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)


def _rate(step: int, config: Config) -> float:
    return learning_rate(step, steps=config.steps, warmup=config.warmup, peak=config.learning_rate)


class _Losses:
    """The loss of each step. It is looked at only now and then: a look waits for the device."""

    def __init__(self, config: Config, world: World, journal: Journal | None, step: int) -> None:
        self._config, self._world, self._journal, self._step = config, world, journal, step
        self._pending: list[Tensor] = []

    def add(self, loss: Tensor) -> None:
        self._pending.append(loss.detach())

    def settle(self) -> float:
        """Write down what is pending; the last loss. Raises `TrainingError` where one is not finite."""
        values = self._world.mean(torch.stack(self._pending)).tolist()
        finite = list(itertools.takewhile(math.isfinite, values))
        if self._journal:
            self._journal.losses([self._line(step, value) for step, value in enumerate(finite, self._step)])
        if len(finite) < len(values):
            step, bad = self._step + len(finite), values[len(finite)]
            raise TrainingError(
                f"the loss of step {step} is {bad}: take a smaller `--learning-rate` and another `--out`; "
                "the checkpoints are from before it"
            )
        self._step += len(values)
        self._pending.clear()
        return float(values[-1])

    def _line(self, step: int, value: float) -> dict[str, Any]:
        return {"step": step, "loss": value, "learning_rate": _rate(step, self._config)}


class _Everything:
    """All that a run must find again to go on as if it had never been cut off."""

    def __init__(
        self,
        config: Config,
        pack: Pack,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        average: Average,
        scaler: torch.amp.GradScaler,
        chance: Chance,
    ) -> None:
        self.config, self.pack, self.chance = config, pack, chance
        self.parts: dict[str, Any] = {
            "model": model, "average": average.model, "optimizer": optimizer, "scaler": scaler
        }  # fmt: skip

    def whole(self, step: int) -> checkpoint.State:
        """As plain data and tensors. The step is the position in the data, too."""
        random = self.chance.generator.get_state()
        parts = {name: part.state_dict() for name, part in self.parts.items()}
        return {**parts, "random": random, "step": step, "config": self.config.saved(), "pack": self.pack.checksum}

    def resume(self, folder: Path) -> int:
        """Take up the newest whole checkpoint; the step to go on with, 0 where there is none.

        Raises:
            TrainingError: it is of another configuration or of other data, or none is whole.
        """
        state = checkpoint.newest(folder, (*self.parts, "random", "step", "config", "pack"))
        if state is None:
            return 0
        self.config.must_continue(state["config"], f"the checkpoint in `{folder}`")
        if state["pack"] != self.pack.checksum:
            raise TrainingError(f"the checkpoint in `{folder}` was made with other data than the pack holds now")
        try:
            for name, part in self.parts.items():
                if state[name]:  # a scaler that was not needed has none
                    part.load_state_dict(state[name])
            self.chance.generator.set_state(state["random"])
        except (RuntimeError, ValueError, KeyError, TypeError) as error:
            what = " ".join(str(error).split())
            raise TrainingError(
                f"the checkpoint in `{folder}` cannot be taken up, another version of the trainer may have written it: "
                f"take another `--out` ({what})"
            ) from None
        return int(state["step"])


@contextmanager
def _listening() -> Iterator[list[int]]:
    """Signals that ask to stop, as they come. A second one is obeyed at once."""
    asked: list[int] = []

    def hear(number: int, _frame: object) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = {number: signal.signal(number, hear) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Meter:
    """How fast it goes, since the last line."""

    def __init__(self, task: Task, model: nn.Module, world: World, peak: float | None) -> None:
        """`peak`: floating-point operations a second of each process's device, where that is known."""
        self._batch, self._world = task.config.batch, world
        self._share = speed.flops(model, task.example()) / self._batch / (peak * world.size) if peak else None
        self._begun, self._waited, self._step = time.monotonic(), 0.0, -1

    def waiting(self, get: Callable[[], tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        """What `get` gives, and remember how long it took."""
        begun = time.monotonic()
        got = get()
        self._waited += time.monotonic() - begun
        return got

    def finish(self) -> None:
        """Until the device has done all that it was given."""
        if self._world.device.type == "cuda":
            torch.cuda.synchronize(self._world.device)

    def line(self, done: int) -> dict[str, Any]:
        """Of the steps since the last line: images a second, how much of the time was spent waiting for data."""
        self.finish()
        now = time.monotonic()
        seconds = now - self._begun
        rate = self._batch * (done - self._step if self._step >= 0 else 1) / seconds
        known = self._step >= 0  # the first line covers the time of compiling
        line = {
            "step": done,
            "images_per_second": round(rate, 1) if known else None,
            "waiting_for_data": round(self._waited / seconds, 4),
            "mfu": round(rate * self._share, 4) if known and self._share else None,
            "memory_gib": None,
        }
        if self._world.device.type == "cuda":
            line["memory_gib"] = round(torch.cuda.max_memory_allocated(self._world.device) / 2**30, 2)
        self._begun, self._waited, self._step = now, 0.0, done
        return line
