"""How long `check` takes for a project of many modules, beside ruff and beside parsing the same files alone.

python -m benchmarks.check
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import tempfile
import warnings
from pathlib import Path

from benchmarks.measure import machine, side_by_side, table
from imagespec.code import app, source
from imagespec.compiler import check
from imagespec.image.modules import find_module

HERE = Path(__file__).resolve().parent.parent
RUNS = 15

APP = """\
import modal

import imagespec

app = modal.App("project")
image = imagespec.load("project")


@app.function(image=image, gpu="T4", volumes={"/data": modal.Volume.from_name("data")})
def train():
    from project import main

    main.run()
"""
SPEC = """\
base: {debian_slim: "3.12.10"}
python: {uv: "0.9.10", packages: [torch==2.5.1, torchvision==0.20.1, numpy==2.1.3, pillow==11.0.0, tqdm==4.67.1,
  safetensors==0.4.5, matplotlib==3.9.3, scikit-learn==1.5.2]}
source: [{package: project}]
apps: [app.py]
"""


def project(folder: Path, modules: int) -> list[Path]:
    """A package of so many modules, all reached: the trainers' own, again and again, each with imports of others."""
    texts = [path.read_text("utf-8") for path in sorted((HERE / "training").glob("*.py")) if path.stat().st_size > 500]
    package = folder / "project"
    package.mkdir()
    (package / "__init__.py").write_text("")
    paths = []
    for number in range(modules):
        others = sorted({(number * 2 + 1) % modules, (number * 2 + 2) % modules, (number + 1) % modules})
        imports = "".join(f"from project import module{other}\n" for other in others)
        text = _moved(texts[number % len(texts)])
        head, _, rest = text.partition("\nfrom __future__ import annotations\n")
        text = f"{head}\nfrom __future__ import annotations\n\n{imports}{rest}" if rest else f"{imports}{text}"
        paths.append(package / f"module{number}.py")
        paths[-1].write_text(text, "utf-8")
    own = package / "training"
    own.mkdir()
    for path in (HERE / "training").glob("*.py"):
        (own / path.name).write_text(_moved(path.read_text("utf-8")), "utf-8")
    (package / "main.py").write_text("from project import module0\n\n\ndef run():\n    return module0\n")
    (folder / "app.py").write_text(APP)
    (folder / "project.yaml").write_text(SPEC)
    return sorted(package.rglob("*.py"))


def _moved(text: str) -> str:
    """A module of the trainers as one of `project.training`."""
    return re.sub(r'from training\b|(?<="-m", ")training', lambda m: m[0].replace("training", "project.training"), text)


def parse(paths: list[Path]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in paths:
            ast.parse(path.read_bytes())


def check_anew(spec: Path) -> None:
    """As in a new process: nothing of the files is known yet."""
    source._facts.cache_clear()
    app.runs_elsewhere.cache_clear()
    app.mounts_in.cache_clear()
    find_module.cache_clear()
    found = [d for d in check(spec) if d.code.startswith("IS6") and d.severity == "error"]
    assert not found, found


def ruff(folder: Path, **environment: str) -> None:
    command = ["ruff", "check", "--no-cache", "--quiet", "--exit-zero", "--isolated", str(folder)]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, **environment})


def main() -> None:
    print(machine(), "\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = project(folder, 500)
        size = sum(path.stat().st_size for path in paths)
        print(f"`check` of an app that reaches {len(paths)} files ({size / 1e6:.1f} MB), beside parsing them alone.")
        print("ruff is a process of its own with all cores; with one thread it has as many as the others.")
        times = side_by_side(
            {
                "ast.parse alone": lambda: parse(paths),
                "imagespec check": lambda: check_anew(folder / "project.yaml"),
                "imagespec check, a second time": lambda: check(folder / "project.yaml"),
                "ruff check": lambda: ruff(folder),
                "ruff check, one thread": lambda: ruff(folder, RAYON_NUM_THREADS="1"),
            },
            RUNS,
        )
        print(table(times, "ast.parse alone"))


if __name__ == "__main__":
    main()
