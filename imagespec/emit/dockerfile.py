"""Image -> a Dockerfile that builds what Modal's image builder would build, with any engine.

Instructions are Modal's own, word for word, where they can be (tests compare them with what the client sends). What
Modal does outside of a Dockerfile is put into its terms: files that travel with a request are copied from the build
context, mounted source is copied last, a standalone Python comes from uv, secrets are build secrets.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from imagespec.diagnostic import CompileError, Span
from imagespec.emit.instructions import bases, files, packages
from imagespec.emit.instructions.writer import Writer, as_json
from imagespec.image.layers import Image, Layer
from imagespec.spec import operations as ops


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """A Dockerfile, and what the command that builds it has to be given.

    `blocks` are the lines of each layer of the image, none where a layer adds nothing. `contexts` are folders besides
    the one that it is built in, by name, and `files` every file and folder that its lines copy: the name of the context
    (none for the main one), the path in it, and where that is. `secrets` names the first layer that asks for each.
    """

    name: str
    builder: str
    blocks: tuple[tuple[str, ...], ...]
    contexts: Mapping[str, Path]
    files: tuple[tuple[str, str, Path], ...]
    secrets: Mapping[str, Layer]
    build_args: Mapping[str, str]

    @property
    def text(self) -> str:
        """The whole file; its header says how it is built."""
        blocks = ("\n".join(block) + "\n" for block in self.blocks if block)
        return "\n".join([*self._header(), "", *blocks])

    def _header(self) -> Iterator[str]:
        built = f"as Modal's builder {self.builder} builds it, compiled by imagespec"
        yield f"# The image `{self.name}` {built}. To build it:"
        command = ["docker build", "-f Dockerfile"]
        command += [f"--secret id={name},src={name}.env" for name in self.secrets]
        command += [f"--build-context {name}={shlex.quote(str(path))}" for name, path in self.contexts.items()]
        command += [f"--build-arg {shlex.quote(f'{name}={value}')}" for name, value in self.build_args.items()]
        yield f"#   {' '.join([*command, '.'])}"
        for name in self.secrets:
            yield f"# {name}.env holds the secret `{name}`: lines of NAME='value'."


def emit(image: Image, span: Callable[..., Span], builder: str, context: Path) -> str:
    """The text of a Dockerfile; arguments and errors as of `compose`."""
    return compose(image, span, builder, context).text


def compose(image: Image, span: Callable[..., Span], builder: str, context: Path) -> Dockerfile:
    """The Dockerfile, for one of Modal's image builders, to be built in the folder `context`.

    `span` is where a route stands in the spec, or, with `key=True`, its last key. Raises `CompileError` where a layer
    cannot be part of a Dockerfile, with the line of the spec.
    """
    writer = Writer(image, span, builder, context)
    blocks = tuple(tuple(_block(layer, writer)) for layer in image.layers)
    if writer.refused:
        raise CompileError(writer.refused)
    contexts = {name: path for path, name in writer.contexts.items()}
    files = tuple(dict.fromkeys(writer.files))
    return Dockerfile(image.name, builder, blocks, contexts, files, writer.secrets, writer.build_args)


def _block(layer: Layer, writer: Writer) -> list[str]:
    lines = instructions(layer, writer)
    comments = []
    if getattr(layer.operation, "gpu", None):
        comments.append(f"# Modal runs this step on a machine with a GPU ({layer.operation.gpu}).")  # type: ignore[union-attr]
    if layer.mounted:
        comments.append("# Modal mounts this when a container starts.")
    return comments + lines if lines else []


def instructions(layer: Layer, writer: Writer) -> list[str]:
    """The instructions of one layer, without the `FROM base` that Modal begins each but the first with."""
    operation = layer.operation
    match operation:
        case ops.DebianSlim():
            return bases.debian_slim(operation, writer.builder)
        case ops.Micromamba():
            return bases.micromamba(operation, writer.builder)
        case ops.FromRegistry() | ops.FromGcpArtifactRegistry() | ops.FromAwsEcr():
            return bases.registry(layer, operation, writer)
        case ops.FromDockerfile():
            return bases.dockerfile(layer, operation, writer)
        case ops.FromScratch():
            return ["FROM scratch"]
        case ops.FromName() | ops.FromId():
            return writer.refuse(layer, "an image that only Modal has")
        case ops.AddLocalFile():
            return files.add_local_file(operation, writer)
        case ops.AddLocalDir():
            return files.add_local_dir(operation, writer)
        case ops.AddLocalPythonSource():
            return files.add_local_python_source(operation, writer)
        case ops.AptInstall():
            return packages.apt_install(layer, operation, writer)
        case ops.PipInstall():
            return packages.pip_install(layer, operation, writer)
        case ops.PipInstallFromPyproject():
            return packages.pip_install_from_pyproject(layer, operation, writer)
        case ops.PipInstallFromRequirements():
            return packages.pip_install_from_requirements(layer, operation, writer)
        case ops.PipInstallPrivateRepos():
            return packages.private_repos(layer, operation, writer)
        case ops.UvPipInstall():
            return packages.uv_pip_install(layer, operation, writer)
        case ops.UvSync():
            return packages.uv_sync(layer, operation, writer)
        case ops.PoetryInstallFromFile():
            return packages.poetry(layer, operation, writer)
        case ops.MicromambaInstall():
            return packages.micromamba_install(layer, operation, writer)
        case ops.DockerfileCommands():
            return files.dockerfile_commands(layer, operation, writer)
        case ops.RunCommands():
            if operation.volumes:
                return writer.refuse(layer, "a volume")
            return [writer.run(layer, command) for command in operation.commands]
        case ops.RunFunction():
            return writer.refuse(layer, "a Python function")
        case ops.Pipe():
            return writer.refuse(layer, "what a Python function adds")
        case ops.Env():
            return [f"ENV {name}={shlex.quote(value)}" for name, value in operation.vars.items()]
        case ops.Workdir():
            return [f"WORKDIR {shlex.quote(operation.path)}"]
        case ops.Shell():
            return [f"SHELL {as_json(operation.shell_commands)}"]
        case ops.Entrypoint():
            return [f"ENTRYPOINT {as_json(operation.entrypoint_commands)}"]
        case ops.Cmd():
            return [f"CMD {as_json(operation.cmd)}"]
        case _:
            assert_never(operation)
