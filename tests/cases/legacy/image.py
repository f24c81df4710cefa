"""The image `legacy`, compiled by imagespec."""

import modal

image = (
    modal.Image.debian_slim("3.12")
    .apt_install("curl", "tar", "wget")
    .pip_install("pillow>=9.0.0", "torch>=2.0.0", "torchvision>=0.15.0", "tqdm>=4.65.0")
    .add_local_dir("training", "/app", copy=True)
)
