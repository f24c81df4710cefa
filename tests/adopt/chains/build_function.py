"""A function that runs while the image is built, from another module and with arguments."""
import modal
import setup_steps
from setup_steps import Cache

image = (
    modal.Image.debian_slim("3.12")
    .run_function(setup_steps.download, args=["weights"], kwargs={"revision": "v2"}, timeout=600, cpu=2.0)
    .run_function(Cache.warm, gpu="T4", secrets=[modal.Secret.from_name("token")], memory=1024)
)
