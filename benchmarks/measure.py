"""Functions -> their times, measured side by side: one of each in turn, so that a noisy machine is noisy to all."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable, Mapping


def side_by_side(candidates: Mapping[str, Callable[[], object]], runs: int) -> dict[str, list[float]]:
    """Seconds of each run of each candidate, after one run of each that does not count."""
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for turn in range(runs + 1):
        for name, candidate in candidates.items():
            begun = time.perf_counter()
            candidate()
            if turn:
                times[name].append(time.perf_counter() - begun)
    return times


def table(times: Mapping[str, list[float]], baseline: str) -> str:
    """Median with the middle half of all runs, and the ratio of each run to the baseline's of the same turn."""
    lines = [f"{'':<44} {'median':>10} {'middle half':>21} {'ratio':>7} {'middle half':>15}"]
    for name, seconds in times.items():
        ratios = [a / b for a, b in zip(seconds, times[baseline], strict=True)]
        low, middle, high = statistics.quantiles(seconds, n=4)
        r_low, r_middle, r_high = statistics.quantiles(ratios, n=4)
        spread = f"{_text(low)} to {_text(high)}"
        lines.append(
            f"{name:<44} {_text(middle):>10} {spread:>21} {r_middle:>7.2f} {f'{r_low:.2f} to {r_high:.2f}':>15}"
        )
    return "\n".join(lines)


def machine() -> str:
    """What the figures were measured on."""
    import os

    return f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores"


def _text(seconds: float) -> str:
    return f"{seconds * 1e3:.2f} ms" if seconds < 1 else f"{seconds:.2f} s"
