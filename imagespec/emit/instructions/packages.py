"""Packages to install -> the instructions that install them."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Sequence
from pathlib import Path

from imagespec.emit.instructions.writer import Writer, literal
from imagespec.image.layers import Layer
from imagespec.image.requirements import dependencies_of
from imagespec.spec import operations as ops


def apt_install(layer: Layer, operation: ops.AptInstall, writer: Writer) -> list[str]:
    if not operation.packages:
        return []
    commands = ("apt-get update", f"apt-get install -y {shlex.join(operation.packages)}")
    return [writer.run(layer, command) for command in commands]


def pip_install(layer: Layer, operation: ops.PipInstall, writer: Writer) -> list[str]:
    return [writer.run(layer, _pip(sorted(operation.packages), operation))] if operation.packages else []


def pip_install_from_pyproject(layer: Layer, operation: ops.PipInstallFromPyproject, writer: Writer) -> list[str]:
    lines = dependencies_of(operation.pyproject_toml, operation.optional_dependencies, layer.origin) or []
    return [writer.run(layer, _pip(sorted(line.text for line in lines), operation))]


def pip_install_from_requirements(layer: Layer, operation: ops.PipInstallFromRequirements, writer: Writer) -> list[str]:
    links = f" -f {operation.find_links}" if operation.find_links else ""
    command = f"python -m pip install -r /.requirements.txt{links} {_options(operation)}".strip()
    return [*_placed(operation.requirements_txt, "/.requirements.txt", writer), writer.run(layer, command)]


def _options(operation: ops.Pip) -> str:
    flags = (
        ("--find-links", operation.find_links),
        ("--index-url", operation.index_url),
        ("--extra-index-url", operation.extra_index_url),
    )
    args = " ".join(f"{flag} {shlex.quote(value)}" for flag, value in flags if value is not None)
    if operation.pre:
        args += " --pre"
    return (
        f"{args} {operation.extra_options}".strip()
        if operation.extra_options and args
        else args + operation.extra_options
    )


def _pip(packages: Sequence[str], operation: ops.Pip) -> str:
    return f"python -m pip install {shlex.join(packages)} {_options(operation)}".strip()


def private_repos(layer: Layer, operation: ops.PipInstallPrivateRepos, writer: Writer) -> list[str]:
    urls = []
    for repository in operation.repositories:
        token = "$GITHUB_TOKEN" if repository.startswith("github.com/") else "$GITLAB_TOKEN"
        urls.append(f"git+https://{operation.git_user}:{token}@{repository}")
    lines = ["RUN apt-get update && apt-get install -y git"]
    return lines + [writer.run(layer, f'python3 -m pip install "{url}" {_options(operation)}'.strip()) for url in urls]


def _copy_uv(version: str | None) -> str:
    return f"COPY --from=ghcr.io/astral-sh/uv:{version or 'latest'} /uv /.uv/uv"


def uv_pip_install(layer: Layer, operation: ops.UvPipInstall, writer: Writer) -> list[str]:
    files = operation.requirements or ()
    if not operation.packages and not files:
        return []
    args = ["--python $(command -v python)", "--compile-bytecode"]
    for flag, value in (
        ("--find-links", operation.find_links),
        ("--index-url", operation.index_url),
        ("--extra-index-url", operation.extra_index_url),
    ):
        args += [f"{flag} {shlex.quote(value)}"] if value else []
    args += ["--prerelease allow"] if operation.pre else []
    args += [operation.extra_options] if operation.extra_options else []
    placed = [f"/.uv/{index}/{path.name}" for index, path in enumerate(files)]
    args += [" ".join(f"--requirements {place}" for place in placed)] if placed else []
    args += [shlex.quote(package) for package in sorted(operation.packages)]
    copied = [line for file, place in zip(files, placed, strict=True) for line in _placed(file, place, writer)]
    return [_copy_uv(operation.uv_version), *copied, writer.run(layer, f"/.uv/uv pip install {' '.join(args)}")]


_WRITTEN_AT_ONCE = 100_000
"""Characters that one `printf` writes: Linux hands 128 KiB to a program in one argument."""


def _placed(file: Path | ops.Requirements, place: str, writer: Writer) -> list[str]:
    """A requirements file in the image. One that comes from a lock is written there, so that nothing else is needed."""
    if isinstance(file, Path):
        return [writer.copy(file, literal(place))]
    batches: list[list[str]] = [[]]
    for line in map(shlex.quote, file.lines):
        if sum(map(len, batches[-1])) + len(line) > _WRITTEN_AT_ONCE:
            batches.append([])
        batches[-1].append(line)
    redirects = [">", *[">>"] * (len(batches) - 1)]
    return [
        " \\\n    ".join([f"RUN mkdir -p {posixpath.dirname(place)} && printf '%s\\n' {redirect} {place}", *batch])
        for redirect, batch in zip(redirects, batches, strict=True)
    ]


def uv_sync(layer: Layer, operation: ops.UvSync, writer: Writer) -> list[str]:
    folder = operation.uv_project_dir
    args = ["--project=/.uv", "--no-install-workspace", "--compile-bytecode"]
    args += [f"--group={group}" for group in operation.groups or ()] + [
        f"--extra={extra}" for extra in operation.extras or ()
    ]
    args += [operation.extra_options] if operation.extra_options else []
    copied = [writer.copy(folder / "pyproject.toml", "/.uv/pyproject.toml")]
    if (folder / "uv.lock").is_file():
        copied.append(writer.copy(folder / "uv.lock", "/.uv/uv.lock"))
        args += ["--frozen"] if operation.frozen else []
    command = f"/.uv/uv sync {' '.join(args)}".strip()
    return [_copy_uv(operation.uv_version), *copied, writer.run(layer, command), "ENV PATH=/.uv/.venv/bin:$PATH"]


def poetry(layer: Layer, operation: ops.PoetryInstallFromFile, writer: Writer) -> list[str]:
    lines = []
    if operation.poetry_version is not None:
        pin = "" if operation.poetry_version == "latest" else f"=={operation.poetry_version}"
        lines.append(writer.run(layer, f"python -m pip install poetry{pin}"))
    if operation.old_installer:
        lines.append(writer.run(layer, "poetry config experimental.new-installer false"))
    if not operation.ignore_lockfile:
        lock = operation.poetry_lockfile or operation.poetry_pyproject_toml.parent / "poetry.lock"
        lines.append(writer.copy(lock, "/tmp/poetry/poetry.lock"))
    command = "poetry install --no-root"
    for flag, names in (("with", operation.with_), ("without", operation.without), ("only", operation.only)):
        command += f" --{flag} {','.join(names)}" if names else ""
    lines.append(writer.copy(operation.poetry_pyproject_toml, "/tmp/poetry/pyproject.toml"))
    lines += [
        writer.run(layer, "cd /tmp/poetry && \\ "),
        "  poetry config virtualenvs.create false && \\ ",
        f"{command} --compile",
    ]
    return lines


def micromamba_install(layer: Layer, operation: ops.MicromambaInstall, writer: Writer) -> list[str]:
    if not operation.packages and operation.spec_file is None:
        return []
    packages = shlex.join(operation.packages)
    channels = "".join(f" -c {channel}" for channel in operation.channels)
    if operation.spec_file is None:
        return [writer.run(layer, f"micromamba install {packages}{channels} --yes")]
    remote = f"/{operation.spec_file.name}"
    file = f"{' ' if packages else ''}-f {remote} -n base"
    return [
        writer.copy(operation.spec_file, literal(remote)),
        writer.run(layer, f"micromamba install {packages}{file}{channels} --yes"),
    ]
