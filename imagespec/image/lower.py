"""Spec -> Image: the sections in their best order and in canonical form, the steps exactly as written."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from imagespec.diagnostic import Route
from imagespec.image.bases import python_of
from imagespec.image.copies import copies
from imagespec.image.layers import Checks, Image, Layer, plain
from imagespec.image.requirements import Line, canonical, dependencies_of, lines_of
from imagespec.spec import operations as ops
from imagespec.spec import schema
from imagespec.spec.operations import AnyOperation
from imagespec.spec.parse import Parsed
from imagespec.spec.schema import Spec

Fields: TypeAlias = Mapping[str, Any]
"""Arguments of an operation, or the places where they were written, by field."""

ORDER: Mapping[str, str] = {
    "base": "everything stands on it",
    "apt": "a package that has no wheel is compiled with what apt brings",
    "conda": "it brings the Python that the Python packages are installed into",
    "python": "the most expensive layer: only what it needs comes before it",
    "env": "tuning a variable must not reinstall packages, and commands and functions see it",
    "workdir": "costs nothing, and commands run in it",
    "shell": "costs nothing, and commands run through it",
    "run": "commands use the packages and the variables",
    "function": "build functions use what the commands made",
    "steps": "whatever else, in the order written",
    "source, copied": "code changes most often: what comes after it is built again with every edit",
    "entrypoint": "costs nothing, and often names the copied code",
    "cmd": "costs nothing, and often names the copied code",
    "source, mounted": "no layer at all: Modal mounts the files when a container starts",
}
"""Section to the reason why it stands where it stands, in the order of the layers."""


def lower(parsed: Parsed) -> Image:
    """The image that a spec describes. Does not depend on the order of its keys."""
    spec = parsed.spec
    sections = {
        "base": _base(spec, parsed.tree.root),
        "apt": _apt(spec),
        "conda": _conda(spec),
        "python": _python(spec),
        "env": _env(spec),
        "workdir": _one(ops.Workdir, spec.workdir, "workdir", "path"),
        "shell": _one(ops.Shell, spec.shell, "shell", "shell_commands"),
        "run": _run(spec),
        "function": _functions(spec),
        "steps": _steps(spec, parsed.tree.root),
        "source, copied": _sources(spec, copied=True),
        "entrypoint": _one(ops.Entrypoint, spec.entrypoint, "entrypoint", "entrypoint_commands"),
        "cmd": _one(ops.Cmd, spec.cmd, "cmd", "cmd"),
        "source, mounted": _sources(spec, copied=False),
    }
    layers = tuple(layer for section in ORDER for layer in sections[section])
    told = python_of(layers[0].operation) if layers else ""
    return Image(
        name=parsed.name,
        layers=layers,
        root=parsed.tree.root,
        python=told or (spec.python and spec.python.version) or "",
        gpus=spec.gpus or (),
        apps=spec.apps or (),
        checks=Checks(
            imports=(spec.checks and spec.checks.imports) or (), commands=(spec.checks and spec.checks.commands) or ()
        ),
    )


def _layer(operation: type[AnyOperation], origin: Route, written: Fields, places: Fields | None = None) -> Layer:
    """A layer of what was written; what was not keeps Modal's default. A place may be a key below `origin`."""
    arguments = {name: plain(value) for name, value in written.items() if value is not None}
    absolute = {field: (*origin, at) if isinstance(at, str) else at for field, at in (places or {}).items()}
    return Layer(operation=operation(**arguments), origin=origin, places=absolute)


def _one(operation: type[AnyOperation], value: Any, section: str, field: str) -> Iterator[Layer]:
    """The layer of a section that is one value. An empty list takes the base's entrypoint or command away; there is no
    empty shell."""
    if value is not None and (value != () or section != "shell"):
        yield _layer(operation, (section,), {field: value}, {field: (section,)})


# ------------------------------------------------------------------------------------------------- base


