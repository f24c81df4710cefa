import modal

import imagespec
from steps.prep import app as prep_app
from steps.prep import prep

image = imagespec.load("spec.yaml")
app = modal.App("main").include(prep_app)


@app.function(image=image)
def go():
    prep.remote()


@app.local_entrypoint()
def main():
    go.remote()
