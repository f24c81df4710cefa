"""torch, torchvision and torchaudio, with each other and with Python: what is wrong, and its twin that is right, or
unknown."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imagespec.compiler import check
from imagespec.image.layers import Image, Installed
from imagespec.rules.releases import COMPANIONS, beside, goes_with, has_wheel, versions
from imagespec.rules.versions import RULES, no_wheel_for_python, torch_and_companions

from .conftest import DIGEST, Check, Place


def of_family(found: list[Place]) -> list[Place]:
    return [each for each in found if each[0].startswith("IS7")]


WHEEL = "torch @ https://a.example/torch-%s-cp312-cp312-linux_x86_64.whl"
TOGETHER = {
    "torchvision of another torch": ("torch==2.8.0, torchvision==0.20.1", [("IS701", 2, 35)]),
    "mended by torchvision": ("torch==2.8.0, torchvision==0.23.0", []),
    "mended by torch": ("torch==2.5.1, torchvision==0.20.1", []),
    "torchaudio of another torch": ("torch==2.8.0, torchaudio==2.7.1", [("IS701", 2, 35)]),
    "torchaudio that goes with any torch": ("torch==2.15.0, torchaudio==2.11.0", []),
    "both of another": (
        "torch==2.8.0, torchaudio==2.7.1, torchvision==0.22.1",
        [("IS701", 2, 35), ("IS701", 2, 54)],
    ),
    "torchvision that names the oldest": ("torch==2.13.0, torchvision==0.29.1", [("IS701", 2, 36)]),
    "a torch that is newer": ("torch==2.15.0, torchvision==0.29.1", []),
    "without torch, of two": ("torchaudio==2.8.0, torchvision==0.20.1", [("IS701", 2, 21)]),
    "without torch, of one": ("torchaudio==2.8.0, torchvision==0.23.0", []),
    "a local version": ("torch==2.8.0+cu128, torchvision==0.20.1+cu121", [("IS701", 2, 41)]),
    "a local version that is right": ("torch==2.8.0+cu128, torchvision==0.23.0+cu128", []),
    "one local version": ("torch==2.8.0, torchvision==0.23.0+cu128", []),
    "of two CUDAs": ("torch==2.5.1+cu121, torchvision==0.20.1+cu118", [("IS701", 2, 41)]),
    "of two CUDAs of one major version": ("torch==2.5.1+cu121, torchvision==0.20.1+cu124", []),
    "torchaudio of another CUDA": ("torch==2.7.0+cu128, torchaudio==2.7.0+cu126", [("IS701", 2, 41)]),
    "torchaudio that goes with any, of another CUDA": ("torch==2.11.0+cu128, torchaudio==2.11.0+cu126", []),
    "torchaudio for CPUs": ("torch==2.7.0+cu128, torchaudio==2.7.0+cpu", []),
    "torch by URL": (f"'{WHEEL % '2.7.1%2Bcu128'}', torchvision==0.23.0", [("IS701", 2, 99)]),
    "torch by URL that is right": (f"'{WHEEL % '2.8.0'}#x=y', torchvision==0.23.0", []),
    "torch by URL of a source": ("'torch @ https://a.example/torch-2.7.1.tar.gz', torchvision==0.23.0", []),
    "unknown torch": ("torch==99.0.0, torchvision==0.20.1", []),
    "unknown torchvision": ("torch==2.8.0, torchvision==9.20.1", []),
    "pre-release": ("torch==2.8.0rc1, torchvision==0.20.1", []),
    "nightly": ("torch==2.8.0.dev20250601, torchvision==0.20.1", []),
    "no exact version": ("torch>=2.8.0, torchvision==0.20.1", []),
    "torch alone": ("torch==2.8.0", []),
}


@pytest.mark.parametrize(("packages", "expected"), TOGETHER.values(), ids=TOGETHER)
def test_together(found: Check, packages: str, expected: list[Place]) -> None:
    assert of_family(found(f"python: {{packages: [{packages}]}}\n")) == expected


def test_each_in_a_step_of_its_own(found: Check) -> None:
    steps = "steps:\n  - uv_pip_install: [torch==2.8.0]\n  - pip_install: [torchvision==0.20.1]\n"
    assert of_family(found(steps)) == [("IS701", 4, 19)]
    assert of_family(found(steps.replace("0.20.1", "0.23.0"))) == []


def test_in_a_requirements_file(found: Check, project: Path) -> None:
    (project / "torch.txt").write_text("torch==2.8.0\n# a comment\ntorchvision==0.20.1\n")
    assert of_family(found("python: {requirements: [torch.txt]}")) == [("IS701", 3, 1)]


def test_where_another_package_brings_torchvision(project: Path) -> None:
    """With nothing in the spec but torch, torch is what can be changed."""
    route = ("python", "packages", 0)
    torch = Installed(name="torch", version="2.8.0", place=route)
    image = Image(
        name="x",
        layers=(),
        root=project,
        installed={"torch": torch, "torchvision": Installed(name="torchvision", version="0.20.1")},
    )
    assert [each.place for each in torch_and_companions.check(image)] == [route]


def test_the_torch_of_the_failed_build(project: Path) -> None:
    """torch 2.8.0 beside torchvision 0.20.1: found with its line before anything is built, and both ways to mend it."""
    spec = project / "spec.yaml"
    text = 'base: {debian_slim: "3.12.10"}\npython:\n  packages:\n    - torch==2.8.0\n    - torchvision==0.20.1\n'
    spec.write_text(text)
    (finding,) = (each for each in check(spec) if each.severity == "error")
    assert (finding.code, finding.span.source.path.name, finding.span.line) == ("IS701", "spec.yaml", 5)
    assert "spec.yaml:4" in finding.hint
    for wrong, right in (("0.20.1", "0.23.0"), ("2.8.0", "2.5.1")):
        assert f"=={right}" in finding.hint
        spec.write_text(text.replace(wrong, right))
        assert not [each for each in check(spec) if each.code.startswith("IS7")]


PYTHONS = {
    "too new": ("torch==2.5.1", "3.14", [("IS702", 2, 21)]),
    "the newest": ("torch==2.5.1", "3.13", []),
    "the newest, in full": ("torch==2.5.1", "3.13.2", []),
    "too old": ("torch==2.15.0", "3.10", [("IS702", 2, 21)]),
    "torchvision has fewer": ("torch==2.5.1, torchvision==0.20.1", "3.13", [("IS702", 2, 35)]),
    "torchaudio": ("torchaudio==2.5.1", "3.13", [("IS702", 2, 21)]),
    "one wheel for many": ("torchvision==0.29.2", "3.11", []),
    "one wheel for many, too old": ("torchvision==0.29.2", "3.9", [("IS702", 2, 21)]),
    "one wheel for many, but for a patch": ("torchvision==0.29.2", "3.14", []),
    "on another index": ("torch==2.5.1+cu121", "3.14", []),
    "pre-release": ("torch==2.5.1rc1", "3.14", []),
    "no exact version": ("torch", "3.14", []),
    "no version of Python": ("torch==2.5.1", "banana", []),
}


@pytest.mark.parametrize(("packages", "python", "expected"), PYTHONS.values(), ids=PYTHONS)
def test_python(found: Check, packages: str, python: str, expected: list[Place]) -> None:
    spec = f'base: {{micromamba: "{python}"}}\npython: {{packages: [{packages}]}}\n'
    assert of_family(found(spec)) == expected


def test_free_threaded(found: Check) -> None:
    spec = f'base: {{registry: {{image: "ubuntu:24.04{DIGEST}", add_python: "3.13t"}}}}\n'
    assert of_family(found(f"{spec}python: {{packages: [torch==2.12.0]}}\n")) == []
    assert of_family(found(f"{spec}python: {{packages: [torch==2.6.0]}}\n")) == [("IS702", 2, 21)]


def test_alpine(found: Check) -> None:
    spec = f"base: {{registry: 'python:3.12-alpine{DIGEST}'}}\npython: {{packages: [torch==2.8.0, six==1.17.0]}}\n"
    assert of_family(found(spec)) == [("IS702", 2, 21)]
    assert of_family(found(spec.replace("-alpine", ""))) == []


OTHER_INDEXES = {
    "index_url": "python: {packages: [torch==2.5.1], index_url: 'https://a.example/whl/cu121'}",
    "options": "python: {packages: [torch==2.5.1], options: '--torch-backend=cu121'}",
    "a step": "steps: [{pip_install: {packages: [torch==2.5.1], find_links: 'https://a.example/whl'}}]",
    "a variable": "python: {packages: [torch==2.5.1]}\nenv: {UV_EXTRA_INDEX_URL: 'https://a.example/whl'}",
    "a variable of the step": "python: {packages: [torch==2.5.1], env: {PIP_INDEX_URL: 'https://a.example/'}}",
    "a file": "python: {requirements: [torch.txt]}",
}


@pytest.mark.parametrize("spec", OTHER_INDEXES.values(), ids=OTHER_INDEXES)
def test_another_index_may_have_other_wheels(found: Check, project: Path, spec: str) -> None:
    (project / "torch.txt").write_text("--extra-index-url https://a.example/whl/cu121\ntorch==2.5.1\n")
    assert of_family(found(f'base: {{debian_slim: "3.14"}}\n{spec}\n')) == []


NUMPY = {
    "NumPy 2 with an older torch": ("numpy==2.1.3, torch==2.2.2", [("IS708", 2, 21)]),
    "NumPy 2 with another build of it": ("numpy==2.1.3, torch==2.2.2+cu118", [("IS708", 2, 21)]),
    "NumPy 2 with a newer torch": ("numpy==2.1.3, torch==2.3.0", []),
    "NumPy 1 with an older torch": ("numpy==1.26.4, torch==2.2.2", []),
    "NumPy 1 with a newer torch": ("numpy==1.26.4, torch==2.5.1", []),
    "any NumPy": ("numpy>=1.26, torch==2.2.2", []),
    "no NumPy": ("torch==2.2.2", []),
    "unknown torch": ("numpy==2.1.3, torch==1.13.1", []),
}


@pytest.mark.parametrize(("packages", "expected"), NUMPY.values(), ids=NUMPY)
def test_numpy(found: Check, packages: str, expected: list[Place]) -> None:
    assert of_family(found(f"python: {{packages: [{packages}]}}\n")) == expected


# ------------------------------------------------------------------------------------------------------------- laws


def image_of(python: str = "3.12", **packages: str) -> Image:
    installed = {
        name: Installed(name=name, version=version, place=("python", "packages", index))
        for index, (name, version) in enumerate(packages.items())
    }
    return Image(name="x", layers=(), root=Path(), python=python, installed=installed)


PAIRS = [
    (name, version, torch)
    for name in COMPANIONS
    for version in versions(name)
    for torch in versions("torch")
    if goes_with(name, version, torch)
]


@given(st.sampled_from(PAIRS), st.sampled_from(["", "+cu121", "+cpu"]))
def test_what_goes_together_is_silent(pair: tuple[str, str, str], local: str) -> None:
    name, version, torch = pair
    image = image_of(**{"torch": torch + local, name: version + local})
    assert list(torch_and_companions.check(image)) == []


def test_the_table_is_whole() -> None:
    """Each companion has a torch, but those that leave it open; each torch has a torchvision."""
    assert len(PAIRS) > 50
    for name in COMPANIONS:
        for version in versions(name):
            torches = [torch for torch in versions("torch") if goes_with(name, version, torch)]
            assert torches or goes_with(name, version, "2.8.0") is None
    assert all(beside("torchvision", torch) for torch in versions("torch"))


@given(
    st.sampled_from(versions("torchvision")),
    st.sampled_from(versions("torch")),
    st.sampled_from(["", "3.8", "3.10", "3.12", "3.13", "3.14"]),
)
@example("0.21.0", "2.5.0", "3.13")
@example("0.20.0", "2.5.0", "3.13")
def test_a_hint_mends(version: str, torch: str, python: str) -> None:
    """Whatever a hint proposes goes together, and has wheels."""
    now = {"torch": torch, "torchvision": version}
    for rule in (torch_and_companions, no_wheel_for_python):
        for finding in rule.check(image_of(python, **now)):
            ways = [{name: v} for name, v in re.findall(r"`(\w+)==([\d.]+)`", finding.hint)]
            ways += [dict(re.findall(r"(torch\w*) ([\d.]+)(?= and| are)", finding.hint))]
            assert any(ways)
            for way in filter(None, ways):
                mended = image_of(python, **now | way)
                assert [f for rule in (torch_and_companions, no_wheel_for_python) for f in rule.check(mended)] == []


def test_each_of_two_is_a_way() -> None:
    hints = [each.hint for each in torch_and_companions.check(image_of("3.12", torch="2.8.0", torchvision="0.20.1"))]
    assert hints == ["write `torchvision==0.23.0` for torch 2.8.0, or `torch==2.5.1` for torchvision 0.20.1"]


NEAREST = {
    "torch alone": ({"torch": "2.4.1"}, "torch 2.5.0 is the first with one for 3.13"),
    "with torchvision": (
        {"torch": "2.5.0", "torchvision": "0.20.0"},
        "torch 2.6.0 and torchvision 0.21.0 are the first with wheels for 3.13",
    ),
    "with one that has no version": (
        {"torch": "2.4.1", "torchvision": ""},
        "torch 2.6.0 and torchvision 0.21.0 are the first with wheels for 3.13",
    ),
    "of three": (
        {"torch": "2.4.1", "torchvision": "0.19.1", "torchaudio": "2.4.1"},
        "torch 2.6.0, torchvision 0.21.0 and torchaudio 2.6.0 are the first with wheels for 3.13",
    ),
    "torchvision alone": ({"torchvision": "0.19.1"}, "torchvision 0.21.0 is the first with one for 3.13"),
}


@pytest.mark.parametrize(("packages", "hint"), NEAREST.values(), ids=NEAREST)
def test_the_nearest_with_wheels(packages: dict[str, str], hint: str) -> None:
    """For each of the packages the same: they are of use only together."""
    hints = {each.hint.partition("; ")[2] for each in no_wheel_for_python.check(image_of("3.13", **packages))}
    assert hints == {hint}


@given(
    st.sampled_from(versions("torch")), st.sampled_from(["3.8", "3.9", "3.10", "3.11", "3.12", "3.13t", "3.14", "3.15"])
)
def test_a_wheel_for_python(torch: str, python: str) -> None:
    found = list(no_wheel_for_python.check(image_of(python, torch=torch)))
    assert bool(found) is not has_wheel("torch", torch, python)


odd = st.one_of(
    st.text(max_size=12),
    st.from_regex(r"(\d!)?\d{1,3}(\.\d{1,3}){0,3}((a|b|rc|\.dev|\.post)\d)?(\+[a-z0-9.]{1,8})?", fullmatch=True),
    st.sampled_from(versions("torch")),
)


@given(odd, odd, odd, odd)
@example("2.8.0", "", "2.8.0+cu12.x", "3")
@example("2.8.0", "0.20.1+cu1", "9" * 5000, "3.")
@example("2.2.2", "2.8.0", "1", "3.12.x")
def test_no_version_is_a_traceback(torch: str, one: str, other: str, python: str) -> None:
    image = image_of(python, torch=torch, torchvision=one, torchaudio=other, numpy=one)
    for rule in RULES:
        list(rule.check(image))


SPECS = Path(__file__).parent.parent.parent / "specs"


SHIPPED = [path for path in sorted(SPECS.rglob("[!_]*.yaml")) if not path.name.endswith(".lock.yaml")]


@pytest.mark.parametrize("spec", SHIPPED, ids=lambda path: path.stem)
def test_shipped_specs_are_silent(spec: Path) -> None:
    assert [each for each in check(spec) if each.code.startswith("IS7")] == []


def test_a_shipped_spec_with_another_torchvision_is_not(tmp_path: Path) -> None:
    """Its lock is stale then; what the spec names counts."""
    shutil.copytree(SPECS, tmp_path / "specs")
    parent = tmp_path / "specs" / "_base.yaml"
    parent.write_text(parent.read_text("utf-8").replace("torch==2.5.1", "torch==2.8.0"), encoding="utf-8")
    found = [each for each in check(tmp_path / "specs" / "classifier.yaml") if each.code.startswith("IS7")]
    assert [(each.code, each.span.source.path.name) for each in found] == [("IS701", "_base.yaml")]
