"""Oxford-IIIT Pet, on archives of the same layout: the official split, and everything that can be wrong with them."""

from __future__ import annotations

import hashlib
import io
import socketserver
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training import sources
from training.config import TrainingError
from training.data import open_pack, write_pack

TRAINVAL = "Abyssinian_1 1 1 1\nAbyssinian_2 1 1 1\ngreat_pyrenees_1 2 2 1\n"
TEST = "Abyssinian_3 1 1 1\ngreat_pyrenees_2 2 2 1\n"
NAMES = ("Abyssinian_1", "Abyssinian_2", "Abyssinian_3", "great_pyrenees_1", "great_pyrenees_2")


def jpeg(colour: tuple[int, int, int] = (200, 10, 10), size: tuple[int, int] = (30, 20), kind: str = "JPEG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, kind)
    return buffer.getvalue()


def archive(path: Path, files: dict[str, bytes]) -> None:
    with tarfile.open(path, "w:gz") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    """Writes both archives, with the files given in the place of the right ones, or None for none."""

    def make(**changed: bytes | None) -> Path:
        annotations = {
            "annotations/README": b"",
            "annotations/list.txt": b"#\n",
            "annotations/trainval.txt": TRAINVAL.encode(),
            "annotations/test.txt": TEST.encode(),
            "annotations/._test.txt": b"\0\1",
        }
        images = {f"images/{name}.jpg": jpeg() for name in (*NAMES, "not_in_the_split_1")}
        images["images/Abyssinian_2.mat"] = b"MATLAB 5.0 MAT-file"  # the published archive has three of these
        for files in (annotations, images):
            for name in list(files):
                change = changed.get(Path(name).stem, b"as it was") if not name.endswith(".mat") else b"as it was"
                if change is None:
                    del files[name]
                elif change != b"as it was" and "._" not in name:
                    files[name] = change
        folder = tmp_path / "archives"
        folder.mkdir(exist_ok=True)
        archive(folder / "annotations.tar.gz", annotations)
        archive(folder / "images.tar.gz", images)
        return folder

    return make


def pack(archives: Path, target: Path) -> None:
    """As the trainer does, with the checksums of these archives and two breeds."""
    sums = {name: hashlib.md5((archives / name).read_bytes()).hexdigest() for name in sources.PETS_MD5}
    write_pack(sources.pets(archives, 8, sums, breeds=2), target)


def test_the_official_split(make: Callable[..., Path], tmp_path: Path) -> None:
    pack(make(Abyssinian_2=jpeg((10, 200, 10), (20, 40), "PNG")), tmp_path / "pets")  # some of the .jpg are others
    opened = open_pack(tmp_path / "pets")
    assert opened.classes == ("Abyssinian", "great pyrenees")
    assert opened.train.labels.tolist() == [0, 0, 1]
    assert opened.test.labels.tolist() == [0, 1]
    assert opened.train.images.shape == (3, 8, 8, 3)
    assert np.abs(opened.train.images[1].numpy().astype(int) - (10, 200, 10)).max() < 9


def test_the_middle_square_is_kept() -> None:
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = 255
    buffer = io.BytesIO()
    Image.fromarray(wide).save(buffer, "PNG")
    assert (sources._square("wide", buffer.getvalue(), 10) == 255).all()


WRONG: dict[str, tuple[dict[str, bytes | None], str]] = {
    "label": (
        {"trainval": b"Abyssinian_1 3 1 1\n"},
        r"line 1 of `trainval\.txt` in .* has breed 3: there are breeds 1 to",
    ),
    "label 0": ({"test": b"Abyssinian_3 0 1 1\n"}, r"line 1 of `test\.txt` in .* has breed 0"),
    "line": ({"trainval": b"# name\nAbyssinian_1\n"}, r"line 2 of .* is not `name breed species number`"),
    "twice": ({"test": b"Abyssinian_1 1 1 1\n"}, r"line 1 of `test\.txt` in .* names `Abyssinian_1` a second time"),
    "species for breed": ({"test": b"great_pyrenees_2 1 2 1\n"}, r"has breed 1 for `great_pyrenees_2`, which is Abyss"),
    "no split": ({"test": None}, r"there is no `annotations/test\.txt` in"),
    "no image": ({"Abyssinian_3": None}, r"1 images of the split are not in .*: Abyssinian_3"),
    "no JPEG": ({"Abyssinian_3": b"<html>"}, r"the image `Abyssinian_3` does not decode \("),
    "half a JPEG": ({"Abyssinian_3": jpeg(size=(99, 99))[:400]}, r"the image `Abyssinian_3` does not decode \("),
}


@pytest.mark.parametrize(("changed", "said"), WRONG.values(), ids=WRONG)
def test_wrong_content(make: Callable[..., Path], tmp_path: Path, changed: dict[str, bytes | None], said: str) -> None:
    with pytest.raises(TrainingError, match=said):
        pack(make(**changed), tmp_path / "pets")
    assert not (tmp_path / "pets").exists()


def test_an_image_that_is_there_twice(make: Callable[..., Path], tmp_path: Path) -> None:
    folder = make()
    archive(folder / "images.tar.gz", {f"{place}/Abyssinian_1.jpg": jpeg() for place in ("images", "more")})
    with pytest.raises(TrainingError, match=r"`Abyssinian_1\.jpg` is twice in .*: fetch it again"):
        pack(folder, tmp_path / "pets")


def test_a_wrong_checksum(make: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"annotations\.tar\.gz` is not the published archive, its checksum is ano"):
        sources.pets(make(), 8)


def test_a_missing_archive(make: Callable[..., Path]) -> None:
    archives = make()
    (archives / "images.tar.gz").unlink()
    with pytest.raises(TrainingError, match=r"there is no `images\.tar\.gz` in"):
        sources.pets(archives, 8, {"images.tar.gz": ""})


@pytest.mark.parametrize("name", ["images.tar.gz", "annotations.tar.gz"])
@pytest.mark.parametrize("kept", [0.5, 0.97])
def test_a_truncated_archive(make: Callable[..., Path], tmp_path: Path, name: str, kept: float) -> None:
    archives = make()
    data = (archives / name).read_bytes()
    (archives / name).write_bytes(data[: int(kept * len(data))])
    with pytest.raises(TrainingError, match=f"{name}` is truncated or no archive"):
        pack(archives, tmp_path / "pets")
    assert not (tmp_path / "pets").exists()


def test_archives_that_cannot_be_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(TrainingError, match=r"cannot be downloaded from .*: try again, or put both"):
        sources.fetch(tmp_path)
    assert list(tmp_path.iterdir()) == []


GONE_WRONG: dict[str, tuple[bytes, str]] = {
    "shorter than said": (b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\nhalf", "4 of 3,000,000 bytes came"),
    "in half a chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf", "IncompleteRead"),
    "not of the web": (b"220 welcome\r\n", "220 welcome"),
    "another file": (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nelse", "what came is not the published archive"),
    "an error": (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "HTTP Error 503: Busy"),
}


@pytest.mark.parametrize(("answer", "said"), GONE_WRONG.values(), ids=GONE_WRONG)
def test_a_download_that_goes_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes, said: str) -> None:
    """Said in one line, and nothing of it is kept."""

    class Answers(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(10_000)
            self.request.sendall(answer)

    with socketserver.TCPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setattr(sources, "PETS_URL", f"http://127.0.0.1:{server.server_address[1]}")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        try:
            with pytest.raises(TrainingError, match=rf"cannot be downloaded from .*{said}.*: try again, or put both"):
                sources.fetch(tmp_path)
        finally:
            server.shutdown()
            thread.join()
    assert list(tmp_path.iterdir()) == []
