"""The sources of an image -> links to them, in a folder that stands in for the image's file system.

What the image has at `/app/train.py` is `FOLDER/app/train.py` here, a link to the file itself. Just the files are there
that the image would have, so that a module that nobody added is missing here too.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from imagespec.build.record import KEPT
from imagespec.image.files import in_folder, of_module
from imagespec.image.layers import Image
from imagespec.image.modules import Module, find_module
from imagespec.spec import operations as ops

HOME = "/root"
"""Where Modal puts Python source, and where its containers start."""


def inside(folder: Path, path: str) -> Path:
    """The stand-in for an absolute path of the image. Never outside of `folder`."""
    return folder / posixpath.normpath(posixpath.join("/", path)).lstrip("/")


def link(image: Image, folder: Path) -> None:
    """Make the links that are missing, and remove those that are stale. What else lies there stays."""
    wanted = {inside(folder, path): target.absolute() for path, target in _files(image)}
    for there in list(_links(folder)):
        if wanted.get(there) != Path(os.readlink(there)):
            there.unlink(missing_ok=True)
    for path, target in wanted.items():
        if not path.is_symlink():
            path.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):  # another build made it meanwhile, or a command wrote a file of its own
                path.symlink_to(target)
    inside(folder, HOME).mkdir(parents=True, exist_ok=True)


def _links(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(parent, name)
            if path.is_symlink():
                yield path


def _files(image: Image) -> Iterator[tuple[str, Path]]:
    """Path in the image and local file, in the order of the layers."""
    for layer in image.layers:
        match layer.operation:
            case ops.AddLocalFile(local_path=local, remote_path=remote):
                yield posixpath.join(remote, local.name) if remote.endswith("/") else remote, local
            case ops.AddLocalDir(local_path=local, remote_path=remote, ignore=ignore):
                for name, path in in_folder(local, ignore):
                    if KEPT not in path.parts:  # what builds keep is no source, and these links are in it
                        yield posixpath.join(remote, name), path
            case ops.AddLocalPythonSource(modules=modules, ignore=ignore):
                for name in modules:
                    module = find_module(name, image.root)
                    if isinstance(module, Module):
                        *parents, last = name.split(".")
                        place = posixpath.join(HOME, *parents, *([last] if module.folder else []))
                        yield from ((posixpath.join(place, file), path) for file, path in of_module(module, ignore))
            case _:
                pass
