"""`outdated`: which newer versions there are, and what each would rebuild and download."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from imagespec.compiler import compile_all
from tests.lock.index import Index
from tests.lock.workshop import Workshop

LINUX = "cp312-cp312-manylinux_2_28_x86_64"
TORCH = 900_000_000
CUDA = 400_000_000
VISION = 7_000_000
SMALL = 80_000


def add(index: Index, torch: str, vision: str, cuda: str) -> None:
    index.add("torch", torch, requires=["filelock", f"nvidia-cuda=={cuda}"], tags=[LINUX], size=TORCH)
    index.add("torchvision", vision, requires=[f"torch=={torch}"], tags=[LINUX], size=VISION)


@pytest.fixture
def index() -> Iterator[Index]:
    with Index() as served:
        add(served, "2.5.1", "0.20.1", "12.4")
        served.add("nvidia-cuda", "12.4", tags=[LINUX], size=CUDA)
        served.add("nvidia-cuda", "12.6", tags=[LINUX], size=CUDA)
        for name in ("tqdm", "filelock"):
            served.add(name, "1.0", size=SMALL)
        yield served


@pytest.fixture
def workshop(tmp_path: Path, index: Index, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """A locked spec."""
    made = Workshop(tmp_path, index, monkeypatch)
    made.spec(
        "one",
        "apt: [curl]\npython: {packages: [torch==2.5.1, torchvision==0.20.1, tqdm==1.0]}\nrun: [echo]\n",
        base='debian_slim: "3.12"',
    )
    made.lock()
    return made


def report(workshop: Workshop) -> dict[str, Any]:
    code, out, err = workshop.run("outdated", "one", "--format", "json")
    assert code == 0, err
    (found,) = json.loads(out)
    assert isinstance(found, dict)
    return found


def versions(report: dict[str, Any]) -> dict[str, tuple[str, str, str, str]]:
    """Locked, alone, together and newest, by name."""
    return {p["name"]: (p["locked"], p["alone"], p["together"], p["newest"]) for p in report["packages"]}


def test_nothing_newer(workshop: Workshop, index: Index) -> None:
    index.remove("nvidia-cuda")
    index.add("nvidia-cuda", "12.4", tags=[LINUX], size=CUDA)
    before = workshop.lock_files()
    code, out, _ = workshop.run("outdated")
    assert (code, out) == (0, "specs/one.lock.yaml: every package is the newest that there is (5 packages)\n")
    assert workshop.lock_files() == before


def test_what_goes_together(workshop: Workshop, index: Index) -> None:
    """torch moves with torchvision only, and not to the newest; CUDA is torch's to choose; tqdm moves by itself."""
    add(index, "2.6.0", "0.21.0", "12.6")
    index.add("torch", "2.7.0", requires=["nvidia-cuda==12.6"], tags=[LINUX], size=TORCH)
    for name in ("tqdm", "filelock"):
        index.add(name, "2.0", size=SMALL)
    found = report(workshop)
    assert versions(found) == {
        "torch": ("2.5.1", "2.5.1", "2.6.0", "2.7.0"),
        "torchvision": ("0.20.1", "0.20.1", "0.21.0", "0.21.0"),
        "tqdm": ("1.0", "2.0", "2.0", "2.0"),
        "filelock": ("1.0", "2.0", "2.0", "2.0"),
        "nvidia-cuda": ("12.4", "12.4", "12.4", "12.6"),
    }
    assert [each["pinned"] for each in found["packages"]] == [True, True, True, False, False]
    costs = {each["name"]: each["cost"] for each in found["packages"]}
    assert costs["torch"] is None
    assert costs["torchvision"] is None
    assert costs["nvidia-cuda"] is None


def test_what_it_costs(workshop: Workshop, index: Index) -> None:
    """Of a package that is named: the layer of those and the command above. Of torch: everything from its layer on."""
    add(index, "2.6.0", "0.21.0", "12.4")
    index.add("tqdm", "2.0", size=SMALL)
    found = report(workshop)
    costs = {each["name"]: each["cost"] for each in found["packages"]}
    light = VISION + SMALL
    assert costs["tqdm"] == {
        "layers": 2,
        "bytes": light,
        "changes": [{"name": "tqdm", "from": "1.0", "to": "2.0"}],
    }
    # torch, what else is needed, apt, what is named, the command; the CUDA libraries below torch are kept
    assert (found["together"]["layers"], found["together"]["bytes"]) == (5, TORCH + SMALL + light)
    assert [each["name"] for each in found["together"]["changes"]] == ["torch", "torchvision", "tqdm"]


