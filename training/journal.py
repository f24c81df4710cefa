"""What happens in a run -> lines of JSON: `loss.jsonl`, the same in every run of a config, and `speed.jsonl`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from training import files

LOSS, SPEED = "loss.jsonl", "speed.jsonl"


class Journal:
    """Appends to the logs of a run, from a step on: what a run that was cut off had written after it is dropped."""

    def __init__(self, folder: Path, step: int) -> None:
        self._loss, self._speed = folder / LOSS, folder / SPEED
        with files.writing(self._loss):
            if self._loss.exists():
                lines = self._loss.read_bytes().splitlines(keepends=True)[:step]
                os.truncate(self._loss, sum(map(len, lines)))

    def losses(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """One line a step, on the disk when this returns."""
        with files.writing(self._loss), self._loss.open("a") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())

    def speed(self, line: Mapping[str, Any]) -> None:
        with files.writing(self._speed), self._speed.open("a") as file:
            file.write(json.dumps(line) + "\n")


def read(path: Path) -> list[dict[str, Any]]:
    """The lines of a log; those that a cut left half written are not read."""
    lines = []
    for line in path.read_text("utf-8").splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:
            continue
    return lines