def _base(spec: Spec, root: Path) -> Iterator[Layer]:
    if spec.base is None:
        return
    form, value = spec.base.chosen
    if value is None:  # a key without a value: the finding says so
        return
    origin: Route = ("base", form)
    written: Fields
    match value:
        case schema.DebianSlim() | schema.Micromamba():
            operation = ops.DebianSlim if isinstance(value, schema.DebianSlim) else ops.Micromamba
            written = {"python_version": value.python, "force_build": value.force_build}
            yield _layer(operation, origin, written, {"python_version": "python"})
        case schema.Registry():
            written = {
                "tag": value.image,
                "secret": value.secret,
                "setup_dockerfile_commands": value.setup,
                "add_python": value.add_python,
                "force_build": value.force_build,
            }
            yield _layer(
                _REGISTRIES[value.auth], origin, written, {"tag": "image", "setup_dockerfile_commands": "setup"}
            )
        case schema.Dockerfile():
            written = {
                "path": value.path,
                "context_dir": value.context or root,
                "ignore": value.ignore,
                "build_args": _sorted(value.build_args),
                "registry_secret": value.secret,
                "add_python": value.add_python,
                "env": _sorted(value.env),
                "secrets": value.secrets,
                "gpu": value.gpu,
                "force_build": value.force_build,
            }
            yield _layer(ops.FromDockerfile, origin, written, {"context_dir": "context", "registry_secret": "secret"})
        case _ if form == "scratch":
            yield _layer(ops.FromScratch, origin, {})
        case _ if form == "published":
            yield _layer(ops.FromName, origin, {"name": value}, {"name": origin})
        case _:
            yield _layer(ops.FromId, origin, {"image_id": value}, {"image_id": origin})


_REGISTRIES: Mapping[str | None, type[ops.FromRegistry]] = {
    None: ops.FromRegistry,
    "aws": ops.FromAwsEcr,
    "gcp": ops.FromGcpArtifactRegistry,
}

# --------------------------------------------------------------------------------------------- packages


def _apt(spec: Spec) -> Iterator[Layer]:
    names, places = _unique(spec.apt, ("apt",))
    if names:
        yield _layer(ops.AptInstall, ("apt",), {"packages": names}, {"packages": places})


def _conda(spec: Spec) -> Iterator[Layer]:
    conda = spec.conda
    if conda is None or not (conda.packages or conda.file):
        return
    names, places = _unique(conda.packages, ("conda", "packages"))
    written = {"packages": names, "spec_file": conda.file, "channels": conda.channels}
    yield _layer(ops.MicromambaInstall, ("conda",), written, {"packages": places, "spec_file": "file"})


def _python(spec: Spec) -> Iterator[Layer]:
    python = spec.python
    if python is None:
        return
    step: Fields = {"env": _sorted(python.env), "secrets": python.secrets, "gpu": python.gpu}
    index: Fields = {
        "find_links": python.find_links,
        "index_url": python.index_url,
        "extra_index_url": python.extra_index_url,
        "pre": python.prerelease or None,
        "extra_options": python.options,
    }
    named = {"pre": "prerelease", "extra_options": "options", "uv_version": "uv"}
    common = {field: ("python", named.get(field, field)) for field in (*step, *index, "uv_version")}
    if python.project is not None:
        yield _project(python.project, python, step, common)
    if python.poetry is not None:
        yield _poetry(python.poetry, step, common)
    yield from _packages(python, {**step, **index}, common)
    if python.private is not None:
        names, places = _unique(python.private.repositories, ("python", "private", "repositories"))
        written = {"repositories": names, "git_user": python.private.git_user, **step, **index}
        yield _layer(ops.PipInstallPrivateRepos, ("python", "private"), written, {**common, "repositories": places})


def _project(project: schema.Project, python: schema.Python, step: Fields, common: Fields) -> Layer:
    written = {
        "uv_project_dir": project.path,
        "groups": _names(project.groups),
        "extras": _names(project.extras),
        "frozen": project.frozen,
        "extra_options": python.options,
        "uv_version": python.uv,
        **step,
    }
    return _layer(ops.UvSync, ("python", "project"), written, {**common, "uv_project_dir": "path"})


