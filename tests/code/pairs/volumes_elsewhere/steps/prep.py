import json

import modal

import imagespec

app = modal.App("prep")
image = imagespec.load("spec.yaml")
volume = modal.Volume.from_name("raw")


@app.function(image=image, volumes={"/raw": volume})
def prep():
    with open("/raw/index.json") as file:
        return json.load(file)

