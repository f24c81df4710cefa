"""The image `cuda_devel`, compiled by imagespec."""

import modal

image = (
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
        uv_version="0.9.10",
    )
    .uv_pip_install(
        "flash-attn==2.7.2.post1",
        uv_version="0.9.10",
        extra_options="--no-build-isolation",
    )
)
