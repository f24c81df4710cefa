import modal

import imagespec

app = modal.App("circular")
image = imagespec.load("spec.yaml")


@app.function(image=image)
def run():
    from engine.b import *  # noqa: F403

    return make()  # noqa: F405
