import sys
from pathlib import Path

import modal

import imagespec

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "src"))

app = modal.App("src-layout")
image = imagespec.load("spec.yaml")


@app.function(image=image, gpu="A10G", timeout=3600)
def train(epochs: int = 1):
    import subprocess

    from train import main

    main(epochs)
    subprocess.run([sys.executable, "src/train.py", "--epochs", str(epochs)], check=True)
    subprocess.run(["python", "train.py"], cwd="/root/src", check=True)
