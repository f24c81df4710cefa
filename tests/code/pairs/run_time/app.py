import json
import subprocess
import sys
import typing as t
from pathlib import Path

import modal

import imagespec

if t.TYPE_CHECKING:
    import pandas

app = modal.App("run-time")
image = imagespec.load("spec.yaml")


def settings():
    path = Path("settings.json")
    if not path.exists():
        return {}
    return json.loads(path.read_text())


@app.function(image=image)
def train() -> "pandas.DataFrame":
    subprocess.run([sys.executable, "train.py", "--metrics", "metrics.json"], check=True)
    with open("metrics.json") as file:
        return settings() | json.load(file)


@app.function(image=image)
def tools():
    subprocess.run("wget -q https://example.com/tools/install.sh && bash install.sh", shell=True, check=True)
    subprocess.run("if command -v jq; then jq . x.json; else python -m json.tool x.json; fi", shell=True, check=True)


@app.function(image=image)
def evaluate():
    subprocess.run([sys.executable, "-m", "pip", "install", "evalplus==0.3.1"], check=True)
    import evalplus

    return evalplus.__version__
