"""The shape of a spec: what the user wrote, checked by pydantic. What was not written is `None`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StrictBool,
    StrictFloat,
    StrictInt,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from imagespec.diagnostic import Route
from imagespec.spec import operations as ops
from imagespec.spec.operations import LocalPath

Strings: TypeAlias = tuple[str, ...]
EnvMap: TypeAlias = Mapping[str, str]


def _doc(text: str, **more: Any) -> Any:
    return Field(default=None, description=text, **more)


class Section(BaseModel):
    """A map of the YAML."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Shortened(Section):
    """A map for which a bare scalar or list may stand: the value of the field that `shorthand` names."""

    shorthand: ClassVar[str]

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, value: Any) -> Any:
        return value if isinstance(value, dict) else {cls.shorthand: value}

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return with_shorthand(handler.resolve_ref_schema(handler(core)), cls.shorthand)


def with_shorthand(schema: JsonSchemaValue, field: str, variadic: str | None = None) -> JsonSchemaValue:
    """The JSON Schema of a map, or of the bare value that stands for one field of it."""
    own = schema["properties"][field]
    short = [{k: v for k, v in own.items() if k not in ("title", "default") or v is None}]
    if variadic is not None:
        short.append({"type": "string"})
    long = {k: v for k, v in schema.items() if k != "description"}
    return {"description": schema.get("description", ""), "anyOf": [*short, long]}


