import os

import modal


def make():
    image = modal.Image.debian_slim("3.12")
    if os.environ.get("SMALL"):
        return image
    return image.pip_install("torch")


image = make()
