"""Losses, images and figures -> PNG files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from torch import Tensor

from training import files, journal
from training.metrics import Bin

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 32
"""Pixels that a small image is enlarged to, at least."""


def grid(images: Tensor, columns: int, path: Path) -> None:
    """Images in -1..1 (N, C, H, W), in rows of `columns`."""
    tiles = _tiles(((images.clamp(-1, 1) + 1) * 127.5).round().byte())
    n, side, _, _ = tiles.shape
    gap, rows = max(2, side // 16), -(-n // columns)
    sheet = np.full((rows * (side + gap) + gap, columns * (side + gap) + gap, 3), 255, np.uint8)
    for index, tile in enumerate(tiles):
        top, left = (gap + (side + gap) * at for at in divmod(index, columns))
        sheet[top : top + side, left : left + side] = tile
    _save(Image.fromarray(sheet), path)


def curve(log: Path, path: Path) -> None:
    """`loss.jsonl` as a curve: each step, and their running mean."""
    lines = journal.read(log)
    if not lines:
        return
    steps, losses = (np.array([line[key] for line in lines]) for key in ("step", "loss"))
    window = max(1, len(losses) // 50)
    sums = np.cumsum(np.insert(losses, 0, 0.0))
    mean = (sums[window:] - sums[:-window]) / window
    figure = _figure(7, 4)
    axes = figure.subplots()
    axes.plot(steps, losses, color="0.75", linewidth=0.8, label="each step")
    axes.plot(steps[window - 1 :], mean, color="C0", label=f"mean of {window}")
    axes.set(xlabel="step", ylabel="loss", yscale="log" if losses.min() > 0 else "linear")
    axes.grid(alpha=0.3)
    axes.legend()
    _write(figure, path)


def confusion(matrix: Tensor, classes: Sequence[str], path: Path) -> None:
    """Rows are true classes, columns what they were taken for."""
    size = 3 + 0.25 * len(classes)
    figure = _figure(size, size)
    axes = figure.subplots()
    shares = matrix.double() / matrix.sum(1, keepdim=True).clamp_min(1)
    axes.imshow(shares.numpy(), cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(classes)), classes, rotation=90)
    axes.set_yticks(range(len(classes)), classes)
    axes.set(xlabel="named", ylabel="true")
    _write(figure, path)


def calibration(bins: Sequence[Bin], path: Path) -> None:
    """Accuracy over confidence; a calibrated model lies on the diagonal."""
    figure = _figure(4.5, 4.5)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.75")
    sizes = [10 + 200 * each.share for each in bins]
    axes.scatter([each.confidence for each in bins], [each.accuracy for each in bins], s=sizes)
    axes.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1.02), ylim=(0, 1.02))
    _write(figure, path)


def named(images: Tensor, names: Sequence[str], right: Sequence[bool], path: Path) -> None:
    """uint8 images (N, C, H, W), each over its predicted class, wrong ones in red."""
    columns = min(8, len(names))
    rows = -(-len(names) // columns)
    figure = _figure(1.5 * columns, 1.7 * rows)
    for axes, tile, name, fine in zip(
        figure.subplots(rows, columns, squeeze=False).flat, _tiles(images), names, right, strict=False
    ):
        axes.imshow(tile)
        axes.set_title(name, fontsize=8, color="black" if fine else "red")
    for axes in figure.axes:
        axes.axis("off")
    _write(figure, path)


def _tiles(images: Tensor) -> np.ndarray:
    """uint8 (N, C, H, W) -> (N, S, S, 3), small images enlarged by a whole factor."""
    factor = max(1, -(-SHOWN // images.shape[-1]))
    large = images.repeat_interleave(factor, 2).repeat_interleave(factor, 3)
    tiles: np.ndarray = large.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).cpu().numpy()
    return tiles


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure  # not pyplot: no window system, nothing global

    return Figure(figsize=(width, height), dpi=120, layout="constrained")


def _write(figure: Figure, path: Path) -> None:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    files.write(path, buffer.getbuffer())


def _save(image: Image.Image, path: Path) -> None:
    buffer = io.BytesIO()
    image.save(buffer, format="png")
    files.write(path, buffer.getbuffer())
