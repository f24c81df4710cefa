"""`imagespec init`: a first spec that is right, and nothing that is there already touched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .conftest import Run


def test_a_first_spec_is_right(run: Run, folder: Path) -> None:
    assert run("init") == (0, "wrote specs/image.yaml; next: imagespec lock image, imagespec build image\n", "")
    code, out, err = run("check")
    assert code == 0
    assert [line for line in out.splitlines() if "[IS" in line] == [
        "note[IS401]: not locked: what its packages need has no version"
    ]
    assert err.strip() == "1 spec checked: 1 note"


@pytest.mark.parametrize("name", ["training", "training.yaml"])
def test_a_name(run: Run, folder: Path, name: str) -> None:
    assert run("init", name)[0] == 0
    assert os.listdir("specs") == ["training.yaml"]


def test_what_is_there_is_not_touched(run: Run, folder: Path) -> None:
    (folder / "specs").mkdir()
    (folder / "specs" / "image.yaml").write_text("mine")
    code, out, err = run("init")
    assert (code, out) == (2, "")
    assert "`specs/image.yaml` is there already" in err
    assert (folder / "specs" / "image.yaml").read_text() == "mine"


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".", "-x", "a\nb", "a'b", "/etc/x"])
def test_names_that_are_none(run: Run, folder: Path, name: str) -> None:
    code, _, err = run("init", "--", name)
    assert code == 2
    assert "NAME is a plain name" in err
    assert os.listdir() == []


def test_where_nothing_can_be_written(run: Run, folder: Path) -> None:
    (folder / "specs").write_text("")
    code, _, err = run("init")
    assert code == 2
    assert "`specs` is there already" in err
    (folder / "specs").unlink()
    (folder / "specs").symlink_to("/proc")
    assert "cannot write `specs/image.yaml`" in run("init")[2]
