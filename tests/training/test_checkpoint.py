"""Checkpoints and exports: whole or not there, and never taken for what they are not."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.training import runs
from training import checkpoint, loop
from training.config import TrainingError
from training.data import open_pack
from training.parallel import World
from training.tasks import task

HERE = World(torch.device("cpu"))


def state(step: int) -> checkpoint.State:
    return {"step": step, "tensor": torch.full((100,), float(step))}


def test_the_newest_is_read_and_old_ones_go(tmp_path: Path) -> None:
    for step in (5, 10, 15, 100):
        checkpoint.save(state(step), tmp_path, step, keep=2)
    assert [path.name for path in checkpoint.checkpoints(tmp_path)] == ["step-00000100.ckpt", "step-00000015.ckpt"]
    assert runs.same(checkpoint.newest(tmp_path), state(100))
    assert {path.suffix for path in tmp_path.iterdir()} == {".ckpt"}


def test_there_may_be_none(tmp_path: Path) -> None:
    assert checkpoint.newest(tmp_path) is None


@pytest.mark.parametrize("place", [0, 20, 60, -1])
def test_any_flipped_bit_is_noticed(tmp_path: Path, place: int, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint.save(state(1), tmp_path, 1, keep=3)
    path = checkpoint.save(state(2), tmp_path, 2, keep=3)
    data = bytearray(path.read_bytes())
    data[place] ^= 4
    path.write_bytes(data)
    assert runs.same(checkpoint.newest(tmp_path), state(1))
    assert capsys.readouterr().err == (
        f"warning: `{path}` is damaged, its checksum is another: trying the one before it\n"
    )


def test_where_all_are_damaged_nothing_begins_anew(tmp_path: Path) -> None:
    for step in (1, 2):
        checkpoint.save(state(step), tmp_path, step, keep=3).write_bytes(b"imgspec1")
    with pytest.raises(TrainingError, match=r"no checkpoint in .* is whole: move them away to begin anew"):
        checkpoint.newest(tmp_path)


def test_damaged_ones_do_not_count_among_those_to_keep(tmp_path: Path) -> None:
    """Nor does what is named after a step that no run of this folder has come to; neither is deleted."""
    for step in (5, 10, 15):
        path = checkpoint.save(state(step), tmp_path, step, keep=3)
    path.write_bytes(path.read_bytes()[:-5])
    (tmp_path / "step-99999999.ckpt").write_bytes(b"stray")
    assert runs.same(checkpoint.newest(tmp_path), state(10))
    checkpoint.save(state(11), tmp_path, 11, keep=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "step-00000011.ckpt", "step-00000015.ckpt.damaged", "step-99999999.ckpt.damaged"
    ]  # fmt: skip
    assert runs.same(checkpoint.newest(tmp_path), state(11))


def test_a_file_that_is_named_otherwise_is_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "step-best.ckpt").write_bytes(b"mine")
    assert checkpoint.newest(tmp_path) is None
    checkpoint.save(state(100_000_000), tmp_path, 100_000_000, keep=2)
    path = checkpoint.save(state(99_999_999), tmp_path / "..", 99_999_999, keep=2)
    path.rename(tmp_path / path.name)
    assert runs.same(checkpoint.newest(tmp_path), state(100_000_000))


def test_a_whole_file_that_no_run_wrote(tmp_path: Path) -> None:
    packed = open_pack(runs.pack(tmp_path / "pack"))
    own, out = task(runs.config("dit", steps=2), packed), tmp_path / "out"
    out.mkdir()
    path = checkpoint.save(state(1), out, 1, keep=3)
    said = f"`{path}` is whole, but no checkpoint of this trainer: move it away, or take another `--out`"
    with pytest.raises(TrainingError) as caught:
        loop.train(own, out, HERE)
    assert str(caught.value) == said
    data = b"not what torch writes"
    path.write_bytes(checkpoint.MAGIC + hashlib.sha256(data).digest() + data)
    with pytest.raises(TrainingError) as caught:
        loop.train(own, out, HERE)
    assert str(caught.value) == said
    path.unlink()
    loop.train(own, out, HERE)
    whole = checkpoint.newest(out)
    assert whole is not None
    whole["model"].popitem()
    checkpoint.save(whole, out, 2, keep=3)
    with pytest.raises(TrainingError, match=r"cannot be taken up, another version .* \(.*Missing key"):
        loop.train(own, out, HERE)


def test_a_checkpoint_of_another_configuration(tmp_path: Path) -> None:
    packed = open_pack(runs.pack(tmp_path / "pack"))
    out = tmp_path / "out"
    out.mkdir()
    loop.train(task(runs.config("dit", steps=2), packed), out, HERE)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(TrainingError) as caught:
        loop.train(task(runs.config("dit", steps=2, width=64), packed), out, HERE)
    assert str(caught.value) == (
        f"the checkpoint in `{out}` was made with `width=32`, this run has `width=64`: "
        "give the same settings, or another `--out`"
    )
    other = open_pack(runs.pack(tmp_path / "other"))
    object.__setattr__(other, "checksum", "another")
    with pytest.raises(TrainingError, match="was made with other data than the pack holds now"):
        loop.train(task(runs.config("dit", steps=2), other), out, HERE)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_an_export_comes_back(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    checkpoint.export(model, tmp_path, {"task": "classifier", "config": {"steps": 3}})
    tensors, about = checkpoint.exported(tmp_path)
    assert runs.same(dict(model.state_dict()), tensors)
    assert about == {"task": "classifier", "config": {"steps": 3}}


def test_no_export_and_a_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"there is no trained model in .*: the command `train` makes it"):
        checkpoint.exported(tmp_path)
    checkpoint.export(nn.Linear(2, 2), tmp_path, {})
    path = tmp_path / checkpoint.EXPORT
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(TrainingError, match=r"model\.safetensors` is damaged"):
        checkpoint.exported(tmp_path)
