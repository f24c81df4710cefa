"""IS20x: text that would break out of its place in a Dockerfile or a shell, or that Modal or a package manager refuses.

Modal quotes some arguments and pastes others as they are; a line break ends a Dockerfile instruction whatever the
quotes. Each rule here holds one kind of text to the form that its reader understands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from imagespec.image.layers import Image, Layer
from imagespec.image.requirements import requirement, requirements_of
from imagespec.rules.rule import Finding, Rule, rule
from imagespec.spec import operations as ops


@rule("IS201", "error")
def bad_requirement(image: Image) -> Iterable[Finding]:
    """A Python package that is no requirement.

    Packages follow PEP 508: a name, extras, versions, or `name @ url`. What begins with `-` is an option; Modal
    refuses it at once, and pip would take it for one.

    Use instead: `name==version`; options of the installer go into `python.options` or the step's `extra_options`.
    """
    for layer in image.layers:
        for line in requirements_of(layer):
            if line.text.startswith("-"):
                hint = "options go into `options` (in a step: `extra_options`)"
                yield Finding(line.place, f"`{line.text}` is an option, not a package", hint)
                continue
            if requirement(line.text) is None and not _is_path_or_url(line.text):
                yield Finding(line.place, f"`{line.text}` is no requirement: {_reason(line.text)}", _near_requirement(line.text))


def _reason(text: str) -> str:
    try:
        return str(Requirement(text))
    except InvalidRequirement as error:
        return str(error).split("\n")[0].rstrip(":").lower()


def _is_path_or_url(text: str) -> bool:
    """What pip and uv take beside PEP 508: a URL, or a path in the image."""
    return re.fullmatch(r"(?:(?:git|hg|svn|bzr)\+)?[a-z]+://[^\s;|&$`'\"\\]+|\.{0,2}/[^\s;|&$`'\"\\]+", text) is not None


def _near_requirement(text: str) -> str:
    if re.fullmatch(r"[\w.-]+=[\w.]+", text):
        return f"did you mean `{text.replace('=', '==')}`?"
    if re.fullmatch(r"[\w.-]+@[\w.]+", text):
        return f"did you mean `{text.replace('@', '==')}`?"
    return "write it as `name==version`"


_APT = re.compile(r"[a-z0-9][a-z0-9+.-]*(?::[a-z0-9-]+)?(?:=[A-Za-z0-9.+:~-]+|/[a-z0-9.-]+)?[+-]?")
_CONDA = re.compile(r"(?:[\w.-]+::)?[A-Za-z0-9_.-]+(?:\[[^\]\s\\`$]*\])?\s*(?:[=<>!~]=?=?\s*[\w.*+!-]+(?:[,|][=<>!~]*[\w.*+!-]+)*)?(?:[= ][\w.*]+)?")


@rule("IS202", "error")
def bad_system_package(image: Image) -> Iterable[Finding]:
    """A Debian or conda package whose name no package can have.

    apt and micromamba would take what begins with `-` for an option, and refuse the rest after the layers before were
    built.

    Use instead: `name`, or `name=version`.
    """
    for layer in image.layers:
        match layer.operation:
            case ops.AptInstall(packages=packages):
                kind, form = "Debian", _APT
            case ops.MicromambaInstall(packages=packages):
                kind, form = "conda", _CONDA
            case _:
                continue
        for index, package in enumerate(packages):
            if not form.fullmatch(package):
                hint = "one package an item" if " " in package else "write it as `name` or `name=version`"
                if kind == "Debian" and form.fullmatch(package.replace("==", "=").lower()):
                    hint = f"did you mean `{package.replace('==', '=').lower()}`?"
                yield Finding(layer.place("packages", index), f"`{package}` is no name of a {kind} package", hint)


_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@rule("IS203", "error")
def bad_variable_name(image: Image) -> Iterable[Finding]:
    """An environment variable whose name no shell can read.

    Modal does not check names: `"A B": "1"` becomes `ENV A B=1`, which sets `A` to something else. A line break in a
    name would begin another instruction.

    Use instead: letters, digits and `_`, not beginning with a digit.
    """
    for layer in image.layers:
        for field, names in _variables(layer):
            for name in names:
                if not _NAME.fullmatch(name):
                    hint = f"did you mean `{re.sub(r'[^A-Za-z0-9_]', '_', name)}`?" if name[:1].isalpha() else ""
                    yield Finding(layer.place(field, name), f"`{name}` is no name of a variable", hint, on_key=True)
        if layer.origin == ("env",) and isinstance(layer.operation, ops.DockerfileCommands):
            for index, line in enumerate(layer.operation.dockerfile_commands):
                name = line.removeprefix("ENV ").partition('="')[0]
                if not _NAME.fullmatch(name):
                    yield Finding(layer.place("dockerfile_commands", index), f"`{name}` is no name of a variable", "", on_key=True)


def _variables(layer: Layer) -> Iterator[tuple[str, Iterable[str]]]:
    for field in ("vars", "env", "build_args"):
        value = getattr(layer.operation, field, None)
        if isinstance(value, Mapping):
            yield field, value


_FREE = {"raw_f", "func", "args", "kwargs", "dockerfile_commands", "commands", "setup_dockerfile_commands"}


@rule("IS204", "error")
def line_break(image: Image) -> Iterable[Finding]:
    """A line break inside a value that becomes one line of a Dockerfile.

    Quotes do not hold there: what follows the break is read as the next instruction. In `run` it is the same: from the
    second line on, a command of several lines is not a command but an instruction that does not exist, found when the
    layers before it are built.

    Use instead: `>-` instead of `|` where the lines are one, ` && \\` at the end of each line where they are several
    commands, or an item of the list for each.
    """
    for layer in image.layers:
        for place, text in _texts(layer):
            if "\n" in text or "\r" in text or "\0" in text:
                yield Finding(place, "a line break ends the instruction here", "use `>-` instead of `|`, or remove the break")
        match layer.operation:
            case ops.RunCommands(commands=commands):
                for index, command in enumerate(commands):
                    if not _one_instruction(command):
                        hint = "end each line with ` && \\`, or make each command an item of the list"
                        message = "a command of several lines: from the second on they are read as Dockerfile instructions"
                        yield Finding(layer.place("commands", index), message, hint)
            case _:
                pass


def _one_instruction(command: str) -> bool:
    """Each line but the last goes on in the next, or a heredoc holds them."""
    lines = command.rstrip("\n").split("\n")
    if re.search(r"<<-?\s*['\"]?\w+", lines[0]):
        return True
    return all(line.rstrip().endswith("\\") or line.lstrip().startswith("#") for line in lines[:-1]) and "\r" not in command


def _texts(layer: Layer) -> Iterator[tuple[Any, str]]:
    """Every text of a layer that reaches one line, with its place."""
    for field in ops.fields_of(layer.operation):
        value = getattr(layer.operation, field.name)
        if not value or field.name in _FREE:
            continue
        if isinstance(value, str):
            yield layer.place(field.name), value
        elif isinstance(value, tuple):
            for index, item in enumerate(value):
                if isinstance(item, str):
                    yield layer.place(field.name, index), item
        elif isinstance(value, dict):
            for key, item in value.items():
                if isinstance(item, str) and field.name != "env":  # build variables travel as a secret, not as text
                    yield layer.place(field.name, key), f"{key}={item}"


_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*")
_URL_OR_WORD = re.compile(r"[A-Za-z0-9][^\s;&|<>$`'\"\\(){}*?#]*")
_PATH = re.compile(r"[^\s;&|<>$`'\"\\(){}*?#]+")
_REPOSITORY = re.compile(r"(?:github|gitlab)\.com/[\w.-]+(?:/[\w.-]+)+(?:@[\w./-]+)?(?:#[\w=&./-]+)?")


@rule("IS205", "error")
def unquoted(image: Image) -> Iterable[Finding]:
    """Text that Modal passes to a shell without quotes, and that a shell would not read as one plain word.

    Versions of uv and Poetry, names of groups, extras and channels, the user and the repositories of private packages,
    and the names of requirements files stand in a command as they are.

    Use instead: letters, digits, `.`, `_` and `-`; a file with another name has to be renamed.
    """
    for layer in image.layers:
        for field, item, text, form in _pasted(layer.operation):
            if not form.fullmatch(text):
                yield Finding(layer.place(field, item), f"`{text}` is not safe in a shell", "use letters, digits, `.`, `_` and `-`")


def _pasted(operation: ops.Operation) -> Iterator[tuple[str, int | None, str, re.Pattern[str]]]:
    """What the builder methods paste unquoted: field, index, text, and the form that is safe."""
    for field in ("uv_version", "poetry_version", "git_user"):
        value = getattr(operation, field, None)
        if value is not None:
            yield field, None, value, _WORD
    for field in ("groups", "extras", "with_", "without", "only"):
        for index, item in enumerate(getattr(operation, field, None) or ()):
            yield field, index, item, _WORD
    match operation:
        case ops.MicromambaInstall():
            for index, item in enumerate(operation.channels):
                yield "channels", index, item, _URL_OR_WORD
            if operation.spec_file is not None:
                yield "spec_file", None, operation.spec_file.name, _PATH
        case ops.PipInstallFromRequirements(find_links=str() as links):
            yield "find_links", None, links, _PATH
        case ops.UvPipInstall(requirements=tuple() as files):
            for index, path in enumerate(files):
                yield "requirements", index, path.name, _PATH
        case ops.PipInstallPrivateRepos():
            for index, item in enumerate(operation.repositories):
                yield "repositories", index, item, _REPOSITORY
        case _:
            pass


_REFERENCE = re.compile(
    r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::\d+)?/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)
_PUBLISHED = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9_.-]*/)?[A-Za-z0-9_.-]+(?::[A-Za-z0-9_.-]+)?")
_OBJECT = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@rule("IS206", "error")
def bad_reference(image: Image) -> Iterable[Finding]:
    """A reference to an image, a secret or a volume that cannot be one.

    It is written into `FROM` as it is, or refused by Modal's server when the image is built.

    Use instead: `registry/name:tag@sha256:…` for images; names of Modal's objects have letters, digits, `.`, `_` and
    `-`, 64 at most.
    """
    for layer in image.layers:
        match layer.operation:
            case ops.FromRegistry(tag=tag) if not _REFERENCE.fullmatch(tag):
                hint = "a digest is `sha256:` and 64 hexadecimal digits" if "@" in tag else _reference_hint(tag)
                yield Finding(layer.place("tag"), f"`{tag}` is no reference to an image", hint)
            case ops.FromName(name=name) if not _PUBLISHED.fullmatch(name) or name.rpartition("/")[2].startswith("im-"):
                yield Finding(layer.place("name"), f"`{name}` is no name of a published image", "write `name:tag`")
            case ops.FromId(image_id=image_id) if not re.fullmatch(r"im-[A-Za-z0-9]+", image_id):
                yield Finding(layer.place("image_id"), f"`{image_id}` is no id of an image", "ids begin with `im-`")
            case _:
                pass
        for field, item, name in _objects(layer.operation):
            if not _OBJECT.fullmatch(name):
                hint = "letters, digits, `.`, `_` and `-`, 64 at most"
                yield Finding(layer.place(field, item), f"`{name}` is no name that Modal gives", hint)


def _reference_hint(tag: str) -> str:
    if tag != tag.lower() and _REFERENCE.fullmatch(tag.lower()):
        return f"names are lower case: `{tag.lower()}`"
    return "write it as `registry/name:tag`"


def _objects(operation: ops.Operation) -> Iterator[tuple[str, int | str | None, str]]:
    for field in ("secret", "registry_secret"):
        if isinstance(value := getattr(operation, field, None), str):
            yield field, None, value
    for index, value in enumerate(getattr(operation, "secrets", ())):
        yield "secrets", index, value
    for field in ("volumes", "network_file_systems"):
        for path, value in (getattr(operation, field, None) or {}).items():
            yield field, path, value


@rule("IS207", "error")
def relative_path(image: Image) -> Iterable[Finding]:
    """A path in the container that is not absolute.

    Modal refuses it, since it cannot know what it is relative to.

    Use instead: a path that begins with `/`.
    """
    for layer in image.layers:
        operation = layer.operation
        match operation:
            case ops.AddLocalFile() | ops.AddLocalDir() if not operation.remote_path.startswith("/"):
                hint = f"did you mean `/{operation.remote_path.removeprefix('./')}`, or below `/root`?"
                yield Finding(layer.place("remote_path"), f"`{operation.remote_path}` is not absolute", hint)
            case _:
                pass
        for field in ("volumes", "network_file_systems"):
            for path in getattr(operation, field, None) or {}:
                if not path.startswith("/") or path == "/" or Path(path).as_posix() != path:
                    yield Finding(layer.place(field, path), f"`{path}` is no place for a volume", "an absolute path", on_key=True)


RULES: tuple[Rule, ...] = (
    bad_requirement,
    bad_system_package,
    bad_variable_name,
    line_break,
    unquoted,
    bad_reference,
    relative_path,
)
