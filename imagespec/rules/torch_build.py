"""Image -> the torch that it will hold: which version, and for which CUDA it was built."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from packaging.utils import parse_wheel_filename
from packaging.version import Version

from imagespec.diagnostic import Source
from imagespec.image.bases import tag_of
from imagespec.image.layers import Image, Installed, Layer, Place
from imagespec.image.requirements import files_of, logical_lines, name_of, requirements_of
from imagespec.image.variables import variables_of
from imagespec.lock.pins import same
from imagespec.rules.releases import release
from imagespec.spec import operations as ops
from imagespec.spec.source import read

WITHOUT_CUDA = ("cpu", "rocm")
"""What a torch is built for that knows nothing of NVIDIA's GPUs."""


@dataclass(frozen=True, slots=True)
class Torch:
    """`cuda` is `12.4`, `cpu`, `rocm`, or empty where nothing tells; `default`: it comes from the index that everybody
    uses. `place` is where the spec names it, or what brings it; `None` where nothing does."""

    version: str
    cuda: str
    default: bool
    place: Place | None

    @property
    def series(self) -> tuple[int, int]:
        """`(2, 5)` of 2.5.1."""
        parsed = Version(self.version)
        return parsed.major, parsed.minor

    @property
    def major_cuda(self) -> str:
        """`12`; empty without CUDA, and where it is unknown."""
        return self.cuda.partition(".")[0] if self.cuda not in WITHOUT_CUDA else ""


@dataclass(frozen=True, slots=True)
class Base:
    """What the name of a base tells of the CUDA and the torch in it; empty where it tells nothing. `nvcc`: it brings
    CUDA's compiler. `place` is where the name is written, `other_python`: a Python of its own is put beside."""

    cuda: str
    torch: str
    nvcc: bool
    other_python: bool
    place: Place


_CUDA_BASE = re.compile(r"(?:^|/)nvidia/cuda:(\d+\.\d+)")
_TORCH_BASE = re.compile(r"(?:^|/)pytorch/pytorch:(\d+\.\d+\.\d+)-cuda(\d+\.\d+)")


def base_of(image: Image) -> Base | None:
    """The base, where its name tells its CUDA."""
    first = image.layers[0] if image.layers else None
    if first is None:
        return None
    tag = tag_of(first.operation)
    place = first.place("path" if isinstance(first.operation, ops.FromDockerfile) else "tag")
    added = bool(getattr(first.operation, "add_python", None))
    nvcc = "devel" in tag.partition("@")[0]
    if found := _CUDA_BASE.search(tag):
        return Base(found[1], "", nvcc, added, place)
    if found := _TORCH_BASE.search(tag):
        return Base(found[2], found[1], nvcc, added, place)
    return None


def torch_of(image: Image) -> Torch | None:
    """The torch that the image's Python will import; `None` where its version is not known."""
    own, base = image.installed.get("torch"), base_of(image)
    brought = base.torch if base is not None and not base.other_python else ""
    if own is not None and not is_version(own.version):
        return None
    if base is not None and brought and (own is None or same(own.version, brought)):
        return Torch(brought, base.cuda, False, base.place)
    return _installed(own, image) if own is not None else None


def python_series(image: Image) -> str:
    """`3.12` of a Python 3.12.10, `3.13t` of a free-threaded one; empty where it is unknown, or no Python."""
    found = re.fullmatch(r"(3\.\d{1,3})(?:\.\d+)?(t?)", image.python)
    return found[1] + found[2] if found else ""


def is_version(text: str) -> bool:
    try:
        return bool(Version(text))
    except ValueError:  # also a number of thousands of digits
        return False


def _installed(torch: Installed, image: Image) -> Torch:
    other = other_build(torch, image)
    cuda = release("torch", torch.version).get("cuda", "") if other is None else cuda_in(other)
    return Torch(Version(torch.version).public, cuda, other is None, torch.place)


def other_build(package: Installed, image: Image) -> str | None:
    """What tells that a package does not come as the index has it that everybody uses: its local version, or another
    index. `None` where nothing does."""
    local = Version(package.version).local or _local_of_files(package)
    return local or (None if local == "" else _other_index(package.name, image))


def _local_of_files(package: Installed) -> str | None:
    """The local part of the version in the names of its wheels; `None` without wheels of this version."""
    for name in package.files:
        try:
            version = parse_wheel_filename(unquote(name))[1]
        except ValueError:
            continue
        if version.public == Version(package.version).public:
            return version.local or ""
    return None


def cuda_in(text: str) -> str:
    """The CUDA that a local version, an index or an option names: `12.1` of `cu121`, or `cpu`, or `rocm`; empty where
    it names none, or several."""
    named = set(re.findall(r"(?<![a-z0-9])(?:cu(\d{2})(\d)|(cpu)|(rocm)\d[\d.]*)(?![a-z0-9])", text))
    if len(named) != 1:
        return ""
    major, minor, cpu, rocm = named.pop()
    return cpu or rocm or f"{major}.{minor}"


def _other_index(name: str, image: Image) -> str | None:
    """What is said about where a package comes from; `None` if nothing is."""
    layers = [layer for layer in image.layers if any(name_of(line.text) == name for line in requirements_of(layer))]
    said = [text for layer in layers for text in _about_indexes(layer)]
    said += [each.value for each in variables_of(image) if _VARIABLE.match(each.name)]
    return " ".join(said) or None


_OPTION = re.compile(r"index|find-links|torch-backend|no-sources|(^|\s)-[if]\b")
_VARIABLE = re.compile(r"^(UV|PIP)_\w*(INDEX|LINKS|TORCH_BACKEND|CONFIG)")


def _about_indexes(layer: Layer) -> Iterator[str]:
    operation = layer.operation
    if isinstance(operation, ops.Pip):
        yield from (text for text in (operation.index_url, operation.extra_index_url, operation.find_links) if text)
        if _OPTION.search(operation.extra_options):
            yield operation.extra_options
        yield from (str(value) for name, value in (operation.env or {}).items() if _VARIABLE.match(name))
    for file in files_of(operation):
        source = read(file)
        if isinstance(source, Source):
            yield from (line.text for line in logical_lines(source) if line.text.startswith("-"))
