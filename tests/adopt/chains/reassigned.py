"""One variable, again and again."""
import modal

image = modal.Image.debian_slim("3.12")
image = image.apt_install("git")
image = image.pip_install("b==1", "a==1")
image = image.env({"X": "1"}).workdir("/app")
