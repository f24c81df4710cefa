import os

import modal

image = modal.Image.debian_slim("3.12").pip_install("six")
app = modal.App()


@app.function(image=image, gpu=os.environ["GPU"])
def train():
    pass
