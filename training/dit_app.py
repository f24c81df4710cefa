"""The image `dit` on a GPU: versions and device, as the container sees them."""

import modal

import imagespec

app = modal.App("dit")
image = imagespec.load("dit")


@app.function(image=image, gpu="H100")
def facts() -> dict[str, str | bool | None]:
    import torch

    return {
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "device": torch.cuda.get_device_name(),
        "bf16": torch.cuda.is_bf16_supported(),
    }


@app.local_entrypoint()
def main() -> None:
    print(facts.remote())
