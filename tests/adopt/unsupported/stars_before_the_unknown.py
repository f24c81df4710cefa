import modal
import somewhere

image = modal.Image.debian_slim("3.12").pip_install("six", **somewhere.OPTIONS).env({**somewhere.VARIABLES, "A": "1"})