class OneOf(Section):
    """A map with exactly one key."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(self.model_fields_set) != 1:
            names = ", ".join(f"`{name}`" for name in type(self).model_fields if name in self.model_fields_set)
            raise PydanticCustomError("one_key", "one key is needed here, not {count}", {"count": names or "none"})
        return self

    @property
    def chosen(self) -> tuple[str, Any]:
        """The key and its value."""
        (name,) = self.model_fields_set
        return name, getattr(self, name)

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler.resolve_ref_schema(handler(core))
        return schema | {"minProperties": 1, "maxProperties": 1}


# ------------------------------------------------------------------------------------------------- base


class DebianSlim(Shortened):
    """The official Python image on Debian, with a compiler, pip and uv."""

    shorthand = "python"
    python: Annotated[str, Field(description='Python series such as `"3.12"`, or a full version. Quote it.')]
    force_build: StrictBool | None = _doc("Build even where Modal has it cached.")


class Micromamba(Shortened):
    """A base for conda packages."""

    shorthand = "python"
    python: Annotated[str, Field(description='Python series such as `"3.12"`, or a full version. Quote it.')]
    force_build: StrictBool | None = _doc("Build even where Modal has it cached.")


class Registry(Shortened):
    """An image of a container registry, for linux/amd64."""

    shorthand = "image"
    image: Annotated[str, Field(description="Reference such as `ubuntu:24.04@sha256:…`; the digest fixes it.")]
    add_python: str | None = _doc("Python series to add to an image that has none.")
    secret: str | None = _doc("Name of the Modal secret that holds the registry's credentials.")
    auth: Literal["aws", "gcp"] | None = _doc("Kind of credentials, where the secret's keys do not tell.")
    setup: Strings | None = _doc("Dockerfile lines that run right after `FROM`.")
    force_build: StrictBool | None = _doc("Build even where Modal has it cached.")


class Dockerfile(Shortened):
    """An image built from a Dockerfile."""

    shorthand = "path"
    path: Annotated[LocalPath, Field(description="The Dockerfile.")]
    context: LocalPath | None = _doc("Folder against which its `COPY` resolves; by default the root of the spec.")
    ignore: Strings | None = _doc("Patterns of files of the context to leave out; by default those of .dockerignore.")
    build_args: EnvMap | None = _doc("Values of its `ARG`s.")
    add_python: str | None = _doc("Python series to add to an image that has none.")
    secret: str | None = _doc("Name of the Modal secret that holds the credentials of its base's registry.")
    env: Mapping[str, str | None] | None = _doc("Environment variables of its build alone.")
    secrets: Strings | None = _doc("Names of Modal secrets that its build sees.")
    gpu: str | None = _doc("GPU of the machine that builds it.")
    force_build: StrictBool | None = _doc("Build even where Modal has it cached.")


class Base(OneOf):
    """What the image starts from: exactly one of these."""

    debian_slim: DebianSlim | None = _doc("The official Python image on Debian slim.")
    registry: Registry | None = _doc("An image of a container registry.")
    dockerfile: Dockerfile | None = _doc("An image built from a Dockerfile.")
    micromamba: Micromamba | None = _doc("A base for conda packages.")
    scratch: Literal[True] | None = _doc("An empty image.")
    published: str | None = _doc("An image published on Modal: `name:tag`.")
    id: str | None = _doc("An image built on Modal: `im-…`.")


# --------------------------------------------------------------------------------------------- sections


class Conda(Shortened):
    """Conda packages, on a micromamba base."""

    shorthand = "packages"
    packages: Strings | None = _doc("Conda packages, for example `numpy=2.1.3`.")
    channels: Strings | None = _doc("Channels to look in, in order of preference.")
    file: LocalPath | None = _doc("A file of conda packages.")


class Pyproject(Shortened):
    """The dependencies of a `pyproject.toml`."""

    shorthand = "path"
    path: Annotated[LocalPath, Field(description="The `pyproject.toml`.")]
    extras: Strings | None = _doc("Extras to install too.")


class Project(Shortened):
    """The dependencies of a uv project, as its `uv.lock` fixes them."""

    shorthand = "path"
    path: Annotated[LocalPath, Field(description="Folder that holds `pyproject.toml` and `uv.lock`.")]
    extras: Strings | None = _doc("Extras to install too.")
    groups: Strings | None = _doc("Dependency groups to install too.")
    frozen: StrictBool | None = _doc("False: let uv update the lock during the build.")


class Poetry(Shortened):
    """The dependencies of a Poetry project, as its `poetry.lock` fixes them."""

    shorthand = "path"
    path: Annotated[LocalPath, Field(description="The `pyproject.toml`.")]
    lockfile: LocalPath | None = _doc("The lock file; `poetry.lock` beside it by default.")
    ignore_lockfile: StrictBool | None = _doc("Resolve anew, without the lock file.")
    with_groups: Strings | None = _doc("Optional groups to install too.", alias="with")
    without: Strings | None = _doc("Groups to leave out.")
    only: Strings | None = _doc("Groups to install alone.")
    version: str | None = _doc("Version of Poetry that installs.")
    old_installer: StrictBool | None = _doc("Use Poetry's legacy installer.")


class Private(Section):
    """Packages of private git repositories; the token comes from `python.secrets`."""

    repositories: Annotated[Strings, Field(description="`github.com/owner/name@commit` or the same of gitlab.com.")]
    git_user: Annotated[str, Field(description="User to whom the token belongs.")]


class Python(Shortened):
    """Python packages."""

    shorthand = "packages"
    packages: Strings | None = _doc("Requirements, for example `torch==2.5.1`.")
    requirements: tuple[LocalPath, ...] | None = _doc("Requirements files.")
    pyproject: Pyproject | None = _doc("A `pyproject.toml` whose dependencies to install.")
    project: Project | None = _doc("A uv project whose locked dependencies to install.")
    poetry: Poetry | None = _doc("A Poetry project whose locked dependencies to install.")
    private: Private | None = _doc("Packages of private git repositories.")
    installer: Literal["uv", "pip"] | None = _doc("What installs; uv by default.")
    uv: str | None = _doc("Version of uv that installs; the newest where none is given.")
    version: str | None = _doc("Python of the image, `3.11`, where the name of its base does not tell.")
    index_url: str | None = _doc("Package index to use instead of the default one.")
    extra_index_url: str | None = _doc("Package index to use beside the default one.")
    find_links: str | None = _doc("Page or folder of package files.")
    prerelease: StrictBool | None = _doc("Allow pre-releases.")
    options: str | None = _doc("Further options of the installer, passed to the shell as they are.")
    env: Mapping[str, str | None] | None = _doc("Environment variables of the installation alone.")
    secrets: Strings | None = _doc("Names of Modal secrets that the installation sees.")
    gpu: str | None = _doc("GPU of the machine that installs.")


class Run(Shortened):
    """Shell commands."""

    shorthand = "commands"
    commands: Strings | None = _doc("The commands, in order, each a `RUN` of its own.")
    env: Mapping[str, str | None] | None = _doc("Environment variables of these commands alone.")
    secrets: Strings | None = _doc("Names of Modal secrets that the commands see.")
    gpu: str | None = _doc("GPU of the machine that runs them.")
    volumes: EnvMap | None = _doc("Modal volumes that the commands see: path to volume name.")


class Function(Shortened):
    """A Python function that runs while the image is built."""

    shorthand = "call"
    call: Annotated[str, Field(description="The function as `module:function`, importable from the root.")]
    args: tuple[Any, ...] | None = _doc("Its positional arguments.")
    kwargs: Mapping[str, Any] | None = _doc("Its keyword arguments.")
    env: Mapping[str, str | None] | None = _doc("Environment variables of this step alone.")
    secrets: Strings | None = _doc("Names of Modal secrets that it sees.")
    volumes: EnvMap | None = _doc("Modal volumes that it sees: path to volume name.")
    network_file_systems: EnvMap | None = _doc("Modal network file systems that it sees: path to name.")
    gpu: str | Strings | None = _doc("GPU, or GPUs in order of preference.")
    cpu: StrictFloat | StrictInt | None = _doc("CPU cores to ask for.")
    memory: StrictInt | None = _doc("Memory to ask for, in MiB.")
    timeout: StrictInt | None = _doc("Longest time that it may take, in seconds.")
    cloud: str | None = _doc("Cloud provider to run on.")
    region: str | Strings | None = _doc("Region or regions to run in.")
    include_source: StrictBool | None = _doc("False: do not add the source of the function's module.")


class Source(Section):
    """Code or data of this machine: exactly one of `package`, `file` and `dir`."""

    package: str | None = _doc("An importable package or module; lands in `/root`.")
    file: LocalPath | None = _doc("A file.")
    dir: LocalPath | None = _doc("A folder.")
    to: str | None = _doc("Absolute path in the container, for `file` and `dir`.")
    ignore: Strings | None = _doc("Patterns of files to leave out, for `dir` and `package`.")
    copy_: StrictBool | None = _doc("Put it into a layer of the image instead of mounting it at start.", alias="copy")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = [kind for kind in ("package", "file", "dir") if getattr(self, kind) is not None]
        if len(kinds) != 1:
            what = " and ".join(f"`{kind}`" for kind in kinds) or "none"
            raise PydanticCustomError(
                "one_source", "one of `package`, `file` and `dir` is needed, not {what}", {"what": what}
            )
        if kinds == ["package"] and self.to is not None:
            raise PydanticCustomError("package_to", "a package always lands in `/root`: remove `to`, or use `dir`")
        if kinds != ["package"] and self.to is None:
            raise PydanticCustomError("source_to", "`to` is missing: where in the container does it go?")
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        kinds: dict[str, list[str]] = {"package": [], "file": ["to"], "dir": ["to"]}
        one = [
            {"required": [kind, *needed], "properties": {k: False for k in (*kinds, "to") if k not in (kind, *needed)}}
            for kind, needed in kinds.items()
        ]
        return handler.resolve_ref_schema(handler(core)) | {"oneOf": one}


class Checks(Section):
    """What must hold in the built image; `build` runs it there."""

    imports: Strings | None = _doc("Modules that must import.")
    commands: Strings | None = _doc("Shell commands that must succeed.")


class Step(OneOf):
    """One builder method of `modal.Image`, with its own argument names."""

    @model_validator(mode="before")
    @classmethod
    def _expand_methods(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: _expand_method(ops.STEPS.get(name), given) for name, given in value.items()}

    add_local_file: ops.AddLocalFile | None = None
    add_local_dir: ops.AddLocalDir | None = None
    add_local_python_source: ops.AddLocalPythonSource | None = None
    apt_install: ops.AptInstall | None = None
    pip_install: ops.PipInstall | None = None
    pip_install_private_repos: ops.PipInstallPrivateRepos | None = None
    pip_install_from_requirements: ops.PipInstallFromRequirements | None = None
    pip_install_from_pyproject: ops.PipInstallFromPyproject | None = None
    uv_pip_install: ops.UvPipInstall | None = None
    uv_sync: ops.UvSync | None = None
    poetry_install_from_file: ops.PoetryInstallFromFile | None = None
    micromamba_install: ops.MicromambaInstall | None = None
    dockerfile_commands: ops.DockerfileCommands | None = None
    run_commands: ops.RunCommands | None = None
    run_function: ops.RunFunction | None = None
    env: ops.Env | None = None
    workdir: ops.Workdir | None = None
    shell: ops.Shell | None = None
    entrypoint: ops.Entrypoint | None = None
    cmd: ops.Cmd | None = None
    pipe: ops.Pipe | None = None


def _expand_method(operation: type[ops.Operation] | None, given: Any) -> Any:
    """A bare value as the argument that it stands for; the map of `env` is the variables."""
    if operation is None or operation.shorthand is None:
        return given
    if operation is ops.Env:
        return {"vars": given}
    if isinstance(given, dict):
        return given
    if operation.variadic is not None and not isinstance(given, list):
        given = [given]
    return {operation.shorthand: given}


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, dict | str) else value


class Spec(Section):
    """A container image."""

    extends: tuple[LocalPath, ...] | None = _doc("A spec to start from, or several; later ones override earlier ones.")
    root: LocalPath | None = _doc("Folder against which local paths resolve; by default the spec's own.")
    description: str | None = _doc("What the image is for.")
    base: Base | None = _doc("What the image starts from.")
    apt: Strings | None = _doc("Debian packages, `name` or `name=version`.")
    conda: Conda | None = _doc("Conda packages.")
    python: Python | None = _doc("Python packages.")
    run: Run | None = _doc("Shell commands.")
    env: EnvMap | None = _doc("Environment variables of `run` and of the functions; `$NAME` expands.")
    workdir: str | None = _doc("Working directory.")
    shell: Strings | None = _doc("Shell that `RUN` uses.")
    entrypoint: Strings | None = _doc("Program that every container starts with; `[]` for none.")
    cmd: Strings | None = _doc("Default command of a sandbox; `[]` for none.")
    source: tuple[Source, ...] | None = _doc("Code and data of this machine.")
    function: Annotated[tuple[Function, ...] | None, BeforeValidator(_listed)] = _doc(
        "A Python function that runs while the image is built, or several."
    )
    steps: tuple[Step, ...] | None = _doc("Builder methods of `modal.Image`, sent exactly as written.")
    gpus: Strings | None = _doc("GPUs that the functions will ask for.")
    apps: tuple[LocalPath, ...] | None = _doc("Modal apps that run on this image.")
    checks: Checks | None = _doc("What must hold in the built image.")


@cache
def json_schema() -> dict[str, Any]:
    """The JSON Schema of a spec, for editors and for naming the keys that a place knows."""
    schema = Spec.model_json_schema(by_alias=True)
    for name, operation in ops.STEPS.items():
        defined = schema["$defs"][operation.__name__]
        defined.setdefault("description", inspect.getdoc(operation))  # which pydantic leaves out before 2.11
        schema["$defs"]["Step"]["properties"][name] = {"$ref": f"#/$defs/{operation.__name__}"}
        if operation is ops.Env:
            schema["$defs"][operation.__name__] = defined["properties"]["vars"] | {
                "description": defined["description"]
            }
        elif operation.shorthand is not None:
            schema["$defs"][operation.__name__] = with_shorthand(defined, operation.shorthand, operation.variadic)
    extends = schema["properties"]["extends"]
    extends["anyOf"] = [{"type": "string"}, *extends["anyOf"]]
    schema["properties"]["function"]["anyOf"].insert(0, {"$ref": "#/$defs/Function"})
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_without_null(schema)}


def keys_at(route: Route) -> list[str]:
    """The keys that the map at `route` may have."""
    schema = json_schema()
    places = [schema]
    for step in (*route, None):
        flat: list[dict[str, Any]] = []
        while places:
            place = places.pop()
            if "$ref" in place:
                places.append(schema["$defs"][place["$ref"].rpartition("/")[2]])
            places += place.get("anyOf", ())
            flat.append(place)
        if step is None:
            break
        key = "items" if isinstance(step, int) else "properties"
        places = [
            p[key] if key == "items" else p[key][step] for p in flat if key in p and (key == "items" or step in p[key])
        ]
    return [name for place in flat for name in place.get("properties", ())]


_NOISE = (("format", "path"), ("additionalProperties", True))
"""What some versions of pydantic write and others do not, and no editor needs."""


def _without_null(schema: Any) -> Any:
    """A key that is not wanted is left out, never null, but for the few that give null a meaning."""
    if isinstance(schema, list):
        return [_without_null(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {
        k: _without_null(v) for k, v in schema.items() if (k, v) not in _NOISE and (k != "title" or isinstance(v, dict))
    }
    if schema.get("default", 0) is None:
        del schema["default"]
        kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
        if len(kinds) == 1:
            del schema["anyOf"]
            schema = kinds[0] | schema
        elif kinds:
            schema["anyOf"] = kinds
    return schema
