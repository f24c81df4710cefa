"""Oxford-IIIT Pet's archives, scikit-learn's digits, or shapes drawn here -> examples for a pack."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import itertools
import tarfile
import urllib.request
import warnings
import zlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from tqdm import tqdm

from training.config import Config, TrainingError
from training.data import Source

PETS_URL = "https://thor.robots.ox.ac.uk/datasets/pets"
PETS_MD5 = {
    "annotations.tar.gz": "95a8c909bbe2e81eed6a22bccdf3f68f",
    "images.tar.gz": "5c4f3ee8e5d25df40f4fd59a7f44e54c",
}
"""The archives and their checksums, as the dataset has been published since 2012."""
BREEDS = 37


def source(config: Config, archives: Path | None, scratch: Path) -> Source:
    """The examples that a config asks for. The archives of Oxford-IIIT Pet are downloaded where none are given.

    Raises:
        TrainingError: an archive is missing, truncated or another one, or its content is not what it should be.
    """
    match config.data:
        case "digits":
            return digits()
        case "synthetic":
            return synthetic(config.stored)
        case _:
            return pets(fetch(scratch) if archives is None else archives, config.stored)


def digits() -> Source:
    """scikit-learn's 1,797 handwritten digits of 8x8 pixels, every fifth of each class held out."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise TrainingError("the digits come with scikit-learn, which is not here: pip install scikit-learn") from None
    bunch = load_digits()
    images = (bunch.images * (255 / 16)).round().astype(np.uint8)[..., None]  # (N, 8, 8, 1), from 0..16
    labels = bunch.target.astype(int)
    held_out = np.zeros(len(labels), bool)
    for digit in range(10):
        held_out[np.flatnonzero(labels == digit)[::5]] = True
    counts = {"train": int((~held_out).sum()), "test": int(held_out.sum())}
    splits = np.where(held_out, "test", "train")
    examples = ((str(s), image, int(label)) for s, image, label in zip(splits, images, labels, strict=True))
    return Source("digits", tuple("0123456789"), (8, 8, 1), counts, examples)


SHAPES = ("circle", "square", "triangle", "cross")


def synthetic(side: int, train: int = 512, test: int = 128) -> Source:
    """Coloured shapes on coloured ground, the same every time: four classes, in RGB."""

    def examples() -> Iterator[tuple[str, np.ndarray, int]]:
        for index, split in enumerate(["train"] * train + ["test"] * test):
            random = np.random.default_rng((2012, index))
            yield split, _shape(random, side, index % len(SHAPES)), index % len(SHAPES)

    return Source("synthetic", SHAPES, (side, side, 3), {"train": train, "test": test}, examples())


def _shape(random: np.random.Generator, side: int, kind: int) -> np.ndarray:
    ground, colour = (tuple(int(c) for c in random.integers(low, low + 96, 3)) for low in (0, 160))
    image = Image.new("RGB", (side, side), ground)
    draw = ImageDraw.Draw(image)
    radius = side * random.uniform(0.2, 0.4)
    x, y = random.uniform(radius, side - radius, 2)
    left, top, right, bottom = x - radius, y - radius, x + radius, y + radius
    match SHAPES[kind]:
        case "circle":
            draw.ellipse((left, top, right, bottom), fill=colour)
        case "square":
            draw.rectangle((left, top, right, bottom), fill=colour)
        case "triangle":
            draw.polygon(((x, top), (left, bottom), (right, bottom)), fill=colour)
        case _:
            thick = radius / 3
            draw.rectangle((x - thick, top, x + thick, bottom), fill=colour)
            draw.rectangle((left, y - thick, right, y + thick), fill=colour)
    return np.asarray(image)


# ---------------------------------------------------------------------------------------- Oxford-IIIT Pet


