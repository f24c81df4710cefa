import modal

import imagespec

app = modal.App("pipeline")
parsing = imagespec.load("spec.yaml")
training = imagespec.load("training").env({"A": "1"})


@app.function(image=parsing)
def parse(text: str):
    from steps.parse import parse

    return parse(text)


@app.function(image=training, gpu="A100")
def train(rows):
    from steps.train import train

    return train(rows)


@app.local_entrypoint()
def main(path: str):
    from pathlib import Path

    train.remote(list(parse.map(Path(path).read_text().splitlines())))
