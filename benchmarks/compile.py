"""How long compiling, checking and starting take, each beside the least that it could be.

python -m benchmarks.compile
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import modal
import yaml

from benchmarks.measure import machine, side_by_side, table
from imagespec.compiler import check_all, compile_spec
from imagespec.emit import modal as emit_modal

SPECS = Path(__file__).resolve().parent.parent / "specs"


def by_hand() -> modal.Image:
    return (
        modal.Image.debian_slim("3.12")
        .apt_install("curl", "git", "tar", "wget")
        .uv_pip_install("torch==2.5.1", "torchvision==0.20.1", "pillow==11.0.0", "tqdm==4.67.1", uv_version="0.9.10")
        .env({"HF_XET_HIGH_PERFORMANCE": "1", "PYTORCH_CUDA_ALLOC_CONF": "max_split_size_mb:512"})
        .add_local_python_source("training")
    )


def compile_and_apply() -> modal.Image:
    return emit_modal.emit(compile_spec(SPECS / "classifier.yaml"))


def many_specs(folder: Path, count: int) -> list[Path]:
    """Specs like the shipped ones, with everything in one file, no two alike."""
    text = yaml.safe_dump(
        {
            "base": {"debian_slim": "3.12.10"},
            "apt": ["curl", "git", "tar", "wget"],
            "python": {
                "uv": "0.9.10",
                "packages": ["torchvision==0.20.1", "pillow==11.0.0", "tqdm==4.67.1", "numpy==2.1.3"],
            },
            "env": {"HF_XET_HIGH_PERFORMANCE": "1", "PYTORCH_CUDA_ALLOC_CONF": "max_split_size_mb:512"},
            "gpus": ["T4", "A10G"],
            "checks": {"imports": ["torchvision", "PIL", "tqdm"], "commands": ["python -c 'import PIL'"]},
        },
        sort_keys=False,
    )
    paths = [folder / f"spec{number}.yaml" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_text(text.replace("numpy==2.1.3", f"numpy==2.1.{number}"))
    return paths


def parse_only(paths: list[Path]) -> None:
    for path in paths:
        yaml.compose(path.read_text("utf-8"), Loader=yaml.CSafeLoader)


def start(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, cwd=SPECS.parent)


def main() -> None:
    print(machine(), "\n")
    print("One spec, warm: read, check, compile and apply it, beside applying the chain that a person would write.")
    times = side_by_side({"the chain by hand": by_hand, "imagespec, compiled and applied": compile_and_apply}, 200)
    print(table(times, "the chain by hand"), "\n")
    with tempfile.TemporaryDirectory() as folder:
        paths = many_specs(Path(folder), 1000)
        print("`check` of 1,000 specs in one process, beside libyaml composing the same files.")
        times = side_by_side(
            {"libyaml alone": lambda: parse_only(paths), "imagespec check": lambda: check_all(paths)}, 10
        )
        print(table(times, "libyaml alone"), "\n")
    print("Starting the command line, beside starting Python and importing modal.")
    times = side_by_side(
        {
            "python -c pass": lambda: start("-c", "pass"),
            "imagespec --version": lambda: start("-m", "imagespec", "--version"),
            "imagespec explain IS101": lambda: start("-m", "imagespec", "explain", "IS101"),
            "imagespec check classifier": lambda: start("-m", "imagespec", "check", "classifier"),
            "python -c 'import modal'": lambda: start("-c", "import modal"),
        },
        10,
    )
    print(table(times, "python -c pass"))


if __name__ == "__main__":
    main()
