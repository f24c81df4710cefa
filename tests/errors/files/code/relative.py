import modal

import imagespec

app = modal.App("train")
image = imagespec.load("IS608-relative")


@app.function(image=image, volumes={"/data": modal.Volume.from_name("data")})
def train():
    with open("data/labels.txt") as file:
        print(file.read())
    with open("/datasets/labels.txt") as file:
        print(file.read())
