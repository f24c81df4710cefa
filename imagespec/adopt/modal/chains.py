"""A call of a builder method of `modal.Image`, its arguments as far as they are known -> an operation."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from pydantic import TypeAdapter, ValidationError

from imagespec.adopt import codes
from imagespec.adopt.draft import Written
from imagespec.adopt.modal.values import Defined, Object, Reference, Unknown, Value, too_large
from imagespec.diagnostic import Diagnostic, Span
from imagespec.image.copies import copies
from imagespec.image.layers import plain
from imagespec.spec import operations as ops
from imagespec.spec.operations import AnyOperation

POSITIONAL: Mapping[str, tuple[str, ...]] = {
    "debian_slim": ("python_version", "force_build"),
    "micromamba": ("python_version", "force_build"),
    "from_registry": ("tag", "secret"),
    "from_gcp_artifact_registry": ("tag", "secret"),
    "from_aws_ecr": ("tag", "secret"),
    "from_dockerfile": ("path",),
    "from_scratch": ("force_build",),
    "from_name": ("name",),
    "from_id": ("image_id",),
    "add_local_file": ("local_path", "remote_path"),
    "add_local_dir": ("local_path", "remote_path"),
    "pip_install_from_requirements": ("requirements_txt", "find_links"),
    "pip_install_from_pyproject": ("pyproject_toml", "optional_dependencies"),
    "uv_sync": ("uv_project_dir",),
    "poetry_install_from_file": ("poetry_pyproject_toml", "poetry_lockfile"),
    "run_function": ("raw_f",),
    "env": ("vars",),
    "workdir": ("path",),
    "shell": ("shell_commands",),
    "entrypoint": ("entrypoint_commands",),
    "cmd": ("cmd",),
}
"""What each method takes by position, but for those that take any number of texts."""

DEFAULTS: Mapping[str, Mapping[str, Value]] = {"uv_sync": {"uv_project_dir": "./"}}
"""What Modal takes where nothing is given, and a spec has to name."""

_OLD: Mapping[str, tuple[str, Mapping[str, Value]]] = {
    "from_dockerhub": ("from_registry", {}),
    "copy_local_file": ("add_local_file", {"copy": True}),
    "copy_local_dir": ("add_local_dir", {"copy": True}),
}
"""What older clients have, and newer ones under another name."""

_PATHS = {"local_path", "requirements_txt", "pyproject_toml", "uv_project_dir", "poetry_pyproject_toml"}
_PATHS |= {"poetry_lockfile", "spec_file", "context_dir", "requirements", "context_files"}
_OBJECTS = {"secret", "registry_secret", "secrets", "volumes", "network_file_systems"}
_CONTENT = {"packages", "commands", "vars", "dockerfile_commands"}
"""Without which there is nothing to do."""
_LEFT_OUT = "write it into the spec, and remove the comment"


@dataclasses.dataclass(frozen=True, slots=True)
class Caller:
    """Where a call stands: its place, the places of its arguments, the folder that its paths start at, which may be
    `Unknown`, and the Python of bases that name none."""

    span: Span
    places: Mapping[int | str, Span]
    folder: Value
    python: str = ""

    def place(self, name: int | str) -> Span:
        return self.places.get(name, self.span)


def operation(method: str, args: Sequence[Value], kwargs: Mapping[str, Value], caller: Caller) -> Written:
    """The operation of one call. What of it is not known, or no spec can say, is left out and said."""
    method, implied = _OLD.get(method, (method, {}))
    kwargs = {**implied, **kwargs}
    kind = (ops.STEPS | ops.BASES).get(method)
    if kind is None:
        unknown = Unknown(codes.NO_COUNTERPART, f"`{method}` is no builder method that a spec can name", caller.span)
        return Written(None, caller.span, (finding(unknown, caller.span, f"`{method}`"),))
    given, todo = _given(kind, method, args, kwargs, caller)
    given = {**DEFAULTS.get(method, {}), **given}
    if kind in (ops.DebianSlim, ops.Micromamba) and given.get("python_version") is None:
        given = {**given, "python_version": caller.python} if caller.python else _without(given, "python_version")
    fields = {field.name: field for field in dataclasses.fields(kind)}
    arguments: dict[str, Any] = {}
    notes: list[Diagnostic] = []
    for name, read in given.items():
        value = _settled(read, caller.place(name), notes)
        if name not in fields:
            unnamed = Unknown(codes.NO_COUNTERPART, f"no spec can name `{name}`", caller.place(name))
            unknown = value if isinstance(value, Unknown) else unnamed
            if value is not None:
                todo.append(finding(unknown, caller.place(name), f"`{name}` of `{method}`"))
            continue
        known, unknowns = _known(kind, name, value, caller)
        part = "" if known in (_NOTHING, [], {}) else "a part of "
        todo += [finding(each, caller.place(name), f"{part}`{name}` of `{method}`") for each in dict.fromkeys(unknowns)]
        if name == "args" and kind is ops.RunFunction and isinstance(value, tuple) and value:
            notes.append(_pickled(caller.place(name)))
        if known is not _NOTHING:
            arguments[name] = known
    if todo and kind.shorthand in _CONTENT and not arguments.get(kind.shorthand):
        return Written(None, caller.span, tuple(todo), tuple(notes))
    made, more = _made(kind, method, arguments, caller, told=bool(todo))
    if made is None or not _takes_context(made):
        return Written(made, caller.span, (*todo, *more), tuple(notes))
    if isinstance(caller.folder, Unknown):
        todo.append(finding(caller.folder, caller.span, f"`{method}`"))
        return Written(None, caller.span, (*todo, *more), tuple(notes))
    made = dataclasses.replace(made, context_dir=caller.folder)
    return Written(made, caller.span, (*todo, *more), tuple(notes))


def _settled(value: Value, at: Span, notes: list[Diagnostic]) -> Value:
    """A value with what it is by default in the place of what the environment may say otherwise."""
    match value:
        case Unknown(default=(str(default),)) if default:
            notes.append(by_default(value, at))
            return default
        case list() | tuple() if not too_large(value):
            return type(value)(_settled(each, at, notes) for each in value)
        case dict() if not too_large(value):
            return {key: _settled(each, at, notes) for key, each in value.items()}
        case _:
            return value


def by_default(unknown: Unknown, at: Span) -> Diagnostic:
    """What is to be said of a value that is taken by default."""
    (default,) = unknown.default
    hint = (
        f"line {unknown.span.line} is why" if unknown.span.source != at.source or unknown.span.line != at.line else ""
    )
    return codes.BY_DEFAULT.at(at, f"`{default}` is taken by default: {unknown.why}", hint)


def finding(unknown: Unknown, at: Span, what: str) -> Diagnostic:
    """What is to be said about something that is left out."""
    hint = unknown.hint or _LEFT_OUT
    begins = unknown.span
    if begins.source == at.source and begins.line != at.line:
        hint = f"line {begins.line} is why; {hint}"
    return unknown.code.at(at, f"{what} is left out: {unknown.why}", hint)


def _without(given: Mapping[str, Value], name: str) -> dict[str, Value]:
    return {key: value for key, value in given.items() if key != name}


_NOTHING: Any = object()
_ADAPTERS = {kind: TypeAdapter[Any](kind) for kind in (*ops.STEPS.values(), *ops.BASES.values())}


def _given(
    kind: type[ops.Operation], method: str, args: Sequence[Value], kwargs: Mapping[str, Value], caller: Caller
) -> tuple[dict[str, Value], list[Diagnostic]]:
    """The arguments by name."""
    if kind.variadic is not None:
        return {kind.variadic: list(args), **kwargs}, []
    names = POSITIONAL.get(method, ())
    given = dict(zip(names, args, strict=False))
    todo = []
    if len(args) > len(names):
        unknown = Unknown(codes.NO_COUNTERPART, f"`{method}` takes {len(names)} by position", caller.span)
        todo.append(finding(unknown, caller.place(len(names)), f"a part of `{method}`"))
    return {**given, **kwargs}, todo


def _known(kind: type[ops.Operation], name: str, value: Value, caller: Caller) -> tuple[Any, list[Unknown]]:
    """The value of an argument as an operation has it, and what of it is not known."""
    if isinstance(value, Unknown):
        return _NOTHING, [value]
    if too_large(value):
        return _NOTHING, [Unknown(codes.TODO, "it is too large to be followed", caller.place(name))]
    unknowns: list[Unknown] = []
    if name == kind.variadic:
        value = list(_flat(value))
    if name in _OBJECTS:
        value = _named(value, caller.place(name), unknowns)
    elif name in ("raw_f", "func"):
        value = _function(value, caller.place(name), unknowns)
    elif name == "ignore" and not isinstance(value, list | tuple | str | None):
        unknowns.append(_no_patterns(caller.place(name)))
        return _NOTHING, unknowns
    else:
        value = _without_unknown(value, unknowns, caller.place(name))
    if name in _PATHS or (name == "path" and kind is ops.FromDockerfile):
        value = _absolute(value, caller.folder, unknowns)
    elif isinstance(value, PurePath):
        value = str(value)
    return value, unknowns


def _pickled(at: Span) -> Diagnostic:
    hint = "the function gets the same; its layer and those after it are built once more"
    why = "a spec sends `args` as a list, and Modal's cache tells that from a tuple"
    return codes.NO_COUNTERPART.at(at, why, hint)


def _no_patterns(at: Span) -> Unknown:
    hint = "write the patterns as a list, as in a .dockerignore"
    return Unknown(codes.NO_COUNTERPART, "a spec holds patterns of files, and no code that chooses them", at, hint)


def _flat(value: Value) -> Iterator[Value]:
    """Modal takes texts and lists of texts alike."""
    for item in value if isinstance(value, list | tuple) else [value]:
        yield from item if isinstance(item, list | tuple) else [item]


def _without_unknown(value: Value, unknowns: list[Unknown], at: Span) -> Value:
    match value:
        case Unknown():
            unknowns.append(value)
            return _NOTHING
        case Reference(name=name):
            unknowns.append(Unknown(codes.TODO, f"`{name}` is known only when the code runs", at))
            return _NOTHING
        case list() | tuple():
            items = [_without_unknown(item, unknowns, at) for item in value]
            return [item for item in items if item is not _NOTHING]
        case dict():
            unknowns += [key for key in value if isinstance(key, Unknown)]
            pairs = {
                str(key) if isinstance(key, PurePath) else key: _without_unknown(item, unknowns, at)
                for key, item in value.items()
                if not isinstance(key, Unknown)
            }
            return {key: item for key, item in pairs.items() if item is not _NOTHING}
        case _:
            return value


def _named(value: Value, at: Span, unknowns: list[Unknown]) -> Any:
    """Names in the place of Modal's objects."""
    match value:
        case Object(name=name, doubt=doubt):
            if doubt is not None:
                unknowns.append(doubt)
            return name
        case list() | tuple() | set():
            return [name for item in value if (name := _named(item, at, unknowns)) is not _NOTHING]
        case dict():
            found = {
                str(key): _named(item, at, unknowns) for key, item in value.items() if not isinstance(key, Unknown)
            }
            return {key: name for key, name in found.items() if name is not _NOTHING}
        case None:
            return None
        case Unknown():
            unknowns.append(value)
        case _:
            unknowns.append(Unknown(codes.NO_COUNTERPART, "it is no object of Modal's that has a name", at))
    return _NOTHING