def _poetry(poetry: schema.Poetry, step: Fields, common: Fields) -> Layer:
    written = {
        "poetry_pyproject_toml": poetry.path,
        "poetry_lockfile": poetry.lockfile,
        "ignore_lockfile": poetry.ignore_lockfile,
        "with_": _names(poetry.with_groups),
        "without": _names(poetry.without),
        "only": _names(poetry.only),
        "poetry_version": poetry.version,
        "old_installer": poetry.old_installer,
        **step,
    }
    places = {
        "poetry_pyproject_toml": "path",
        "poetry_lockfile": "lockfile",
        "with_": "with",
        "poetry_version": "version",
    }
    return _layer(ops.PoetryInstallFromFile, ("python", "poetry"), written, {**common, **places})


def _packages(python: schema.Python, options: Fields, common: Fields) -> Iterator[Layer]:
    """Packages from wherever they are named, in one layer: they are resolved together.

    A file that holds requirements only is read here, so that its name and its comments are nothing that a cache could
    see. One that holds options goes to the installer as it is.
    """
    lines = [Line(str(p), ("python", "packages", i)) for i, p in enumerate(python.packages or ())]
    files: list[tuple[Path, Route]] = []
    for i, path in enumerate(python.requirements or ()):
        at: Route = ("python", "requirements", i)
        read = lines_of(path)
        if read is None:
            files.append((path, at))
        else:
            lines += read
    if python.pyproject is not None:
        project, at = python.pyproject, ("python", "pyproject")
        read = None if python.installer == "pip" else dependencies_of(project.path, project.extras or (), at)
        if read is None:
            written = {"pyproject_toml": project.path, "optional_dependencies": _names(project.extras), **options}
            places = {**common, "pyproject_toml": "path", "optional_dependencies": "extras"}
            yield _layer(ops.PipInstallFromPyproject, at, written, places)
        else:
            lines += read
    unique = {canonical(line.text): line.place for line in reversed(lines)}
    packages = tuple(sorted(unique))
    places = {**common, "packages": [unique[p] for p in packages], "requirements": [at for _, at in files]}
    if python.installer == "pip":
        if packages:
            yield _layer(ops.PipInstall, ("python",), {"packages": packages, **options}, places)
        for path, at in files:
            written = {"requirements_txt": path, **options}
            yield _layer(ops.PipInstallFromRequirements, at, written, {**common, "requirements_txt": at})
    elif packages or files:
        written = {
            "packages": packages,
            "requirements": tuple(path for path, _ in files) or None,
            "uv_version": python.uv,
        }
        yield _layer(ops.UvPipInstall, ("python",), {**written, **options}, places)


def _names(names: Sequence[str] | None) -> tuple[str, ...] | None:
    return _unique(names, ())[0] if names else None


def _unique(items: Sequence[str] | None, route: Route) -> tuple[tuple[str, ...], list[Route]]:
    """Sorted, each once, and where each was written first."""
    first = {str(item): (*route, index) for index, item in reversed(list(enumerate(items or ())))}
    return tuple(sorted(first)), [first[item] for item in sorted(first)]


