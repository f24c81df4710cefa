"""What `imagespec.load` adds to the start of a container, beside `import modal`.

    python -m benchmarks.load [RUNS]

Each run is a fresh process in container mode. Imagespec is there as a mount brings it: sources alone, no bytecode.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import machine

PACKAGE = Path(__file__).resolve().parent.parent / "imagespec"

TIMED = """
import time
begun = time.perf_counter()
import modal
imported = time.perf_counter()
{more}
print([imported - begun, time.perf_counter() - imported])
"""
CANDIDATES = {
    "import modal": "",
    "import modal, imagespec; imagespec.load(...)": "import imagespec; imagespec.load('anything')",
    "import modal; from imagespec.images import ...": "from imagespec.images import anything",
}


def seconds(more: str, folder: str) -> tuple[float, float, float]:
    """Of one fresh process: importing modal, what comes after that, and the process from start to end."""
    import time

    env = {**os.environ, "MODAL_IS_REMOTE": "1", "PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1"}
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", TIMED.format(more=more)], env=env, cwd=folder, capture_output=True, check=True
    )
    whole = time.perf_counter() - begun
    first, second = json.loads(done.stdout)
    return first, second, whole


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    times: dict[str, list[tuple[float, float, float]]] = {name: [] for name in CANDIDATES}
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(PACKAGE, Path(folder, "imagespec"), ignore=shutil.ignore_patterns("__pycache__"))
        for turn in range(runs + 1):
            for name, more in CANDIDATES.items():
                measured = seconds(more, folder)
                if turn:  # the first of each fills the caches of the file system
                    times[name].append(measured)
    print(f"{machine()}; {runs} processes of each, in turn; median (middle half)\n")
    for name, measured in times.items():
        of_modal, added, whole = (_spread(column) for column in zip(*measured, strict=True))
        print(f"{name}\n  import modal {of_modal}, after it {added}, whole process {whole}")
        pairs = [(mine[2], plain[2]) for mine, plain in zip(measured, times["import modal"], strict=True)]
        print(
            f"  beside the plain import of the same turn: {_spread([a - b for a, b in pairs])},"
            f" {statistics.median(a / b for a, b in pairs):.3f} times as long"
        )


def _spread(values: tuple[float, ...] | list[float]) -> str:
    low, middle, high = (f"{1e3 * value:.2f}" for value in statistics.quantiles(values, n=4))
    return f"{middle} ms ({low} to {high})"


if __name__ == "__main__":
    main()
