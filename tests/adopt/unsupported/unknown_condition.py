import os

import modal

image = modal.Image.debian_slim("3.12")
if os.environ.get("GPU"):
    image = image.pip_install("torch")
else:
    image = image.pip_install("onnxruntime")
image = image.env({"A": "1"})
