"""Image -> a Dockerfile that builds what Modal's image builder would build, with any engine.

Instructions are Modal's own, word for word, where they can be (tests compare them with what the client sends). What
Modal does outside of a Dockerfile is put into its terms: files that travel with a request are copied from the build
context, mounted source is copied last, a standalone Python comes from uv, secrets are build secrets.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, assert_never

from imagespec.diagnostic import Code, CompileError, Diagnostic, Span
from imagespec.image.copies import Copy, copies
from imagespec.image.files import in_folder, left_out, matcher, named, of_context, of_module
from imagespec.image.layers import Image, Layer
from imagespec.image.modules import find_module
from imagespec.image.requirements import dependencies_of
from imagespec.spec import operations as ops
from imagespec.spec.source import read

BUILDERS = ("2025.06", "2026.10")

NOT_IN_DOCKERFILE = Code(
    "IS908",
    "error",
    """A part of an image that no Dockerfile can hold.

    Python functions, volumes, and images that only Modal has exist on Modal alone. A Python that the image builder does
    not have cannot be added to a base.

    Use instead: `compile --to python`, which holds everything; or `run` commands in place of functions.
    """,
)

CODES = (NOT_IN_DOCKERFILE,)


@dataclass(slots=True)
class _Writer:
    """The instructions so far, and what the command that builds them has to be given."""

    image: Image
    span: Callable[..., Span]
    builder: str
    context: Path
    secrets: dict[str, Layer] = field(default_factory=dict)
    contexts: dict[Path, str] = field(default_factory=dict)
    files: list[tuple[str, str, Path]] = field(default_factory=list)
    build_args: dict[str, str] = field(default_factory=dict)
    refused: list[Diagnostic] = field(default_factory=list)

    def refuse(self, layer: Layer, what: str) -> list[str]:
        at, message = self.span(layer.origin, key=True), f"{what} cannot be part of a Dockerfile"
        self.refused.append(NOT_IN_DOCKERFILE.at(at, message, "see: compile --to python"))
        return []

    def copy(self, path: Path, remote: str, method: str = "COPY", options: Sequence[str] = ()) -> str:
        """`COPY` of a local file or folder; from a context of its own where it lies outside of the main one.

        `remote` is as it stands in a Dockerfile: see `_literal`.
        """
        source, origin = self.source(path)
        return " ".join([method, *options, f"{origin}{_words(source, remote)}"])

    def source(self, path: Path) -> tuple[str, str]:
        """A path as `COPY` names it, and the option that names the context it is relative to."""
        path = Path(os.path.normpath(path))
        if path.is_relative_to(self.context):
            context, relative = "", path.relative_to(self.context).as_posix()
        else:
            folder = path if path.is_dir() else path.parent
            context = self.contexts.setdefault(folder, f"local-{len(self.contexts)}")
            relative = "." if path == folder else path.name
        self.files.append((context, relative, path))
        return _literal(relative, pattern=True), f"--from={context} " if context else ""

    def run(self, layer: Layer, command: str) -> str:
        """`RUN`, with the variables and the secrets of the step."""
        operation: Any = layer.operation
        mounts, prefix = "", ""
        for secret in operation.secrets:
            self.secrets.setdefault(secret, layer)
            mounts += f"--mount=type=secret,id={secret} "
            prefix += f"set -a && . /run/secrets/{secret} && set +a && "
        for name, value in (operation.env or {}).items():
            if value is not None and "\n" in value:  # no quotes hold an instruction together over lines
                self.refuse(layer, f"a value of several lines (`{name}`)")
            prefix += f"unset {name} && " if value is None else f"export {name}={shlex.quote(value)} && "
        return f"RUN {mounts}{prefix}{command}"


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
    writer = _Writer(image, span, builder, context)
    blocks = tuple(tuple(_block(layer, writer)) for layer in image.layers)
    if writer.refused:
        raise CompileError(writer.refused)
    contexts = {name: path for path, name in writer.contexts.items()}
    files = tuple(dict.fromkeys(writer.files))
    return Dockerfile(image.name, builder, blocks, contexts, files, writer.secrets, writer.build_args)


def _block(layer: Layer, writer: _Writer) -> list[str]:
    lines = instructions(layer, writer)
    comments = []
    if getattr(layer.operation, "gpu", None):
        comments.append(f"# Modal runs this step on a machine with a GPU ({layer.operation.gpu}).")  # type: ignore[union-attr]
    if layer.mounted:
        comments.append("# Modal mounts this when a container starts.")
    return comments + lines if lines else []


def instructions(layer: Layer, writer: _Writer) -> list[str]:
    """The instructions of one layer, without the `FROM base` that Modal begins each but the first with."""
    operation = layer.operation
    match operation:
        case ops.DebianSlim():
            return _debian_slim(operation, writer.builder)
        case ops.Micromamba():
            return _micromamba(operation, writer.builder)
        case ops.FromRegistry() | ops.FromGcpArtifactRegistry() | ops.FromAwsEcr():
            return [
                f"FROM {operation.tag}",
                *_add_python(layer, operation.add_python, writer),
                *operation.setup_dockerfile_commands,
            ]
        case ops.FromDockerfile():
            return _from_dockerfile(layer, operation, writer)
        case ops.FromScratch():
            return ["FROM scratch"]
        case ops.FromName() | ops.FromId():
            return writer.refuse(layer, "an image that only Modal has")
        case ops.AddLocalFile():
            remote = operation.remote_path
            place = remote + operation.local_path.name if remote.endswith("/") else remote
            return [writer.copy(operation.local_path, _literal(place))]
        case ops.AddLocalDir():
            return _add_local_dir(operation, writer)
        case ops.AddLocalPythonSource():
            return [line for module in operation.modules for line in _add_module(module, operation.ignore, writer)]
        case ops.AptInstall():
            if not operation.packages:
                return []
            return [
                writer.run(layer, "apt-get update"),
                writer.run(layer, f"apt-get install -y {shlex.join(operation.packages)}"),
            ]
        case ops.PipInstall():
            return [writer.run(layer, _pip(sorted(operation.packages), operation))] if operation.packages else []
        case ops.PipInstallFromPyproject():
            lines = dependencies_of(operation.pyproject_toml, operation.optional_dependencies, layer.origin) or []
            return [writer.run(layer, _pip(sorted(line.text for line in lines), operation))]
        case ops.PipInstallFromRequirements():
            links = f" -f {operation.find_links}" if operation.find_links else ""
            command = f"python -m pip install -r /.requirements.txt{links} {_options(operation)}".strip()
            return [*_placed(operation.requirements_txt, "/.requirements.txt", writer), writer.run(layer, command)]
        case ops.PipInstallPrivateRepos():
            return _private_repos(layer, operation, writer)
        case ops.UvPipInstall():
            return _uv_pip_install(layer, operation, writer)
        case ops.UvSync():
            return _uv_sync(layer, operation, writer)
        case ops.PoetryInstallFromFile():
            return _poetry(layer, operation, writer)
        case ops.MicromambaInstall():
            return _micromamba_install(layer, operation, writer)
        case ops.DockerfileCommands():
            return _commands(operation, writer)
        case ops.RunCommands():
            return (
                writer.refuse(layer, "a volume")
                if operation.volumes
                else [writer.run(layer, c) for c in operation.commands]
            )
        case ops.RunFunction():
            return writer.refuse(layer, "a Python function")
        case ops.Pipe():
            return writer.refuse(layer, "what a Python function adds")
        case ops.Env():
            return [f"ENV {name}={shlex.quote(value)}" for name, value in operation.vars.items()]
        case ops.Workdir():
            return [f"WORKDIR {shlex.quote(operation.path)}"]
        case ops.Shell():
            return [f"SHELL {_json(operation.shell_commands)}"]
        case ops.Entrypoint():
            return [f"ENTRYPOINT {_json(operation.entrypoint_commands)}"]
        case ops.Cmd():
            return [f"CMD {_json(operation.cmd)}"]
        case _:
            assert_never(operation)


def _json(words: Sequence[str]) -> str:
    return json.dumps(list(words), ensure_ascii=False)


def _literal(path: str, *, pattern: bool = False) -> str:
    """A path as `COPY` has to be given it, which expands variables and quotes and, of a source, takes a pattern."""
    if pattern:  # a set of one character: engines do not agree on what a backslash does in a pattern
        path = re.sub(r"[*?[\\]", lambda special: "[\\\\]" if special[0] == "\\" else f"[{special[0]}]", path)
    return re.sub(r"[\\$\"']", r"\\\g<0>", path)


def _words(*paths: str) -> str:
    """Arguments of `COPY`: as JSON where a space would divide them."""
    return _json(paths) if any(re.search(r"[\s\[\]\"']", path) for path in paths) else " ".join(paths)


# ------------------------------------------------------------------------------------------------- bases


@cache
def _base_images() -> dict[str, Any]:
    """Which bases each of Modal's builders uses: data of the installed client, read without importing it."""
    spec = find_spec("modal")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    data: dict[str, Any] = json.loads(Path(folders[0], "builder", "base-images.json").read_text("utf-8"))
    return data


