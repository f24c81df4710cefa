"""The package index that uv is set up with -> `imagespec/rules/tables/torch.json`: what each torch was built for.

`python -m docs.refresh_versions` adds the versions that the table does not have yet; `--all` reads every wheel again.
Of a wheel only the few files that tell are fetched, some 10 MB of a gigabyte: an index that answers range requests is
needed. Withdrawn files and pre-releases are left out.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.parser import Parser
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urljoin
from urllib.request import Request, urlopen

from packaging.requirements import Requirement
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from imagespec.machine.interpreter import find_uv

TABLE = Path(__file__).parent.parent / "imagespec" / "rules" / "tables" / "torch.json"
OLDEST = {"torch": Version("2.0"), "torchvision": Version("0.15"), "torchaudio": Version("2.0")}
SIMPLE = "application/vnd.pypi.simple.v1+json"

Row: TypeAlias = dict[str, str]
"""`python`: the Pythons that a version has wheels for, `3.13t` free-threaded, or a specifier where one wheel is for
many. For torch `cuda`, `sm`, the architectures, `abi`, whether its C++ strings are of the newer kind, and `numpy`, the
only major version that it can use, if there is one; for the others `torch`, the versions that they allow."""


@dataclass(frozen=True, slots=True)
class Release:
    """A version of a package that runs on Linux and x86-64. `url` is one of its wheels."""

    version: Version
    python: str
    url: str


def index_url() -> str:
    """The index that uv would ask."""
    command = [find_uv(os.environ), "pip", "compile", "-", "--quiet", "--no-deps", "--emit-index-url"]
    said = subprocess.run(command, input="torch", text=True, capture_output=True, check=True).stdout
    found = re.search(r"^--index-url (\S+)", said, re.MULTILINE)
    if found is None:
        raise SystemExit("uv names no index")
    return found[1].rstrip("/")


def releases(index: str, name: str) -> Iterator[Release]:
    """Every version from the oldest that counts, in order."""
    with urlopen(Request(f"{index}/{name}/", headers={"Accept": SIMPLE}), timeout=60) as answer:
        page = json.load(answer)
    wheels: dict[Version, dict[str, str]] = {}
    for file in page["files"]:
        if not file["yanked"]:
            for version, python in _linux(file["filename"]):
                if version >= OLDEST[name] and not version.is_prerelease:
                    where = wheels.setdefault(version, {})
                    where[python or file["requires-python"] or ">=3"] = urljoin(answer.url, file["url"])
    for version in sorted(wheels):
        pythons = sorted(wheels[version], key=_series)
        yield Release(version, " ".join(pythons), wheels[version][pythons[-1]])


def _linux(name: str) -> Iterator[tuple[Version, str]]:
    """The version of a wheel for Linux and x86-64, and its Python, empty for many; nothing of any other file."""
    try:
        _, version, _, tags = parse_wheel_filename(name)
    except InvalidWheelFilename:
        return
    for tag in tags:
        if "linux" in tag.platform and tag.platform.endswith("x86_64"):
            found = re.fullmatch(r"cp3(\d+)", tag.interpreter)
            own = found and tag.abi not in ("abi3", "none")
            yield version, f"3.{found[1]}" + ("t" if tag.abi.endswith("t") else "") if found and own else ""


def _series(python: str) -> tuple[int, str]:
    """3.9 before 3.10, and that before 3.10t."""
    found = re.fullmatch(r"3\.(\d+)(t?)", python)
    return (int(found[1]), found[2]) if found else (0, python)


class Remote(io.RawIOBase):
    """A file on a server, of which only what is read is fetched."""

    def __init__(self, url: str) -> None:
        self.url, self.at = url, 0
        with urlopen(Request(url, method="HEAD"), timeout=60) as answer:
            self.size = int(answer.headers["Content-Length"])

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self.at, io.SEEK_END: self.size}[whence]
        return self.at

    def readinto(self, buffer: Any) -> int:
        wanted = min(len(buffer), self.size - self.at)
        if wanted <= 0:
            return 0
        headers = {"Range": f"bytes={self.at}-{self.at + wanted - 1}"}
        with urlopen(Request(self.url, headers=headers), timeout=60) as answer:
            part = answer.status == 206
            data = answer.read() if part else answer.read()[self.at : self.at + wanted]
        buffer[: len(data)] = data
        self.at += len(data)
        return len(data)


def wheel(url: str) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BufferedReader(Remote(url), 1 << 18))


def row(name: str, release: Release) -> Row:
    """What one wheel of a version tells. What it does not tell is left out."""
    found = {"python": release.python}
    with wheel(release.url) as opened:
        found |= built_for(opened) if name == "torch" else needed_torch(opened)
    return {key: value for key, value in found.items() if value}


def built_for(torch: zipfile.ZipFile) -> Row:
    """CUDA, architectures, the kind of C++ strings and NumPy, from the files of torch itself."""
    version, python, core = (_content(torch, f"torch/{name}") for name in _TELLING)
    cuda = re.search(rb"^cuda\b.*= '([\d.]+)'", version, re.MULTILINE)
    flags = re.search(rb"(?:sm|compute)_\d+a?(?: (?:sm|compute)_\d+a?)+", python)
    new = b"c105ErrorC2ENS_14SourceLocationENSt7__cxx11" in core
    older = b"numpy.core._multiarray_umath" in python and b"numpy._core._multiarray_umath" not in python
    return {
        "cuda": cuda[1].decode() if cuda else "",
        "sm": " ".join(map(_architecture, flags[0].decode().split())) if flags else "",
        "abi": "" if not core else "TRUE" if new else "FALSE",
        "numpy": "1" if older else "",
    }


_TELLING = ("version.py", "lib/libtorch_python.so", "lib/libc10.so")


def _content(opened: zipfile.ZipFile, name: str) -> bytes:
    try:
        return opened.read(name)
    except KeyError:
        return b""


def _architecture(flag: str) -> str:
    """`sm_86` is 8.6; `compute_120` is 12.0+, which newer GPUs translate."""
    kind, _, number = flag.partition("_")
    digits = number.rstrip("a")
    return f"{digits[:-1]}.{digits[-1]}" + ("+" if kind == "compute" else "")


def needed_torch(opened: zipfile.ZipFile) -> Row:
    """The versions of torch that a package allows."""
    (path,) = (name for name in opened.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
    requires = Parser().parsestr(opened.read(path).decode()).get_all("Requires-Dist") or []
    torch = [str(each.specifier) for each in map(Requirement, requires) if each.name == "torch" and not each.marker]
    return {"torch": torch[0] if len(torch) == 1 else ""}


def refreshed(index: str, known: Mapping[str, Mapping[str, Row]]) -> dict[str, dict[str, Row]]:
    """The whole table; rows that are known already stay as they are, but for their Pythons."""
    table: dict[str, dict[str, Row]] = {}
    for name in OLDEST:
        table[name] = {}
        for release in releases(index, name):
            version = str(release.version)
            old = known.get(name, {}).get(version)
            table[name][version] = {**old, "python": release.python} if old else row(name, release)
            print(name, version, table[name][version], file=sys.stderr)
    return table


def text(table: Mapping[str, Mapping[str, Row]]) -> str:
    """JSON with a line for each version."""
    parts = []
    for name, rows in table.items():
        lines = [f"    {json.dumps(version)}: {json.dumps(found)}" for version, found in rows.items()]
        parts.append(f"  {json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n  }")
    about = (
        "Made by `python -m docs.refresh_versions` from the wheels for Linux and x86-64 of the default package index."
    )
    return f'{{\n  "about": {json.dumps(about)},\n' + ",\n".join(parts) + "\n}\n"


def main(arguments: Sequence[str]) -> None:
    known = json.loads(TABLE.read_text("utf-8")) if TABLE.exists() and "--all" not in arguments else {}
    TABLE.write_text(text(refreshed(index_url(), known)), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
