import modal
from somewhere import image

app = modal.App()


@app.function(image=image)
def train():
    pass


@app.function(image=modal.Image.debian_slim("3.12").apt_install("git"))
def other():
    pass
