"""A run that is cut off anywhere goes on as if it had not been: bit for bit."""

from __future__ import annotations

import random
import signal
from pathlib import Path

import pytest

from tests.training import runs
from training import checkpoint

NAMES = ("classifier", "dit")
AT = {name: sorted(random.Random(name).sample(range(1, runs.STEPS), 20)) for name in NAMES}
"""Where runs are killed: 20 random steps of each trainer, the same ones every time."""


@pytest.fixture(scope="module", params=NAMES)
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, Path]:
    """A run that nothing cut off: its trainer, its pack, its folder."""
    folder = tmp_path_factory.mktemp(request.param)
    packed = runs.pack(folder / "pack")
    assert runs.in_a_process(runs.train, request.param, packed, folder / "whole") == 0
    return request.param, packed, folder / "whole"


def assert_same_end(one: Path, other: Path) -> None:
    assert (one / "loss.jsonl").read_bytes() == (other / "loss.jsonl").read_bytes()
    mine, theirs = checkpoint.newest(one), checkpoint.newest(other)
    assert mine is not None
    assert theirs is not None
    assert mine["step"] == runs.STEPS
    for part in ("model", "average", "optimizer", "scaler", "random"):
        assert runs.same(mine[part], theirs[part]), part
    assert runs.same(mine, theirs)


@pytest.mark.parametrize("turn", range(20))
def test_killed_at_a_random_step(whole: tuple[str, Path, Path], tmp_path: Path, turn: int) -> None:
    name, packed, complete = whole
    at = AT[name][turn]
    assert runs.in_a_process(runs.train, name, packed, tmp_path, at) == -signal.SIGKILL
    state = checkpoint.newest(tmp_path)
    assert (state["step"] if state else 0) == at // 5 * 5
    assert runs.in_a_process(runs.train, name, packed, tmp_path) == 0
    assert_same_end(tmp_path, complete)


def test_killed_while_a_checkpoint_is_written(whole: tuple[str, Path, Path], tmp_path: Path) -> None:
    name, packed, complete = whole
    assert runs.in_a_process(runs.killed_while_writing, name, packed, tmp_path) == -signal.SIGKILL
    assert [path.name for path in checkpoint.checkpoints(tmp_path)] == ["step-00000005.ckpt"]
    assert list(tmp_path.glob(".*.partial")) != []
    assert runs.in_a_process(runs.train, name, packed, tmp_path) == 0
    assert_same_end(tmp_path, complete)


def test_asked_to_stop(whole: tuple[str, Path, Path], tmp_path: Path) -> None:
    """SIGTERM in step 7: the step is finished, and there is a checkpoint behind it."""
    name, packed, complete = whole
    assert runs.in_a_process(runs.train, name, packed, tmp_path, 7, signal.SIGTERM) == 0
    assert "stopped at step 8 by SIGTERM" in (tmp_path / "said").read_text()
    state = checkpoint.newest(tmp_path)
    assert state is not None
    assert state["step"] == 8
    assert runs.in_a_process(runs.train, name, packed, tmp_path) == 0
    assert_same_end(tmp_path, complete)


def test_a_retry_does_not_begin_again(whole: tuple[str, Path, Path]) -> None:
    """The defect: a retry began at step 0. A finished run takes no step at all."""
    name, packed, complete = whole
    before = {path.name: path.read_bytes() for path in complete.glob("*.ckpt")}
    assert runs.in_a_process(runs.train, name, packed, complete) == 0
    assert {path.name: path.read_bytes() for path in complete.glob("*.ckpt")} == before


@pytest.mark.parametrize("damage", ["truncated", "flipped", "emptied"])
def test_a_damaged_checkpoint_falls_back(whole: tuple[str, Path, Path], tmp_path: Path, damage: str) -> None:
    name, packed, complete = whole
    assert runs.in_a_process(runs.train, name, packed, tmp_path, 17) == -signal.SIGKILL
    newest = checkpoint.checkpoints(tmp_path)[0]
    data = bytearray(newest.read_bytes())
    if damage == "flipped":
        data[len(data) // 2] ^= 1
    newest.write_bytes({"truncated": data[: len(data) // 2], "flipped": data, "emptied": b""}[damage])
    assert runs.in_a_process(runs.train, name, packed, tmp_path) == 0
    assert f"warning: `{newest}` is damaged" in (tmp_path / "said").read_text()
    assert_same_end(tmp_path, complete)


def test_no_room_for_a_checkpoint(whole: tuple[str, Path, Path], tmp_path: Path) -> None:
    """A clear error; what was there still is, and with room again the run goes on."""
    name, packed, complete = whole
    assert runs.in_a_process(runs.train, name, packed, tmp_path, 7) == -signal.SIGKILL
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.suffix == ".ckpt"}
    size = len(next(iter(before.values())))
    assert runs.in_a_process(runs.limited, name, packed, tmp_path, size // 2) == 0
    said = (tmp_path / "error").read_text()
    assert "step-00000010.ckpt` (" in said
    assert "cannot be written (File too large): make room" in said
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.suffix == ".ckpt"} == before
    assert list(tmp_path.glob(".*.partial")) == []
    assert runs.in_a_process(runs.train, name, packed, tmp_path) == 0
    assert_same_end(tmp_path, complete)
