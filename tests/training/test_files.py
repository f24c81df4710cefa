"""Files that are whole or not there, what is said where they cannot be written, and folders that are in use."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
import torch

from tests.training import runs
from training import files, journal, plots
from training.config import TrainingError


def test_a_file_is_whole_or_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "file"
    files.write(target, b"one", b"two")
    with runs.no_file_beyond(1000), pytest.raises(TrainingError) as caught:
        files.write(target, bytes(2**20))
    assert str(caught.value) == (
        f"`{target}` (1.0 MiB) cannot be written (File too large): make room, then run the same command again"
    )
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"onetwo"]


def test_a_picture_and_a_log_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    with runs.no_file_beyond(50):
        with pytest.raises(TrainingError, match=r"samples\.png` .* cannot be written .*: make room"):
            plots.grid(torch.zeros(4, 3, 8, 8), 2, tmp_path / "samples.png")
        log = journal.Journal(tmp_path, 0)
        with pytest.raises(TrainingError, match=r"loss\.jsonl` cannot be written .*: make room"):
            log.losses([{"step": step} for step in range(10)])
        with pytest.raises(TrainingError, match=r"speed\.jsonl` cannot be written .*: make room"):
            log.speed({"text": "long" * 50})


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "(No space left on device): make room, then run the same command again"),
        (errno.EROFS, "(Read-only file system): name a place where files may be written"),
        (errno.EIO, "(Input/output error): see to that, then run the same command again"),
    ],
)
def test_what_the_disk_refuses_is_said_with_what_to_do(tmp_path: Path, number: int, said: str) -> None:
    with pytest.raises(TrainingError) as caught, files.writing(tmp_path):
        raise OSError(number, os.strerror(number))
    assert str(caught.value) == f"`{tmp_path}` cannot be written {said}"


def test_a_file_in_the_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(TrainingError, match=r"a file stands where a folder is to be: name another place"):
            files.make(place)


def test_a_folder_is_one_commands_at_a_time(tmp_path: Path) -> None:
    with files.alone(tmp_path, "busy"), pytest.raises(TrainingError, match="busy"), files.alone(tmp_path, "busy"):
        pass
    with files.alone(tmp_path, "busy"):  # it is free again
        pass
    assert list(tmp_path.iterdir()) == []
