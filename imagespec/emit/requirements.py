"""Image -> a requirements file with every Python package that its layers name."""

from __future__ import annotations

from imagespec.image.layers import Image
from imagespec.image.lower import canonical
from imagespec.image.requirements import lines_of
from imagespec.spec import operations as ops


def emit(image: Image) -> str:
    """One requirement a line, sorted. Files that hold options are named with `-r`, as they are."""
    found: set[str] = set()
    for layer in image.layers:
        match layer.operation:
            case ops.UvPipInstall(packages=packages, requirements=files):
                found |= {canonical(package) for package in packages}
                for path in files or ():
                    lines = lines_of(path)
                    found |= {f"-r {path.name}"} if lines is None else {canonical(line.text) for line in lines}
            case ops.PipInstall(packages=packages):
                found |= {canonical(package) for package in packages}
            case ops.PipInstallFromRequirements(requirements_txt=path):
                lines = lines_of(path)
                found |= {f"-r {path.name}"} if lines is None else {canonical(line.text) for line in lines}
            case ops.PipInstallPrivateRepos(repositories=repositories):
                found |= {f"git+https://{repository}" for repository in repositories}
            case _:
                pass
    return "".join(f"{line}\n" for line in sorted(found))
