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

from training.config import Config, Request, TrainingError, read

PACKS, RUNS = Path("/packs"), Path("/runs")
"""Where the volumes are mounted."""
LONGEST = 24 * 3600
"""Seconds: Modal's longest timeout, for a run that sets none."""

Result = dict[str, Any]


# ---------------------------------------------------------------------------------------- on this machine


def dispatch(task: str, arguments: tuple[str, ...], cluster: str = "", **functions: Any) -> None:
    """Send the function of an app that a command line names, sized as the config says, and print what it returns.

    `cluster` are the GPUs of each container of the app's cluster, where it has one.

    Raises:
        SystemExit: the command line is wrong, or the run was refused; with the words for it.
    """
    try:
        request = read(arguments, task)
        for each in request.points() if request.command == "sweep" else [request]:
            _must_fit(each, request.command, cluster)
    except TrainingError as error:
        raise SystemExit(f"error: {error}") from None
    given = {"device": "auto" if request.command == "prepare" else "cuda", **request.given}
    out = RUNS / request.out.name if request.out else None
    request = dataclasses.replace(request, packs=PACKS, runs=RUNS, out=out, given=given)
    name = "train_nodes" if request.command == "train" and request.config.nodes > 1 else request.command
    result = sized(functions[name], name, request.config).remote(request.flags())
    print(json.dumps(result, indent=1))
    if errors := _errors(result):
        raise SystemExit("\n".join(f"error: {each}" for each in errors))


def _errors(result: Any) -> list[str]:
    """What someone has to mend: of a run, or of each run of a sweep."""
    match result:
        case {"error": text}:
            return [str(text)]
        case dict():
            return [f"{name}: {text}" for name, each in result.items() for text in _errors(each)]
        case _:
            return []


def _must_fit(request: Request, command: str, cluster: str) -> None:
    """Raises `TrainingError` where Modal, or the app, cannot do what is asked."""
    config = request.config
    if config.timeout > LONGEST:
        raise TrainingError(
            f"`timeout={config.timeout}` is more than Modal's longest, {LONGEST}: a run that is cut off then goes on "
            "by `--retries`; `--timeout 0` does not hold it against the time"
        )
    if (request.packs, request.runs) != (Request.packs, Request.runs):
        raise TrainingError("packs and runs are on Modal's volumes: leave `--packs` and `--runs` out")
    if request.out and (not request.out.name or request.out.parent not in (Path(), Request.runs, RUNS)):
        raise TrainingError(f"`--out {request.out}` is no folder of the volume of runs: give a name alone")
    if config.nodes > 1 and command != "train":
        raise TrainingError(f"`nodes={config.nodes}` is for `train` alone: leave it out")
    if config.nodes > 1 and not cluster:
        raise TrainingError(f"this app has no cluster of {config.nodes} nodes: take `--nodes 1`")
    if config.nodes > 1 and request.given.get("gpu", cluster) != cluster:
        raise TrainingError(
            f"the app's cluster has `{cluster}` in each container: leave `--gpu` out, or change it there"
        )


def sized(function: Any, name: str, config: Config) -> Any:
    """The function with what the config says it needs. Those without a GPU are as their app says, as is its cluster
    where nothing else is asked for."""
    if name in ("prepare", "sweep"):
        return function
    if name == "train_nodes" and (config.timeout, config.retries) == (type(config).timeout, type(config).retries):
        return function
    timeout = config.timeout or LONGEST
    if name in ("evaluate", "sample"):
        return function.with_options(gpu=config.gpu.partition(":")[0], timeout=timeout)
    import modal

    again = modal.Retries(max_retries=config.retries, initial_delay=0.0, backoff_coefficient=1.0)
    gpu = None if name == "train_nodes" else config.gpu
    return function.with_options(gpu=gpu, timeout=timeout, retries=again)


# ---------------------------------------------------------------------------------------- in a container


def sweep(function: Any, flags: list[str]) -> Result:
    """Each point of a sweep in a container of its own, all at the same time. A point that fails leaves the others."""
    calls = {
        point.folder.name: sized(function, "train", point.config).spawn(point.flags()) for point in read(flags).points()
    }
    return {name: _outcome(call) for name, call in calls.items()}


def _outcome(call: Any) -> Result:
    try:
        result: Result = call.get()
    except Exception as error:  # whatever was raised in its container, or took it away
        return {"error": str(error) or type(error).__name__}
    return result


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
