import importlib

import modal

import imagespec

app = modal.App("dynamic")
image = imagespec.load("spec.yaml")
KNOWN = ("svm", "forest")


@app.function(image=image)
def fit(name: str = "svm"):
    default = importlib.import_module("plugins.svm")
    other = __import__("plugins.forest")
    chosen = importlib.import_module(f"plugins.{name}")
    return default.model, other, chosen.model


@app.local_entrypoint()
def main():
    print(list(fit.map(KNOWN)))
