"""What a user names, and the spec files that are meant."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

import imagespec
from imagespec.cli.specs import select
from imagespec.spec.folder import Unusable, in_folder, nearest_specs


def names(*given: str) -> list[str]:
    return [path.as_posix() for path in select(given)]


def refused(*given: str) -> str:
    with pytest.raises(click.UsageError) as raised:
        select(given)
    return raised.value.message


def test_all_that_are_not_partial(specs: Path) -> None:
    assert names() == [str(specs / "clean.yaml"), str(specs / "noted.yml")]
    assert list(in_folder(specs)) == ["clean", "noted"]


def test_a_name_is_looked_up_in_the_nearest_folder(specs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(specs / "examples")
    assert names("clean", "noted") == [str(specs / "clean.yaml"), str(specs / "noted.yml")]
    assert nearest_specs(Path.cwd()) == specs
    (specs / "examples" / "specs").mkdir()
    assert nearest_specs(Path.cwd()) == specs / "examples" / "specs"


def test_a_partial_one_by_its_name(specs: Path) -> None:
    assert names("_partial") == [str(specs / "_partial.yaml")]


def test_a_path_is_a_path(specs: Path) -> None:
    assert names("specs/clean.yaml", "nowhere/x.yaml", "x.yml") == ["specs/clean.yaml", "nowhere/x.yaml", "x.yml"]
    Path("plain").write_text("")
    assert names("plain") == ["plain"]


def test_a_spec_before_a_folder_of_its_name(specs: Path) -> None:
    Path("clean").mkdir()
    Path("training").mkdir()
    assert names("clean", "training") == [str(specs / "clean.yaml"), "training"]


def test_the_same_twice_is_one(specs: Path) -> None:
    assert len(names("clean", "clean", "specs/clean.yaml", "./specs/clean.yaml")) == 1


def test_no_folder(folder: Path) -> None:
    assert refused() == "no folder `specs` here or above; name a spec, or begin with: imagespec init"
    assert refused("x") == "no spec `x` and no folder `specs` here or above; name a file"


def test_no_specs(folder: Path) -> None:
    (folder / "specs").mkdir()
    assert refused() == "no specs in `specs`; begin with: imagespec init"
    assert refused("x") == "no spec `x` in `specs`; name a file"


def test_two_of_one_name(specs: Path) -> None:
    (specs / "clean.yml").write_text("")
    assert refused() == refused("noted") == "`clean.yaml` and `clean.yml` in `specs` have the same name"
    with pytest.raises(Unusable, match="have the same name"):  # an `OSError`: Python's callers know nothing of click
        imagespec.load("noted")
