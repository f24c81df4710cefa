import os

import modal

os.chdir(os.environ["PROJECT"])

image = (
    modal.Image.debian_slim("3.12")
    .add_local_dir("src", "/src", copy=True)
    .dockerfile_commands("COPY main.py /")
    .run_commands("true")
)
