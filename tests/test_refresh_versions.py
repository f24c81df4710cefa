"""The script that reads the tables of versions from wheels, against an index on loopback."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from docs.refresh_versions import TABLE, Remote, built_for, index_url, needed_torch, refreshed, text
from tests.lock.index import Index

LINUX = "cp312-cp312-manylinux_2_28_x86_64"


@pytest.fixture
def table() -> dict[str, dict[str, dict[str, str]]]:
    """What is read from an index with all that has to be told apart."""
    with Index() as index:
        for python in ("cp39-cp39", "cp310-cp310", "cp313-cp313", "cp313-cp313t"):
            index.add("torch", "2.8.0", tags=[f"{python}-manylinux_2_28_x86_64", f"{python}-win_amd64"])
        index.add("torch", "2.10.0", tags=[LINUX], sdist=True)
        index.add("torch", "1.13.1", tags=[LINUX])
        index.add("torch", "2.11.0rc1", tags=[LINUX])
        index.add("torch", "2.9.1", tags=[LINUX], yanked="broken")
        index.add("torch", "2.9.0", tags=["cp312-cp312-manylinux_2_28_aarch64", "cp312-cp312-macosx_11_0_arm64"])
        index.add("torchvision", "0.23.0", tags=[LINUX], requires=["numpy", "torch==2.8.0", 'torch; extra == "x"'])
        index.add("torchvision", "0.24.0", tags=[LINUX], requires=["torch (>=2.8.0)"])
        index.add("torchvision", "0.25.0", tags=["py3-none-manylinux_2_28_x86_64"], python=">=3.10,!=3.14.1")
        index.add("torchaudio", "2.8.0", tags=["cp310-abi3-manylinux_2_28_x86_64"], requires=["torch==2.8.0"])
        return refreshed(index.url.rstrip("/"), {"torch": {"2.10.0": {"python": "3.9", "cuda": "12.8"}}})


def test_versions_and_pythons(table: dict[str, dict[str, dict[str, str]]]) -> None:
    """Known rows stay, but for the Pythons, which can become more."""
    assert table["torch"] == {
        "2.8.0": {"python": "3.9 3.10 3.13 3.13t"},
        "2.10.0": {"python": "3.12", "cuda": "12.8"},
    }


def test_what_companions_need(table: dict[str, dict[str, dict[str, str]]]) -> None:
    assert table["torchvision"] == {
        "0.23.0": {"python": "3.12", "torch": "==2.8.0"},
        "0.24.0": {"python": "3.12", "torch": ">=2.8.0"},
        "0.25.0": {"python": ">=3.10,!=3.14.1"},
    }
    assert table["torchaudio"] == {"2.8.0": {"python": ">=3.8", "torch": "==2.8.0"}}


def test_a_line_for_each_version(table: dict[str, dict[str, dict[str, str]]]) -> None:
    written = text(table)
    assert {name: rows for name, rows in json.loads(written).items() if name != "about"} == table
    rows = [line for line in written.splitlines() if '{"python": ' in line]
    assert len(rows) == sum(map(len, table.values())) == 6


def test_the_table_is_as_it_was_written() -> None:
    table = json.loads(TABLE.read_text("utf-8"))
    del table["about"]
    assert text(table) == TABLE.read_text("utf-8")


def wheel_of(**files: bytes) -> zipfile.ZipFile:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        for name, content in files.items():
            opened.writestr({"version": "torch/version.py"}.get(name, f"torch/lib/lib{name}.so"), content)
    return zipfile.ZipFile(made)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {
                "version": b"__version__ = '2.2.0+cu121'\ncuda: Optional[str] = '12.1'\nhip = None\n",
                "torch_python": b"\0sm_50 sm_80 sm_90a compute_120\0sm_35\0numpy._core._multiarray_umath\0"
                b"numpy.core._multiarray_umath",
                "c10": b"_ZN3c105ErrorC2ENS_14SourceLocationENSt7__cxx1112basic_stringIcEE",
            },
            {"cuda": "12.1", "sm": "5.0 8.0 9.0 12.0+", "abi": "TRUE", "numpy": ""},
        ),
        (
            {
                "version": b"cuda = '11.7'\n",
                "torch_python": b"sm_80\0numpy.core._multiarray_umath",
                "c10": b"_ZN3c105ErrorC2ENS_14SourceLocationESs",
            },
            {"cuda": "11.7", "sm": "", "abi": "FALSE", "numpy": "1"},
        ),
        ({"version": b"cuda: Optional[str] = None\n"}, {"cuda": "", "sm": "", "abi": "", "numpy": ""}),
    ],
    ids=["all", "older", "for CPUs"],
)
def test_what_torch_was_built_for(files: dict[str, bytes], expected: dict[str, str]) -> None:
    assert built_for(wheel_of(**files)) == expected


def test_needs_without_a_torch() -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        opened.writestr("x-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: x\nVersion: 1\nRequires-Dist: numpy\n")
        opened.writestr("x/y-2.dist-info/METADATA", "Requires-Dist: torch==1\n")
    assert needed_torch(zipfile.ZipFile(made)) == {"torch": ""}


def test_a_file_is_read_in_parts() -> None:
    with Index() as index:
        (file,) = index.add("torch", "2.8.0")
        remote = Remote(index.file_url(file))
        remote.seek(-7, io.SEEK_END)
        assert remote.read(100) == file.content[-7:]
        remote.seek(3)
        assert remote.read(5) == file.content[3:8]
        assert remote.seek(1, io.SEEK_CUR) == 9


def test_the_index_that_uv_asks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with Index() as index:
        index.add("torch", "2.8.0")
        for name, value in index.variables(tmp_path).items():
            monkeypatch.setenv(name, value)
        assert index_url() == index.url.rstrip("/")
