"""The class by itself, under a name of its own."""
from modal import App, Image as ModalImage, Secret

image = ModalImage.debian_slim("3.12").run_commands("true", secrets=[Secret.from_name("token")])
app = App("x", image=image)
