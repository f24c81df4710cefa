"""The seed's trainer, before."""
from pathlib import Path

import modal

LOCAL_SRC = Path(__file__).parent / "src"

image = (
    modal.Image.debian_slim(python_version="3.12")
    .apt_install("wget", "tar", "curl")
    .pip_install(
        "torch>=2.0.0",
        "torchvision>=0.15.0",
        "Pillow>=9.0.0",
        "tqdm>=4.65.0",
    )
    .add_local_dir(str(LOCAL_SRC), "/app", copy=True)
)
