"""Several variables at once."""
import modal

python, *packages = ("3.12", "six", "attrs")
first, second = modal.Image.debian_slim(python), modal.Image.debian_slim("3.11")
image = other = first.pip_install(packages)
[second] = [second.pip_install(packages[-1])]
