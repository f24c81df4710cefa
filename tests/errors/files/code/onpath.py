import modal

import imagespec

app = modal.App("train")
image = imagespec.load("IS612-folder")


@app.function(image=image)
def train():
    import sys

    sys.path.append("/app/src")