def _function(value: Value, at: Span, unknowns: list[Unknown]) -> Any:
    """`module:function` of a function."""
    match value:
        case Defined(nested=False, name=name, scope=scope) if name.replace(".", "_").isidentifier():
            return f"{scope.module.name}:{name}"
        case Reference(name=name) if "." in name:
            return ":".join(name.rsplit(".", 1))
        case Unknown():
            unknowns.append(value)
        case _:
            hint = "define it at the top of a module, so that it can be named"
            unknowns.append(Unknown(codes.NO_COUNTERPART, "a spec can name no such function", at, hint))
    return _NOTHING


def _absolute(value: Value, folder: Value, unknowns: list[Unknown]) -> Any:
    match value:
        case str() | PurePath() if os.path.isabs(value):
            return os.path.normpath(value)
        case str() | PurePath() if isinstance(folder, Unknown):
            unknowns.append(folder)
            return _NOTHING
        case str() | PurePath():
            return os.path.normpath(os.path.join(folder, value))
        case list() | tuple():
            items = [_absolute(item, folder, unknowns) for item in value]
            return [item for item in items if item is not _NOTHING]
        case dict():
            pairs = {key: _absolute(item, folder, unknowns) for key, item in value.items()}
            return {key: item for key, item in pairs.items() if item is not _NOTHING}
        case _:
            return value


