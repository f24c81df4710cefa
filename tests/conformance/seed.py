"""The chains of the project that this one grew out of (its ADR-022), as `base` and `steps`, and in sections."""

from __future__ import annotations

import modal

from tests.conformance.case import Case, slim

PINS = ("torch==2.5.1", "torchvision==0.20.1", "pillow==11.0.0", "tqdm==4.67.1")
VARIABLES = {"HF_XET_HIGH_PERFORMANCE": "1", "PYTORCH_CUDA_ALLOC_CONF": "max_split_size_mb:512"}

TRAINER = """
base: {{debian_slim: "3.12"}}
steps:
  - apt_install: [wget, tar, curl, git]
  - env:
      HF_XET_HIGH_PERFORMANCE: "1"
      PYTORCH_CUDA_ALLOC_CONF: max_split_size_mb:512
  - uv_pip_install: [torch==2.5.1, torchvision==0.20.1, pillow==11.0.0, tqdm==4.67.1]
{files}
"""


def trainer(*files: str) -> Case:
    """The "After" of a trainer: it adds the files of `src` that it needs."""
    steps = "\n".join(f"  - add_local_file: {{local_path: src/{name}, remote_path: /app/{name}}}" for name in files)

    def chain() -> modal.Image:
        image = slim().apt_install("wget", "tar", "curl", "git").env(VARIABLES).uv_pip_install(*PINS)
        for name in files:
            image = image.add_local_file(f"src/{name}", f"/app/{name}")
        return image

    return Case(TRAINER.format(files=steps), chain)


SOURCES = ("train.py", "train_dit.py", "dataset.py", "model.py", "dit.py", "flow_matching.py")

SEED: dict[str, Case] = {
    "train.py, after": trainer("train.py", "dataset.py", "model.py"),
    "train_dit.py, after": trainer("train_dit.py", "dit.py", "flow_matching.py", "dataset.py"),
    "train.py, before": Case(
        """
base: {debian_slim: "3.12"}
steps:
  - apt_install: [wget, tar, curl]
  - pip_install: [torch>=2.0.0, torchvision>=0.15.0, Pillow>=9.0.0, tqdm>=4.65.0]
  - add_local_dir: {local_path: src, remote_path: /app, copy: true}
""",
        lambda: (
            slim()
            .apt_install("wget", "tar", "curl")
            .pip_install("torch>=2.0.0", "torchvision>=0.15.0", "Pillow>=9.0.0", "tqdm>=4.65.0")
            .add_local_dir("src", "/app", copy=True)
        ),
    ),
    "1, installs with uv": Case(
        """
base: {debian_slim: "3.12"}
steps:
  - apt_install: [wget, tar, curl, git]
  - uv_pip_install: [torch==2.5.1, torchvision==0.20.1, pillow==11.0.0, tqdm==4.67.1, modal==0.72.0]
""",
        lambda: slim().apt_install("wget", "tar", "curl", "git").uv_pip_install(*PINS, "modal==0.72.0"),
    ),
    "3, PyTorch's image": Case(
        """
base: {registry: "pytorch/pytorch:2.5.1-cuda12.4-cudnn9-runtime"}
steps:
  - uv_pip_install: [pillow==11.0.0, tqdm==4.67.1, modal==0.72.0]
""",
        lambda: modal.Image.from_registry("pytorch/pytorch:2.5.1-cuda12.4-cudnn9-runtime").uv_pip_install(
            "pillow==11.0.0", "tqdm==4.67.1", "modal==0.72.0"
        ),
    ),
    "4, dependencies before code": Case(
        """
base: {debian_slim: "3.12"}
steps:
  - uv_pip_install: [torch==2.5.1, torchvision==0.20.1, pillow==11.0.0, tqdm==4.67.1]
  - add_local_file: {local_path: src/train.py, remote_path: /app/train.py}
  - add_local_file: {local_path: src/dataset.py, remote_path: /app/dataset.py}
  - add_local_file: {local_path: src/model.py, remote_path: /app/model.py}
""",
        lambda: (
            slim()
            .uv_pip_install(*PINS)
            .add_local_file("src/train.py", "/app/train.py")
            .add_local_file("src/dataset.py", "/app/dataset.py")
            .add_local_file("src/model.py", "/app/model.py")
        ),
    ),
    "5, variables": Case(
        """
base: {debian_slim: "3.12"}
steps:
  - env: {HF_XET_HIGH_PERFORMANCE: "1", PYTORCH_CUDA_ALLOC_CONF: "max_split_size_mb:512"}
  - uv_pip_install: [torch==2.5.1, torchvision==0.20.1, pillow==11.0.0, tqdm==4.67.1]
""",
        lambda: slim().env(VARIABLES).uv_pip_install(*PINS),
    ),
    "6, pins in a file": Case(
        """
base: {debian_slim: "3.12"}
steps:
  - uv_pip_install: {requirements: [requirements-modal.txt]}
""",
        lambda: slim().uv_pip_install(requirements=["requirements-modal.txt"]),
    ),
    "the same in sections": Case(
        """
base: {debian_slim: "3.12"}
apt: [wget, tar, curl, git]
env: {PYTORCH_CUDA_ALLOC_CONF: "max_split_size_mb:512", HF_XET_HIGH_PERFORMANCE: "1"}
python: [torch==2.5.1, torchvision==0.20.1, pillow==11.0.0, tqdm==4.67.1]
source: [{dir: src, to: /app}]
""",
        lambda: (
            slim()
            .apt_install("curl", "git", "tar", "wget")
            .uv_pip_install(*PINS)
            .env(VARIABLES)
            .add_local_dir("src", "/app")
        ),
    ),
}
"""Name to case."""

FILES = {f"src/{name}": f'"""Stands in for {name}."""\n' for name in SOURCES} | {
    "requirements-modal.txt": "".join(f"{pin}\n" for pin in (*PINS, "modal==0.72.0"))
}
