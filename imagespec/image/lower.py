"""Spec -> Image: the sections in their best order and in canonical form, the steps exactly as written."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from imagespec.diagnostic import Route
from imagespec.image.layers import Checks, Image, Layer, Place, plain
from imagespec.image.requirements import Line, dependencies_of, lines_of
from imagespec.spec import operations as ops
from imagespec.spec import schema
from imagespec.spec.parse import Parsed
from imagespec.spec.schema import Spec

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
        "base": _base(spec),
        "apt": _apt(spec),
        "conda": _conda(spec),
        "python": _python(spec),
        "env": _env(spec),
        "workdir": _one(ops.Workdir, spec.workdir, "workdir", "path"),
        "shell": _one(ops.Shell, spec.shell, "shell", "shell_commands"),
        "run": _run(spec),
        "function": _functions(spec),
        "steps": _steps(spec),
        "source, copied": _sources(spec, copied=True),
        "entrypoint": _one(ops.Entrypoint, spec.entrypoint, "entrypoint", "entrypoint_commands"),
        "cmd": _one(ops.Cmd, spec.cmd, "cmd", "cmd"),
        "source, mounted": _sources(spec, copied=False),
    }
    return Image(
        name=parsed.name,
        layers=tuple(layer for section in ORDER for layer in sections[section]),
        root=parsed.tree.root,
        gpus=spec.gpus or (),
        apps=spec.apps or (),
        checks=Checks(
            imports=(spec.checks and spec.checks.imports) or (), commands=(spec.checks and spec.checks.commands) or ()
        ),
    )


def _layer(
    operation: type[ops.Operation], origin: Route, written: Mapping[str, Any], places: Mapping[str, str] | None = None, **more: Any
) -> Layer:
    """A layer of what was written; what was not keeps Modal's default. `places` maps fields to the spec's keys."""
    arguments = {name: plain(value) for name, value in written.items() if value is not None}
    return Layer(
        operation=operation(**arguments),  # type: ignore[arg-type]
        origin=origin,
        places={field: (*origin, key) for field, key in (places or {}).items()} | more,
    )


def _one(operation: type[ops.Operation], value: Any, section: str, field: str) -> Iterator[Layer]:
    if value:
        yield Layer(operation=operation(**{field: plain(value)}), origin=(section,), places={field: (section,)})  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------- base


def _base(spec: Spec) -> Iterator[Layer]:
    if spec.base is None:
        return
    form, value = spec.base.chosen
    origin: Route = ("base", form)
    match value:
        case schema.DebianSlim() | schema.Micromamba():
            operation = ops.DebianSlim if form == "debian_slim" else ops.Micromamba
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
            places = {"tag": "image", "setup_dockerfile_commands": "setup"}
            yield _layer(_REGISTRIES[value.auth], origin, written, places)
        case schema.Dockerfile():
            written = {
                "path": value.path,
                "context_dir": value.context,
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
            yield Layer(operation=ops.FromScratch(), origin=origin)
        case _ if form == "published":
            yield Layer(operation=ops.FromName(name=plain(value)), origin=origin, places={"name": origin})
        case _:
            yield Layer(operation=ops.FromId(image_id=plain(value)), origin=origin, places={"image_id": origin})


_REGISTRIES: Mapping[str | None, type[ops.FromRegistry]] = {
    None: ops.FromRegistry,
    "aws": ops.FromAwsEcr,
    "gcp": ops.FromGcpArtifactRegistry,
}

# --------------------------------------------------------------------------------------------- packages


def _apt(spec: Spec) -> Iterator[Layer]:
    packages = sorted({str(p): i for i, p in reversed(list(enumerate(spec.apt or ())))}.items())
    if packages:
        yield Layer(
            operation=ops.AptInstall(packages=tuple(name for name, _ in packages)),
            origin=("apt",),
            places={"packages": tuple(("apt", i) for _, i in packages)},
        )


def _conda(spec: Spec) -> Iterator[Layer]:
    if spec.conda is None or not (spec.conda.packages or spec.conda.file):
        return
    packages = sorted({str(p): i for i, p in reversed(list(enumerate(spec.conda.packages or ())))}.items())
    yield Layer(
        operation=ops.MicromambaInstall(
            packages=tuple(name for name, _ in packages),
            spec_file=spec.conda.file,
            channels=plain(spec.conda.channels or ()),
        ),
        origin=("conda",),
        places={"packages": tuple(("conda", "packages", i) for _, i in packages), "spec_file": ("conda", "file")},
    )


def _python(spec: Spec) -> Iterator[Layer]:
    python = spec.python
    if python is None:
        return
    step = {"env": _sorted(python.env), "secrets": python.secrets, "gpu": python.gpu}
    index = {
        "find_links": python.find_links,
        "index_url": python.index_url,
        "extra_index_url": python.extra_index_url,
        "pre": python.prerelease or None,
        "extra_options": python.options,
    }
    named = {"pre": "prerelease", "extra_options": "options", "uv_version": "uv"}
    common = {field: ("python", named.get(field, field)) for field in (*step, *index, "uv_version")}
    if python.project is not None:
        project = python.project
        written = {
            "uv_project_dir": project.path,
            "groups": _names(project.groups),
            "extras": _names(project.extras),
            "frozen": project.frozen,
            "extra_options": python.options,
            "uv_version": python.uv,
        }
        origin: Route = ("python", "project")
        yield _layer(ops.UvSync, origin, written | step, {"uv_project_dir": "path"}, **common)
    if python.poetry is not None:
        poetry = python.poetry
        written = {
            "poetry_pyproject_toml": poetry.path,
            "poetry_lockfile": poetry.lockfile,
            "ignore_lockfile": poetry.ignore_lockfile,
            "with_": _names(poetry.with_groups),
            "without": _names(poetry.without),
            "only": _names(poetry.only),
            "poetry_version": poetry.version,
            "old_installer": poetry.old_installer,
        }
        places = {"poetry_pyproject_toml": "path", "poetry_lockfile": "lockfile", "with_": "with", "poetry_version": "version"}
        yield _layer(ops.PoetryInstallFromFile, ("python", "poetry"), written | step, places, **common)
    yield from _packages(python, step | index, common)
    if python.private is not None:
        written = {"repositories": tuple(sorted(python.private.repositories)), "git_user": python.private.git_user}
        order = sorted(range(len(python.private.repositories)), key=lambda i: python.private.repositories[i])  # type: ignore[union-attr]
        repositories = tuple(("python", "private", "repositories", i) for i in order)
        origin = ("python", "private")
        yield _layer(ops.PipInstallPrivateRepos, origin, written | step | index, repositories=repositories, **common)


def _packages(python: schema.Python, options: Mapping[str, Any], places: Mapping[str, Place]) -> Iterator[Layer]:
    """Packages from wherever they are named, in one layer: they are resolved together.

    A file that holds requirements only is read here, so that its name and its comments are nothing that a cache could
    see. One that holds options goes to the installer as it is.
    """
    lines = [Line(str(p), ("python", "packages", i)) for i, p in enumerate(python.packages or ())]
    files: list[tuple[Path, Route]] = []
    for i, path in enumerate(python.requirements or ()):
        place = ("python", "requirements", i)
        read = lines_of(path)
        if read is None:
            files.append((path, place))
        else:
            lines += read
    if python.pyproject is not None:
        place = ("python", "pyproject")
        read = dependencies_of(python.pyproject.path, python.pyproject.extras or (), place)
        if read is None or python.installer == "pip":
            yield _layer(
                ops.PipInstallFromPyproject,
                place,
                {"pyproject_toml": python.pyproject.path, "optional_dependencies": _names(python.pyproject.extras)} | options,
                {"pyproject_toml": "path", "optional_dependencies": "extras"},
                **places,
            )
        else:
            lines += read
    unique = {canonical(line.text): line.place for line in reversed(lines)}
    packages = tuple(sorted(unique))
    by_place = {"packages": tuple(unique[p] for p in packages)}
    if python.installer == "pip":
        if packages:
            yield _layer(ops.PipInstall, ("python",), {"packages": packages} | options, **places | by_place)
        for path, place in files:
            yield _layer(ops.PipInstallFromRequirements, place, {"requirements_txt": path} | options, **places, requirements_txt=place)
    elif packages or files:
        written = {"packages": packages, "requirements": tuple(path for path, _ in files) or None, "uv_version": python.uv}
        by_place["requirements"] = tuple(place for _, place in files)
        yield _layer(ops.UvPipInstall, ("python",), written | options, **places | by_place)


@lru_cache(maxsize=4096)
def canonical(text: str) -> str:
    """A requirement in one spelling: `Pillow == 11.0.0` and `pillow==11.0.0` are the same. Others stay as they are."""
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return text
    requirement.name = canonicalize_name(requirement.name)
    return str(requirement)


def _names(names: Sequence[str] | None) -> tuple[str, ...] | None:
    return tuple(sorted({str(name) for name in names})) if names else None


def _sorted(pairs: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    return dict(sorted(pairs.items())) if pairs else None


# ------------------------------------------------------------------------------------------ environment

_REFERENCE = re.compile(r"\\(?P<escaped>[\\$])|\$(?:(?P<bare>[A-Za-z_]\w*)|\{(?P<braced>[A-Za-z_]\w*)\})")


def references(value: str) -> tuple[str, ...]:
    """The variables that a value of `env` refers to: `$NAME` or `${NAME}`, unless `\\$` takes it literally."""
    return tuple(m["bare"] or m["braced"] for m in _REFERENCE.finditer(value) if not m["escaped"])


def expand(value: str, variables: Mapping[str, str]) -> str:
    """A value of `env` with its references replaced, and its escapes taken off; an unknown variable is empty."""
    return _REFERENCE.sub(lambda m: m["escaped"] or variables.get(m["bare"] or m["braced"], ""), value)


def _env(spec: Spec) -> Iterator[Layer]:
    """Plain values in one `.env`. Values with references as `ENV` lines, where the builder expands them, each after
    those that it refers to; a reference to itself means the value of the base."""
    if not spec.env:
        return
    variables = {str(k): str(v) for k, v in sorted(spec.env.items())}
    expanding = {name: value for name, value in variables.items() if references(value)}
    literal = {name: expand(value, {}) for name, value in variables.items() if name not in expanding}
    if literal:
        yield Layer(operation=ops.Env(vars=literal), origin=("env",), places={"vars": ("env",)})
    if expanding:
        names = in_dependency_order(expanding)
        lines = tuple(f'ENV {name}="{_dockerfile_quoted(expanding[name])}"' for name in names)
        yield Layer(
            operation=ops.DockerfileCommands(dockerfile_commands=lines),
            origin=("env",),
            places={"dockerfile_commands": tuple(("env", name) for name in names)},
        )


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
        written = {name: getattr(function, name) for name in type(function).model_fields if name != "call"}
        for pairs in ("env", "volumes", "network_file_systems"):
            written[pairs] = _sorted(written[pairs])
        yield _layer(ops.RunFunction, ("function", index), written | {"raw_f": function.call}, {"raw_f": "call"})


def _steps(spec: Spec) -> Iterator[Layer]:
    for index, step in enumerate(spec.steps or ()):
        method, operation = step.chosen
        fields = {f.name: plain(getattr(operation, f.name)) for f in dataclasses.fields(operation)}
        yield Layer(operation=type(operation)(**fields), origin=("steps", index, method))


def _sources(spec: Spec, *, copied: bool) -> Iterator[Layer]:
    for index, source in enumerate(spec.source or ()):
        if bool(source.copy_) != copied:
            continue
        origin: Route = ("source", index)
        if source.package is not None:
            written: dict[str, Any] = {"modules": (source.package,), "copy": copied, "ignore": source.ignore}
            yield _layer(ops.AddLocalPythonSource, origin, written, modules=((*origin, "package"),))
        elif source.file is not None:
            written = {"local_path": source.file, "remote_path": source.to, "copy": copied}
            yield _layer(ops.AddLocalFile, origin, written, {"local_path": "file", "remote_path": "to"})
        else:
            written = {"local_path": source.dir, "remote_path": source.to, "copy": copied, "ignore": source.ignore}
            yield _layer(ops.AddLocalDir, origin, written, {"local_path": "dir", "remote_path": "to"})
