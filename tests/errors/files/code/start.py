import modal
import six

import imagespec

app = modal.App("train")
image = imagespec.load("IS615-small")


@app.function(image=image)
def train():
    print(six.PY3)
