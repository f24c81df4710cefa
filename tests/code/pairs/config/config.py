from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas
    from torch import Tensor


@dataclass
class Config:
    width: int = 8
    data: str = "data/train"
    out: Path = field(default_factory=lambda: Path("runs"))

    def frame(self, x: Tensor) -> pandas.DataFrame: ...


def local():
    with open("configs/local.yaml") as file:
        return file.read()
