"""The whole state of a run -> a file that is either whole or not there; and back, from the newest that is whole."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from training import files
from training.config import TrainingError

MAGIC = b"imgspec1"
"""First of a file's 8 + 32 bytes of header; the SHA-256 of all that follows them is the rest."""

State = dict[str, Any]
EXPORT = "model.safetensors"


def save(state: State, folder: Path, step: int, keep: int) -> Path:
    """Write `step`'s checkpoint beside its place, sync it, rename it; then drop all but the newest `keep`.

    Those of later steps are not of this run's past, which begins with the newest that is whole: they get another name.

    Raises:
        TrainingError: it could not be written, the disk being full for example. What was there still is.
    """
    target = _path(folder, step)
    buffer = io.BytesIO()  # torch's own writing to a file hides what went wrong with it
    torch.save(state, buffer)
    data = buffer.getbuffer()
    files.write(target, MAGIC, hashlib.sha256(data).digest(), data)
    found = checkpoints(folder)
    past = found.index(target)
    for later in found[:past]:
        later.replace(later.with_name(f"{later.name}.damaged"))
    for old in found[past + keep :]:
        old.unlink(missing_ok=True)
    return target


def checkpoints(folder: Path) -> list[Path]:
    """Newest first."""
    steps = {path: path.stem.removeprefix("step-") for path in folder.glob("step-*.ckpt")}
    return sorted((path for path in steps if steps[path].isdecimal()), key=lambda path: int(steps[path]), reverse=True)


def newest(folder: Path, parts: Collection[str] = ()) -> State | None:
    """The newest checkpoint that is whole, or None where a run has none yet. Says on stderr which ones are damaged.

    Raises:
        TrainingError: there are some, and none is whole: a run that began anew would overwrite them. Or the newest does
            not have these `parts`.
    """
    found = checkpoints(folder)
    for path in found:
        state = _read(path)
        if state is not None:
            if not isinstance(state, dict) or not state.keys() >= set(parts):
                raise _foreign(path)
            return state
        print(f"warning: `{path}` is damaged, its checksum is another: trying the one before it", file=sys.stderr)
    if found:
        raise TrainingError(f"no checkpoint in `{folder}` is whole: move them away to begin anew")
    return None


def _path(folder: Path, step: int) -> Path:
    return folder / f"step-{step:08d}.ckpt"


def _read(path: Path) -> State | None:
    data = path.read_bytes()
    head = len(MAGIC) + 32
    if data[: len(MAGIC)] != MAGIC or hashlib.sha256(memoryview(data)[head:]).digest() != data[len(MAGIC) : head]:
        return None
    try:
        state: State = torch.load(io.BytesIO(memoryview(data)[head:]), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError):
        raise _foreign(path) from None
    return state


def _foreign(path: Path) -> TrainingError:
    return TrainingError(f"`{path}` is whole, but no checkpoint of this trainer: move it away, or take another `--out`")


# ------------------------------------------------------------------------------------- what others may read


def export(model: nn.Module, folder: Path, about: Mapping[str, Any]) -> Path:
    """The averaged parameters as safetensors, with what they are and how they came to be in the file's metadata.

    Raises:
        TrainingError: it could not be written.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    files.write(folder / EXPORT, safetensors.torch.save(tensors, metadata={"training": json.dumps(about)}))
    return folder / EXPORT


def exported(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What `export` wrote: tensors, and what is known about them.

    Raises:
        TrainingError: there is nothing, or it cannot be read.
    """
    path = folder / EXPORT
    if not path.is_file():
        raise TrainingError(f"there is no trained model in `{folder}`: the command `train` makes it")
    try:
        with safetensors.safe_open(path, "pt") as file:
            about = json.loads((file.metadata() or {})["training"])
        return safetensors.torch.load_file(path), about
    except (safetensors.SafetensorError, KeyError, ValueError) as error:
        raise TrainingError(f"`{path}` is damaged ({error}): `train` writes it anew from the last checkpoint") from None
