import modal
from somewhere import with_tools

image = modal.Image.debian_slim("3.12").apt_install("git")
image = with_tools(image, "curl")
image = image.env({"A": "1"})
