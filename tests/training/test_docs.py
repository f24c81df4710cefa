"""Every command of docs/training.md that needs no account, in the order of the page, and what it promises."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.oracle import Oracle

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "training.md").read_text("utf-8")
COMMANDS = re.findall(r"^    \$ (.*)$", PAGE, re.MULTILINE)
HERE = [line for line in COMMANDS if line.startswith("python -m training ")]
ON_MODAL = [line for line in COMMANDS if line.startswith("modal run ")]
BY_HAND = ["pip install -e '.[training]'", "modal setup"]
"""What sets up the reader's own machine and account. The first is how the environment of these tests is made."""


def test_every_command_is_run_by_a_test() -> None:
    others = [line for line in COMMANDS if line not in (*HERE, *ON_MODAL, *BY_HAND)]
    assert [line for line in others if not line.startswith(("python -m benchmarks.training", "modal volume "))] == []
    assert len(HERE) >= 6
    assert len(ON_MODAL) >= 4


def test_from_nothing_to_figures(tmp_path: Path) -> None:
    """One after the other, as a reader would: the digits, both trainers."""
    results = {}
    for line in HERE:
        done = subprocess.run(
            [sys.executable, *shlex.split(line)[1:]],
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        results[line] = json.loads(done.stdout)

    classifier = results["python -m training evaluate classifier --data digits"]
    assert classifier["accuracy"] >= 0.98
    assert classifier["images"] == 364
    dit = results["python -m training evaluate dit --data digits"]
    assert dit["named_correctly"] >= 0.9
    assert dit["frechet"] < 2  # noise is at 47
    assert dit["nearest_ratio"] > 0.5
    assert dit["copies"] < 0.1
    for picture in ("classifier-digits/curve", "classifier-digits/confusion", "classifier-digits/predictions",
                    "dit-digits/curve", "dit-digits/samples", "dit-digits/drawn"):  # fmt: skip
        with Image.open(tmp_path / "runs" / f"{picture}.png") as image:
            assert image.convert("L").getextrema() != (255, 255)
    with Image.open(tmp_path / "runs" / "dit-digits" / "samples.png") as grid:
        assert grid.size == (8 * 34 + 2, 10 * 34 + 2)


@pytest.mark.parametrize("line", ON_MODAL)
def test_on_modal(oracle: Oracle, line: str) -> None:
    with oracle.recording() as calls:
        done = subprocess.run(
            [sys.executable, "-m", *shlex.split(line)],
            cwd=ROOT, env={**os.environ, **oracle.environ}, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(calls.messages("FunctionMap")) == 1