def test_the_cost_is_that_of_the_upgrade(workshop: Workshop, index: Index) -> None:
    """What is promised is what `lock --upgrade` then does, layer by layer."""
    add(index, "2.6.0", "0.21.0", "12.6")
    index.add("tqdm", "2.0", size=SMALL)

    def layers() -> list[str]:
        (target,), _ = compile_all([workshop.folder / "specs" / "one.yaml"])
        return list(target.digests)

    promised = {each["name"]: each["cost"] for each in report(workshop)["packages"]}["tqdm"]
    before = layers()
    workshop.lock("--upgrade", "tqdm")
    assert len([digest for digest in layers() if digest not in before]) == promised["layers"]
    together = report(workshop)["together"]
    before = layers()
    workshop.lock("--upgrade", "torch", "torchvision")
    assert len([digest for digest in layers() if digest not in before]) == together["layers"]


def test_as_text(workshop: Workshop, index: Index) -> None:
    add(index, "2.6.0", "0.21.0", "12.4")
    for name in ("tqdm", "filelock"):
        index.add(name, "2.0", size=SMALL)
    code, out, err = workshop.run("outdated", "--all")
    assert (code, err) == (0, "looks for newer versions of what one needs …\n")
    lines = out.splitlines()
    assert lines == [
        "specs/one.lock.yaml: 5 of 5 packages have newer versions",
        "  pinned in the spec",
        "                 locked  alone  together  newest  alone it rebuilds",
        "    torch        2.5.1   -      2.6.0     2.6.0   moves with others only",
        "    torchvision  0.20.1  -      0.21.0    0.21.0  moves with others only",
        "    tqdm         1.0     2.0    2.0       2.0     2 layers, 7.1 MB",
        "  all of them: 5 layers, 907 MB; imagespec lock --upgrade one torch torchvision tqdm",
        "  needed by those",
        "                 locked  alone  together  newest  alone it rebuilds",
        "    filelock     1.0     2.0    2.0       2.0     4 layers, 7.2 MB",
        "    nvidia-cuda  12.4    -      -         12.6    held back",
        "  imagespec lock --upgrade one",
    ]
    _, out, _ = workshop.run("outdated")
    assert out.splitlines() == [*lines[:-2], lines[-1], "  1 more that others hold back: --all shows it"]


def test_specs_with_equal_locks_are_asked_for_once(workshop: Workshop, index: Index) -> None:
    text = (workshop.folder / "specs" / "one.yaml").read_text()
    (workshop.folder / "specs" / "two.yaml").write_text(text.replace("run: [echo]", ""))
    workshop.lock()
    index.add("tqdm", "2.0", size=SMALL)
    code, out, err = workshop.run("outdated", "--format", "json")
    one, two = json.loads(out)
    assert (code, err) == (0, "looks for newer versions of what one needs …\n")
    layers = [
        next(each["cost"]["layers"] for each in found["packages"] if each["name"] == "tqdm") for found in (one, two)
    ]
    assert layers == [2, 1]


def test_it_needs_a_fresh_lock(workshop: Workshop) -> None:
    workshop.spec("two", "python: [tqdm]")
    code, out, err = workshop.run("outdated", "--format", "json")
    assert (code, [each["spec"] for each in json.loads(out)]) == (3, ["one"])
    assert "IS401" in err
    assert "run: imagespec lock" in err
    workshop.spec("one", "python: [tqdm]")
    code, out, err = workshop.run("outdated", "one")
    assert (code, out) == (3, "")
    assert "warning[IS402]: the lock is stale" in err


def test_what_fails(workshop: Workshop, index: Index) -> None:
    index.close()
    code, out, err = workshop.run("outdated", "one")
    assert (code, out) == (1, "")
    assert "error[IS406]" in err
    assert "--> specs/one.yaml:" in err
    workshop.spec("one", "pythn: [tqdm]")
    code, _, err = workshop.run("outdated", "one")
    assert (code, "unknown key `pythn`" in err) == (1, True)
