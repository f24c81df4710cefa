import os

import modal

packages = ["six"]
if os.environ.get("DEBUG"):
    packages.append("debugpy")
image = modal.Image.debian_slim("3.12").pip_install(*packages).apt_install("git")
