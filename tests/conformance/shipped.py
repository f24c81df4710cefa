"""The chains that the specs of this repository stand for."""

from __future__ import annotations

import modal

from tests.conformance.case import Chain, slim

PINS = ("torch==2.5.1", "torchvision==0.20.1", "pillow==11.0.0", "tqdm==4.67.1")
VARIABLES = {"HF_XET_HIGH_PERFORMANCE": "1", "PYTORCH_CUDA_ALLOC_CONF": "max_split_size_mb:512"}
UV = "0.9.10"


TRAINER = (*PINS, "numpy==2.1.3", "safetensors==0.4.5", "matplotlib==3.9.3")


def trainer() -> modal.Image:
    """What the two trainers share."""
    return slim().apt_install("curl", "git", "tar", "wget").uv_pip_install(*TRAINER, uv_version=UV).env(VARIABLES)


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
    "classifier": lambda: trainer().add_local_python_source("training"),
    "dit": lambda: trainer().add_local_python_source("training"),
    "examples/pytorch": lambda: (
        modal.Image.from_registry("pytorch/pytorch:2.5.1-cuda12.4-cudnn9-runtime")
        .uv_pip_install("pillow==11.0.0", "tqdm==4.67.1", uv_version=UV)
        .env(VARIABLES)
    ),
    "examples/requirements": lambda: (
        slim().apt_install("curl", "git", "tar", "wget").uv_pip_install(*PINS, uv_version=UV)
    ),
    "examples/cuda_devel": cuda_devel,
    "examples/legacy": lambda: (
        slim()
        .apt_install("curl", "tar", "wget")
        .pip_install("torch>=2.0.0", "torchvision>=0.15.0", "pillow>=9.0.0", "tqdm>=4.65.0")
        .add_local_dir("training", "/app", copy=True)
    ),
}
"""Path below `specs` to chain, run in the root of the repository."""
