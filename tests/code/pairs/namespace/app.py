import modal

import imagespec

app = modal.App("namespace")
image = imagespec.load("spec.yaml")


@app.function(image=image, cpu=2.0, memory=2048)
def run(name: str):
    import acme.text.clean as cleaning
    from acme.data import loader

    return cleaning.clean(loader.load(name))
