from pathlib import Path

import modal

image = modal.Image.debian_slim("3.12").apt_install("git")
for wheel in Path("wheels").glob("*.whl"):
    image = image.run_commands(f"pip install {wheel.name}")
image = image.workdir("/w")