def _sorted(pairs: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    return dict(sorted(pairs.items())) if pairs else None


# ------------------------------------------------------------------------------------------ environment

_REFERENCE = re.compile(
    r"\\(?P<escaped>[\\$])|\$(?:(?P<bare>[A-Za-z_]\w*)|\{(?P<braced>[A-Za-z_]\w*)(?::(?P<unless>[-+])(?P<word>[^\\\"'${}]*))?\})"
)


def references(value: str) -> tuple[str, ...]:
    """The variables that a value of `env` refers to, unless `\\$` takes it literally: `$NAME`, `${NAME}`,
    `${NAME:-word}` and `${NAME:+word}`."""
    return tuple(m["bare"] or m["braced"] for m in _REFERENCE.finditer(value) if not m["escaped"])


def expand(value: str, variables: Mapping[str, str]) -> str:
    """A value of `env` with its references replaced, and its escapes taken off; an unknown variable is empty."""

    def replaced(match: re.Match[str]) -> str:
        if match["escaped"]:
            return str(match["escaped"])
        found = variables.get(match["bare"] or match["braced"], "")
        if match["unless"] is not None and bool(found) == (match["unless"] == "+"):
            return str(match["word"])
        return found

    return _REFERENCE.sub(replaced, value)


def _env(spec: Spec) -> Iterator[Layer]:
    """Plain values in one `.env`. Values with references as `ENV` lines, where the builder expands them, each after
    those that it refers to; a reference to itself means the value of the base."""
    if not spec.env:
        return
    variables = {str(k): str(v) for k, v in sorted(spec.env.items())}
    expanding = {name: value for name, value in variables.items() if references(value)}
    literal = {name: expand(value, {}) for name, value in variables.items() if name not in expanding}
    if literal:
        yield _layer(ops.Env, ("env",), {"vars": literal}, {"vars": ("env",)})
    if expanding:
        names = in_dependency_order(expanding)
        lines = tuple(f'ENV {name}="{_dockerfile_quoted(expanding[name])}"' for name in names)
        places = [("env", name) for name in names]
        yield _layer(ops.DockerfileCommands, ("env",), {"dockerfile_commands": lines}, {"dockerfile_commands": places})


def in_dependency_order(variables: Mapping[str, str]) -> list[str]:
    """Names such that each comes after those it refers to; those of a circle in the order of their names."""
    done: list[str] = []

    def visit(name: str, trail: tuple[str, ...]) -> None:
        if name in variables and name not in done and name not in trail:
            for other in references(variables[name]):
                visit(other, (*trail, name))
            done.append(name)

    for name in variables:
        visit(name, ())
    return done


def _dockerfile_quoted(value: str) -> str:
    """`value` for double quotes in a Dockerfile, its references still to be expanded there."""

    def literal(text: str) -> str:
        return text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")

    out, end = [], 0
    for match in _REFERENCE.finditer(value):
        out += [literal(value[end : match.start()]), literal(match["escaped"]) if match["escaped"] else match[0]]
        end = match.end()
    return "".join([*out, literal(value[end:])])


# ------------------------------------------------------------------------------------- commands and code


def _run(spec: Spec) -> Iterator[Layer]:
    run = spec.run
    if run is None or not run.commands:
        return
    written = {
        "commands": tuple(command.rstrip("\n") for command in run.commands),
        "env": _sorted(run.env),
        "secrets": run.secrets,
        "gpu": run.gpu,
        "volumes": _sorted(run.volumes),
    }
    yield _layer(ops.RunCommands, ("run",), written)


def _functions(spec: Spec) -> Iterator[Layer]:
    for index, function in enumerate(spec.function or ()):
        written: dict[str, Any] = {
            name: getattr(function, name) for name in type(function).model_fields if name != "call"
        }
        for pairs in ("env", "volumes", "network_file_systems", "kwargs"):
            written[pairs] = _sorted(written[pairs])
        written["raw_f"] = function.call
        yield _layer(ops.RunFunction, ("function", index), written, {"raw_f": "call"})


def _steps(spec: Spec, root: Path) -> Iterator[Layer]:
    for index, step in enumerate(spec.steps or ()):
        method, operation = step.chosen
        if operation is None:
            continue
        fields = {f.name: plain(getattr(operation, f.name)) for f in ops.fields_of(operation)}
        yield Layer(operation=_in_context(type(operation)(**fields), root), origin=("steps", index, method))


def _in_context(operation: AnyOperation, root: Path) -> AnyOperation:
    """Modal resolves `COPY` against the working directory of the build; here it is the root of the spec."""
    match operation:
        case ops.DockerfileCommands(context_dir=None, dockerfile_commands=lines) if copies(lines):
            return dataclasses.replace(operation, context_dir=root)
        case _:
            return operation


def _sources(spec: Spec, *, copied: bool) -> Iterator[Layer]:
    for index, source in enumerate(spec.source or ()):
        if bool(source.copy_) != copied:
            continue
        origin: Route = ("source", index)
        if source.package is not None:
            written: dict[str, Any] = {"modules": (source.package,), "copy": copied, "ignore": source.ignore}
            yield _layer(ops.AddLocalPythonSource, origin, written, {"modules": [(*origin, "package")]})
        elif source.file is not None:
            written = {"local_path": source.file, "remote_path": source.to, "copy": copied}
            yield _layer(ops.AddLocalFile, origin, written, {"local_path": "file", "remote_path": "to"})
        else:
            written = {"local_path": source.dir, "remote_path": source.to, "copy": copied, "ignore": source.ignore}
            yield _layer(ops.AddLocalDir, origin, written, {"local_path": "dir", "remote_path": "to"})
