"""What functions import is no part of the image."""
import modal

image = modal.Image.debian_slim("3.12").pip_install("torch", extra_index_url="extra/simple", pre=True)

with image.imports():
    import torch

app = modal.App()


@app.function(image=image)
def train() -> None:
    torch.ones(1)
