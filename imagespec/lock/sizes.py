"""A layer -> the bytes that come with it: of wheels, as a lock tells them, and of files on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from imagespec.image.files import in_folder, of_module
from imagespec.image.layers import Layer
from imagespec.image.modules import find_module
from imagespec.image.requirements import name_of
from imagespec.lock.lockfile import Lock
from imagespec.lock.partition import size
from imagespec.spec import operations as ops
from imagespec.spec.operations import Requirements


def bytes_of(layer: Layer, root: Path, lock: Lock | None) -> int | None:
    """Bytes that are downloaded, or copied from this machine, to make a layer; `None` where nobody knows before.

    `root` is where modules are looked up, `lock` a fresh one, or `None`.
    """
    match layer.operation:
        case ops.Env() | ops.Workdir() | ops.Shell() | ops.Entrypoint() | ops.Cmd() | ops.FromScratch():
            return 0
        case ops.DockerfileCommands(dockerfile_commands=lines) if all(line.startswith("ENV ") for line in lines):
            return 0
        case ops.UvPipInstall(packages=(), requirements=(Requirements(lines=lines),)) if lock is not None:
            return _wheels(lines, lock)
        case ops.PipInstallFromRequirements(requirements_txt=Requirements(lines=lines)) if lock is not None:
            return _wheels(lines, lock)
        case ops.AddLocalFile(local_path=path):
            return _on_disk([path])
        case ops.AddLocalDir(local_path=path, ignore=ignore):
            return _on_disk(file for _, file in in_folder(path, ignore))
        case ops.AddLocalPythonSource(modules=names, ignore=ignore):
            modules = [find_module(name, root) for name in names]
            return _on_disk(file for module in modules if module for _, file in of_module(module, ignore))
        case _:
            return None


def _wheels(lines: Sequence[str], lock: Lock) -> int | None:
    packages = [lock.package(name_of(line.partition(" --hash")[0])) for line in lines]
    sizes = [size(package, lock.platform) if package else 0 for package in packages]
    return sum(sizes) if all(sizes) else None  # an index need not tell the size of a file


def _on_disk(files: Iterable[Path]) -> int | None:
    try:
        return sum(os.stat(file).st_size for file in files)
    except OSError:
        return None
