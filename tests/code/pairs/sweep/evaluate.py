import modal

import imagespec
from imagespec.images import spec as image

app = modal.App("evaluate")
plain = modal.Image.debian_slim().pip_install("requests", "polars")


@app.function(image=image)
def evaluate():
    from objective import score

    print(imagespec.__version__)
    return score(0.1)


@app.function(image=plain)
def notify():
    import polars
    import requests

    requests.post("https://example.com", data=polars.DataFrame().write_csv())


@app.function()
def count() -> int:
    return 1
