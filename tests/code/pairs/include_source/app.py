import modal

import imagespec
from shared import app, frame

image = imagespec.load("spec.yaml")
queue = modal.Queue.from_name("queue", create_if_missing=True)


@app.function(image=image, include_source=False)
def work():
    queue.put(frame().to_dict())
