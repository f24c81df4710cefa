"""The chains that the specs of this repository stand for."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import modal
import yaml

from tests.conformance.case import Chain, slim

ALLOCATION = {"PYTORCH_CUDA_ALLOC_CONF": "max_split_size_mb:512"}
UV = "0.9.10"
PINNED = ("pillow", "torchvision", "tqdm")


LIBRARIES = (
    *("nvidia-cublas-cu12", "nvidia-cuda-cupti-cu12", "nvidia-cuda-nvrtc-cu12", "nvidia-cuda-runtime-cu12"),
    *("nvidia-cudnn-cu12", "nvidia-cufft-cu12", "nvidia-curand-cu12", "nvidia-cusolver-cu12", "nvidia-cusparse-cu12"),
    *("nvidia-nccl-cu12", "nvidia-nvjitlink-cu12", "nvidia-nvtx-cu12", "triton"),
)
"""What torch needs, and what weighs gigabytes."""


def locked(image: modal.Image, packages: list[dict[str, Any]]) -> modal.Image:
    """Some packages of a lock, as someone would install them who has the hashes."""
    folder = Path(tempfile.mkdtemp())
    lines = []
    for package in packages:
        marker = f" ; {package['marker']}" if "marker" in package else ""
        hashes = sorted(f"--hash=sha256:{file.split()[0]}" for file in package["files"])
        lines.append(f"{package['name']}=={package['version']}{marker} {' '.join(hashes)}\n")
    (folder / "requirements.txt").write_text("".join(lines))
    return image.uv_pip_install(
        requirements=[str(folder / "requirements.txt")], extra_options="--require-hashes --no-deps", uv_version=UV
    )


def layered(spec: str) -> modal.Image:
    """What is locked of a spec with torch: the CUDA libraries, torch, what is needed besides, what apt brings, what is
    named."""
    packages = yaml.safe_load(Path(f"specs/{spec}.lock.yaml").read_text())["packages"]
    image = locked(slim(), [package for package in packages if package["name"] in LIBRARIES])
    image = locked(image, [package for package in packages if package["name"] == "torch"])
    named = ("matplotlib", "numpy", "pillow", "safetensors", "torchvision", "tqdm")
    named = tuple(name for name in named if spec != "examples/requirements" or name in PINNED)
    needed = [package for package in packages if package["name"] not in (*LIBRARIES, "torch", *named)]
    image = locked(image, needed).apt_install("curl", "git", "tar", "wget")
    return locked(image, [package for package in packages if package["name"] in named])


def cuda_devel() -> modal.Image:
    return (
        modal.Image.from_registry("nvidia/cuda:12.4.1-devel-ubuntu22.04", add_python="3.12")
        .apt_install("clang", "git")
        .env({"CUDA_HOME": "/usr/local/cuda", "MAX_JOBS": "4"})
        .dockerfile_commands('ENV PATH="$CUDA_HOME/bin:$PATH"')
        .uv_pip_install(
            "torch==2.5.1",
            "numpy==2.1.3",
            "ninja==1.11.1.3",
            "packaging==24.2",
            "setuptools==75.6.0",
            "wheel==0.45.1",
            uv_version=UV,
        )
        .uv_pip_install("flash-attn==2.7.2.post1", extra_options="--no-build-isolation", uv_version=UV)
    )


SHIPPED: dict[str, Chain] = {
    "classifier": lambda: layered("classifier").env(ALLOCATION).add_local_python_source("training"),
    "dit": lambda: layered("dit").env(ALLOCATION).add_local_python_source("training"),
    "examples/pytorch": lambda: (
        modal.Image.from_registry("pytorch/pytorch:2.5.1-cuda12.4-cudnn9-runtime")
        .uv_pip_install("pillow==11.0.0", "tqdm==4.67.1", uv_version=UV)
        .env({"HF_XET_HIGH_PERFORMANCE": "1", **ALLOCATION})
    ),
    "examples/requirements": lambda: layered("examples/requirements"),
    "examples/cuda_devel": cuda_devel,
    "examples/legacy": lambda: (
        slim()
        .apt_install("curl", "tar", "wget")
        .pip_install("torch>=2.0.0", "torchvision>=0.15.0", "pillow>=9.0.0", "tqdm>=4.65.0")
        .add_local_dir("training", "/app", copy=True)
    ),
}
"""Path below `specs` to chain, run in the root of the repository."""