def _made(
    kind: type[ops.Operation], method: str, arguments: dict[str, Any], caller: Caller, *, told: bool
) -> tuple[AnyOperation | None, list[Diagnostic]]:
    """The operation, without those of its arguments that Modal would not take either."""
    todo: list[Diagnostic] = []
    while True:
        try:
            made: AnyOperation = _ADAPTERS[kind].validate_python(arguments)
            return type(made)(**{f.name: plain(getattr(made, f.name)) for f in ops.fields_of(made)}), todo
        except ValidationError as error:
            wrong = {str(each["loc"][0]): each["msg"] for each in error.errors() if each["loc"]}
            unfit = {name: why for name, why in wrong.items() if name in arguments}
            for name, why in unfit.items():
                del arguments[name]
                unknown = Unknown(
                    codes.NO_COUNTERPART, f"Modal takes something else there ({_lower(why)})", caller.span
                )
                todo.append(finding(unknown, caller.place(name), f"`{name}` of `{method}`"))
            if not unfit:
                if not (told or todo):
                    todo.append(_incomplete(method, wrong, caller))
                return None, todo


def _incomplete(method: str, missing: Iterable[str], caller: Caller) -> Diagnostic:
    if "python_version" in missing:
        why, hint = (
            "without a version, it takes that of the Python that runs the code",
            f'name one: `{method}: "3.12"`, or adopt with `--python 3.12`',
        )
    else:
        why, hint = f"it lacks {', '.join(f'`{name}`' for name in missing)}", ""
    return finding(Unknown(codes.TODO, why, caller.span, hint), caller.span, f"`{method}`")


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _takes_context(operation: AnyOperation) -> bool:
    """Modal resolves `COPY` against the working directory; a spec against its root, which may be another folder."""
    match operation:
        case ops.DockerfileCommands(context_dir=None, dockerfile_commands=lines):
            return bool(copies(lines))
        case ops.FromDockerfile(context_dir=None):
            return True
        case _:
            return False
