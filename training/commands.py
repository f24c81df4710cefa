"""A request -> a pack, a trained model, figures, pictures: what the command line does, here and in a container."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from torch import nn

from training import checkpoint, files, journal, loop, plots, sources
from training.config import CONFIGS, Config, Request, TrainingError
from training.data import Pack, empty, open_pack, write_pack
from training.parallel import World, world
from training.tasks import Task, task

Result = dict[str, Any]


def prepare(request: Request) -> Result:
    """Pack the data, where a whole pack is not there yet."""
    pack = _prepared(request, request.config)
    images = {"train": len(pack.train.labels), "test": len(pack.test.labels)}
    return {"pack": str(_folder(request, request.config)), "images": images, "classes": len(pack.classes)}


def train(request: Request) -> Result:
    """Train or go on, then say how well it went: `loss.jsonl`, `curve.png`, `model.safetensors`, checkpoints.

    Raises:
        TrainingError: as the data and the loop do.
        Stopped: as the loop does.
    """
    config, out = request.config, request.folder
    with world(config) as here:
        if here.first:
            files.make(out)
            _prepared(request, config)
        here.wait()
        own = task(config, open_pack(_folder(request, config), verify=False))
        busy = f"another run is writing in `{out}`: wait until it has ended, or take another `--out`"
        with files.alone(out, busy) if here.first else nullcontext():
            model = loop.train(own, out, here)
            if not here.first:
                return {}
            checkpoint.export(model, out, {"task": config.task, "config": config.saved(), "classes": own.pack.classes})
            plots.curve(out / journal.LOSS, out / "curve.png")
            result = own.finish(model, out, here.device)
            return _written(out, "trained", {"steps": config.steps, "curve": str(out / "curve.png"), **result})


def evaluate(request: Request) -> Result:
    """Measure the exported model: `metrics.json`, and pictures."""
    own, model, here = _trained(request)
    return _written(request.folder, "metrics", own.evaluate(model, request.folder, here.device))


def sample(request: Request) -> Result:
    """Draw samples, or name some images."""
    own, model, here = _trained(request)
    return own.sample(model, request.folder, here.device)


def sweep(request: Request) -> Result:
    """Train at each point, one after the other."""
    return {point.folder.name: train(point) for point in request.points()}


COMMANDS: dict[str, Callable[[Request], Result]] = {
    "prepare": prepare,
    "train": train,
    "evaluate": evaluate,
    "sample": sample,
    "sweep": sweep,
}


def _folder(request: Request, config: Config) -> Path:
    return request.packs / f"{config.data}-{config.stored}"


def _prepared(request: Request, config: Config) -> Pack:
    folder = _folder(request, config)
    if empty(folder):
        files.make(request.packs)
        with files.alone(request.packs, f"another command packs into `{request.packs}`: waiting for it", wait=True):
            if empty(folder):
                with tempfile.TemporaryDirectory() as scratch:
                    write_pack(sources.source(config, request.archives, Path(scratch)), folder)
    return open_pack(folder)


def _trained(request: Request) -> tuple[Task, nn.Module, World]:
    """The exported model of the run, under its own settings; of those, free ones may be given anew."""
    tensors, about = checkpoint.exported(request.folder)
    if about["task"] != request.task:
        raise TrainingError(f"`{request.folder}` holds a model of the {about['task']}, not of the {request.task}")
    config = CONFIGS[request.task].make({**about["config"], **request.given})
    config.must_continue(about["config"], f"the model in `{request.folder}`")
    with world(config) as here:
        own = task(config, open_pack(_folder(request, config)))
    model = own.model(pretrained=False)  # its weights are at hand
    model.load_state_dict(tensors)
    return own, model, here


def _written(out: Path, name: str, result: Result) -> Result:
    files.write(out / f"{name}.json", json.dumps(result, indent=1).encode())
    return result
