import modal

import imagespec

app = modal.App("train")
image = imagespec.load("IS611-queue")


@app.function(image=image)
def train():
    import queue

    queue.put()
