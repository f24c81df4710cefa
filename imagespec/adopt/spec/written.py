"""An operation -> how a spec says it: as `base`, as a section, or as a step."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from imagespec.image.copies import copies
from imagespec.image.lower import expand, references
from imagespec.spec import operations as ops
from imagespec.spec.operations import AnyOperation

Yaml: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class Said:
    """A key of a spec and its value. `stage` is where lowering puts it, counted from the base."""

    key: str
    value: Yaml
    stage: int


BEFORE_STEPS = ("apt", "conda", "python", "env", "workdir", "shell", "run", "function")
AFTER_STEPS = ("source, copied", "entrypoint", "cmd", "source, mounted")
STAGES = (*BEFORE_STEPS, "steps", *AFTER_STEPS)

_INSTALL = {
    "index_url": "index_url",
    "extra_index_url": "extra_index_url",
    "find_links": "find_links",
    "pre": "prerelease",
    "extra_options": "options",
    "env": "env",
    "secrets": "secrets",
    "gpu": "gpu",
    "uv_version": "uv",
}
_BUILD = {"env": "env", "secrets": "secrets", "gpu": "gpu"}
_REGISTRY = {"tag": "image", "setup_dockerfile_commands": "setup", "add_python": "add_python", "secret": "secret"}
_DOCKERFILE = {name: name for name in ("path", "ignore", "build_args", "add_python", "env", "secrets", "gpu")}
_DOCKERFILE |= {"context_dir": "context", "registry_secret": "secret"}
_FORCED = {"force_build": "force_build"}


def plain(value: Any, root: Path) -> Yaml:
    """A value as YAML has it: paths relative to the root, tuples as lists."""
    match value:
        case Path():
            text = Path(os.path.relpath(value, root)).as_posix()
            return f"./{text}" if text.startswith("~") else text
        case tuple() | list():
            return [plain(item, root) for item in value]
        case Mapping():
            return {key: plain(item, root) for key, item in value.items()}
        case _:
            return value


def given(operation: AnyOperation) -> dict[str, Any]:
    """The arguments that are not Modal's defaults, what the method itself takes first."""
    own = type(operation).__annotations__
    every = sorted(ops.fields_of(operation), key=lambda field: field.name not in own)
    values = ((field, getattr(operation, field.name)) for field in every)
    return {f.name: value for f, value in values if f.default is dataclasses.MISSING or value != f.default}


def base(operation: AnyOperation, root: Path) -> Yaml:
    """The value of `base`."""
    match operation:
        case ops.DebianSlim() | ops.Micromamba():
            return {
                operation.method: _short(_renamed(operation, {"python_version": "python"} | _FORCED, root), "python")
            }
        case ops.FromRegistry():
            found = _renamed(operation, _REGISTRY | _FORCED, root)
            auth = {ops.FromAwsEcr: "aws", ops.FromGcpArtifactRegistry: "gcp"}.get(type(operation))
            return {"registry": _short(found | ({"auth": auth} if auth else {}), "image")}
        case ops.FromDockerfile(context_dir=context):
            found = _renamed(operation, _DOCKERFILE | _FORCED, root)
            if context is not None and Path(os.path.normpath(context)) == root:
                found.pop("context")
            return {"dockerfile": _short(found, "path")}
        case ops.FromScratch():
            return {"scratch": True}
        case ops.FromName(name=name):
            return {"published": name}
        case ops.FromId(image_id=image_id):
            return {"id": image_id}
        case _:
            raise AssertionError(f"`{operation.method}` begins no image")


def step(operation: AnyOperation, root: Path) -> Yaml:
    """An item of `steps`."""
    values = given(operation)
    match operation:
        case ops.Env(vars=variables):
            return {"env": dict(variables)}
        case ops.DockerfileCommands(context_dir=Path() as context, dockerfile_commands=lines):
            if copies(lines) and Path(os.path.normpath(context)) == root:
                del values["context_dir"]
    if operation.shorthand is not None and set(values) == {operation.shorthand}:
        value = plain(values[operation.shorthand], root)
        return {operation.method: value}
    return {operation.method: plain(values, root)}


