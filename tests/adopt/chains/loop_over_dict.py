"""A layer for each key of a dict, in order."""
import modal

VARIABLES = {"Z": "1", "A": "2"}
image = modal.Image.debian_slim("3.12")
for name, value in VARIABLES.items():
    image = image.env({name: value})
