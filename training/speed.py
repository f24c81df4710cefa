"""Steps and seconds -> images a second, memory, the share of the GPU's arithmetic in use, how far a run is and gets."""

from __future__ import annotations

import copy
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm

from training.config import Config, TrainingError

PEAKS = {
    "T4": 65e12, "L4": 121e12, "A10G": 70e12, "A10": 125e12, "L40S": 362e12, "A100": 312e12, "H100": 989e12,
    "H200": 989e12, "B200": 2250e12,
}  # fmt: skip
"""Floating-point operations a second at 16 bits, dense, from the makers' data sheets."""


def peak(device: torch.device) -> float | None:
    """Of this device, or None where it is not known. The longest name that fits is the device's."""
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    fitting = [known for known in PEAKS if known in name.replace("-", " ").split()]
    return PEAKS[max(fitting, key=len)] if fitting else None


def flops(model: nn.Module, inputs: tuple[torch.Tensor, ...]) -> float:
    """Of a training step with these inputs: counted forwards, three times that with the way back."""
    shadow = copy.deepcopy(model).to("meta")  # shapes without numbers: attention is counted as the products it is
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        shadow(*(each.to("meta") for each in inputs))
    return 3.0 * counter.get_total_flops()


@dataclass
class Budget:
    """Refuses a run early that cannot finish in its time."""

    timeout: float
    """Seconds from now; 0 for no limit."""
    after: int
    """Steps of this process, after which the time is projected."""
    clock: Callable[[], float]
    begun: float = field(init=False)
    warm: float = field(init=False, default=0.0)
    taken: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.begun = self.clock()

    @property
    def skipped(self) -> int:
        """First steps that do not count: they compile, and fill caches."""
        return min(5, self.after - 1)

    def due(self) -> bool:
        """Whether the clock is to be read after this step, the device having finished it."""
        self.taken += 1
        return bool(self.timeout) and self.taken in (self.skipped, self.after)

    def projected(self) -> float:
        """Seconds a step, at the moment when it is to be held against the timeout; 0 before."""
        now = self.clock()
        if self.taken == self.after:
            return (now - (self.warm or self.begun)) / (self.after - self.skipped)
        self.warm = now
        return 0.0

    def hold(self, seconds: float, remaining: int) -> None:
        """Raises `TrainingError` where `remaining` steps of so many seconds do not fit into the time that is left."""
        left = self.timeout - (self.clock() - self.begun)
        if seconds * remaining > left:
            raise TrainingError(
                f"a step takes {seconds:.3g} s: the remaining {remaining:,} need {_hours(seconds * remaining)}, "
                f"and {_hours(left)} are left of `--timeout {self.timeout:.0f}`: allow more, or take fewer `--steps`, "
                "a smaller `--batch` or a faster `--gpu`"
            )


def _hours(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


EVERY = 60.0
"""Seconds between two lines that say how far a run is, where there is no terminal."""


class Progress:
    """How far a run is: a bar on a terminal; elsewhere a line now and then, so that nobody takes it for dead."""

    def __init__(self, config: Config, done: int, *, shown: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._config, self._clock = config, clock
        self.bar = tqdm(
            total=config.steps, initial=done, desc=config.task, unit="step", disable=None if shown else True
        )
        self._plain = shown and self.bar.disable
        self._said, self._done = clock(), done

    def loss(self, done: int, value: float) -> None:
        """Tell it what is known after `done` steps."""
        self.bar.set_postfix(loss=f"{value:.4f}")
        seconds, steps = self._clock() - self._said, done - self._done
        if self._plain and seconds >= EVERY:
            rate, left = self._config.batch * steps / seconds, (self._config.steps - done) * seconds / steps
            print(
                f"{self._config.task}: step {done:,} of {self._config.steps:,}, loss {value:.4f}, "
                f"{rate:,.0f} images a second, {_hours(left)} left",
                file=sys.stderr,
            )
            self._said, self._done = self._said + seconds, done
