"""The builder methods of `modal.Image`, a frozen dataclass each: what a step of a spec says, and what a layer does.

Fields carry the names and the defaults of Modal's own parameters (`tests/spec/test_operations.py` holds the two
against each other). Modal's objects stand here by name: a secret or a volume as its name, a function as
`"module:function"`, a local file as its absolute path. Where Modal's default is a marker of its own, ours is `None`:
not given.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeAlias, get_args

from pydantic import ConfigDict, Field, PlainValidator, StrictBool, StrictFloat, StrictInt, ValidationInfo
from pydantic_core import PydanticCustomError


class Text(str):
    """A string that knows the YAML file it was written in, so that a path can be resolved against that file's root."""

    __slots__ = ("file",)
    file: str


def _resolve(value: object, info: ValidationInfo) -> Path:
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "Input should be a valid string")
    path = Path(os.path.expanduser(value))
    return Path(info.context[value.file], path) if isinstance(value, Text) and info.context else path


LocalPath: TypeAlias = Annotated[Path, PlainValidator(_resolve, json_schema_input_type=str)]


@dataclass(frozen=True, slots=True)
class Requirements:
    """A requirements file that the compiler writes from a lock, wherever whoever installs it needs it.

    Its name is always the same, as Modal's cache sees the name of a file.
    """

    lines: tuple[str, ...]
    name: ClassVar[str] = "requirements.txt"

    @property
    def text(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)


RequirementsFile: TypeAlias = Annotated[Path | Requirements, PlainValidator(_resolve, json_schema_input_type=str)]
Strings: TypeAlias = tuple[str, ...]
Pairs: TypeAlias = Mapping[str, str]


def _doc(text: str) -> Any:
    return Field(description=text)


