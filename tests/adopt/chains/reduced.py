"""Functions of functions."""
from functools import reduce

import modal

LAYERS = ["a", "b"]
image = reduce(lambda image, name: image.run_commands(f"echo {name}"), LAYERS, modal.Image.debian_slim("3.12"))
mapped = modal.Image.debian_slim("3.12").pip_install(*map(lambda name: name + "==1", LAYERS), *map(str.upper, []))
by_name = getattr(modal.Image.debian_slim("3.12"), "apt_install")("git")
