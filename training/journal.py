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
        if self._loss.exists():
            kept = {line["step"]: line for line in read(self._loss) if line["step"] < step}
            files.write(self._loss, "".join(map(_line, kept.values())).encode())

    def losses(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """One line a step, on the disk when this returns."""
        with files.writing(self._loss), self._loss.open("a") as file:
            file.writelines(map(_line, lines))
            file.flush()
            os.fsync(file.fileno())

    def speed(self, line: Mapping[str, Any]) -> None:
        with files.writing(self._speed), self._speed.open("a") as file:
            file.write(_line(line))


def _line(line: Mapping[str, Any]) -> str:
    return json.dumps(line) + "\n"


def read(path: Path) -> list[dict[str, Any]]:
    """The lines of a log; those that a cut left half written are not read."""
    lines = []
    for line in path.read_text("utf-8", errors="replace").splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:
            continue
    return lines
