"""One process or many -> a world that acts as one: its share of each batch, its random numbers, what all agree on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from training.config import Config, TrainingError


@dataclass(frozen=True)
class World:
    """This process among those that torchrun started; alone where there is no torchrun."""

    device: torch.device
    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes files and talks."""
        return self.rank == 0

    def rows(self, batch: int) -> slice:
        """This process's part of a batch. Raises `TrainingError` where it cannot be parted evenly."""
        if batch % self.size:
            raise TrainingError(f"`batch={batch}` cannot be parted among {self.size} processes: take a multiple")
        part = batch // self.size
        return slice(self.rank * part, (self.rank + 1) * part)

    def wrap(self, model: nn.Module) -> nn.Module:
        """The model with its gradients averaged over all processes."""
        if self.size == 1:
            return model
        ids = [self.device.index] if self.device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(model, device_ids=ids)

    def synced(self, model: nn.Module) -> nn.Module:
        """The model with batch norms that see the whole batch, where torch can do that: on GPUs."""
        if self.size == 1 or self.device.type != "cuda":
            return model
        synced: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(model)
        return synced

    def mean(self, values: Tensor) -> Tensor:
        """The average over all processes."""
        if self.size > 1:
            dist.all_reduce(values)
            values = values / self.size
        return values

    def most(self, value: float) -> float:
        """The largest of all processes' values, so that they decide alike."""
        if self.size == 1:
            return value
        held = torch.tensor(value, dtype=torch.float64, device=self.device)
        dist.all_reduce(held, dist.ReduceOp.MAX)
        return float(held)

    def wait(self) -> None:
        """Until all processes are here."""
        if self.size > 1:
            dist.barrier()


@contextmanager
def world(config: Config) -> Iterator[World]:
    """The world of this process, for as long as the context is open.

    Raises:
        TrainingError: a GPU is asked for and there is none.
    """
    wanted = config.device
    if wanted == "cuda" and not torch.cuda.is_available():
        raise TrainingError("no GPU here, and `--device cuda` asks for one: `--device cpu` goes on without")
    kind = ("cuda" if torch.cuda.is_available() else "cpu") if wanted == "auto" else wanted
    rank, size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    device = torch.device(kind, int(os.environ.get("LOCAL_RANK", "0"))) if kind == "cuda" else torch.device(kind)
    if kind == "cuda":
        torch.cuda.set_device(device)
        torch.set_float32_matmul_precision("high")
    if size == 1:
        yield World(device)
        return
    dist.init_process_group("nccl" if kind == "cuda" else "gloo")
    try:
        yield World(device, rank, size)
    finally:
        dist.destroy_process_group()


class Chance:
    """Random numbers of whole batches, of which each process keeps its own rows: many draw what one would."""

    def __init__(self, seed: int, world: World) -> None:
        self._world = world
        self.generator = torch.Generator(world.device).manual_seed(seed)

    def uniform(self, rows: int, *shape: int) -> Tensor:
        """(rows, *shape) in 0..1."""
        return self._own(torch.rand, rows, *shape)

    def normal(self, rows: int, *shape: int) -> Tensor:
        """(rows, *shape) of mean 0 and variance 1."""
        return self._own(torch.randn, rows, *shape)

    def _own(self, draw: Any, rows: int, *shape: int) -> Tensor:
        whole: Tensor = draw(rows * self._world.size, *shape, generator=self.generator, device=self._world.device)
        return whole[self._world.rows(len(whole))]
