"""Image -> a requirements file with every Python package that its layers name."""

from __future__ import annotations

from imagespec.image.layers import Image
from imagespec.image.requirements import canonical, requirements_of
from imagespec.spec import operations as ops


def emit(image: Image) -> str:
    """One requirement a line, sorted, each once. Options of requirements files are left out."""
    found = {canonical(line.text) for layer in image.layers for line in requirements_of(layer)}
    for layer in image.layers:
        if isinstance(layer.operation, ops.PipInstallPrivateRepos):
            found |= {f"git+https://{repository}" for repository in layer.operation.repositories}
    return "".join(f"{line}\n" for line in sorted(found))
