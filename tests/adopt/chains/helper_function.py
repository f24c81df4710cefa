"""A function that adds to an image, with a default and a keyword."""
import modal


def with_torch(image, version="2.5.1", *, index=None):
    image = image.uv_pip_install(f"torch=={version}", index_url=index)
    return image.env({"TORCH": version})


image = with_torch(modal.Image.debian_slim("3.12"))
cpu = with_torch(modal.Image.debian_slim("3.12"), "2.4.0", index="index/simple")
