import os
import sys

import modal

import imagespec

app = modal.App("guarded")
image = imagespec.load("spec.yaml")

if not modal.is_local():
    import torch

    import nets

if modal.is_local():
    import yaml

    with open("local-settings.yaml") as file:
        SETTINGS = yaml.safe_load(file)

if os.environ.get("DEBUG"):
    sys.path.append("/opt/debugger")


@app.function(image=image, gpu="T4")
def run():
    return nets.f(torch.ones(1))


if __name__ == "__main__":
    import pytest

    pytest.main()
