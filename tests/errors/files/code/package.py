import modal

import imagespec

app = modal.App("train")
image = imagespec.load("IS602-package")


@app.function(image=image)
def train():
    import yaml

    print(yaml.safe_load('a: 1'))
