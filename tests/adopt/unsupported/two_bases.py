import sys

import modal

if sys.version_info >= (3, 12):
    image = modal.Image.debian_slim("3.12")
else:
    image = modal.Image.debian_slim("3.11")
image = image.apt_install("git")
