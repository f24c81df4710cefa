"""`imagespec report` and `imagespec sbom`: where they write, and what they refuse."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest

from imagespec.build.record import KEPT, Record
from imagespec.lock.lockfile import Package
from tests.emit.handmade import lock, target, wheel

from .conftest import Run


@pytest.fixture
def image(specs: Path) -> Path:
    """A spec `image` with a fresh lock."""
    path = specs / "image.yaml"
    path.write_text('base: {debian_slim: "3.12.10"}\npython: {uv: 0.9.10, packages: [six==1.17.0]}\nenv: {A: "1"}\n')
    lock(path, [Package("six", "1.17.0", files=(wheel("six", "1.17.0"),))])
    return path


# ------------------------------------------------------------------------------------------- report


def test_report_is_named_after_its_spec(run: Run, image: Path, folder: Path) -> None:
    assert run("report", "image") == (0, "image.report.html\n", "")
    page = (folder / "image.report.html").read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert run("report", "image", "--output", "-") == (0, page, "")
    assert run("report", "image", "--output", "other.html") == (0, "other.html\n", "")
    assert (folder / "other.html").read_text("utf-8") == page


def test_report_has_the_seconds_of_the_backend_that_built_most(run: Run, image: Path, folder: Path) -> None:
    digests = target(image).digests
    record = Record(folder / KEPT)
    record.add_layer("modal", digests[0], "debian_slim", 7.5)
    for digest in digests:
        record.add_layer("local", digest, "any", 1.5)
    _, page, _ = run("report", "image", "--output", "-")
    assert "local: 3 of 3 layers known" in page
    assert "4.5 s" in page
    assert "7.5 s" not in page


def test_report_without_the_record(run: Run, image: Path, folder: Path) -> None:
    (folder / KEPT).mkdir()
    (folder / KEPT / "record.sqlite").write_text("this is no database, whatever its name says " * 50)
    code, page, err = run("report", "image", "--output", "-")
    assert code == 0
    assert "never built here" in page
    assert err.endswith("; the page has no seconds\n")


def test_report_without_a_lock(run: Run, specs: Path) -> None:
    (specs / "open.yaml").write_text('base: {debian_slim: "3.12.10"}\npython: [six==1.17.0]\n')
    code, page, err = run("report", "open", "--output", "-")
    assert (code, err) == (0, "")
    assert "Not locked" in page


# --------------------------------------------------------------------------------------------- sbom


def test_sbom(run: Run, image: Path, folder: Path) -> None:
    code, out, err = run("sbom", "image")
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    assert "pkg:pypi/six@1.17.0" in {each.get("purl") for each in document["components"]}
    assert run("sbom", "image", "--output", "bom.json") == (0, "", "")
    assert (folder / "bom.json").read_text("utf-8") == out
    code, out, _ = run("sbom", "image", "--format", "xml")
    assert code == 0
    assert out.startswith("<?xml")


def test_sbom_needs_a_fresh_lock(run: Run, image: Path, folder: Path) -> None:
    image.write_text(image.read_text().replace("1.17.0", "1.16.0"))
    code, out, err = run("sbom", "image", "--output", "bom.json")
    assert (code, out) == (3, "")
    assert "the lock is stale: `six==1.16.0` was `six==1.17.0`\n  --> specs/image.yaml:2:" in err
    (image.parent / "image.lock.yaml").unlink()
    code, out, err = run("sbom", "image", "--output", "bom.json")
    assert (code, out) == (3, "")
    assert "not locked: what its packages need has no version" in err
    assert not (folder / "bom.json").exists()


def test_sbom_of_an_image_with_nothing_to_lock(run: Run, specs: Path) -> None:
    code, out, err = run("sbom", "clean")
    assert (code, err) == (0, "")
    assert [each["name"] for each in json.loads(out)["components"]] == ["debian_slim"]


def test_sbom_where_its_extra_is_missing(run: Run, image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    emitters = importlib.import_module("imagespec.emit")
    monkeypatch.delattr(emitters, "sbom", raising=False)
    monkeypatch.delitem(sys.modules, "imagespec.emit.sbom", raising=False)
    monkeypatch.setitem(sys.modules, "cyclonedx.model", None)  # as Python says it of a module that is not there
    code, out, err = run("sbom", "image")
    assert (code, out) == (2, "")
    assert err.endswith("Error: bills of materials need one more package: pip install imagespec[sbom]\n")


# --------------------------------------------------------------------------------------------- both


@pytest.mark.parametrize("command", ["report", "sbom"])
def test_what_both_refuse(run: Run, image: Path, folder: Path, command: str) -> None:
    code, out, err = run(command, "specs/examples/broken.yaml")
    assert (code, out) == (1, "")
    assert err.startswith("error[IS101]: unknown key `aptt`\n")
    code, out, err = run(command, "image", "--output", "gone/away")
    assert (code, out) == (2, "")
    assert "`gone/away` cannot be written: No such file or directory" in err
    code, out, err = run(command, "image", "--output", "specs")
    assert (code, out) == (2, "")
    assert "'specs' is a directory" in err
    code, _, err = run(command, "imge")
    assert code == 2
    assert "did you mean `image`?" in err
    assert {each.name for each in folder.iterdir()} == {"specs"}
