"""A helper with several ends."""
import modal


def add(image, kind):
    if kind == "none":
        return image
    for known in ("git", "curl"):
        if kind == known:
            return image.apt_install(known)
    raise ValueError(kind)


image = add(add(modal.Image.debian_slim("3.12"), "curl"), "none")
