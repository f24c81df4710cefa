"""Which layer a package goes to, and what that makes an edit cost."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagespec.image.bases import ANY_GLIBC, DEBIAN, MUSL
from imagespec.lock.lockfile import File, Lock, Package, load
from imagespec.lock.partition import HEAVY, REASONS, partition, runs_on, size

SPECS = Path(__file__).resolve().parents[2] / "specs"
NAMED = frozenset({"torch", "torchvision", "pillow", "tqdm"})


def package(name: str, *requires: str, size: int = 1000, version: str = "1.0", wheel: str = "py3-none-any") -> Package:
    file = File(f"{name.replace('-', '_')}-{version}-{wheel}.whl", size, "0" * 64)
    return Package(name, version, requires, files=(file,))


def parts(packages: list[Package], named: frozenset[str] = NAMED, platform: str = DEBIAN) -> dict[str, list[str]]:
    return {part.name: [each.name for each in part.packages] for part in partition(packages, named, platform)}


TORCH = [
    package("filelock"),
    package("nvidia-cublas", size=400_000_000, wheel="py3-none-manylinux_2_27_x86_64"),
    package("nvidia-nvtx", size=90_000, wheel="py3-none-manylinux_2_27_x86_64"),
    package("numpy", size=16_000_000),
    package("torch", "filelock", "nvidia-cublas", "nvidia-nvtx", "triton", size=900_000_000),
    package("torchvision", "numpy", "torch"),
    package("tqdm"),
    package("triton", "filelock", size=200_000_000),
]


def test_cuda_then_torch_then_the_rest() -> None:
    assert parts(TORCH) == {
        "libraries": ["nvidia-cublas", "nvidia-nvtx", "triton"],
        "frameworks": ["torch"],
        "needed": ["filelock", "numpy"],
        "named": ["torchvision", "tqdm"],
    }


CASES = {
    "heavy, of its own": (
        [package("scipy", "numpy", size=38_000_000), package("numpy")],
        {"needed": ["scipy", "numpy"]},
    ),
    "on top of torch": (
        [*TORCH, package("vllm", "torch", size=300_000_000)],
        {
            "libraries": ["nvidia-cublas", "nvidia-nvtx", "triton"],
            "frameworks": ["torch"],
            "needed": ["filelock", "numpy", "torchvision", "tqdm", "vllm"],
        },
    ),
    "a source distribution": (
        [Package("flash-attn", "1.0", files=(File("flash_attn-1.0.tar.gz", HEAVY, "0" * 64),))],
        {"named": ["flash-attn"]},
    ),
    "a wheel for other machines alone": (
        [package("x", size=HEAVY, wheel="cp312-cp312-macosx_11_0_arm64")],
        {"named": ["x"]},
    ),
    "exactly heavy": ([package("x", size=HEAVY)], {"needed": ["x"]}),
    "light, and named": ([package("tqdm", size=HEAVY - 1)], {"named": ["tqdm"]}),
    "heavy, and named": ([package("tqdm", size=HEAVY)], {"needed": ["tqdm"]}),
    "a circle": (
        [package("torch", "a"), package("a", "torch", size=HEAVY)],
        {"libraries": ["a"], "frameworks": ["torch"]},
    ),
    "nothing": ([], {}),
}


@pytest.mark.parametrize("case", CASES)
def test_parts(case: str) -> None:
    packages, expected = CASES[case]
    assert parts(packages, frozenset({"tqdm"}) if "named" in case else frozenset()) == expected


def test_what_the_spec_names_is_what_it_bumps() -> None:
    assert parts(TORCH, NAMED | {"triton"})["needed"] == ["filelock", "numpy", "triton"]


@pytest.mark.parametrize("name", ["classifier", "dit"])
def test_the_shipped_locks(name: str) -> None:
    lock = load(SPECS / f"{name}.lock.yaml")
    assert isinstance(lock, Lock)
    made = {part.name: part.packages for part in partition(lock.packages, NAMED, lock.platform)}
    assert [each.name for each in made["frameworks"]] == ["torch"]
    assert {each.name.partition("-")[0] for each in made["libraries"]} == {"nvidia", "triton"}
    weights = {part: sum(size(each, lock.platform) for each in packages) for part, packages in made.items()}
    assert weights["libraries"] > 2e9
    assert weights["named"] < 4e7


FILES = {
    "a-1-py3-none-any.whl": {DEBIAN, ANY_GLIBC, MUSL},
    "a-1-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl": {DEBIAN, ANY_GLIBC},
    "a-1-cp312-cp312-linux_x86_64.whl": {DEBIAN, ANY_GLIBC, MUSL},
    "a-1-cp312-cp312-musllinux_1_2_x86_64.whl": {MUSL},
    "a-1-cp312-cp312-manylinux_2_17_aarch64.whl": set(),
    "a-1-cp312-cp312-win_amd64.whl": set(),
    "a-1.tar.gz": set(),
    "no wheel.whl": set(),
}


@pytest.mark.parametrize("name", FILES)
def test_platforms(name: str) -> None:
    assert {each for each in (DEBIAN, ANY_GLIBC, MUSL) if runs_on(File(name, 1, "0" * 64), each)} == FILES[name]


names = st.sampled_from(["a", "b", "c", "torch", "jax", "nvidia-x", "nvidia-y", "triton", "tqdm"])


@st.composite
def graphs(draw: st.DrawFn) -> list[Package]:
    chosen = draw(st.lists(names, unique=True))
    return [
        package(name, *draw(st.lists(st.sampled_from(chosen), unique=True)), size=draw(st.sampled_from([1, HEAVY])))
        for name in sorted(chosen)
    ]


@given(graphs(), st.frozensets(names), names)
def test_a_package_more_moves_no_other(packages: list[Package], named: frozenset[str], new: str) -> None:
    """What is added is needed by none of the others: they stay where they are."""
    before = {each: part for part, names in parts(packages, named).items() for each in names}
    assert sorted(before) == sorted(each.name for each in packages)
    if new in before or new in ("torch", "jax"):
        return
    after = parts([*packages, package(new, size=HEAVY)], named)
    assert {each: part for part, names in after.items() for each in names if each != new} == before
    assert [part for part in REASONS if part in after] == list(after)
