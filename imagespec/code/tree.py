"""An image -> the files that its containers will see, as far as its layers tell: path there -> file of this machine."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from imagespec.diagnostic import Source, lines
from imagespec.image.commands import instructions_of
from imagespec.image.copies import copies
from imagespec.image.files import in_folder, left_out, matcher, named, of_module
from imagespec.image.layers import Image, Layer
from imagespec.image.modules import find_module
from imagespec.spec import operations as ops
from imagespec.spec.source import read

HOME = "/root"
"""Where Modal puts source, and where functions run."""


@dataclass(slots=True)
class Tree:
    """What is in the image. `brought` are the files that its layers bring, `compiled` the modules that are no source.
    `search` is its `sys.path`, `workdir` where functions run.

    `open`: something may have put files into it that no layer names. `code_elsewhere`: code of the author's too.
    """

    files: dict[str, Path] = field(default_factory=dict)
    folders: set[str] = field(default_factory=lambda: {"/", HOME})
    brought: dict[str, Layer] = field(default_factory=dict)
    compiled: set[str] = field(default_factory=set)
    search: list[str] = field(default_factory=list)
    workdir: str = HOME
    open: bool = False
    code_elsewhere: bool = False

    def add(self, path: str, local: Path, layer: Layer | None = None) -> None:
        path = posixpath.normpath(path)
        self.files[path] = local
        if path.endswith((".so", ".pyc")):
            self.compiled.add(posixpath.join(posixpath.dirname(path), posixpath.basename(path).partition(".")[0]))
        if layer is not None:
            self.brought[path] = layer
        folder = posixpath.dirname(path)
        while folder not in self.folders:
            self.folders.add(folder)
            folder = posixpath.dirname(folder)

    def copy(self) -> Tree:
        """A tree to which more can be added."""
        return Tree(
            dict(self.files),
            set(self.folders),
            dict(self.brought),
            set(self.compiled),
            list(self.search),
            self.workdir,
            self.open,
            self.code_elsewhere,
        )

    def folder_of(self, name: str, local: Path) -> str | None:
        """The folder from which a module of this machine, a file or a folder, could be imported by its name."""
        end = "/" + name.replace(".", "/")
        for remote, path in self.files.items():
            if path == local:
                place = remote.removesuffix(".py")
            elif path.parent == local:
                place = posixpath.dirname(remote)
            else:
                continue
            if place.endswith(end):
                return place.removesuffix(end) or "/"
        return None

    def holds(self, path: str) -> bool:
        return path in self.files or path in self.folders


def tree_of(image: Image) -> Tree:
    """The tree that the layers of an image make."""
    tree = Tree()
    paths: list[str] = []
    for layer in image.layers:
        operation = layer.operation
        try:
            for remote, local in brought_by(layer, image.root):
                tree.add(remote, local, layer)
        except ValueError:  # a pattern that is none, or a path with a NUL byte: their own findings say so
            tree.open = tree.code_elsewhere = True
        if isinstance(operation, ops.Workdir):
            tree.workdir = posixpath.normpath(posixpath.join(tree.workdir, operation.path))
            tree.folders.add(tree.workdir)
        if isinstance(operation, ops.Env):
            paths += _on_path(operation.vars.get("PYTHONPATH", ""))
        _opened(tree, layer)
        _not_there(tree, layer, image.root)
        for instruction in instructions_of(layer):
            if instruction.word == "WORKDIR":
                tree.workdir = posixpath.normpath(posixpath.join(tree.workdir, instruction.text.strip()))
                tree.folders.add(tree.workdir)
            elif instruction.word == "ENV" and (found := re.search(r"\bPYTHONPATH[= ]\"?([^\"\s]+)", instruction.text)):
                paths += _on_path(found[1])
    tree.search = list(dict.fromkeys([HOME, tree.workdir, *paths]))
    return tree


def _on_path(value: str) -> list[str]:
    return [posixpath.normpath(each) for each in value.split(":") if each.startswith("/") and "$" not in each]


def brought_by(layer: Layer, root: Path) -> Iterator[tuple[str, Path]]:
    """Each file of this machine that a layer brings, with its path in the image."""
    match layer.operation:
        case ops.AddLocalPythonSource(modules=modules, ignore=ignore):
            for name in modules:
                module = find_module(name, root)
                if module is not None:
                    parts = name.split(".")
                    above = posixpath.join(HOME, *(parts if module.folder is not None else parts[:-1]))
                    yield from ((f"{above}/{relative}", path) for relative, path in of_module(module, ignore))
        case ops.AddLocalFile(local_path=local, remote_path=remote):
            yield (remote + local.name if remote.endswith("/") else remote), local
        case ops.AddLocalDir(local_path=local, remote_path=remote, ignore=ignore):
            yield from ((f"{remote}/{relative}", path) for relative, path in in_folder(local, ignore))
        case ops.DockerfileCommands(dockerfile_commands=commands, context_dir=context, ignore=ignore):
            context = context or root
            yield from _copied(commands, context, left_out(context, None, ignore))
        case ops.FromDockerfile(path=path, context_dir=context, ignore=ignore):
            source = read(path)
            context = context or root
            if isinstance(source, Source):
                yield from _copied(lines(source.text), context, left_out(context, path, ignore))
        case _:
            pass


def _copied(commands: Sequence[str], context: Path, ignore: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """The files of `COPY` lines, where they end up; a relative target counts from `/`, or from the last `WORKDIR`."""
    ignored = matcher(ignore) if ignore else None
    every = "\n".join(commands).split("\n")
    for copy in copies(commands):
        workdirs = [
            line.split(None, 1)[1].strip() for line in every[: copy.line] if line.upper().startswith("WORKDIR ")
        ]
        to = posixpath.join("/", *workdirs, copy.to)
        for source in copy.sources:
            for path in named(source, context):
                for remote, local in _placed(path, to, len(copy.sources) > 1 or "*" in source):
                    if ignored is None or not ignored(local.relative_to(context)):
                        yield remote, local


def _placed(path: Path, to: str, several: bool) -> Iterable[tuple[str, Path]]:
    if path.is_dir():
        return ((f"{to}/{relative}", local) for relative, local in in_folder(path))
    return [(f"{to}/{path.name}" if several or to.endswith("/") or to.endswith("/.") else to, path)]


# ------------------------------------------------------------------------------------------ what is unknown

_BRINGS_CODE = re.compile(r"\b(git|pip3?|uv|unzip|tar|cp|mv|rsync|svn|hg|ln)\b|--from=|<<")
_KNOWN_BASES = re.compile(
    r"(docker\.io/)?(library/)?(python|debian|ubuntu|alpine|nvidia/cuda|pytorch/pytorch|tensorflow/tensorflow"
    r"|continuumio/\w+|mambaorg/\w+|vllm/[\w-]+|lmsysorg/sglang|rocm/\w+|nvcr\.io/nvidia/[\w-]+"
    r"|ghcr\.io/astral-sh/uv)(?=[:@]|$)"
)
_UNKNOWN_BASES = (ops.FromDockerfile, ops.FromName, ops.FromId)


def _not_there(tree: Tree, layer: Layer, root: Path) -> None:
    """Takes what a layer would bring as brought where this machine does not have it: that is an error of its own."""
    match layer.operation:
        case ops.AddLocalDir(local_path=local) if not local.is_dir():
            tree.open = tree.code_elsewhere = True
        case ops.AddLocalPythonSource(modules=modules):
            tree.compiled |= {f"{HOME}/{name.partition('.')[0]}" for name in modules if find_module(name, root) is None}
        case _:
            pass


def _opened(tree: Tree, layer: Layer) -> None:
    """Notes whether a layer may have put files into the image that nobody lists, and code among them."""
    operation = layer.operation
    if isinstance(operation, ops.FromRegistry):
        tree.open = True
        tree.code_elsewhere |= _KNOWN_BASES.match(operation.tag) is None
    elif isinstance(operation, ops.FromName | ops.FromId | ops.Pipe):
        tree.open = tree.code_elsewhere = True
    elif isinstance(operation, ops.FromDockerfile | ops.RunFunction | ops.MicromambaInstall):
        tree.open = True
    for instruction in instructions_of(layer):
        if instruction.word in ("RUN", "COPY", "ADD"):
            tree.open = tree.open or instruction.word == "RUN" or "$" in instruction.text
            tree.code_elsewhere |= _BRINGS_CODE.search(instruction.text) is not None or "$" in instruction.text
        if instruction.word == "FROM":
            base = instruction.text.split()[-1 if " " not in instruction.text else 0]
            tree.code_elsewhere |= _KNOWN_BASES.match(base) is None
