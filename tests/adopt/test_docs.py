"""docs/adopt.md: what its session shows is what the commands print, one after the other in one project."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "adopt.md").read_text("utf-8")

CODE = r"```python\n# (?P<file>\S+)\n(?P<code>(?:(?!```).*\n)*)```"
DIFF = r"```diff\n(?P<diff>(?:(?!```).*\n)*)```"
SESSION = r"    \$ (?P<command>.*)\n(?P<shown>(?:    (?!\$ ).*\n|\n(?=    (?!\$ )))*)"
PART = re.compile(f"^(?:{CODE}|{DIFF}|{SESSION})", re.MULTILINE)


def run(command: str, folder: Path) -> str:
    (folder / "bin").mkdir(exist_ok=True)
    python = folder / "bin" / "python"
    if not python.exists():
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        python.chmod(0o755)
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": f"{python.parent}:/usr/bin:/bin", "HOME": str(folder)},
        check=False,
    )
    return done.stdout


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def test_the_session_from_the_seeds_images_to_the_shipped_ones(tmp_path: Path) -> None:
    (tmp_path / "shipped").symlink_to(ROOT / "specs")
    (tmp_path / "training").symlink_to(ROOT / "training")
    (tmp_path / "src").mkdir()
    commands = 0
    for part in PART.finditer(TEXT):
        if part["file"]:
            for name in ("src/train.py", "src/train_dit.py"):
                (tmp_path / name).write_text(part["code"])
        elif part["diff"]:  # the author's part, for both specs
            of_dit = part["diff"].replace("train.yaml", "train-dit.yaml").replace("train.py", "train_dit.py")
            for diff in (part["diff"], of_dit):
                (tmp_path / "by-hand.diff").write_text(diff)
                assert run("git apply by-hand.diff", tmp_path) == ""
            for mine, theirs in (("train", "classifier"), ("train-dit", "dit")):
                shutil.copyfile(ROOT / "specs" / f"{theirs}.lock.yaml", tmp_path / "specs" / f"{mine}.lock.yaml")
        else:
            commands += 1
            assert lines(run(part["command"], tmp_path)) == lines(part["shown"]), part["command"]
    assert commands == 9
