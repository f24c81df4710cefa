import modal
from somewhere import retried


@retried
def with_git(image):
    return image.apt_install("git")


image = modal.Image.debian_slim("3.12")
image = with_git(image)
