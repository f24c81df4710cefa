"""Names of wheels and extras against the image: what is for another one, and its twin that fits."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagespec.image.layers import Image, Installed, Layer
from imagespec.rules.wheels import RULES, torches_in
from imagespec.spec import operations as ops

from .conftest import Check
from .test_versions import odd, of_family

FLASH = "flash_attn-2.7.4.post1+cu12torch2.5cxx11abiFALSE-cp312-cp312-linux_x86_64.whl"

TORCH = "torch-2.5.1%2Bcu124-cp312-cp312-linux_x86_64.whl"
WHEELS = {
    "right": ("torch==2.5.1", FLASH, False),
    "another torch by URL": (f"torch @ https://a.example/{TORCH}", FLASH.replace("2.5", "2.8"), True),
    "the torch by URL": (f"torch @ https://a.example/{TORCH}", FLASH, False),
    "right, its name quoted": ("torch==2.5.1", FLASH.replace("+", "%2B"), False),
    "another torch": ("torch==2.6.0", FLASH, True),
    "another torch, its name quoted": ("torch==2.6.0", FLASH.replace("+", "%2B"), True),
    "another torch, with its hash": ("torch==2.6.0", f"{FLASH}#sha256={'0' * 64}", True),
    "another Python": ("torch==2.5.1", FLASH.replace("cp312", "cp313"), True),
    "another CUDA": ("torch==2.5.1", FLASH.replace("cu12", "cu11"), True),
    "another minor CUDA": ("torch==2.5.1", FLASH.replace("cu12", "cu121"), False),
    "another CUDA than a local version": ("torch==2.5.1+cu118", FLASH, True),
    "another C++ ABI": ("torch==2.5.1", FLASH.replace("FALSE", "TRUE"), True),
    "another C++ ABI than a newer torch": ("torch==2.8.0", FLASH.replace("2.5", "2.8"), True),
    "the C++ ABI of a newer torch": ("torch==2.8.0", FLASH.replace("2.5", "2.8").replace("FALSE", "TRUE"), False),
    "a C++ ABI that is not known": ("torch==2.6.0+cu126", FLASH.replace("2.5", "2.6"), False),
    "another platform": ("torch==2.5.1", FLASH.replace("linux_x86_64", "win_amd64"), True),
    "another processor": ("torch==2.5.1", FLASH.replace("x86_64", "aarch64"), True),
    "manylinux": ("torch==2.5.1", FLASH.replace("linux_", "manylinux_2_28_"), False),
    "for the stable ABI": ("torch==2.5.1", "a-1.0-cp39-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", False),
    "for the stable ABI of a newer Python": ("torch==2.5.1", "a-1.0-cp313-abi3-linux_x86_64.whl", True),
    "for any": ("torch==2.5.1", "a-1.0-py3-none-any.whl", False),
    "for an older language": ("torch==2.5.1", "a-1.0-py2-none-any.whl", True),
    "free-threaded": ("torch==2.5.1", FLASH.replace("cp312-cp312", "cp312-cp312t"), True),
    "of PyG": ("torch==2.5.1", "torch_scatter-2.1.2+pt25cu124-cp312-cp312-linux_x86_64.whl", False),
    "of PyG, for another torch": ("torch==2.6.0", "torch_scatter-2.1.2+pt25cu124-cp312-cp312-linux_x86_64.whl", True),
    "torch that is not known": ("torch>=2", FLASH, False),
    "no torch": ("six==1.17.0", FLASH.replace("2.5", "9.9"), False),
    "no wheel": ("torch==2.5.1", "flash_attn-2.7.4+torch9.9.tar.gz", False),
    "no name": ("torch==2.5.1", "+torch9.9.whl", False),
}


@pytest.mark.parametrize(("torch", "file", "expected"), WHEELS.values(), ids=WHEELS)
@pytest.mark.parametrize("text", ["https://a.example/x/{}", "x @ https://a.example/x/{}"])
def test_wheel(found: Check, torch: str, file: str, expected: bool, text: str) -> None:
    spec = f"python:\n  packages:\n    - {torch}\n    - '{text.format(file)}'\n"
    assert of_family(found(spec)) == ([("IS705", 5, 7)] if expected else [])


def test_wheels_with_markers(found: Check, project: Path) -> None:
    """One for each Python, as projects write it that support several: only that of the image counts."""
    wheels = [
        f"x @ https://a.example/{FLASH.replace('cp312', f'cp3{minor}')} ; python_version == '3.{minor}'"
        for minor in (11, 12, 13)
    ]
    (project / "wheels.txt").write_text("\n".join(["torch==2.5.1", *wheels, ""]))
    assert of_family(found("python: {requirements: [wheels.txt]}")) == []
    (project / "wheels.txt").write_text("\n".join(["torch==2.6.0", *wheels, ""]))
    assert of_family(found("python: {requirements: [wheels.txt]}")) == [("IS705", 3, 1)]


EXTRAS = {
    "right": ("torch==2.5.1", "unsloth[cu121-torch250]==2025.1.1", False),
    "of another patch version": ("torch==2.5.1", "unsloth[cu124-ampere-torch251]==2025.1.1", False),
    "of another torch": ("torch==2.6.0", "unsloth[cu121-torch250]==2025.1.1", True),
    "of another CUDA": ("torch==2.5.1", "unsloth[cu118-torch250]==2025.1.1", True),
    "right, of 2.10": ("torch==2.10.0", "unsloth[cu128-torch2100]==2025.1.1", False),
    "2.1.2 or 2.12": ("torch==2.12.0", "unsloth[torch212]==2025.1.1", False),
    "2.1.2 or 2.12, or neither": ("torch==2.2.0", "unsloth[torch212]==2025.1.1", True),
    "of a repository": ("torch==2.6.0", "unsloth[cu121-torch250] @ git+https://a.example/unsloth.git", True),
    "that names neither": ("torch==2.6.0", "a[torch,cuda,train]==1.0", False),
    "with a local torch": ("torch==2.5.1+cu118", "unsloth[cu118-torch250]==2025.1.1", False),
    "torch that is not known": ("torch>=2.6", "unsloth[cu121-torch250]==2025.1.1", False),
    "CUDA that is not known": ("torch==2.5.1+x", "unsloth[cu118]==2025.1.1", False),
}


@pytest.mark.parametrize(("torch", "package", "expected"), EXTRAS.values(), ids=EXTRAS)
def test_extra(found: Check, torch: str, package: str, expected: bool) -> None:
    spec = f"base: {{micromamba: '3.11'}}\npython:\n  packages:\n    - {torch}\n    - '{package}'\n"
    assert of_family(found(spec)) == ([("IS706", 5, 7)] if expected else [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cu12torch2.6cxx11abifalse", {(2, 6)}),
        ("cu128torch2.10", {(2, 10)}),
        ("pt25cu124", {(2, 5)}),
        ("pt210cu128", {(2, 1), (2, 10)}),
        ("torch250cu124", {(2, 5), (2, 50)}),
        ("torch", set()),
        ("torch2", set()),
    ],
)
def test_torches_in(text: str, expected: set[tuple[int, int]]) -> None:
    assert torches_in(text) == expected


@given(st.text(max_size=60), odd, odd)
def test_nothing_is_a_traceback(text: str, version: str, python: str) -> None:
    packages = (text, f"a[{text}]==1", f"https://a.example/{text}.whl", f"a-{version}-cp312-cp312-linux_x86_64.whl")
    layer = Layer(operation=ops.UvPipInstall(packages=packages), origin=("python",))
    torch = Installed(name="torch", version=version, place=("python", "packages", 0))
    image = Image(name="x", layers=(layer,), root=Path(), python=python, installed={"torch": torch})
    for rule in RULES:
        list(rule.check(image))
