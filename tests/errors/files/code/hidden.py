import modal

import imagespec

app = modal.App("train")
image = imagespec.load("IS609-stub")


@app.function(image=image)
def train():
    try:
        from files.code.helpers import go
    except ImportError:
        go = None
    print(go)
