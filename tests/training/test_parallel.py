"""Two processes with gloo, started by torchrun as in a container, are one process with the whole batch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from training import checkpoint, remote
from training.config import TrainingError
from training.parallel import Chance, World

FLAGS = ["--data=synthetic", "--stored=16", "--image-size=16", "--device=cpu", "--batch=16", "--save-every=4"]
SMALL = {"classifier": ["--flip"], "dit": ["--width=32", "--depth=1", "--sampling-steps=2", "--flip"]}


def trained(name: str, folder: Path, processes: int, steps: int) -> tuple[dict[str, Any], list[float], int]:
    """The newest checkpoint, the losses, and how often the volume would have been committed."""
    commits: list[int] = []
    out = folder / f"{name}-{processes}-{steps}"
    flags = ["train", name, *FLAGS, *SMALL[name], f"--steps={steps}", f"--gpu=T4:{processes}", f"--out={out}"]
    result = remote.run([*flags, f"--packs={folder / 'packs'}", "--clip=0"], lambda: commits.append(1))
    assert result["steps"] == steps
    state = checkpoint.newest(out)
    assert state is not None
    losses = [json.loads(line)["loss"] for line in (out / "loss.jsonl").read_text().splitlines()]
    return state, losses, len(commits)


@pytest.mark.parametrize("name", SMALL)
def test_two_processes_are_one(name: str, tmp_path: Path) -> None:
    (one, losses, commits), (two, others, _) = (trained(name, tmp_path, n, 8) for n in (1, 2))
    assert commits >= 1
    assert losses == pytest.approx(others, rel=1e-4)
    for part in ("model", "average"):
        for key, tensor in one[part].items():
            # Adam divides by the gradient's own size, so that a gradient that is all rounding moves a parameter too
            torch.testing.assert_close(two[part][key], tensor, rtol=0, atol=2e-3, msg=f"{part} {key}")
            if tensor.norm() > 1e-3:
                assert (two[part][key] - tensor).norm() < 2e-3 * tensor.norm(), f"{part} {key}"
    assert torch.equal(one["random"], two["random"])
    assert (one["step"], one["config"]["batch"]) == (two["step"], two["config"]["batch"]) == (8, 16)


@pytest.mark.parametrize("name", SMALL)
def test_their_gradients_are_the_same(name: str, tmp_path: Path) -> None:
    """After one step, Adam's first moment is a tenth of the gradient."""
    states = [trained(name, tmp_path, n, 1)[0]["optimizer"]["state"] for n in (1, 2)]
    gradients = [[10 * each["exp_avg"] for each in state.values()] for state in states]
    scale = max(float(gradient.abs().max()) for gradient in gradients[0])
    assert scale > 1e-4
    for one, two in zip(*gradients, strict=True):
        torch.testing.assert_close(two, one, rtol=1e-4, atol=1e-6 * scale)


def test_random_numbers_are_those_of_one() -> None:
    cpu = torch.device("cpu")
    whole = Chance(3, World(cpu)).normal(6, 2, 2)
    parts = [Chance(3, World(cpu, rank, 3)).normal(2, 2, 2) for rank in range(3)]
    assert torch.equal(torch.cat(parts), whole)


def test_a_batch_that_cannot_be_parted() -> None:
    with pytest.raises(TrainingError, match="`batch=10` cannot be parted among 4 processes: take a multiple"):
        World(torch.device("cpu"), 1, 4).rows(10)


def test_what_someone_must_mend_comes_back_from_a_container(tmp_path: Path) -> None:
    """Not as an exception, which Modal would answer with another try."""
    flags = ["evaluate", "dit", *FLAGS, f"--out={tmp_path}", f"--packs={tmp_path}"]
    result = remote.run(flags, lambda: None)
    assert result == {"error": f"there is no trained model in `{tmp_path}`: the command `train` makes it"}


def test_what_another_try_may_mend_is_an_exception(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch.py").write_text("import os; os.abort()")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(remote.__file__).parents[1]}")
    with pytest.raises(RuntimeError, match="the run ended with code -6"):
        remote.run(["train", "dit", *FLAGS, f"--out={tmp_path}/out"], lambda: None)


def test_the_command_of_a_cluster() -> None:
    command = remote._command(8, 1, ["10.0.0.1", "10.0.0.2"])
    assert command[2:] == [
        "torch.distributed.run", "--nproc-per-node=8", "--nnodes=2", "--node-rank=1", "--master-addr=10.0.0.1",
        "--master-port=29500", "-m", "training",
    ]  # fmt: skip
