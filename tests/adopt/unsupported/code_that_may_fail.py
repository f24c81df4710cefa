import modal

image = modal.Image.debian_slim("3.12")
try:
    image = image.add_local_python_source("standin")
except ImportError:
    image = image.pip_install("standin")
