import os
import subprocess

import modal

import imagespec

app = modal.App("ddp")
image = imagespec.load("spec.yaml")
runs = modal.Volume.from_name("runs", create_if_missing=True)
GPUS = 8


@app.function(image=image, gpu=f"H100:{GPUS}", volumes={"/runs": runs}, timeout=86400)
def train(*arguments: str):
    environment = {**os.environ, "OUT": "/runs/latest"}
    command = ["torchrun", "--standalone", f"--nproc-per-node={GPUS}", "-m", "trainer", *arguments]
    subprocess.run(command, check=True, env=environment)
    subprocess.run(["nvidia-smi"], check=False)
    os.makedirs("/runs/latest", exist_ok=True)
    for name in os.listdir("/runs/latest"):
        print(name)
    runs.commit()
