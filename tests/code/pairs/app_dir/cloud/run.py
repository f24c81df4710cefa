import modal

import imagespec

app = modal.App("app-dir")
image = imagespec.load("spec.yaml")


@app.function(image=image)
def train():
    import json

    import nets

    with open("configs/base.json") as file:
        config = json.load(file)
    with open("/app/configs/base.json", "r") as file:
        assert json.load(file) == config
    with open("metrics.json", "w") as file:
        json.dump({"mlp": str(nets.MLP)}, file)
    with open("metrics.json") as file:
        return file.read()
