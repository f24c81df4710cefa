"""Decoded examples -> a pack of memory-mapped uint8 images -> batches on the device that trains.

A pack is written once and read by both trainers. Reading is one gather from the page cache, a batch ahead: no image is
decoded while a model trains.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor

from training import files
from training.config import TrainingError

SPLITS = ("train", "test")


@dataclass(frozen=True)
class Source:
    """Where a pack comes from: what it will hold, and its examples in any order."""

    name: str
    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    """(H, W, C) of each image."""
    counts: Mapping[str, int]
    """Of each split."""
    examples: Iterator[tuple[str, np.ndarray, int]]
    """Split, uint8 image (H, W, C), label from 0."""


@dataclass(frozen=True)
class Split:
    """Images as stored, uint8 (N, H, W, C), read from the disk when they are touched; labels int64 (N,)."""

    images: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Pack:
    """A verified pack. `checksum` stands for every byte in it."""

    name: str
    classes: tuple[str, ...]
    checksum: str
    train: Split
    test: Split

    @property
    def channels(self) -> int:
        return self.train.images.shape[-1]


def write_pack(source: Source, folder: Path) -> None:
    """Write a pack beside its place and rename it: what bears the name of a pack is whole.

    One command at a time: what is left there of another one is taken for that of a command that was killed.

    Raises:
        TrainingError: a label is out of range, an image is of another shape, their number is not what was said, or the
            disk is full.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with files.writing(folder):
            partial.mkdir(parents=True)
            for split, labels in _write_images(source, partial).items():
                buffer = io.BytesIO()  # numpy's own writing to a file hides what went wrong with it
                np.save(buffer, np.array(labels, np.int64))
                (partial / f"{split}.labels.npy").write_bytes(buffer.getbuffer())
            sums = {path.name: _sha256(path) for path in sorted(partial.iterdir())}
            about = {"name": source.name, "classes": source.classes, "sha256": sums}
            (partial / "pack.json").write_text(json.dumps(about, indent=1))
            for path in partial.iterdir():
                with path.open("rb") as file:
                    os.fsync(file.fileno())
            shutil.rmtree(folder, ignore_errors=True)
            partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write_images(source: Source, folder: Path) -> dict[str, list[int]]:
    """The images of each split into a file, one after the other as they come. Returns their labels."""
    labels: dict[str, list[int]] = {split: [] for split in source.counts}
    with ExitStack() as opened:
        arrays: dict[str, BinaryIO] = {}
        for split, count in source.counts.items():
            # not a memory map: to write through one on a full disk is to be killed
            arrays[split] = opened.enter_context((folder / f"{split}.images.npy").open("wb"))
            header = {"descr": "|u1", "fortran_order": False, "shape": (count, *source.shape)}
            np.lib.format.write_array_header_1_0(arrays[split], header)
        for split, image, label in source.examples:
            if not 0 <= label < len(source.classes):
                raise TrainingError(f"label {label} is out of range: `{source.name}` has {len(source.classes)} classes")
            if image.shape != source.shape:
                raise TrainingError(f"an image of `{source.name}` is of shape {image.shape}, not {source.shape}")
            arrays[split].write(np.asarray(image, np.uint8).tobytes())
            labels[split].append(label)
    filled = {split: len(each) for split, each in labels.items()}
    if filled != dict(source.counts):
        raise TrainingError(f"`{source.name}` has {filled} images, not {dict(source.counts)}")
    return labels


def open_pack(folder: Path, *, verify: bool = True) -> Pack:
    """Map a pack into memory. `verify` reads all of it once, to hold it against its checksums.

    Raises:
        TrainingError: there is none, or it is damaged.
    """
    again = f"delete `{folder}` and prepare it again"
    try:
        about = json.loads((folder / "pack.json").read_text("utf-8"))
        name, classes, sums = about["name"], tuple(about["classes"]), about["sha256"]
        for file, expected in sums.items():
            if verify and _sha256(folder / file) != expected:
                raise TrainingError(f"`{folder / file}` is damaged, its checksum is another: {again}")
        splits = [_split(folder, split) for split in SPLITS]
    except (FileNotFoundError, NotADirectoryError) as error:
        if empty(folder):
            raise TrainingError(f"there is no pack in `{folder}`: the command `prepare` makes it") from None
        raise TrainingError(f"`{error.filename}` is missing: {again}") from None
    except (ValueError, KeyError, TypeError, EOFError):
        raise TrainingError(f"`{folder}` holds no pack that can be read: {again}") from None
    for split in splits:
        if len(split.images) != len(split.labels) or int(split.labels.max(initial=0)) >= len(classes):
            raise TrainingError(f"labels and images of `{folder}` do not go together: {again}")
    train, test = (Split(torch.from_numpy(split.images), torch.from_numpy(split.labels)) for split in splits)
    return Pack(name, classes, hashlib.sha256(json.dumps(sums).encode()).hexdigest(), train, test)


def empty(folder: Path) -> bool:
    """Whether nothing is in it, nor in its place."""
    return not any(folder.iterdir()) if folder.is_dir() else not folder.exists()


@dataclass(frozen=True)
class _Arrays:
    images: np.ndarray
    labels: np.ndarray


def _split(folder: Path, split: str) -> _Arrays:
    # copy-on-write, not read-only: torch refuses arrays that it could not write to, and nothing here writes
    images = np.load(folder / f"{split}.images.npy", mmap_mode="c")
    return _Arrays(images, np.load(folder / f"{split}.labels.npy"))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# ------------------------------------------------------------------------------------------------- batches


@lru_cache(maxsize=2)  # a batch may reach into the next epoch
def _permutation(count: int, epoch: int, seed: int) -> np.ndarray:
    return np.random.default_rng((seed, epoch)).permutation(count)


def order(count: int, batch: int, step: int, seed: int) -> np.ndarray:
    """Which of `count` images the `step`-th batch holds: (batch,).

    Each epoch is a permutation of its own, and the epochs lie end to end. It depends on nothing but these four numbers,
    so the position in the data is the step, and every process knows the whole batch.
    """
    positions = np.arange(step * batch, (step + 1) * batch)
    epochs = positions // count
    parts = [_permutation(count, int(e), seed)[positions[epochs == e] % count] for e in np.unique(epochs)]
    return np.concatenate(parts)


def batches(
    split: Split, batch: int, seed: int, steps: range, rows: slice, device: torch.device
) -> Iterator[tuple[Tensor, Tensor]]:
    """For each of `steps`, this process's `rows` of the batch: images uint8 (n, C, H, W), labels int64 (n,).

    While one batch is computed with, a thread gathers the next.
    """

    def gather(step: int) -> tuple[Tensor, Tensor]:
        chosen = torch.from_numpy(order(len(split.labels), batch, step, seed)[rows])  # (n,)
        images, labels = split.images.index_select(0, chosen), split.labels.index_select(0, chosen)
        return (images.pin_memory(), labels.pin_memory()) if device.type == "cuda" else (images, labels)

    with ThreadPoolExecutor(1, "batches") as reader:
        ahead = reader.submit(gather, steps[0]) if steps else None
        for step in steps:
            assert ahead is not None
            images, labels = ahead.result()
            ahead = reader.submit(gather, step + 1)
            # (n, H, W, C) seen as (n, C, H, W) is what torch calls channels_last, without a copy
            yield images.to(device, non_blocking=True).permute(0, 3, 1, 2), labels.to(device, non_blocking=True)
