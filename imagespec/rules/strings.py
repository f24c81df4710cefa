"""IS20x: text that would break out of its place in a Dockerfile or a shell, or that Modal or a package manager refuses.

Modal quotes some arguments and pastes others as they are; a line break ends a Dockerfile instruction whatever the
quotes. Each rule here holds one kind of text to the form that its reader understands.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from imagespec.image.layers import Image, Layer, Place
from imagespec.image.requirements import requirement, requirements_of
from imagespec.rules.rule import Finding, Rule, renamed, replaced, rule
from imagespec.spec import operations as ops


@rule("IS201", "error", fixable=True)
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
                if re.match(r"-r|--requirement", line.text):
                    hint = "name the file under `requirements`"
                yield Finding(line.place, f"`{line.text}` is an option, not a package", hint)
                continue
            parsed = requirement(line.text)
            if parsed is None and not _is_path_or_url(line.text):
                meant = _meant_requirement(line.text)
                fix = replaced(line.place, meant) if meant else ()
                yield Finding(line.place, f"`{line.text}` is no requirement", _near_requirement(line.text), fix=fix)
            elif parsed is not None and parsed.url and not _is_path_or_url(parsed.url):
                message = f"`{line.text}` is no requirement: what follows `@` is no URL"
                yield Finding(line.place, message, _near_requirement(line.text))


def _is_path_or_url(text: str) -> bool:
    """What pip and uv take beside PEP 508: a URL, or a path in the image."""
    return re.fullmatch(r"(?:(?:git|hg|svn|bzr)\+)?[a-z]+://[^\s;|$`'\"\\]+|\.{0,2}/[^\s;|&$`'\"\\]+", text) is not None


def _meant_requirement(text: str) -> str:
    match = re.fullmatch(r"([\w.-]+(?:\[[\w,.-]*\])?)\s*(?:=|@|:|\s)\s*v?(\d[\w.]*)", text)
    return f"{match[1]}=={match[2]}" if match else ""


def _near_requirement(text: str) -> str:
    if meant := _meant_requirement(text):
        return f"did you mean `{meant}`?"
    if text[:1] in "<>=!~":
        return "a comma divides items in brackets: quote the whole requirement"
    return "write it as `name==version`, or `name[extra]==version; marker`"


_APT = re.compile(r"[a-z0-9][a-z0-9+.-]*(?::[a-z0-9-]+)?(?:=[A-Za-z0-9.+:~-]+|/[a-z0-9.-]+)?[+-]?")
_CONDA = re.compile(
    r"(?:[A-Za-z0-9][\w.-]*::)?[A-Za-z0-9_][\w.-]*(?:\[[^\]\s\\`$]*\])?\s*"
    r"(?:[=<>!~]=?=?\s*[\w.*+!-]+(?:[,|][=<>!~]*[\w.*+!-]+)*)?(?:[= ][\w.*]+)?",
    re.ASCII,
)


@rule("IS202", "error", fixable=True)
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
                place, meant = layer.place("packages", index), package.replace("==", "=").lower()
                near = kind == "Debian" and form.fullmatch(meant)
                if near:
                    hint = f"did you mean `{meant}`?"
                fix = replaced(place, meant) if near else ()
                yield Finding(place, f"`{package}` is no name of a {kind} package", hint, fix=fix)


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
                    yield _bad_name(layer.place(field, name), name)
        if layer.origin == ("env",) and isinstance(layer.operation, ops.DockerfileCommands):
            for index, line in enumerate(layer.operation.dockerfile_commands):
                name = line.removeprefix("ENV ").partition('="')[0]
                if not _NAME.fullmatch(name):
                    yield _bad_name(layer.place("dockerfile_commands", index), name)


def _bad_name(place: Place, name: str) -> Finding:
    meant = re.sub(r"[^A-Za-z0-9_]", "_", name)
    hint = (
        f"did you mean `{meant}`?" if _NAME.fullmatch(meant) else "letters, digits and `_`, not beginning with a digit"
    )
    return Finding(place, f"`{name}` is no name of a variable", hint, on_key=True)


def _variables(layer: Layer) -> Iterator[tuple[str, Iterable[str]]]:
    for field in ("vars", "env", "build_args"):
        value = getattr(layer.operation, field, None)
        if isinstance(value, Mapping):
            yield field, value


_LINES = {"dockerfile_commands", "commands", "setup_dockerfile_commands"}
_ESCAPED = {"shell_commands", "entrypoint_commands", "cmd"}
_CHECKED_BY_NAME = {"raw_f", "func", "modules", "args", "kwargs"}
_FREE = _LINES | _ESCAPED | _CHECKED_BY_NAME


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
            if "\n" in text or "\r" in text:
                yield Finding(
                    place, "a line break ends the instruction here", "use `>-` instead of `|`, or remove the break"
                )
            elif "\0" in text:
                yield Finding(place, "a NUL character, which no command can hold", "remove it")
        match layer.operation:
            case ops.RunCommands(commands=commands):
                for index, command in enumerate(commands):
                    if not _one_instruction(command):
                        hint = "end each line with ` && \\`, or make each command an item of the list"
                        message = (
                            "a command of several lines: from the second on they are read as Dockerfile instructions"
                        )
                        yield Finding(layer.place("commands", index), message, hint)
            case _:
                pass


def _one_instruction(command: str) -> bool:
    """Each line but the last goes on in the next, or a heredoc holds them."""
    first, *rest = command.rstrip("\n").split("\n")
    if rest and (heredoc := re.search(r"(?<!<)<<-?\s*['\"]?(\w+)", first)):
        ends = [line.lstrip("\t") for line in rest]
        return heredoc[1] in ends and ends.index(heredoc[1]) == len(ends) - 1
    open_ended = (line.rstrip().endswith("\\") or line.lstrip().startswith("#") for line in (first, *rest[:-1]))
    return "\r" not in command and (not rest or all(open_ended))


def _texts(layer: Layer) -> Iterator[tuple[Any, str]]:
    """Every text of a layer that reaches one line, with its place."""
    if layer.origin == ("env",) and isinstance(layer.operation, ops.DockerfileCommands):
        for index, line in enumerate(layer.operation.dockerfile_commands):
            yield layer.place("dockerfile_commands", index), line.partition("=")[2]
    for field in ops.fields_of(layer.operation):
        value = getattr(layer.operation, field.name)
        if not value or field.name in _FREE:
            continue
        if isinstance(value, str | Path):
            yield layer.place(field.name), str(value)
        elif isinstance(value, tuple):
            for index, item in enumerate(value):
                yield layer.place(field.name, index), str(item)
        elif field.name == "env":  # travels as a secret, not as text, and may have several lines
            yield from ((layer.place("env", key), item) for key, item in value.items() if "\0" in (item or ""))
        elif isinstance(value, dict):
            named = field.name in ("vars", "build_args")  # whose names have a rule of their own
            for key, item in value.items():
                yield layer.place(field.name, key), str(item) if named else f"{key}={item}"


_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*")
_URL_OR_WORD = re.compile(r"[A-Za-z0-9][^\s;&|<>$`'\"\\(){}*?#\[\]]*")
_PATH = re.compile(r"[^\s;&|<>$`'\"\\(){}*?#\[\]]+")
_REPOSITORY = re.compile(r"(?:github|gitlab)\.com/[\w.-]+(?:/[\w.-]+)+(?:@[\w./-]+)?(?:#[\w=&./-]+)?", re.ASCII)
_PLAIN = "use letters, digits, `.`, `_` and `-`"
_RENAME = "rename the file: letters, digits, `.`, `_` and `-`"
_HINTS = {
    "repositories": "write `github.com/owner/name@commit`, or the same of gitlab.com",
    "requirements": _RENAME,
    "spec_file": _RENAME,
    "find_links": "a URL, or a path in the image, without spaces",
}


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
                message = f"`{text}` stands in a command as it is, and is more than one plain word there"
                if text.startswith("-"):
                    message = f"`{text}` stands in a command as it is, and is an option there"
                elif form is _REPOSITORY:
                    message = f"`{text}` is no repository that Modal can install from"
                yield Finding(layer.place(field, item), message, _HINTS.get(field, _PLAIN))


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
_PUBLISHED = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9_.-]*/)?[A-Za-z0-9_.-]{1,64}(?::[A-Za-z0-9_.-]{1,64})?")
_OBJECT = re.compile(r"(?!ap-[A-Za-z0-9]{22}$)[A-Za-z0-9_.-]{1,64}")


@rule("IS206", "error", fixable=True)
def bad_reference(image: Image) -> Iterable[Finding]:
    """A reference to an image, a secret or a volume that cannot be one.

    It is written into `FROM` as it is, or refused by Modal's server when the image is built.

    Use instead: `registry/name:tag@sha256:…` for images; names of Modal's objects have letters, digits, `.`, `_` and
    `-`, 64 at most.
    """
    for layer in image.layers:
        match layer.operation:
            case ops.FromRegistry(tag=tag) if not _REFERENCE.fullmatch(tag):
                place, meant = layer.place("tag"), _lower_name(tag)
                fix = replaced(place, meant) if _REFERENCE.fullmatch(meant) else ()
                yield Finding(place, f"`{tag}` is no reference to an image", _reference_hint(tag), fix=fix)
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


def _lower_name(tag: str) -> str:
    """A reference with its name in lower case, its tag and its digest as they are."""
    name, at, digest = tag.partition("@")
    folder, slash, last = name.rpartition("/")
    last, colon, version = last.partition(":")
    return f"{folder}{slash}{last}".lower() + colon + version + at + digest


def _reference_hint(tag: str) -> str:
    if _REFERENCE.fullmatch(_lower_name(tag)):
        return f"names are lower case: `{_lower_name(tag)}`"
    name, _, digest = tag.partition("@")
    if digest and not re.fullmatch("sha256:[0-9a-f]{64}", digest) and _REFERENCE.fullmatch(name):
        return "a digest is `sha256:` and 64 hexadecimal digits"
    return "write it as `registry/name:tag@sha256:…`"


def _objects(operation: ops.Operation) -> Iterator[tuple[str, int | str | None, str]]:
    for field in ("secret", "registry_secret"):
        if isinstance(value := getattr(operation, field, None), str):
            yield field, None, value
    for index, value in enumerate(getattr(operation, "secrets", ())):
        yield "secrets", index, value
    for field in ("volumes", "network_file_systems"):
        for path, value in (getattr(operation, field, None) or {}).items():
            yield field, path, value


@rule("IS207", "error", fixable=True)
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
                if not path.startswith("/") or path == "/" or posixpath.normpath(path) != path:
                    hint = "write an absolute path, such as `/data`"
                    place, meant = layer.place(field, path), posixpath.normpath(path)
                    fix = renamed(place, meant) if re.fullmatch("/[^/].*", meant) else ()
                    yield Finding(place, f"`{path}` is no place for a volume", hint, on_key=True, fix=fix)


RULES: tuple[Rule, ...] = (
    bad_requirement,
    bad_system_package,
    bad_variable_name,
    line_break,
    unquoted,
    bad_reference,
    relative_path,
)
