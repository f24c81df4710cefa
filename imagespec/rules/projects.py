"""IS214-216: project files, requirements files and Dockerfiles that name what a build will not find."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from imagespec.diagnostic import Diagnostic, Source, Span, did_you_mean, lines, shown
from imagespec.image.copies import Copy, copies, stages
from imagespec.image.layers import Image, Layer, Place
from imagespec.image.requirements import is_local, logical_lines, requirements_of
from imagespec.rules.local import near
from imagespec.rules.rule import Finding, Rule, rule
from imagespec.spec import operations as ops
from imagespec.spec.source import read


@rule("IS214", "error")
def bad_project(image: Image) -> Iterable[Finding]:
    """A project file from which nothing can be installed.

    A `pyproject.toml` without `[project.dependencies]`, an extra or a group that it does not have, a uv workspace, a
    Poetry project without its lock: Modal finds it when the layer is built. An extra that does not exist it leaves out
    in silence.

    Use instead: what the finding says.
    """
    for layer in image.layers:
        match layer.operation:
            case ops.PipInstallFromPyproject(pyproject_toml=path, optional_dependencies=extras):
                yield from _project(layer, "pyproject_toml", path, extras, ())
            case ops.UvSync(uv_project_dir=folder, extras=extras, groups=groups) if os.path.isdir(folder):
                yield from _project(layer, "uv_project_dir", folder / "pyproject.toml", extras or (), groups or ())
            case ops.PoetryInstallFromFile(poetry_pyproject_toml=path, poetry_lockfile=None, ignore_lockfile=False):
                if os.path.isfile(path) and not os.path.isfile(path.parent / "poetry.lock"):
                    hint = "run `poetry lock`, or set `ignore_lockfile: true`"
                    yield Finding(
                        layer.place("poetry_pyproject_toml"), f"no `poetry.lock` beside `{shown(path)}`", hint
                    )
            case _:
                pass


def _project(
    layer: Layer, field: str, path: Path, extras: tuple[str, ...], groups: tuple[str, ...]
) -> Iterator[Finding]:
    place = layer.place(field)
    if not os.path.isfile(path):
        if field == "uv_project_dir":
            yield Finding(place, f"no `pyproject.toml` in `{shown(path.parent)}`", "name the folder of a uv project")
        return
    source = read(path)
    if isinstance(source, Diagnostic):
        yield Finding(place, f"`{shown(path)}`: {source.message}", source.hint)
        return
    try:
        data: dict[str, Any] = tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        yield _not_toml(source, str(error))
        return
    except RecursionError:
        yield Finding(source.at(1, 1), "not valid TOML: nested too deeply")
        return
    if "workspace" in _table(data, "tool", "uv"):
        yield Finding(
            place, f"`{shown(path)}` is a uv workspace, which Modal does not support", "name a project without members"
        )
    if "dependencies" not in _table(data, "project"):
        hint = "add `dependencies = […]` to `[project]`"
        if "poetry" in _table(data, "tool"):
            hint = "it is a Poetry project: use `poetry` (in a step: `poetry_install_from_file`)"
        yield Finding(place, f"`{shown(path)}` has no `[project.dependencies]`", hint)
    named = {
        ("extras", "extra", extras): _table(data, "project", "optional-dependencies"),
        ("groups", "group", groups): _table(data, "dependency-groups"),
    }
    for (key, kind, names), known in named.items():
        for index, name in enumerate(names):
            if name not in known:
                where = layer.place("optional_dependencies" if field == "pyproject_toml" else key, index)
                yield Finding(where, f"`{shown(path)}` has no {kind} `{name}`", did_you_mean(name, known))


def _not_toml(source: Source, error: str) -> Finding:
    reason, _, place = error.partition(" (at ")
    numbers = re.findall(r"\d+", place)
    line, column = (int(each) for each in numbers) if len(numbers) == 2 else (len(lines(source.text)) + 1, 1)
    return Finding(source.at(line, column), f"not valid TOML: {reason[:1].lower()}{reason[1:]}")


def _table(data: Any, *keys: str) -> dict[str, Any]:
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


@rule("IS215", "error")
def bad_requirements_file(image: Image) -> Iterable[Finding]:
    """A requirements file, or a requirement, that names another file.

    Modal sends the one file alone; what `-r`, `-c` or `-e` in it names is not there when it is installed. Nor is a
    package by its path on this machine, `./libs/foo`, there or under `packages`, or a folder of wheels, `-f wheels`.

    Use instead: name each file under `requirements`, and the project under `project` or `source`.
    """
    for index, layer in enumerate(image.layers):
        yield from _by_path(layer, image.layers[:index], image.root)
        operation = layer.operation
        files = getattr(operation, "requirements", None) or ()
        if isinstance(operation, ops.PipInstallFromRequirements):
            files = (operation.requirements_txt,)
        for path in files:
            if isinstance(path, ops.Requirements):
                continue
            source = read(path)
            if isinstance(source, Diagnostic):
                continue
            for line in logical_lines(source):
                match = re.match(r"(-r|-c|-e|--requirement|--constraint|--editable)[\s=]*(\S*)", line.text)
                if match and "://" not in match[2]:
                    yield Finding(
                        line.place,
                        f"`{match[2]}` is not sent to Modal with this file",
                        _INSTEAD[match[1].strip("-")[0]],
                    )
                links = re.match(r"(?:-f|--find-links)[\s=]*([^\s/$][^\s$]*)$", line.text)
                if links and ":" not in links[1] and _nowhere(path.parent / links[1], image.layers[:index]):
                    yield Finding(line.place, f"`{links[1]}` is not sent to Modal with this file", _INSTEAD["f"])


_INSTEAD = {
    "r": "name that file under `requirements` too",
    "c": "write the versions into this file",
    "e": "add the code with `source`",
    "f": "copy the folder with a step before, and name it by its path in the image: `-f /wheels`",
}


def _by_path(layer: Layer, earlier: Sequence[Layer], root: Path) -> Iterator[Finding]:
    """Packages by a relative path, where nothing before may have put files there."""
    for line in requirements_of(layer):
        path = re.split(r"@|;| #", line.text)
        wanted = (path[1] if "@" in line.text.partition(";")[0] else path[0]).strip()
        if is_local(line.text) and not wanted.startswith(("/", "file:")) and "$" not in wanted:
            of_file = isinstance(line.place, Span)
            folder = line.place.source.path.parent if isinstance(line.place, Span) else root
            if _nowhere(folder / wanted.partition("[")[0], earlier):
                where = "sent to Modal with this file" if of_file else "in the image when it is installed"
                yield Finding(line.place, f"`{wanted}` is not {where}", _INSTEAD["e"])


def _nowhere(path: Path, earlier: Sequence[Layer]) -> bool:
    """Whether no layer before may have put there what a path leads to. Whether a base of somebody else has it is
    unknown; where it lies on this machine, this is meant."""
    without = (*_NO_FILES, *_BASES) if os.path.exists(path) else _NO_FILES
    return all(isinstance(each.operation, without) for each in earlier)


_NO_FILES = (
    ops.DebianSlim,
    ops.Micromamba,
    ops.AptInstall,
    ops.MicromambaInstall,
    ops.Pip,
    ops.Env,
    ops.Workdir,
    ops.Shell,
    ops.Entrypoint,
    ops.Cmd,
)
"""What puts no files into an image but those of packages."""

_BASES = (ops.FromRegistry, ops.FromScratch, ops.FromName, ops.FromId)


@rule("IS216", "error")
def bad_context(image: Image) -> Iterable[Finding]:
    """A `COPY` of a Dockerfile whose source is not in the build context.

    Paths are relative to the context folder, by default the root of the spec. What is not there is found when the
    layer is built; what lies outside is refused. Modal's client looks for the files itself, and understands less than
    Docker does: no `ADD`, no list as `["a", "/b"]`, no variables, and of the options `--chmod`, `--chown` and `--link`.

    Use instead: a path below the context, or another `context` (in a step: `context_dir`).
    """
    for layer in image.layers:
        match layer.operation:
            case ops.FromDockerfile(path=path) if os.path.isfile(path):
                source = read(path)
                if isinstance(source, Diagnostic):
                    continue
                commands = lines(source.text)
                if layer.operation.registry_secret and stages(commands) > 1:
                    message = "a secret for the registry needs a Dockerfile with one stage"
                    yield Finding(
                        layer.place("registry_secret"), message, "pull the other stages from a public registry"
                    )
                context = layer.operation.context_dir or image.root
                for copy in copies(commands):
                    yield from _not_sent(copy, context, source.find(copy.method, copy.line + 1))
                    for name in copy.sources:
                        place = source.find(name, copy.line + 1)
                        yield from _copied(name, context, place)
            case ops.DockerfileCommands(dockerfile_commands=commands, context_files=files):
                item_of = [index for index, command in enumerate(commands) for _ in command.split("\n")]
                context = layer.operation.context_dir or image.root
                for copy in copies(commands):
                    if copy.sources[0] not in (files or ()):
                        yield from _not_sent(copy, context, layer.place("dockerfile_commands", item_of[copy.line]))
                    for name in copy.sources:
                        if name not in (files or ()) and f"/{name.lstrip('/')}" not in (files or ()):
                            item = layer.place("dockerfile_commands", item_of[copy.line])
                            yield from _copied(name, context, item)
            case _:
                pass


def _not_sent(copy: Copy, context: Path, place: Place) -> Iterator[Finding]:
    """What Docker understands and Modal's client does not, when it looks for the files that it has to send."""
    unknown = [o for o in copy.options if o != "--link" and not o.startswith(("--chmod=", "--chown=", "--link="))]
    if copy.method == "ADD":
        yield Finding(place, "Modal sends the files that `COPY` names, not those of `ADD`", "use `COPY`")
    elif copy.as_json:
        yield Finding(
            place, "Modal does not read a `COPY` that is written as a list", "write it as `COPY source target`"
        )
    elif unknown:
        yield Finding(
            place, f"Modal does not know `COPY {unknown[0]}`", "leave it out: --chmod, --chown and --link are known"
        )
    elif unexpanded := [n for n in copy.sources if "$" in n and not os.path.exists(context / n.lstrip("/"))]:
        yield Finding(place, f"Modal does not expand `{unexpanded[0]}` when it sends files", "write the path out")


def _copied(name: str, context: Path, place: Place) -> Iterator[Finding]:
    if any(character in name for character in "*?[$"):
        return
    path = Path(os.path.normpath(context / name.lstrip("/")))
    if not path.is_relative_to(os.path.normpath(context)):
        yield Finding(
            place, f"`COPY {name}` leads out of the context `{shown(context)}`", "set the context to a folder above"
        )
    elif not os.path.exists(path):
        yield Finding(place, f"`COPY {name}`: not in the context `{shown(context)}`", near(path))


RULES: tuple[Rule, ...] = (bad_project, bad_requirements_file, bad_context)
