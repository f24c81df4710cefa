"""Packs: written whole or not at all, verified when they are opened; and the order in which they are read."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training import runs
from training import sources
from training.config import TrainingError
from training.data import Source, batches, open_pack, order, write_pack

CPU = torch.device("cpu")


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    write_pack(sources.synthetic(16, 20, 8), tmp_path / "pack")
    return tmp_path / "pack"


def test_what_is_written_is_read(pack: Path) -> None:
    expected = [(image, label) for split, image, label in sources.synthetic(16, 20, 8).examples if split == "train"]
    opened = open_pack(pack)
    assert opened.classes == ("circle", "square", "triangle", "cross")
    assert opened.train.images.dtype == torch.uint8
    assert opened.train.labels.tolist() == [label for _, label in expected]
    assert np.array_equal(opened.train.images.numpy(), np.stack([image for image, _ in expected]))
    assert opened.train.images.shape == (20, 16, 16, 3)


def test_the_same_data_has_the_same_checksum(pack: Path, tmp_path: Path) -> None:
    write_pack(sources.synthetic(16, 20, 8), tmp_path / "again")
    write_pack(sources.synthetic(16, 21, 8), tmp_path / "other")
    sums = [open_pack(folder).checksum for folder in (pack, tmp_path / "again", tmp_path / "other")]
    assert sums[0] == sums[1] != sums[2]


def test_digits_are_held_out_by_class(tmp_path: Path) -> None:
    write_pack(sources.digits(), tmp_path / "digits")
    digits = open_pack(tmp_path / "digits")
    assert (len(digits.train.labels), len(digits.test.labels)) == (1433, 364)
    assert set(Counter(digits.test.labels.tolist()).values()) <= {35, 36, 37}
    train = {image.numpy().tobytes() for image in digits.train.images}
    assert not train & {image.numpy().tobytes() for image in digits.test.images}


DAMAGE = {
    "flipped": ("train.images.npy", lambda data: data[:-1] + bytes([data[-1] ^ 1]), "is damaged, its checksum is"),
    "truncated": ("test.images.npy", lambda data: data[:-9], "is damaged, its checksum is another: delete"),
    "labels": ("train.labels.npy", lambda data: data[:-8] + b"\x09" + data[-7:], "is damaged"),
    "index": ("pack.json", lambda data: data[:20], "holds no pack that can be read: delete"),
}


@pytest.mark.parametrize(("name", "damage", "said"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_pack_is_an_error(pack: Path, name: str, damage, said: str) -> None:  # type: ignore[no-untyped-def]
    (pack / name).write_bytes(damage((pack / name).read_bytes()))
    with pytest.raises(TrainingError, match=said):
        open_pack(pack)


def test_a_missing_pack_is_an_error(pack: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"there is no pack in .*: the command `prepare` makes it"):
        open_pack(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(TrainingError, match=r"there is no pack in .*empty`: the command `prepare` makes it"):
        open_pack(tmp_path / "empty")
    (pack / "test.images.npy").unlink()
    with pytest.raises(TrainingError, match=r"test\.images\.npy` is missing: delete `.*` and prepare it again"):
        open_pack(pack)


def examples(source: Source, label: int = 0, side: int = 16) -> Source:
    image = np.zeros((side, side, 3), np.uint8)
    return dataclasses.replace(source, counts={"train": 1, "test": 0}, examples=iter([("train", image, label)]))


@pytest.mark.parametrize(
    ("label", "side", "said"),
    [
        (4, 16, "label 4 is out of range: `synthetic` has 4 classes"),
        (-1, 16, "label -1 is out of range"),
        (0, 8, r"an image of `synthetic` is of shape \(8, 8, 3\), not \(16, 16, 3\)"),
    ],
)
def test_wrong_examples_overwrite_nothing(pack: Path, label: int, side: int, said: str) -> None:
    before = {path.name: path.read_bytes() for path in pack.iterdir()}
    with pytest.raises(TrainingError, match=said):
        write_pack(examples(sources.synthetic(16), label, side), pack)
    assert {path.name: path.read_bytes() for path in pack.iterdir()} == before
    assert list(pack.parent.iterdir()) == [pack]


def test_too_few_examples_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"`synthetic` has \{'train': 0, 'test': 0\} images, not"):
        write_pack(dataclasses.replace(sources.synthetic(16, 1, 0), examples=iter(())), tmp_path / "pack")
    assert list(tmp_path.iterdir()) == []


def test_no_room_for_a_pack(tmp_path: Path) -> None:
    """It says so, and leaves nothing: a memory map would have the process killed."""
    with runs.no_file_beyond(10_000), pytest.raises(TrainingError) as caught:
        write_pack(sources.synthetic(16, 64, 16), tmp_path / "pack")
    assert str(caught.value) == (
        f"`{tmp_path / 'pack'}` cannot be written (File too large): make room, then run the same command again"
    )
    assert list(tmp_path.iterdir()) == []


def test_images_are_on_their_way_to_the_disk_while_the_next_are_made(tmp_path: Path) -> None:
    """No space is taken for images that are not there yet, and none of them stays in memory."""
    source, sizes = sources.synthetic(64, 20, 0), []

    def watched() -> Iterator[tuple[str, np.ndarray, int]]:
        for example in source.examples:
            sizes.append((tmp_path / ".pack.partial" / "train.images.npy").stat().st_size)
            yield example

    write_pack(dataclasses.replace(source, examples=watched()), tmp_path / "pack")
    assert sizes[0] < 64**2 * 3 < sizes[5] < sizes[-1] < 64**2 * 3 * 20


def test_what_a_killed_command_left_goes(tmp_path: Path) -> None:
    (tmp_path / ".pack.partial").mkdir()
    (tmp_path / ".pack.partial" / "train.images.npy").write_bytes(b"half")
    write_pack(sources.synthetic(16, 4, 4), tmp_path / "pack")
    assert list(tmp_path.iterdir()) == [tmp_path / "pack"]


# ---------------------------------------------------------------------------------------------- the order


def test_each_epoch_has_every_image_once() -> None:
    stream = np.concatenate([order(23, 7, step, seed=1) for step in range(23 * 2)])
    epochs = [stream[start : start + 23].tolist() for start in range(0, len(stream), 23)]
    assert all(sorted(epoch) == list(range(23)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == len(epochs)


def test_a_batch_may_be_larger_than_the_data() -> None:
    assert Counter(order(5, 20, 3, seed=0).tolist()) == dict.fromkeys(range(5), 4)


def test_the_order_is_the_seeds() -> None:
    assert order(50, 10, 3, seed=1).tolist() == order(50, 10, 3, seed=1).tolist()
    assert order(50, 10, 3, seed=1).tolist() != order(50, 10, 3, seed=2).tolist()


def test_batches_are_the_images_of_the_order(pack: Path) -> None:
    split = open_pack(pack).train
    read = list(batches(split, 8, 3, range(2, 5), slice(0, 8), CPU))
    assert len(read) == 3
    for step, (images, labels) in enumerate(read, 2):
        chosen = order(20, 8, step, seed=3)
        assert torch.equal(images.permute(0, 2, 3, 1), split.images[chosen])
        assert torch.equal(labels, split.labels[chosen])
        assert images.is_contiguous(memory_format=torch.channels_last)


def test_two_processes_read_the_halves_of_one(pack: Path) -> None:
    split = open_pack(pack).train
    whole, first, second = (
        [images for images, _ in batches(split, 8, 3, range(3), rows, CPU)]
        for rows in (slice(0, 8), slice(0, 4), slice(4, 8))
    )
    assert all(torch.equal(w, torch.cat([a, b])) for w, a, b in zip(whole, first, second, strict=True))
