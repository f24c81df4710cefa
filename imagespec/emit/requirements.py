"""Image -> a requirements file with every Python package that its layers name; what a lock fixes, with its hashes."""

from __future__ import annotations

from imagespec.image.layers import Image, Layer
from imagespec.image.requirements import canonical, requirements_of
from imagespec.spec import operations as ops


def emit(image: Image) -> str:
    """One requirement a line, sorted, each once. Options of requirements files are left out."""
    found = {canonical(line.text) for layer in image.layers for line in requirements_of(layer) if not _generated(layer)}
    found |= {line for layer in image.layers for file in _generated(layer) for line in file.lines}
    for layer in image.layers:
        if isinstance(layer.operation, ops.PipInstallPrivateRepos):
            found |= {f"git+https://{repository}" for repository in layer.operation.repositories}
    return "".join(f"{line}\n" for line in sorted(found))


def _generated(layer: Layer) -> list[ops.Requirements]:
    """The files that a lock put into a layer."""
    match layer.operation:
        case ops.UvPipInstall(requirements=tuple() as files):
            return [file for file in files if isinstance(file, ops.Requirements)]
        case ops.PipInstallFromRequirements(requirements_txt=ops.Requirements() as file):
            return [file]
        case _:
            return []
