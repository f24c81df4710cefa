import modal
import six
import torch

import imagespec

app = modal.App("train")
image = imagespec.load("IS605-heavy")


@app.function(image=image)
def train():
    print(six.PY3)