def fetch(folder: Path) -> Path:
    """Download what is not there yet of the two archives. Raises `TrainingError` where that does not work."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, md5 in PETS_MD5.items():
        target = folder / name
        if target.exists() and _md5(target) == md5:
            continue
        partial = target.with_suffix(".partial")
        try:
            _download(f"{PETS_URL}/{name}", partial)
            if _md5(partial) != md5:
                raise OSError("what came is not the published archive, its checksum is another")
            partial.rename(target)
        except (OSError, http.client.HTTPException) as error:
            raise TrainingError(
                f"`{name}` cannot be downloaded from {PETS_URL} ({' '.join(str(error).split())}): try again, or put "
                "both archives into a folder, and name it with `--archives`"
            ) from None
        finally:
            partial.unlink(missing_ok=True)
    return folder


def _download(url: str, target: Path) -> None:
    """Raises `OSError` or `HTTPException` where not all of it comes."""
    with urllib.request.urlopen(url, timeout=60) as answer, target.open("wb") as file:
        total = answer.length
        with tqdm(total=total, unit="B", unit_scale=True, desc=target.stem, disable=None) as bar:
            while chunk := answer.read(1 << 20):
                bar.update(file.write(chunk))
        if total not in (None, file.tell()):
            raise OSError(f"{file.tell():,} of {total:,} bytes came")


def pets(archives: Path, side: int, checksums: Mapping[str, str] | None = None, breeds: int = BREEDS) -> Source:
    """Oxford-IIIT Pet in its official split, from a folder with `images.tar.gz` and `annotations.tar.gz`.

    `annotations/trainval.txt` and `test.txt` have a line for each image: its name, its breed from 1, its species, and
    a number within that. Images are cut to their middle square and scaled to `side` pixels.

    Raises:
        TrainingError: as in `source`.
    """
    for name, md5 in (PETS_MD5 if checksums is None else checksums).items():
        if not (archives / name).is_file():
            raise TrainingError(f"there is no `{name}` in `{archives}`")
        if _md5(archives / name) != md5:
            raise TrainingError(
                f"`{archives / name}` is not the published archive, its checksum is another: fetch it again"
            )
    places, names = _split_of(archives / "annotations.tar.gz", breeds)
    counts = {split: sum(1 for at, _ in places.values() if at == split) for split in ("train", "test")}
    examples = _images_of(archives / "images.tar.gz", places, side)
    return Source("pets", names, (side, side, 3), counts, examples)


def _split_of(archive: Path, breeds: int) -> tuple[dict[str, tuple[str, int]], tuple[str, ...]]:
    """Image name -> its split and its label from 0; and the names of the breeds."""
    places: dict[str, tuple[str, int]] = {}
    names: dict[int, str] = {}
    texts = {Path(name).name: data.decode() for name, data in _members(archive) if name.endswith(".txt")}
    for split, file in (("train", "trainval.txt"), ("test", "test.txt")):
        if file not in texts:
            raise TrainingError(f"there is no `annotations/{file}` in `{archive}`")
        for number, line in enumerate(texts[file].splitlines(), 1):
            where = f"line {number} of `{file}` in `{archive}`"
            if not line.strip() or line.startswith("#"):
                continue
            try:
                name, breed, _species = line.split()[0], int(line.split()[1]), int(line.split()[2])
            except (ValueError, IndexError):
                raise TrainingError(f"{where} is not `name breed species number`") from None
            if not 1 <= breed <= breeds:
                raise TrainingError(f"{where} has breed {breed}: there are breeds 1 to {breeds}")
            if name in places:
                raise TrainingError(f"{where} names `{name}` a second time")
            if names.setdefault(breed, name.rpartition("_")[0]) != name.rpartition("_")[0]:
                raise TrainingError(f"{where} has breed {breed} for `{name}`, which is {names[breed]} elsewhere")
            places[name] = (split, breed - 1)
    return places, tuple(names.get(breed, f"breed {breed}").replace("_", " ") for breed in range(1, breeds + 1))


def _images_of(
    archive: Path, places: Mapping[str, tuple[str, int]], side: int
) -> Iterator[tuple[str, np.ndarray, int]]:
    members = ((Path(name), data) for name, data in _members(archive))  # among them Matlab's files of the same names
    wanted = ((path.stem, data) for path, data in members if path.suffix == ".jpg" and path.stem in places)
    seen: set[str] = set()
    with ThreadPoolExecutor() as decoders, tqdm(total=len(places), desc="pack", unit="image", disable=None) as bar:
        while group := list(itertools.islice(wanted, 128)):  # so that the archive is never in memory as a whole
            for name, image in decoders.map(lambda item: (item[0], _square(item[0], item[1], side)), group):
                if name in seen:
                    raise TrainingError(f"`{name}.jpg` is twice in `{archive}`: fetch it again")
                seen.add(name)
                bar.update()
                yield places[name][0], image, places[name][1]
    missing = sorted(places.keys() - seen)
    if missing:
        raise TrainingError(f"{len(missing)} images of the split are not in `{archive}`: {', '.join(missing[:3])}, …")


def _square(name: str, data: bytes, side: int) -> np.ndarray:
    """An encoded image -> its middle square: uint8 (side, side, 3)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a few of the files have odd metadata, which nothing here reads
            image = Image.open(io.BytesIO(data)).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise TrainingError(f"the image `{name}` does not decode ({error})") from None
    edge = min(image.size)
    left, top = (image.width - edge) // 2, (image.height - edge) // 2
    box = (left, top, left + edge, top + edge)
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC, box=box))


def _members(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the files in an archive, in its order. Hidden ones are left out."""
    try:
        # not tarfile's own gzip, which takes a stream that breaks off for one that ends
        with gzip.open(archive) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
            for member in tar:
                file = tar.extractfile(member) if member.isfile() else None
                if file is not None and not Path(member.name).name.startswith("."):
                    yield member.name, file.read()
            while stream.read(1 << 20):  # to the end, where the checksum is
                pass
    except FileNotFoundError:
        raise TrainingError(f"there is no `{archive}`") from None
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise TrainingError(f"`{archive}` is truncated or no archive ({error}): fetch it again") from None


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
