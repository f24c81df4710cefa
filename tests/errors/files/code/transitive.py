import modal

import imagespec

app = modal.App("train")
image = imagespec.load("IS604-transitive")


@app.function(image=image)
def train():
    import six

    print(six.PY3)
