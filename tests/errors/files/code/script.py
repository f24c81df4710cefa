import modal

import imagespec

app = modal.App("train")
image = imagespec.load("IS606-script")


@app.function(image=image)
def train():
    import subprocess

    subprocess.run(["bash", "files/code/prepare.sh"], check=True)
