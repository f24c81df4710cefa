import modal

import imagespec

app = modal.App("train")
image = imagespec.load("IS601-module")


@app.function(image=image)
def train():
    from files.code.helpers import go

    go()
