import os

import modal

VERSION = os.environ["TORCH"]
image = modal.Image.debian_slim("3.12").pip_install(f"torch=={VERSION}", "six").env({"MODE": os.getenv("MODE", "train"), "A": "1"})
