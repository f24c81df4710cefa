"""The image `requirements`, compiled by imagespec."""

import modal

image = (
    modal.Image.debian_slim("3.12")
    .apt_install("curl", "git", "tar", "wget")
    .uv_pip_install(
        "pillow==11.0.0",
        "torch==2.5.1",
        "torchvision==0.20.1",
        "tqdm==4.67.1",
        uv_version="0.9.10",
    )
)
