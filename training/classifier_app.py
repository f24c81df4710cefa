"""The image `classifier` on a GPU: versions and device, as the container sees them."""

import modal

import imagespec

app = modal.App("classifier")
image = imagespec.load("classifier")


@app.function(image=image, gpu="T4")
def facts() -> dict[str, str | None]:
    import torch
    import torchvision

    return {
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "cuda": torch.version.cuda,
        "device": torch.cuda.get_device_name(),
    }


@app.local_entrypoint()
def main() -> None:
    print(facts.remote())
