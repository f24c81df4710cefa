"""The operations of a Dockerfile in its order -> in the order of a spec's sections, as far as it makes no difference.

An operation passes another only where the image that is built is the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from types import UnionType
from typing import TypeGuard

from imagespec.adopt.dockerfile.context import covers
from imagespec.adopt.draft import Written
from imagespec.image.copies import instructions
from imagespec.spec import operations as ops

_PIP = ops.PipInstall | ops.PipInstallFromRequirements | ops.UvPipInstall
_INSTALLS = ops.AptInstall | _PIP
_COPIED = ops.AddLocalFile | ops.AddLocalDir | ops.AddLocalPythonSource
_ORDER: tuple[type[ops.Operation] | UnionType, ...] = (
    ops.AptInstall,
    _PIP,
    ops.Env,
    ops.Workdir,
    ops.Shell,
    ops.RunCommands,
    ops.DockerfileCommands,
    _COPIED,
    ops.Entrypoint,
    ops.Cmd,
)


def arranged(written: Iterable[Written]) -> list[Written]:
    """The same image, base first, with as much as possible in the order of a spec's sections."""
    base, *rest = _remarks_folded(written)
    placed: list[Written] = []
    for each in rest:
        at = len(placed)
        while at and _rank(each) < _rank(placed[at - 1]) and commute(each, placed[at - 1]):
            at -= 1
        placed.insert(at, each)
    return [base, *_joined(placed)]


def _remarks_folded(written: Iterable[Written]) -> list[Written]:
    """What is left out has no place of its own: what is said of it goes with the operation before."""
    out: list[Written] = []
    for each in written:
        if each.operation is None and out:
            out[-1] = replace(out[-1], todo=out[-1].todo + each.todo)
        else:
            out.append(each)
    return out


def _rank(written: Written) -> float:
    operation = written.operation
    if _variables(operation):
        return 2.5  # variables that the builder expands stand behind the plain ones
    return next((rank for rank, kind in enumerate(_ORDER) if isinstance(operation, kind)), len(_ORDER))


# ------------------------------------------------------------------------------------ what changes nothing

_READ_BY_NO_INSTALL = re.compile(
    r"PYTHON(UNBUFFERED|DONTWRITEBYTECODE|FAULTHANDLER|IOENCODING)|TOKENIZERS_PARALLELISM|(HF|HUGGINGFACE|TRANSFORMERS)_\w+"
    r"|(DIFFUSERS|SENTENCE_TRANSFORMERS|NLTK|KERAS|TORCH)_(HOME|CACHE|DATA|BACKEND)|WANDB_\w+|MPL(BACKEND|CONFIGDIR)"
    r"|(TORCH_)?NCCL_(DEBUG\w*|IB_\w+|P2P_\w+|SOCKET_\w+|SHM_\w+|NET\w*|ALGO|PROTO|(ASYNC|BLOCKING)\w*)"
    r"|PYTORCH_(CUDA_)?ALLOC_CONF|CUDA_(DEVICE_ORDER|LAUNCH_BLOCKING)|NVIDIA_(VISIBLE_DEVICES|DRIVER_CAPABILITIES)"
    r"|TF_(CPP_MIN_LOG_LEVEL|ENABLE_ONEDNN_OPTS|FORCE_GPU_ALLOW_GROWTH)|(OMP|MKL|OPENBLAS|NUMEXPR|VECLIB)_NUM_THREADS"
    r"|VLLM_(WORKER_MULTIPROC_METHOD|ATTENTION_BACKEND|LOGGING_LEVEL|USE_V1)|(GRADIO|STREAMLIT|UVICORN|GUNICORN|FLASK)_\w+"
    r"|PIP_(NO_CACHE_DIR|DISABLE_PIP_VERSION_CHECK|ROOT_USER_ACTION|DEFAULT_TIMEOUT|PROGRESS_BAR)"
    r"|UV_(NO_CACHE|COMPILE_BYTECODE|LINK_MODE|SYSTEM_PYTHON|CACHE_DIR)|POETRY_(VERSION|NO_INTERACTION|VIRTUALENVS_\w+)"
    r"|PORT|LOG_LEVEL|APP_(ENV|HOME|PORT)|MODEL_(NAME|ID|PATH|DIR)"
)
"""Variables that are known to change nothing in what is installed. Of any other a build may make something else."""
_READ_BY_APT_ALONE = re.compile(r"LANG|LANGUAGE|LC_\w+|TZ")
_DESCRIBES = re.compile(r"(LABEL|EXPOSE|HEALTHCHECK|STOPSIGNAL|MAINTAINER)\b", re.IGNORECASE)
_SYSTEM = re.compile(r"/|/(etc|usr|bin|sbin|lib\w*|var|run|dev|proc|sys|opt)(/.*)?|/(root|home(/[^/]*)?)(/\..*)?")


