"""A command line -> calls of a Modal app's functions; in their containers, flags -> a run that torchrun starts.

At its top it needs no more than the standard library: `modal run` imports it where there is no torch.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from training.config import Config, TrainingError, read

PACKS, RUNS = Path("/packs"), Path("/runs")
"""Where the volumes are mounted."""
LONGEST = 24 * 3600
"""Seconds: Modal's longest timeout, for a run that sets none."""

Result = dict[str, Any]


# ---------------------------------------------------------------------------------------- on this machine


def dispatch(task: str, arguments: tuple[str, ...], **functions: Any) -> None:
    """Send the function of an app that a command line names, sized as the config says, and print what it returns.

    Raises:
        SystemExit: the command line is wrong, or the run was refused; with the words for it.
    """
    try:
        request = read(arguments, task)
        config = request.config
        if request.command == "sweep":
            request.points()
    except TrainingError as error:
        raise SystemExit(f"error: {error}") from None
    given = {"device": "auto" if request.command == "prepare" else "cuda", **request.given}
    out = RUNS / request.out.name if request.out else None
    request = dataclasses.replace(request, packs=PACKS, runs=RUNS, out=out, given=given)
    name = "train_nodes" if request.command == "train" and config.nodes > 1 else request.command
    if name not in functions:
        raise SystemExit(f"error: this app has no cluster of {config.nodes} nodes: take `--nodes 1`")
    result = sized(functions[name], name, config).remote(request.flags())
    print(json.dumps(result, indent=1))
    if isinstance(result, dict) and "error" in result:
        raise SystemExit(f"error: {result['error']}")


def sized(function: Any, name: str, config: Config) -> Any:
    """The function with what the config says it needs. Those without a GPU, and clusters, are as their app says."""
    if name in ("prepare", "sweep", "train_nodes"):
        return function
    one = config.gpu.partition(":")[0]
    timeout = config.timeout or LONGEST
    if name == "train":
        import modal

        again = modal.Retries(max_retries=config.retries, initial_delay=0.0, backoff_coefficient=1.0)
        return function.with_options(gpu=config.gpu, timeout=timeout, retries=again)
    return function.with_options(gpu=one, timeout=timeout)


# ---------------------------------------------------------------------------------------- in a container


def sweep(function: Any, flags: list[str]) -> list[Result]:
    """Each point of a sweep in a container of its own, all at the same time."""
    request = read(flags)
    points = [point.flags() for point in request.points()]
    return list(sized(function, "train", request.config).map(points))


def run(flags: list[str], commit: Callable[[], object], *, node: int = 0, addresses: list[str] | None = None) -> Result:
    """A command in processes of its own, one a GPU, for as long as they take; `commit` after each checkpoint.

    What someone has to mend comes back as `{"error": …}`: to try it again is of no use. `node` and `addresses` are this
    container's number and the containers of its cluster.

    Raises:
        RuntimeError: it was cut off, or crashed: what Modal's retries are for.
    """
    request = read(flags)
    processes = int(request.config.gpu.partition(":")[2] or 1) if request.command == "train" else 1
    process = subprocess.Popen(
        _command(processes, node, addresses or []) + flags, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    printed: list[str] = []
    errors: list[str] = []
    readers = [
        threading.Thread(target=_pass_on, args=(process.stdout, sys.stdout, printed)),
        threading.Thread(target=_pass_on, args=(process.stderr, sys.stderr, errors)),
    ]
    for reader in readers:
        reader.start()
    try:
        seen: list[Path] = []
        while process.poll() is None:
            time.sleep(0.2)
            found = sorted(request.folder.glob("step-*.ckpt"))
            if found != seen:
                seen = found
                commit()
    except BaseException:  # Modal takes the container away: a checkpoint, then the end
        process.terminate()
        raise
    finally:
        process.wait()
        for reader in readers:
            reader.join()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
        commit()
    if process.returncode == 0:
        begin = next((index for index, line in enumerate(printed) if line == "{\n"), len(printed))
        result: Result = json.loads("".join(printed[begin:]) or "{}")
        return result
    said = [line.removeprefix("error: ").strip() for line in errors if line.startswith("error: ")]
    if said:
        return {"error": said[0]}
    raise RuntimeError(f"the run ended with code {process.returncode}: {''.join(errors[-1:]).strip()}")


def _command(processes: int, node: int, addresses: list[str]) -> list[str]:
    """What starts the trainer: Python alone for one process, torchrun for more."""
    if processes == 1 and len(addresses) < 2:
        return [sys.executable, "-m", "training"]
    where = ["--standalone"]
    if len(addresses) > 1:
        where = [f"--nnodes={len(addresses)}", f"--node-rank={node}", f"--master-addr={addresses[0]}"]
        where.append("--master-port=29500")
    torchrun = [sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={processes}"]
    return [*torchrun, *where, "-m", "training"]


def _pass_on(source: Any, sink: Any, kept: list[str]) -> None:
    for line in source:
        kept.append(line)
        print(line, end="", file=sink, flush=True)
