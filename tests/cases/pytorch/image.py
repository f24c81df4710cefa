"""The image `pytorch`, compiled by imagespec."""

import modal

image = (
    modal.Image.from_registry("pytorch/pytorch:2.5.1-cuda12.4-cudnn9-runtime")
    .uv_pip_install("pillow==11.0.0", "tqdm==4.67.1", uv_version="0.9.10")
    .env(
        {"HF_XET_HIGH_PERFORMANCE": "1", "PYTORCH_CUDA_ALLOC_CONF": "max_split_size_mb:512"},
    )
)
