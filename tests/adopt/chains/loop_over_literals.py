"""A layer for each of some packages."""
import modal

image = modal.Image.debian_slim("3.12")
for package in ["six==1.17.0", "attrs==25.3.0"]:
    image = image.uv_pip_install(package)