def section(operation: AnyOperation, root: Path) -> Said | None:
    """A section that says the operation, where there is one that has a word for all that is given."""
    values = given(operation)
    match operation:
        case ops.AptInstall(packages=packages) if set(values) == {"packages"}:
            return _said("apt", list(packages))
        case ops.MicromambaInstall():
            found = _renamed(operation, {"packages": "packages", "channels": "channels", "spec_file": "file"}, root)
            return _said("conda", found and _short(found, "packages"))
        case (
            ops.UvPipInstall()
            | ops.PipInstall()
            | ops.PipInstallFromRequirements()
            | ops.PipInstallFromPyproject()
            | ops.UvSync()
            | ops.PoetryInstallFromFile()
            | ops.PipInstallPrivateRepos()
        ):
            return _said("python", _python(operation, root))
        case ops.Env(vars=variables):
            return _said("env", {name: _escaped(value) for name, value in variables.items()})
        case ops.Workdir(path=path):
            return _said("workdir", path)
        case ops.Shell(shell_commands=words):
            return _said("shell", list(words))
        case ops.Entrypoint(entrypoint_commands=words):
            return _said("entrypoint", list(words))
        case ops.Cmd(cmd=words):
            return _said("cmd", list(words))
        case ops.RunCommands():
            found = _renamed(operation, {"commands": "commands", "volumes": "volumes"} | _BUILD, root)
            return _said("run", found and _short(found, "commands"))
        case ops.RunFunction():
            names = {f.name: f.name for f in ops.fields_of(operation) if f.name != "force_build"} | {"raw_f": "call"}
            found = _renamed(operation, names, root)
            return _said("function", found and [found])
        case ops.AddLocalPythonSource(modules=(name,)) | ops.AddLocalPythonSource(modules=[name]):
            return _source({"package": name}, operation)
        case ops.AddLocalFile(local_path=path, remote_path=to):
            return _source({"file": plain(path, root), "to": to}, operation)
        case ops.AddLocalDir(local_path=path, remote_path=to):
            return _source({"dir": plain(path, root), "to": to}, operation)
        case _:
            return None


def _said(key: str, value: Yaml, stage: str = "") -> Said | None:
    return None if value is None else Said(key, value, STAGES.index(stage or key))


def _source(
    found: dict[str, Yaml], operation: ops.AddLocalFile | ops.AddLocalDir | ops.AddLocalPythonSource
) -> Said | None:
    if not isinstance(operation, ops.AddLocalFile) and operation.ignore is not None:
        found["ignore"] = list(operation.ignore)
    if operation.copy:
        found["copy"] = True
    return _said("source", [found], f"source, {'copied' if operation.copy else 'mounted'}")


def _renamed(operation: AnyOperation, names: Mapping[str, str], root: Path) -> dict[str, Yaml] | Any:
    """What is given, by the names of the section; nothing where it has no name for some of it."""
    values = given(operation)
    if any(name not in names for name in values):
        return None
    return {names[name]: plain(value, root) for name, value in values.items()}


def _short(found: dict[str, Yaml], name: str) -> Yaml:
    """A map of one key, as the value alone that may stand for it."""
    return found[name] if set(found) == {name} else found


_OWN: Mapping[type[ops.Operation], Mapping[str, str]] = {
    ops.UvPipInstall: {"packages": "packages", "requirements": "requirements"},
    ops.PipInstall: {"packages": "packages"},
    ops.PipInstallFromRequirements: {"requirements_txt": "requirements"},
    ops.PipInstallFromPyproject: {"pyproject_toml": "path", "optional_dependencies": "extras"},
    ops.UvSync: {"uv_project_dir": "path", "groups": "groups", "extras": "extras", "frozen": "frozen"},
    ops.PoetryInstallFromFile: {
        "poetry_pyproject_toml": "path",
        "poetry_lockfile": "lockfile",
        "ignore_lockfile": "ignore_lockfile",
        "with_": "with",
        "without": "without",
        "only": "only",
        "poetry_version": "version",
        "old_installer": "old_installer",
    },
    ops.PipInstallPrivateRepos: {"repositories": "repositories", "git_user": "git_user"},
}
"""What only some installs take, by the names of the section."""


def _python(operation: AnyOperation, root: Path) -> Yaml:
    own, values = _OWN[type(operation)], given(operation)
    if any(name not in own and name not in _INSTALL for name in values):
        return None
    inner = {own[name]: plain(value, root) for name, value in values.items() if name in own}
    more = {_INSTALL[name]: plain(value, root) for name, value in values.items() if name not in own}
    match operation:
        case ops.PipInstall():
            inner = {"installer": "pip", **inner}
        case ops.PipInstallFromRequirements():
            inner = {"installer": "pip", "requirements": [inner["requirements"]]}
        case ops.PipInstallFromPyproject():
            inner = {"installer": "pip", "pyproject": _short(inner, "path")}
        case ops.UvSync():
            inner = {"project": _short(inner, "path")}
        case ops.PoetryInstallFromFile():
            inner = {"poetry": _short(inner, "path")}
        case ops.PipInstallPrivateRepos():
            inner = {"private": inner}
    return _short(inner | more, "packages")


def _escaped(value: str) -> str:
    """A value of the section `env` that stands for this text: there, `$NAME` would be expanded."""
    if not references(value) and expand(value, {}) == value:
        return value
    return value.replace("\\", "\\\\").replace("$", "\\$")