def _sleep() -> str:
    return f'CMD ["sleep", "{48 * 3600}"]'


def _debian_slim(operation: ops.DebianSlim, builder: str) -> list[str]:
    images, version = _base_images(), operation.python_version
    fixed = {v.rpartition(".")[0]: v for v in images["python"].get(builder, ())}
    return [
        f"FROM python:{fixed.get(version, version)}-slim-{images['debian'][builder]}",
        "RUN apt-get update",
        "RUN apt-get install -y gcc gfortran build-essential",
        f"RUN pip install --upgrade {images['package_tools'][builder]}",
        "RUN echo 'debconf debconf/frontend select Noninteractive' | debconf-set-selections",
        _sleep(),
    ]


def _micromamba(operation: ops.Micromamba, builder: str) -> list[str]:
    return [
        f"FROM mambaorg/micromamba:{_base_images()['micromamba'][builder]}",
        'SHELL ["/usr/local/bin/_dockerfile_shell.sh"]',
        "ENV MAMBA_DOCKERFILE_ACTIVATE=1",
        f"RUN micromamba install -n base -y python={operation.python_version} pip -c conda-forge",
        _sleep(),
    ]


def _add_python(layer: Layer, series: str | None, writer: _Writer) -> list[str]:
    """Modal mounts a build of the python-build-standalone project; uv brings the same builds."""
    if series is None:
        return []
    from modal.mount import PYTHON_STANDALONE_VERSIONS

    if series not in PYTHON_STANDALONE_VERSIONS[writer.builder]:
        others = [each for each in BUILDERS if series in PYTHON_STANDALONE_VERSIONS[each]]
        hint = f"compile it with `--builder {others[-1]}`" if others else "no builder has it: choose another series"
        message = f"Modal's image builder {writer.builder} has no Python {series} to add"
        writer.refused.append(NOT_IN_DOCKERFILE.at(writer.span(layer.place("add_python")), message, hint))
        return []
    _, full = PYTHON_STANDALONE_VERSIONS[writer.builder][series]
    wanted = full[:-1] + "+freethreaded" if full.endswith("t") else full
    return [
        "COPY --from=ghcr.io/astral-sh/uv:latest /uv /.uv/uv",
        f"RUN /.uv/uv python install --no-bin --install-dir /.python {wanted}"
        " && cp -a /.python/cpython-*/. /usr/local && rm -r /.python && ln -sf python3 /usr/local/bin/python",
        "ENV TERMINFO_DIRS=/etc/terminfo:/lib/terminfo:/usr/share/terminfo:/usr/lib/terminfo",
    ]


