"""The image of an app, which its functions take."""
import modal

app = modal.App("default", image=modal.Image.debian_slim("3.12").pip_install("six"))


@app.function(gpu="H100")
def train() -> None:
    pass
