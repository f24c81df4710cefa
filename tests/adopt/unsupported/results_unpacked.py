import modal
from somewhere import settings

python, packages = settings()
image = modal.Image.debian_slim("3.12").pip_install(*packages).env({"PYTHON": python})