def commute(one: Written, other: Written) -> bool:
    """Whether two operations make the same image in either order."""
    a, b = one.operation, other.operation
    return _passes(a, b) or _passes(b, a)


def _passes(a: ops.Operation | None, b: ops.Operation | None) -> bool:
    """Whether it makes no difference which comes first; asked both ways round."""
    if a is None or b is None:
        return False
    if _describes(a):
        expands = any("$" in line for line in a.dockerfile_commands)
        return not (expands and (isinstance(b, ops.Env) or _variables(b)))
    match a:
        case (
            ops.Entrypoint() | ops.Cmd()
        ):  # the entrypoint comes first: as a layer of its own it takes the command away
            return True
        case ops.Env(vars=variables):
            if isinstance(b, _INSTALLS):
                return all(_unread(name, value, by=b) for name, value in variables.items())
            return isinstance(b, ops.Workdir | ops.Shell | _COPIED)
        case ops.DockerfileCommands() if _variables(a):
            return isinstance(b, ops.Workdir | ops.Shell | _COPIED)
        case ops.Workdir():
            return isinstance(b, _COPIED | ops.Shell | _INSTALLS)
        case ops.Shell(shell_commands=shell):
            plain = shell[:1] and shell[0].rpartition("/")[2] in ("sh", "bash", "dash", "ash")
            starts_up = any(re.fullmatch(r"--login|-[a-z]*[li][a-z]*", word) for word in shell[1:])
            return isinstance(b, _COPIED) or (isinstance(b, _INSTALLS) and bool(plain) and not starts_up)
        case ops.AddLocalFile(remote_path=remote) | ops.AddLocalDir(remote_path=remote):
            return isinstance(b, _INSTALLS) and not _SYSTEM.fullmatch(remote)
        case ops.AddLocalPythonSource():
            return isinstance(b, _INSTALLS)
        case _:
            return False


def _unread(name: str, value: str, *, by: ops.Operation) -> bool:
    if name == "DEBIAN_FRONTEND":  # what the base is told too
        return value == "noninteractive"
    if _READ_BY_APT_ALONE.fullmatch(name):
        return not isinstance(by, ops.AptInstall)
    return bool(_READ_BY_NO_INSTALL.fullmatch(name))


def _describes(operation: ops.Operation | None) -> TypeGuard[ops.DockerfileCommands]:
    """Lines that say something about the image, and change nothing in it."""
    if not isinstance(operation, ops.DockerfileCommands):
        return False
    return all(_DESCRIBES.match(line) for _, line in instructions(operation.dockerfile_commands))


def _variables(operation: ops.Operation | None) -> bool:
    if not isinstance(operation, ops.DockerfileCommands):
        return False
    return all(line.startswith("ENV ") for line in operation.dockerfile_commands)


# ----------------------------------------------------------------------------------------- what joins up


def _joined(placed: list[Written]) -> list[Written]:
    """Neighbours that are one operation of a spec, as one."""
    out: list[Written] = []
    for each in placed:
        _forget_covered(out, each)
        previous = out[-1] if out else None
        joined = _join(previous.operation, each.operation) if previous else None
        if previous is not None and joined is not None:
            out[-1] = replace(previous, operation=joined, todo=previous.todo + each.todo)
        else:
            out.append(each)
    return out


def _forget_covered(out: list[Written], each: Written) -> None:
    """Take out what is copied once more right away, as it is or with the folder that it lies in."""
    first = len(out)
    while first and isinstance(out[first - 1].operation, _COPIED):
        first -= 1
    out[first:] = [
        before
        for before in out[first:]
        if before.operation != each.operation and not covers(each.operation, before.operation)
    ]


def _join(first: ops.AnyOperation | None, second: ops.AnyOperation | None) -> ops.AnyOperation | None:
    match first, second:
        case ops.Env(vars=before), ops.Env(vars=after):
            return ops.Env(vars={**before, **after})
        case ops.RunCommands(), ops.RunCommands() if first.env == second.env:
            return replace(first, commands=first.commands + second.commands)
        case ops.AptInstall(), ops.AptInstall():
            return replace(first, packages=tuple(dict.fromkeys(first.packages + second.packages)))
        case ops.DockerfileCommands(), ops.DockerfileCommands() if _variables(first) == _variables(second):
            folders = {first.context_dir, second.context_dir} - {None}
            alone = _arguments(second) or first.context_files or second.context_files
            if len(folders) < 2 and first.ignore == second.ignore and not alone:
                lines = first.dockerfile_commands + second.dockerfile_commands
                return replace(first, dockerfile_commands=lines, context_dir=next(iter(folders), None))
        case _:
            pass
    return None


def _arguments(operation: ops.DockerfileCommands) -> bool:
    """Whether it has arguments of its own, which would hide those of what it is joined to."""
    return any(line.startswith("ARG ") for line in operation.dockerfile_commands)
