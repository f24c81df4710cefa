"""Local files, and instructions that name some -> instructions that find them from the folder of the build."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from imagespec.diagnostic import shown
from imagespec.emit.instructions.writer import Writer, literal, words
from imagespec.image.copies import Copy, copies, unpacks
from imagespec.image.files import in_folder, left_out, matcher, named, of_context, of_module
from imagespec.image.layers import Layer
from imagespec.image.modules import find_module
from imagespec.spec import operations as ops


def add_local_file(operation: ops.AddLocalFile, writer: Writer) -> list[str]:
    remote = operation.remote_path
    place = remote + operation.local_path.name if remote.endswith("/") else remote
    return [writer.copy(operation.local_path, literal(place))]


def add_local_dir(operation: ops.AddLocalDir, writer: Writer) -> list[str]:
    if not operation.ignore:
        return [writer.copy(operation.local_path, literal(operation.remote_path.rstrip("/") + "/"))]
    return _copy_files(in_folder(operation.local_path, operation.ignore), literal(operation.remote_path), writer)


def add_local_python_source(operation: ops.AddLocalPythonSource, writer: Writer) -> list[str]:
    return [line for name in operation.modules for line in _module(name, operation.ignore, writer)]


def _module(name: str, ignore: tuple[str, ...] | None, writer: Writer) -> list[str]:
    module = find_module(name, writer.image.root)
    if module is None:
        return []
    parts = name.split(".") if module.folder else name.split(".")[:-1]
    return _copy_files(of_module(module, ignore), "/".join(["/root", *parts]), writer)


def dockerfile_commands(layer: Layer, operation: ops.DockerfileCommands, writer: Writer) -> list[str]:
    writer.build_args |= operation.build_args or {}
    context = operation.context_dir or writer.image.root
    ignore = left_out(context, None, operation.ignore)
    return from_context(layer, operation.dockerfile_commands, context, ignore, operation.context_files or {}, writer)


def from_context(
    layer: Layer,
    lines: Sequence[str],
    context: Path,
    ignore: Sequence[str],
    given: Mapping[str, Path],
    writer: Writer,
) -> list[str]:
    """The lines, each `COPY` from a context of their own as one from ours, with the files that `ignore` leaves.

    `given` are files that a path stands for, wherever they lie. A `COPY` that means the same in our context is kept as
    it is; so is a .dockerignore that lies there, as every engine heeds it.
    """
    out = "\n".join(lines).split("\n")
    same = context == writer.context and ignore == left_out(context, None, None)
    by_name = {name.lstrip("/"): path for name, path in given.items()}
    for copy in reversed(copies(out)):
        if not same or any(source.lstrip("/") in by_name for source in copy.sources):
            out[copy.line : copy.after] = _copied(layer, copy, context, ignore, by_name, writer)
        else:
            writer.files += [
                ("", name, file) for name, file in of_context(out[copy.line : copy.after], context, ignore)
            ]
    return out


def _copied(
    layer: Layer, copy: Copy, context: Path, ignore: Sequence[str], given: Mapping[str, Path], writer: Writer
) -> Iterator[str]:
    ignored = matcher(ignore) if ignore else lambda path: False
    for source in copy.sources:
        if (path := given.get(name := source.lstrip("/"))) is not None:
            kept = not copy.to.endswith("/") or posixpath.basename(name) == path.name
            kept = kept or (copy.method == "ADD" and unpacks(path))
            to = copy.to if kept else posixpath.join(copy.to, posixpath.basename(name))
            yield _one(layer, copy, path, to, writer)
            continue
        found = named(source, context)
        if not found:  # the build has to fail here, as it does on Modal
            yield " ".join([copy.method, *copy.options, words(source, copy.to)])
        for path in found:
            if path.is_dir() and ignore:
                files = ((name, file) for name, file in in_folder(path) if not ignored(file.relative_to(context)))
                yield from _copy_files(files, copy.to, writer, copy.options)
            elif not ignored(path.relative_to(context)):
                yield _one(layer, copy, path, copy.to, writer)


def _one(layer: Layer, copy: Copy, path: Path, to: str, writer: Writer) -> str:
    """`ADD` where it unpacks, which no `COPY` does; from another context there is `COPY` alone."""
    method = "ADD" if copy.method == "ADD" and unpacks(path) else "COPY"
    if method == "ADD" and not path.is_relative_to(writer.context):
        writer.refuse(layer, f"unpacking `{path.name}`, which lies outside of `{shown(writer.context)}`,")
    return writer.copy(path, to, method, copy.options)


def _copy_files(
    files: Iterable[tuple[str, Path]], remote: str, writer: Writer, options: Sequence[str] = ()
) -> list[str]:
    """A `COPY` for each folder that names its files: no engine's own way of leaving files out is needed."""
    by_folder: dict[tuple[str, str], list[str]] = {}
    for name, path in files:
        source, origin = writer.source(path)
        by_folder.setdefault((origin, name.rpartition("/")[0]), []).append(source)
    return [
        " ".join(["COPY", *options, f"{origin}{words(*sources, posixpath.join(remote, literal(folder), ''))}"])
        for (origin, folder), sources in by_folder.items()
    ]
