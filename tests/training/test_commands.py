"""Commands as they are typed, where the folders that they name are not as they should be, or are in use."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from training import commands, files, sources
from training.config import Request, TrainingError, read
from training.data import write_pack


def request(command: str, task: str, folder: Path, *flags: str) -> Request:
    """On synthetic data, with everything in `folder`."""
    places = ["--packs", str(folder / "packs"), "--runs", str(folder / "runs")]
    return read([command, task, "--data", "synthetic", "--device", "cpu", *places, *flags])


def test_two_commands_that_pack_at_once_make_one_pack(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second waits, and takes what the first one made."""
    asked = request("prepare", "dit", tmp_path)
    asked.packs.mkdir()
    results: list[dict[str, object]] = []
    second = threading.Thread(target=lambda: results.append(commands.prepare(asked)))
    with files.alone(asked.packs, "busy"):
        second.start()
        said, until = "", time.monotonic() + 10
        while not said and time.monotonic() < until:
            time.sleep(0.01)
            said = capsys.readouterr().err
        write_pack(sources.synthetic(32, 20, 8), asked.packs / "synthetic-32")
    second.join()
    assert said == f"another command packs into `{asked.packs}`: waiting for it\n"
    assert [result["images"] for result in results] == [{"train": 20, "test": 8}]
    assert [path.name for path in asked.packs.iterdir()] == ["synthetic-32"]


def test_an_empty_folder_is_no_pack_yet(tmp_path: Path) -> None:
    (tmp_path / "packs" / "synthetic-32").mkdir(parents=True)
    assert commands.prepare(request("prepare", "dit", tmp_path))["classes"] == 4


@pytest.mark.parametrize("flag", ["--out", "--packs"])
def test_a_file_where_a_folder_is_to_be(tmp_path: Path, flag: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TrainingError, match=r"file` cannot be written .*: a file stands where a folder is to be"):
        commands.train(request("train", "dit", tmp_path, flag, str(tmp_path / "file")))


def test_one_run_at_a_time_writes_in_a_folder(tmp_path: Path) -> None:
    asked = request("train", "dit", tmp_path, "--steps", "1", "--batch", "4")
    asked.folder.mkdir(parents=True)
    with files.alone(asked.folder, "busy"), pytest.raises(TrainingError) as caught:
        commands.train(asked)
    assert str(caught.value) == (
        f"another run is writing in `{asked.folder}`: wait until it has ended, or take another `--out`"
    )
    assert list(asked.folder.iterdir()) == []


def test_flags_that_are_as_the_model_says_change_nothing(tmp_path: Path) -> None:
    """They need not go together with the presets, of which the model may have had none."""
    commands.train(request("train", "classifier", tmp_path, "--steps", "1", "--batch", "4", "--backbone", "small"))
    places = ["--packs", str(tmp_path / "packs"), "--out", str(tmp_path / "runs" / "classifier-synthetic")]
    asked = read(["evaluate", "classifier", *places, "--backbone", "small", "--device", "cpu"])
    assert asked.config.task == "classifier"  # what the command line looks at before it loads torch
    assert commands.evaluate(asked)["images"] == 128
    with pytest.raises(TrainingError, match=r"was made with `backbone=small`, this run has `backbone=resnet18`"):
        commands.evaluate(read(["evaluate", "classifier", *places, "--backbone", "resnet18"]))
    with pytest.raises(TrainingError, match="no setting `widht`"):
        Request(command="evaluate", task="dit", given={"widht": 1}).config  # noqa: B018
