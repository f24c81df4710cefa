"""What is measured of drawn images, and how they are shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from tests.training import runs
from training.config import TrainingError
from training.data import open_pack, write_pack
from training.sources import synthetic
from training.tasks import task

CPU = torch.device("cpu")


class Grey(nn.Module):
    """Draws plain images, the higher the class, the lighter."""

    def forward(self, z: Tensor, t: Tensor, labels: Tensor) -> Tensor:
        return (labels.float() / 5 - 0.5)[:, None, None, None].expand_as(z)


def test_drawn_images_are_shown_in_a_row_a_class(tmp_path: Path) -> None:
    """White where fewer are held out than a row has places."""
    write_pack(synthetic(16, 64, 6), tmp_path / "pack")
    own = task(runs.config("dit", per_class=2, guidance=1.0), open_pack(tmp_path / "pack"))
    own.evaluate(Grey(), tmp_path, CPU)
    with Image.open(tmp_path / "drawn.png") as picture:
        grey = np.asarray(picture.convert("L")).astype(int)
    side, rows = 32 + 2, (18, 52, 86, 120)
    assert grey.shape == (4 * side + 2, 2 * side + 2)
    left, right = ([grey[row, column] for row in rows] for column in (18, 18 + side))
    assert left == pytest.approx([(label / 5 + 0.5) * 127.5 for label in range(4)], abs=3)
    # the six held-out images are of the classes 0, 1, 2, 3, 0, 1
    assert right == pytest.approx([left[0], left[1], 255, 255], abs=3)


def test_wrong_features_are_found_before_anything_is_drawn(tmp_path: Path) -> None:
    own = task(runs.config("dit", features="resnet5"), open_pack(runs.pack(tmp_path / "pack")))
    with pytest.raises(TrainingError, match="torchvision has no classifier `resnet5`"):
        own.evaluate(nn.Module(), tmp_path, CPU)  # such a model cannot be called