def _from_dockerfile(layer: Layer, operation: ops.FromDockerfile, writer: _Writer) -> list[str]:
    source = read(operation.path)
    if isinstance(source, Diagnostic):
        writer.refused.append(source)
        return []
    writer.build_args |= operation.build_args or {}
    context = operation.context_dir or writer.image.root
    ignore = left_out(context, operation.path, operation.ignore)
    lines = _from_context(source.text.rstrip("\n").split("\n"), context, ignore, {}, writer)
    return [*lines, *_add_python(layer, operation.add_python, writer)]


# ---------------------------------------------------------------------------------------------- packages


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


def _private_repos(layer: Layer, operation: ops.PipInstallPrivateRepos, writer: _Writer) -> list[str]:
    urls = []
    for repository in operation.repositories:
        token = "$GITHUB_TOKEN" if repository.startswith("github.com/") else "$GITLAB_TOKEN"
        urls.append(f"git+https://{operation.git_user}:{token}@{repository}")
    lines = ["RUN apt-get update && apt-get install -y git"]
    return lines + [writer.run(layer, f'python3 -m pip install "{url}" {_options(operation)}'.strip()) for url in urls]


def _copy_uv(version: str | None) -> str:
    return f"COPY --from=ghcr.io/astral-sh/uv:{version or 'latest'} /uv /.uv/uv"


