"""A function that makes the whole image, called with several versions."""
import modal


def make(python: str, *packages: str, **variables: str) -> modal.Image:
    image = modal.Image.debian_slim(python)
    if packages:
        image = image.pip_install(*packages)
    if variables:
        image = image.env(variables)
    return image


old = make("3.11", "six==1.17.0")
new = make("3.12", "six==1.17.0", "attrs", A="1", B="2")
bare = make("3.12")
