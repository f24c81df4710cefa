"""The image `dit`, compiled by imagespec."""

import modal

image = (
    modal.Image.debian_slim("3.12")
    .apt_install("curl", "git", "tar", "wget")
    .uv_pip_install(
        "matplotlib==3.9.3",
        "numpy==2.1.3",
        "pillow==11.0.0",
        "safetensors==0.4.5",
        "torch==2.5.1",
        "torchvision==0.20.1",
        "tqdm==4.67.1",
        uv_version="0.9.10",
    )
    .env(
        {"HF_XET_HIGH_PERFORMANCE": "1", "PYTORCH_CUDA_ALLOC_CONF": "max_split_size_mb:512"},
    )
    .add_local_python_source("training")
)