_Packages = Annotated[Strings, _doc("Requirements, for example `torch==2.5.1`.")]
_UvVersion = Annotated[str | None, _doc("Version of uv that installs; the newest where none is given.")]
_Copy = Annotated[
    StrictBool, _doc("Put the files into a layer of the image instead of mounting them when a container starts.")
]
_Ignore = Annotated[Strings | None, _doc("Patterns of files to leave out, as in a .dockerignore.")]
_RemotePath = Annotated[str, _doc("Absolute path in the container.")]
_ForceBuild = Annotated[StrictBool, _doc("Build this layer and those after it, even where Modal has them cached.")]
_PythonVersion = Annotated[str, _doc("Python series, for example `3.12`, or full version.")]
_AddPython = Annotated[str | None, _doc("Python series to add to an image that has none, for example `3.12`.")]
_BuildArgs = Annotated[Pairs | None, _doc("Values of the Dockerfile's `ARG`s.")]
_ContextDir = Annotated[
    LocalPath | None, _doc("Folder against which `COPY` resolves; by default the root of the spec.")
]
_BuildEnv = Annotated[Mapping[str, str | None] | None, _doc("Environment variables of this build step alone.")]
_Secrets = Annotated[Strings, _doc("Names of Modal secrets that this build step sees as environment variables.")]
_Gpu = Annotated[str | None, _doc("GPU of the machine that runs this build step, for example `T4`.")]
_Volumes = Annotated[Pairs | None, _doc("Modal volumes that this build step sees: path to volume name.")]
_Function = Annotated[str, _doc("A Python function as `module:function`, importable from the root of the spec.")]
_CallArgs = Annotated[tuple[Any, ...], _doc("Positional arguments of the function.")]
_CallKwargs = Annotated[Mapping[str, Any] | None, _doc("Keyword arguments of the function.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One call of a builder method.

    `method` is the method's name, `variadic` the field that Modal takes as `*args`, `shorthand` the field that a bare
    scalar or list in the YAML stands for.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", defer_build=True)
    method: ClassVar[str]
    variadic: ClassVar[str | None] = None
    shorthand: ClassVar[str | None] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Build(Operation):
    """What every method that runs something in the image takes."""

    env: _BuildEnv = None
    secrets: _Secrets = ()
    force_build: _ForceBuild = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOnGpu(Build):
    """A method that can run on a machine with a GPU."""

    gpu: _Gpu = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pip(BuildOnGpu):
    """What every method that runs `pip install` or `uv pip install` takes."""

    find_links: Annotated[str | None, _doc("Page or folder of package files, passed as `--find-links`.")] = None
    index_url: Annotated[str | None, _doc("Package index to use instead of the default one.")] = None
    extra_index_url: Annotated[str | None, _doc("Package index to use beside the default one.")] = None
    pre: Annotated[StrictBool, _doc("Allow pre-releases.")] = False
    extra_options: Annotated[str, _doc("Further options of the installer, passed to the shell as they are.")] = ""


# ------------------------------------------------------------------------------------------------ bases


@dataclass(frozen=True, slots=True, kw_only=True)
class DebianSlim(Operation):
    """The official Python image on Debian, with a compiler, pip and uv."""

    method = "debian_slim"
    shorthand = "python_version"
    python_version: _PythonVersion
    force_build: _ForceBuild = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Micromamba(Operation):
    """A base for conda packages."""

    method = "micromamba"
    shorthand = "python_version"
    python_version: _PythonVersion
    force_build: _ForceBuild = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FromRegistry(Operation):
    """An image of a container registry."""

    method = "from_registry"
    shorthand = "tag"
    tag: Annotated[str, _doc("Reference of the image, for example `ubuntu:24.04@sha256:…`.")]
    secret: Annotated[str | None, _doc("Name of the Modal secret that holds the registry's credentials.")] = None
    setup_dockerfile_commands: Annotated[Strings, _doc("Dockerfile lines that run right after `FROM`.")] = ()
    add_python: _AddPython = None
    force_build: _ForceBuild = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FromGcpArtifactRegistry(FromRegistry):
    """An image of Google's Artifact Registry, with a service account's key."""

    method = "from_gcp_artifact_registry"


@dataclass(frozen=True, slots=True, kw_only=True)
class FromAwsEcr(FromRegistry):
    """An image of Amazon's registry, with keys or a role."""

    method = "from_aws_ecr"


@dataclass(frozen=True, slots=True, kw_only=True)
class FromDockerfile(BuildOnGpu):
    """An image built from a Dockerfile."""

    method = "from_dockerfile"
    shorthand = "path"
    path: Annotated[LocalPath, _doc("The Dockerfile.")]
    context_dir: _ContextDir = None
    ignore: _Ignore = None
    build_args: _BuildArgs = None
    registry_secret: Annotated[str | None, _doc("Name of the Modal secret for the registry of its base image.")] = None
    add_python: _AddPython = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FromScratch(Operation):
    """An empty image."""

    method = "from_scratch"
    force_build: _ForceBuild = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FromName(Operation):
    """An image that was published on Modal under a name."""

    method = "from_name"
    shorthand = "name"
    name: Annotated[str, _doc("`name`, `name:tag` or `environment/name:tag`.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class FromId(Operation):
    """An image that was built on Modal, by its id."""

    method = "from_id"
    shorthand = "image_id"
    image_id: Annotated[str, _doc("`im-…`")]


# ------------------------------------------------------------------------------------------------ steps


@dataclass(frozen=True, slots=True, kw_only=True)
class AddLocalFile(Operation):
    """Add a file of this machine."""

    method = "add_local_file"
    local_path: Annotated[LocalPath, _doc("The file.")]
    remote_path: _RemotePath
    copy: _Copy = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AddLocalDir(Operation):
    """Add a folder of this machine."""

    method = "add_local_dir"
    local_path: Annotated[LocalPath, _doc("The folder.")]
    remote_path: _RemotePath
    copy: _Copy = False
    ignore: _Ignore = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddLocalPythonSource(Operation):
    """Add importable packages or modules to `/root`, their Python files only unless `ignore` says otherwise."""

    method = "add_local_python_source"
    variadic = "modules"
    shorthand = "modules"
    modules: Annotated[Strings, _doc("Names of modules, importable from the root of the spec.")]
    copy: _Copy = False
    ignore: _Ignore = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AptInstall(BuildOnGpu):
    """Install Debian packages."""

    method = "apt_install"
    variadic = "packages"
    shorthand = "packages"
    packages: Annotated[Strings, _doc("Names of packages, or `name=version`.")] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PipInstall(Pip):
    """Install packages with pip."""

    method = "pip_install"
    variadic = "packages"
    shorthand = "packages"
    packages: _Packages = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PipInstallPrivateRepos(Pip):
    """Install packages from private git repositories."""

    method = "pip_install_private_repos"
    variadic = "repositories"
    repositories: Annotated[Strings, _doc("`github.com/owner/name@commit` or the same of gitlab.com.")]
    git_user: Annotated[str, _doc("User to whom the token of the secret belongs.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class PipInstallFromRequirements(Pip):
    """Install a requirements file with pip."""

    method = "pip_install_from_requirements"
    shorthand = "requirements_txt"
    requirements_txt: Annotated[RequirementsFile, _doc("The requirements file.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class PipInstallFromPyproject(Pip):
    """Install the dependencies of a `pyproject.toml` with pip."""

    method = "pip_install_from_pyproject"
    shorthand = "pyproject_toml"
    pyproject_toml: Annotated[LocalPath, _doc("The `pyproject.toml`.")]
    optional_dependencies: Annotated[Strings, _doc("Extras to install too.")] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UvPipInstall(Pip):
    """Install packages with uv."""

    method = "uv_pip_install"
    variadic = "packages"
    shorthand = "packages"
    packages: _Packages = ()
    requirements: Annotated[tuple[RequirementsFile, ...] | None, _doc("Requirements files.")] = None
    uv_version: _UvVersion = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UvSync(BuildOnGpu):
    """Install the dependencies of a uv project into a virtual environment that comes first on `PATH`."""

    method = "uv_sync"
    shorthand = "uv_project_dir"
    uv_project_dir: Annotated[LocalPath, _doc("Folder that holds `pyproject.toml` and `uv.lock`.")]
    groups: Annotated[Strings | None, _doc("Dependency groups to install too.")] = None
    extras: Annotated[Strings | None, _doc("Extras to install too.")] = None
    frozen: Annotated[StrictBool, _doc("Install what `uv.lock` says without looking whether it is current.")] = True
    extra_options: Annotated[str, _doc("Further options of `uv sync`, passed to the shell as they are.")] = ""
    uv_version: _UvVersion = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PoetryInstallFromFile(BuildOnGpu):
    """Install the dependencies of a Poetry project."""

    method = "poetry_install_from_file"
    shorthand = "poetry_pyproject_toml"
    poetry_pyproject_toml: Annotated[LocalPath, _doc("The `pyproject.toml`.")]
    poetry_lockfile: Annotated[LocalPath | None, _doc("The lock file; `poetry.lock` beside it by default.")] = None
    ignore_lockfile: Annotated[StrictBool, _doc("Resolve anew, without the lock file.")] = False
    with_: Annotated[Strings, _doc("Optional dependency groups to install too.")] = ()
    without: Annotated[Strings, _doc("Dependency groups to leave out.")] = ()
    only: Annotated[Strings, _doc("Dependency groups to install alone.")] = ()
    poetry_version: Annotated[str | None, _doc("Version of Poetry; null where the image has it already.")] = "latest"
    old_installer: Annotated[StrictBool, _doc("Use Poetry's legacy installer.")] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MicromambaInstall(BuildOnGpu):
    """Install conda packages, on a micromamba base."""

    method = "micromamba_install"
    variadic = "packages"
    shorthand = "packages"
    packages: Annotated[Strings, _doc("Conda packages, for example `numpy=2.1.3`.")] = ()
    spec_file: Annotated[LocalPath | None, _doc("A file of conda packages.")] = None
    channels: Annotated[Strings, _doc("Channels to look in, for example `conda-forge`.")] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerfileCommands(BuildOnGpu):
    """Lines of a Dockerfile."""

    method = "dockerfile_commands"
    variadic = "dockerfile_commands"
    shorthand = "dockerfile_commands"
    dockerfile_commands: Annotated[Strings, _doc("The lines.")]
    context_files: Annotated[Mapping[str, LocalPath] | None, _doc("Path in the context to local file.")] = None
    context_dir: _ContextDir = None
    ignore: _Ignore = None
    build_args: _BuildArgs = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCommands(BuildOnGpu):
    """Run shell commands."""

    method = "run_commands"
    variadic = "commands"
    shorthand = "commands"
    commands: Annotated[Strings, _doc("The commands, each a `RUN` of its own.")] = ()
    volumes: _Volumes = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFunction(Build):
    """Run a Python function while the image is built."""

    method = "run_function"
    shorthand = "raw_f"
    raw_f: _Function
    volumes: _Volumes = None
    network_file_systems: Annotated[Pairs | None, _doc("Modal network file systems: path to name.")] = None
    gpu: Annotated[str | Strings | None, _doc("GPU, or GPUs in order of preference.")] = None
    cpu: Annotated[StrictFloat | StrictInt | None, _doc("CPU cores to ask for.")] = None
    memory: Annotated[StrictInt | None, _doc("Memory to ask for, in MiB.")] = None
    timeout: Annotated[StrictInt, _doc("Longest time that it may take, in seconds.")] = 3600
    cloud: Annotated[str | None, _doc("Cloud provider to run on.")] = None
    region: Annotated[str | Strings | None, _doc("Region or regions to run in.")] = None
    args: _CallArgs = ()
    kwargs: _CallKwargs = None
    include_source: Annotated[StrictBool, _doc("Add the source of the function's module to the builder.")] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Env(Operation):
    """Set environment variables of the image. Modal quotes the values, so `$NAME` stays as it is."""

    method = "env"
    shorthand = "vars"
    vars: Annotated[Pairs, _doc("Name to value.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workdir(Operation):
    """Set the working directory."""

    method = "workdir"
    shorthand = "path"
    path: Annotated[str, _doc("Path in the container.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell(Operation):
    """Set the shell that `RUN` uses."""

    method = "shell"
    shorthand = "shell_commands"
    shell_commands: Annotated[Strings, _doc("The shell and its options.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrypoint(Operation):
    """Set the program that every container starts with."""

    method = "entrypoint"
    shorthand = "entrypoint_commands"
    entrypoint_commands: Annotated[Strings, _doc("The program and its arguments.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cmd(Operation):
    """Set the default command of a sandbox."""

    method = "cmd"
    shorthand = "cmd"
    cmd: Annotated[Strings, _doc("The program and its arguments.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipe(Operation):
    """Hand the image to a Python function that returns it with more layers."""

    method = "pipe"
    shorthand = "func"
    func: _Function
    args: _CallArgs = ()
    kwargs: _CallKwargs = None


BaseOperation: TypeAlias = (
    DebianSlim
    | Micromamba
    | FromRegistry
    | FromGcpArtifactRegistry
    | FromAwsEcr
    | FromDockerfile
    | FromScratch
    | FromName
    | FromId
)
StepOperation: TypeAlias = (
    AddLocalFile
    | AddLocalDir
    | AddLocalPythonSource
    | AptInstall
    | PipInstall
    | PipInstallPrivateRepos
    | PipInstallFromRequirements
    | PipInstallFromPyproject
    | UvPipInstall
    | UvSync
    | PoetryInstallFromFile
    | MicromambaInstall
    | DockerfileCommands
    | RunCommands
    | RunFunction
    | Env
    | Workdir
    | Shell
    | Entrypoint
    | Cmd
    | Pipe
)
AnyOperation: TypeAlias = BaseOperation | StepOperation


STEPS: dict[str, type[Operation]] = {operation.method: operation for operation in get_args(StepOperation)}
"""Method name to operation, for every builder method that extends an image."""

BASES: dict[str, type[Operation]] = {operation.method: operation for operation in get_args(BaseOperation)}
"""Method name to operation, for every method that begins an image."""

_FIELDS = {operation: dataclasses.fields(operation) for operation in (*STEPS.values(), *BASES.values())}


def fields_of(operation: Operation) -> tuple[dataclasses.Field[Any], ...]:
    """The fields of an operation, in order."""
    return _FIELDS[type(operation)]
