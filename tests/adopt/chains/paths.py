"""Paths from the file, from parts, and relative ones."""
import os
import os.path
import pathlib
from pathlib import Path

import modal

HERE = Path(__file__).resolve().parent
ROOT = os.path.dirname(os.path.abspath(__file__))
image = (
    modal.Image.debian_slim("3.12")
    .add_local_file(HERE / "notes.txt", "/a.txt", copy=True)
    .add_local_file(os.path.join(ROOT, "more", "requirements.txt"), "/b.txt", copy=True)
    .add_local_dir("data", remote_path="/data", ignore=["*.log"])
    .add_local_file(str(pathlib.Path(__file__).parent.joinpath("with space.txt")), "/c.txt")
    .add_local_file(local_path="./alone.py", remote_path=(pathlib.PurePosixPath("/root") / "alone.py").as_posix())
)
