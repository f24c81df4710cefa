"""torch against the CUDA of the base, the GPUs and the variables that it reads: what hurts, and its harmless twin."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagespec.compiler import check
from imagespec.diagnostic import Rename
from imagespec.image.layers import Image, Installed, Layer
from imagespec.rules import releases
from imagespec.rules.cuda import RULES
from imagespec.rules.releases import built_for, capabilities, release, runs_on, versions
from imagespec.rules.torch_build import cuda_in, torch_of
from imagespec.spec import operations as ops

from .conftest import DIGEST, Check, Place
from .test_versions import odd, of_family


def on(tag: str, rest: str, more: str = "") -> str:
    return f"base: {{registry: {{image: '{tag}{DIGEST}'{more}}}}}\n{rest}\n"


def pins(packages: str, more: str = "") -> str:
    return f"python: {{packages: [{packages}]{more}}}"


CUDA12, CUDA13 = "nvidia/cuda:12.4.1-cudnn-devel-ubuntu22.04", "nvidia/cuda:13.0.1-devel-ubuntu24.04"
TORCH = "pytorch/pytorch:2.5.1-cuda12.4-cudnn9-runtime"
AT_TAG = ("IS703", 1, 26)

BASES = {
    "older nvcc": (on(CUDA12, pins("torch==2.12.0")), [AT_TAG]),
    "newer nvcc": (on(CUDA13, pins("torch==2.5.1")), [AT_TAG]),
    "newer nvcc, from another registry": (on("nvcr.io/" + CUDA13, pins("torch==2.5.1")), [AT_TAG]),
    "nvcc of another minor version": (on(CUDA12, pins("torch==2.8.0")), []),
    "no nvcc": (on(CUDA12.replace("devel", "runtime"), pins("torch==2.12.0")), []),
    "torch for the older": (on(CUDA12, pins("torch==2.12.0+cu126")), []),
    "an index for the older": (on(CUDA12, pins("torch==2.12.0", ", index_url: 'https://a.example/whl/cu126'")), []),
    "an index that tells nothing": (on(CUDA12, pins("torch==2.12.0", ", index_url: 'https://a.example/'")), []),
    "unknown torch": (on(CUDA12, pins("torch==99.0.0")), []),
    "no torch": (on(CUDA12, pins("six==1.17.0")), []),
    "a second torch": (on(TORCH, pins("torch==2.6.0")), [AT_TAG]),
    "a second torch by torchvision": (on(TORCH, pins("torchvision==0.23.0")), [AT_TAG]),
    "the torchvision of the base": (on(TORCH, pins("torchvision==0.20.1")), []),
    "the torch of the base": (on(TORCH, pins("torch==2.5.1")), []),
    "the torch of the base, for another CUDA": (
        on("pytorch/pytorch:2.5.1-cuda11.8-cudnn9-devel", pins("torch==2.5.1")),
        [],
    ),
    "an unknown torch": (on(TORCH, pins("torch==2.6.0rc1")), []),
    "another Python beside": (on(TORCH, pins("six==1.17.0"), ", add_python: '3.12'"), [AT_TAG]),
    "a base that tells nothing": (on("a.example/cuda:12.4.1-devel", pins("torch==2.12.0")), []),
}


@pytest.mark.parametrize(("spec", "expected"), BASES.values(), ids=BASES)
def test_base(found: Check, spec: str, expected: list[Place]) -> None:
    assert of_family(found(spec)) == expected


def test_base_of_a_dockerfile(found: Check, project: Path) -> None:
    lines = f"FROM python:3.12{DIGEST} AS first\nFROM --platform=linux/amd64 {CUDA13}{DIGEST}\n"
    (project / "Dockerfile").write_text(lines)
    spec = "base: {dockerfile: Dockerfile}\n" + pins("torch==2.5.1")
    assert of_family(found(spec)) == [("IS703", 1, 20)]
    (project / "Dockerfile").write_text(lines.replace(CUDA13, CUDA12))
    assert of_family(found(spec)) == []


AT_FIRST = ("IS704", 2, 8)
GPUS = {
    "B200": ("B200", pins("torch==2.7.1"), [AT_FIRST]),
    "B200, eight of them": ("'B200:8'", pins("torch==2.7.1"), [AT_FIRST]),
    "B200, and newer": ("B200+", pins("torch==2.7.1"), [AT_FIRST]),
    "B200 in small letters": ("b200", pins("torch==2.7.1"), [AT_FIRST]),
    "B200 with a newer torch": ("B200+", pins("torch==2.8.0"), []),
    "B200 with a wheel for its CUDA": ("B200", pins("torch==2.7.1+cu128"), []),
    "B200 with an index for its CUDA": ("B200", pins("torch==2.7.1", ", options: '--torch-backend=cu128'"), []),
    "B200 with an index for another": ("B200", pins("torch==2.8.0", ", options: '--torch-backend cu126'"), [AT_FIRST]),
    "B200 with an index that tells nothing": ("B200", pins("torch==2.7.1", ", find_links: 'https://a.example/'"), []),
    "RTX": ("RTX-PRO-6000", pins("torch==2.6.0"), [AT_FIRST]),
    "RTX with a newer torch": ("RTX-PRO-6000", pins("torch==2.9.1"), []),
    "H100 with CUDA 11.7": ("H100!", pins("torch==2.0.1+cu117"), [AT_FIRST]),
    "H100 with CUDA 11.8": ("H100!", pins("torch==2.0.1+cu118"), []),
    "H100 and H200": ("H100, H200", pins("torch==2.5.1"), []),
    "code of the same generation": ("L4, L40S, A10, A10G, A100-80GB", pins("torch==2.5.1"), []),
    "the oldest with the newest": ("T4, any", pins("torch==2.15.0"), []),
    "torch for CPUs": ("T4", pins("torch==2.5.1+cpu"), [AT_FIRST]),
    "the second of two": ("H100, B200", pins("torch==2.5.1"), [("IS704", 2, 14)]),
    "unknown GPU": ("X9000", pins("torch==2.0.1+cpu"), []),
    "unknown torch": ("B200", pins("torch==1.13.1"), []),
    "unknown CUDA": ("B200", pins("torch==2.7.1+cu999"), []),
    "for AMD": ("B200", pins("torch==2.7.1+rocm6.3"), [AT_FIRST]),
    "an index for AMD": ("H100", pins("torch==2.8.0", ", index_url: 'https://a.example/whl/rocm6.4'"), [AT_FIRST]),
    "an index for AMD and one for CUDA": ("H100", pins("torch==2.8.0", ", options: '-i rocm6.4 -i cu128'"), []),
    "no torch": ("B200", pins("six==1.17.0"), []),
}


@pytest.mark.parametrize(("gpus", "python", "expected"), GPUS.values(), ids=GPUS)
def test_gpu(found: Check, gpus: str, python: str, expected: list[Place]) -> None:
    spec = f'base: {{micromamba: "3.11"}}\ngpus: [{gpus}]\n{python}\n'
    assert of_family(found(spec)) == expected


OTHER_CUDA = {
    "of the same torch": (
        "torch==2.7.1+cu118",
        "torch 2.7.1 for CUDA 12.8 has it: write `cu128` in the place of `cu118`",
    ),
    "that the default wheel has": (
        "torch==2.11.0+cu126",
        "torch 2.11.0 for CUDA 13.0 has it: write `cu130` in the place of `cu126`",
    ),
    "of a later torch": (
        "torch==2.5.1+cu121",
        "torch 2.7.0 for CUDA 12.8 is the first that has it: write `cu128` in the place of `cu121`",
    ),
    "of nobody's choice": ("torch==2.7.1", "torch 2.8.0 is the first whose default wheel has it, for CUDA 12.8"),
}


@pytest.mark.parametrize(("torch", "hint"), OTHER_CUDA.values(), ids=OTHER_CUDA)
def test_another_cuda(project: Path, torch: str, hint: str) -> None:
    spec = project / "spec.yaml"
    spec.write_text(f'base: {{debian_slim: "3.12.10"}}\ngpus: [B200]\n{pins(torch)}\n')
    (finding,) = (each for each in check(spec) if each.code == "IS704")
    assert finding.hint.startswith(hint)
    found = re.match(r"torch (\S+) .*`(cu\d+)` in", hint)
    spec.write_text(spec.read_text().replace(torch, f"torch=={found[1]}+{found[2]}" if found else "torch==2.8.0"))
    assert not [each for each in check(spec) if each.code == "IS704"]


def test_gpu_and_the_torch_of_the_base(found: Check) -> None:
    assert of_family(found(on(TORCH, "gpus: [H100, B200]"))) == [("IS704", 2, 14)]
    assert of_family(found(on(TORCH.replace("2.5.1-cuda12.4", "2.7.1-cuda12.8"), "gpus: [H100, B200]"))) == []


UNREAD = {
    "before it was there": ("torch==2.8.0", "garbage_collection_threshold:0.8", True),
    "where it is read in part": ("torch==2.9.1", "expandable_segments:True", True),
    "the part that is read": ("torch==2.9.1", "max_split_size_mb:512", False),
    "where it is read": ("torch==2.10.0", "expandable_segments:True", False),
    "of a torch that is not known": ("torch==99.0.0", "expandable_segments:True", False),
    "of no torch": ("six==1.17.0", "expandable_segments:True", False),
}


@pytest.mark.parametrize(("package", "value", "expected"), UNREAD.values(), ids=UNREAD)
def test_variable(found: Check, package: str, value: str, expected: bool) -> None:
    spec = f"{pins(package)}\nenv:\n  PYTORCH_ALLOC_CONF: {value}\n"
    assert of_family(found(spec)) == ([("IS707", 4, 3)] if expected else [])
    older = spec.replace("PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF")
    assert of_family(found(older)) == []
    assert of_family(found(f"{older}  PYTORCH_ALLOC_CONF: {value}\n")) == []


PLACES = {
    "a step": ("steps: [{env: {PYTORCH_ALLOC_CONF: 'a:1'}}]", [("IS707", 3, 16)]),
    "a line of a Dockerfile": (
        "steps: [{dockerfile_commands: ['ENV A=\"b c\" PYTORCH_ALLOC_CONF=a:1']}]",
        [("IS707", 3, 32)],
    ),
    "the older form of such a line": (
        "steps: [{dockerfile_commands: ['ENV PYTORCH_ALLOC_CONF a:1']}]",
        [("IS707", 3, 32)],
    ),
    "with a reference": ("env: {A: b, PYTORCH_ALLOC_CONF: 'a:$A'}", [("IS707", 3, 13)]),
    "another's value": ("steps: [{dockerfile_commands: ['ENV A PYTORCH_ALLOC_CONF=a:1']}]", []),
}


@pytest.mark.parametrize(("spec", "expected"), PLACES.values(), ids=PLACES)
def test_variable_elsewhere(found: Check, spec: str, expected: list[Place]) -> None:
    assert of_family(found(f"{pins('torch==2.6.0')}\n{spec}\n")) == expected


def test_variable_of_a_dockerfile(found: Check, project: Path) -> None:
    (project / "Dockerfile").write_text(f"FROM {TORCH}{DIGEST}\n\nENV \\\n  PYTORCH_ALLOC_CONF=a:1\n")
    assert of_family(found("base: {dockerfile: Dockerfile}")) == [("IS707", 3, 1)]


def test_the_variable_is_renamed(project: Path) -> None:
    spec = project / "spec.yaml"
    spec.write_text(f'base: {{debian_slim: "3.12.10"}}\n{pins("torch==2.6.0")}\nenv: {{PYTORCH_ALLOC_CONF: "a:1"}}\n')
    (fix,) = (each.fix for each in check(spec) if each.code == "IS707")
    assert fix == (Rename(("env", "PYTORCH_ALLOC_CONF"), "PYTORCH_CUDA_ALLOC_CONF"),)


# ------------------------------------------------------------------------------------------------------- the tables


def test_the_list_of_architectures_is_what_wheels_hold() -> None:
    """What was written down for each CUDA, against what stands in the wheels that have it."""
    listed = json.loads(Path(releases.__file__).with_name("tables").joinpath("hardware.json").read_text("utf-8"))
    checked = set()
    for version in versions("torch"):
        of_wheel = release("torch", version)
        assert {"python", "cuda", "sm", "abi"} == of_wheel.keys() - {"numpy"}
        recent = [each for each in of_wheel["sm"].split() if float(each) >= 7.5]
        assert listed["architectures"][of_wheel["cuda"]].split() == recent
        checked.add(of_wheel["cuda"])
    assert len(checked) > 5


def test_every_gpu_of_modals_runs_on_a_torch() -> None:
    built = built_for("13.0", "2.12.0")
    for gpu in (
        "T4",
        "L4",
        "A10",
        "A100",
        "A100-80GB",
        "L40S",
        "RTX-PRO-6000",
        "H100:8",
        "H200",
        "B200+",
        "B300",
        "any",
    ):
        assert capabilities(gpu)
        assert all(runs_on(each, built) for each in capabilities(gpu))
    assert capabilities("about") == capabilities("source") == ()


@pytest.mark.parametrize(
    ("capability", "built", "expected"),
    [
        ("8.9", "8.0", True),
        ("8.0", "8.6", False),
        ("10.3", "10.0", True),
        ("12.0", "10.0", False),
        ("12.0", "9.0+", True),
        ("9.0", "12.0+", False),
        ("9.0", "", False),
    ],
)
def test_runs_on(capability: str, built: str, expected: bool) -> None:
    assert runs_on(capability, frozenset(built.split())) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cu121", "12.1"),
        ("https://a.example/whl/cu118/", "11.8"),
        ("cpu", "cpu"),
        ("https://a.example/whl/cu118 https://a.example/whl/cu121", ""),
        ("https://a.example/cpuinfo/xcu121", ""),
        ("cu12", ""),
        ("rocm6.2", "rocm"),
        ("https://a.example/whl/rocm6.2.4/", "rocm"),
        ("https://a.example/rocm", ""),
    ],
)
def test_cuda_in(text: str, expected: str) -> None:
    assert cuda_in(text) == expected


def test_the_wheels_of_a_lock_tell_their_cuda() -> None:
    def cuda(*files: str) -> str:
        torch = Installed(name="torch", version="2.5.1", files=files, place=("python", "packages", 0))
        found = torch_of(Image(name="x", layers=(), root=Path(), installed={"torch": torch}))
        assert found is not None
        return found.cuda

    assert cuda("torch-2.5.1+cu118-cp312-cp312-linux_x86_64.whl") == "11.8"
    assert cuda("torch-2.5.1%2Bcu118-cp312-cp312-linux_x86_64.whl") == "11.8"
    assert cuda("torch-2.5.1-cp312-cp312-manylinux1_x86_64.whl") == "12.4"
    assert cuda("torch-2.6.0+cu118-cp312-cp312-linux_x86_64.whl", "no wheel") == "12.4"


@given(odd, st.text(max_size=12), st.text(max_size=40))
def test_nothing_is_a_traceback(version: str, gpu: str, tag: str) -> None:
    base = Layer(operation=ops.FromRegistry(tag=tag), origin=("base", "registry"))
    variable = Layer(operation=ops.Env(vars={"PYTORCH_ALLOC_CONF": tag}), origin=("env",))
    torch = Installed(name="torch", version=version, place=("python", "packages", 0))
    image = Image(name="x", layers=(base, variable), root=Path(), gpus=(gpu,), installed={"torch": torch})
    for rule in RULES:
        list(rule.check(image))