def _uv_pip_install(layer: Layer, operation: ops.UvPipInstall, writer: _Writer) -> list[str]:
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


def _placed(file: Path | ops.Requirements, place: str, writer: _Writer) -> list[str]:
    """A requirements file in the image. One that comes from a lock is written there, so that nothing else is needed."""
    if isinstance(file, Path):
        return [writer.copy(file, _literal(place))]
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


def _uv_sync(layer: Layer, operation: ops.UvSync, writer: _Writer) -> list[str]:
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


def _poetry(layer: Layer, operation: ops.PoetryInstallFromFile, writer: _Writer) -> list[str]:
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


def _micromamba_install(layer: Layer, operation: ops.MicromambaInstall, writer: _Writer) -> list[str]:
    if not operation.packages and operation.spec_file is None:
        return []
    packages = shlex.join(operation.packages)
    channels = "".join(f" -c {channel}" for channel in operation.channels)
    if operation.spec_file is None:
        return [writer.run(layer, f"micromamba install {packages}{channels} --yes")]
    remote = f"/{operation.spec_file.name}"
    file = f"{' ' if packages else ''}-f {remote} -n base"
    return [
        writer.copy(operation.spec_file, _literal(remote)),
        writer.run(layer, f"micromamba install {packages}{file}{channels} --yes"),
    ]


# --------------------------------------------------------------------------------------- files and lines


def _commands(operation: ops.DockerfileCommands, writer: _Writer) -> list[str]:
    writer.build_args |= operation.build_args or {}
    context = operation.context_dir or writer.image.root
    ignore = left_out(context, None, operation.ignore)
    return _from_context(operation.dockerfile_commands, context, ignore, operation.context_files or {}, writer)


def _from_context(
    lines: Sequence[str], context: Path, ignore: Sequence[str], given: Mapping[str, Path], writer: _Writer
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
            out[copy.line : copy.after] = _copied(copy, context, ignore, by_name, writer)
        else:
            writer.files += [
                ("", name, file) for name, file in of_context(out[copy.line : copy.after], context, ignore)
            ]
    return out


def _copied(
    copy: Copy, context: Path, ignore: Sequence[str], given: Mapping[str, Path], writer: _Writer
) -> Iterator[str]:
    ignored = matcher(ignore) if ignore else lambda path: False
    for source in copy.sources:
        if (path := given.get(name := source.lstrip("/"))) is not None:
            to = posixpath.join(copy.to, posixpath.basename(name)) if copy.to.endswith("/") else copy.to
            yield writer.copy(path, to, copy.method, copy.options)
            continue
        for path in named(source, context):
            if path.is_dir() and ignore:
                files = ((name, file) for name, file in in_folder(path) if not ignored(file.relative_to(context)))
                yield from _copy_files(files, copy.to, writer, copy.method, copy.options)
            elif not ignored(path.relative_to(context)):
                yield writer.copy(path, copy.to, copy.method, copy.options)


def _add_local_dir(operation: ops.AddLocalDir, writer: _Writer) -> list[str]:
    if not operation.ignore:
        return [writer.copy(operation.local_path, _literal(operation.remote_path.rstrip("/") + "/"))]
    return _copy_files(in_folder(operation.local_path, operation.ignore), _literal(operation.remote_path), writer)


def _add_module(name: str, ignore: tuple[str, ...] | None, writer: _Writer) -> list[str]:
    module = find_module(name, writer.image.root)
    if module is None:
        return []
    parts = name.split(".") if module.folder else name.split(".")[:-1]
    return _copy_files(of_module(module, ignore), "/".join(["/root", *parts]), writer)


def _copy_files(
    files: Iterable[tuple[str, Path]], remote: str, writer: _Writer, method: str = "COPY", options: Sequence[str] = ()
) -> list[str]:
    """A `COPY` for each folder that names its files: no engine's own way of leaving files out is needed."""
    by_folder: dict[tuple[str, str], list[str]] = {}
    for name, path in files:
        source, origin = writer.source(path)
        by_folder.setdefault((origin, name.rpartition("/")[0]), []).append(source)
    return [
        " ".join([method, *options, f"{origin}{_words(*sources, posixpath.join(remote, _literal(folder), ''))}"])
        for (origin, folder), sources in by_folder.items()
    ]
