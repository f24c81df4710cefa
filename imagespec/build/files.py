"""The sources of an image -> links to them, in a folder that stands in for the image's file system.

What the image has at `/app/train.py` is `FOLDER/app/train.py` here, a link to the file itself. Just the files are there
that the image would have, so that a module that nobody added is missing here too.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterator
from pathlib import Path

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
    wanted = {inside(folder, path): target for path, target in _files(image)}
    for link in _links(folder):
        if wanted.get(link) != Path(os.readlink(link)):
            link.unlink(missing_ok=True)
    for path, target in wanted.items():
        if not path.is_symlink():
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                path.symlink_to(target)
            except FileExistsError:
                pass  # another build made it meanwhile, or a command that ran here wrote a file of its own
    inside(folder, HOME).mkdir(parents=True, exist_ok=True)


def _links(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(parent, name)
            if path.is_symlink():
                yield path


def _files(image: Image) -> Iterator[tuple[str, Path]]:
    """Path in the image and local file, later layers last."""
    for layer in image.layers:
        match layer.operation:
            case ops.AddLocalFile(local_path=local, remote_path=remote):
                yield posixpath.join(remote, local.name) if remote.endswith("/") else remote, local
            case ops.AddLocalDir(local_path=local, remote_path=remote, ignore=ignore):
                yield from _walk(local, remote, _ignoring(ignore))
            case ops.AddLocalPythonSource(modules=modules, ignore=ignore):
                for name in modules:
                    yield from _module(name, image.root, ignore)
            case _:
                pass


def _module(name: str, root: Path, ignore: tuple[str, ...] | None) -> Iterator[tuple[str, Path]]:
    module = find_module(name, root)
    if not isinstance(module, Module):
        return
    *parents, last = name.split(".")
    if module.folder is not None:
        ignored = _not_python if ignore is None else _ignoring(ignore)
        yield from _walk(module.folder, posixpath.join(HOME, *parents, last), ignored)
    elif module.file is not None:
        yield posixpath.join(HOME, *parents, module.file.name), module.file


def _walk(local: Path, remote: str, ignored: Callable[[Path], bool]) -> Iterator[tuple[str, Path]]:
    for parent, folders, names in os.walk(local):
        folders[:] = [folder for folder in folders if folder not in ("__pycache__", ".imagespec")]
        for name in names:
            path = Path(parent, name)
            relative = path.relative_to(local)
            if not ignored(relative):
                yield posixpath.join(remote, relative.as_posix()), path


def _not_python(path: Path) -> bool:
    """What Modal leaves out of a package where nothing else is said."""
    return path.suffix != ".py"


def _ignoring(patterns: tuple[str, ...] | None) -> Callable[[Path], bool]:
    if not patterns:
        return lambda path: False
    from modal.file_pattern_matcher import FilePatternMatcher  # takes 0.8 s to import: only where there are patterns

    return FilePatternMatcher(*patterns)
