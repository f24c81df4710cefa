from pathlib import Path

import modal

lines = Path("requirements.txt").read_text().splitlines()
image = modal.Image.debian_slim("3.12").pip_install(lines)
