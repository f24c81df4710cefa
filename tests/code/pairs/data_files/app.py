import os
import subprocess
from pathlib import Path

import modal

import imagespec

app = modal.App("media")
image = imagespec.load("spec.yaml")
OUT = Path("/tmp/clips")


@app.function(image=image, ephemeral_disk=512 * 1024)
def convert():
    from media.labels import labels

    subprocess.run(["bash", "scripts/fetch.sh", str(OUT)], check=True)
    os.system("sh /root/scripts/convert.sh /tmp/clips")
    fonts = os.listdir("assets/fonts")
    clips = sorted(OUT.glob("*.mp4"))
    first = (OUT / "index.txt").read_text() if (OUT / "index.txt").exists() else ""
    try:
        with open("/root/extra.txt") as file:
            first += file.read()
    except FileNotFoundError:
        pass
    return labels(), fonts, clips, first
