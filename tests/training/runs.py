"""Tiny runs in processes of their own, which can be killed. Preloaded by a fork server, so that torch loads once."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import torch._dynamo  # an optimizer's first step loads it, which takes seconds
from torch import Tensor, nn

from training import loop, sources
from training.config import CONFIGS, Config, TrainingError
from training.data import open_pack, write_pack
from training.parallel import Chance, world
from training.tasks import task

STEPS = 24
SMALL: dict[str, dict[str, Any]] = {
    "classifier": {"batch": 8, "flip": True},
    "dit": {"batch": 8, "width": 32, "depth": 1, "sampling_steps": 4},
}


def config(name: str, **given: Any) -> Config:
    """On shapes of 16x16 pixels."""
    common = {"data": "synthetic", "stored": 16, "image_size": 16, "steps": STEPS, "save_every": 5, "log_every": 1}
    return CONFIGS[name].make({**common, "device": "cpu", **SMALL[name], **given})


def pack(folder: Path) -> Path:
    """A pack of 64 training and 16 test images."""
    write_pack(sources.synthetic(16, 64, 16), folder)
    return folder


def in_a_process(run: Callable[..., None], *arguments: Any) -> int:
    """Its exit code, negative where a signal ended it."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=run, args=arguments)
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def train(name: str, packed: Path, out: Path, at: int = -1, number: int = signal.SIGKILL, **given: Any) -> None:
    """Train; in the middle of step `at`, this process sends itself a signal."""
    torch.set_num_threads(1)
    settings = config(name, **given)
    own = task(settings, open_pack(packed))
    own_loss, step = own.loss, len(_lines(out / "loss.jsonl"))

    def loss(model: nn.Module, images: Tensor, labels: Tensor, chance: Chance) -> Tensor:
        nonlocal step
        if step == at:
            os.kill(os.getpid(), number)
        step += 1
        return own_loss(model, images, labels, chance)

    if at >= 0:
        own.loss = loss  # type: ignore[method-assign]
    out.mkdir(parents=True, exist_ok=True)
    with world(settings) as here, (out / "said").open("a") as said, contextlib.redirect_stderr(said):
        try:
            loop.train(own, out, here)
        except loop.Stopped as stopped:
            print(stopped, file=sys.stderr)


def killed_while_writing(name: str, packed: Path, out: Path) -> None:
    """Train; the process ends where the second checkpoint is on the disk, and has not its name yet."""
    syncs, fsync = [0], os.fsync

    def counting(file: int) -> None:
        fsync(file)
        if os.readlink(f"/proc/self/fd/{file}").endswith(".partial"):
            syncs[0] += 1
            if syncs[0] == 2:
                os.kill(os.getpid(), signal.SIGKILL)

    os.fsync = counting
    train(name, packed, out)


@contextlib.contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """While no file may grow beyond `size` bytes: what writing to a full disk is like."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def limited(name: str, packed: Path, out: Path, size: int) -> None:
    """Train on a full disk."""
    try:
        with no_file_beyond(size):
            train(name, packed, out, steps=STEPS, keep=2, save_every=5)
    except TrainingError as error:
        (out / "error").write_text(str(error))


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines() if path.exists() else []


def same(one: Any, other: Any) -> bool:
    """Whether two states are equal to the last bit."""
    if isinstance(one, Tensor):
        return one.dtype == other.dtype and one.shape == other.shape and bool(torch.equal(one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)
