import modal

import imagespec

app = modal.App("vision")
image = imagespec.load("spec.yaml")


@app.function(image=image, gpu="T4")
def train(name: str):
    import vision
    from vision.models import build

    return vision.__version__, build(name)
