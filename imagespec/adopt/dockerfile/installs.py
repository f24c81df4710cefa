"""A shell command of a `RUN` -> the installs that it is made of, where all of it is understood."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from imagespec.adopt.dockerfile.arguments import Arguments
from imagespec.adopt.dockerfile.shell_words import NotUnderstood, commands
from imagespec.diagnostic import Source
from imagespec.image.requirements import is_local, lines_of, logical_lines, requirement
from imagespec.spec import operations as ops
from imagespec.spec.operations import AnyOperation
from imagespec.spec.source import read

FileOf: TypeAlias = Callable[[str], Path | None]
"""The file of this machine that was copied to a path of the image."""


@dataclass(frozen=True, slots=True)
class Installs:
    """What a command installs, and how: `slim` without recommended packages, `quiet` without questions."""

    operations: tuple[AnyOperation, ...]
    slim: bool = False
    quiet: bool = False


def understood(
    command: str, variables: Mapping[str, str], file_of: FileOf, *, python: bool, uv: bool
) -> Installs | None:
    """The installs that a whole command consists of, in their order; `None` where it does anything else.

    `python`: what `pip` installs for is what `python` runs; `uv`: so does `uv pip install --system`. Modal's installs
    are for that one.
    """
    try:
        found = [_one(words, variables, file_of, python=python, uv=uv) for words in commands(command, variables)]
    except NotUnderstood:
        return None
    slim = {install.slim for install in found if any(isinstance(op, ops.AptInstall) for op in install.operations)}
    if len(slim) > 1:
        return None
    operations = tuple(operation for install in found for operation in install.operations)
    return Installs(operations, slim == {True}, any(install.quiet for install in found))


# ---------------------------------------------------------------------------------------------- commands

_PIP = re.compile(r"pip3?")  # with a path it may be the one of a virtual environment
_PYTHON = re.compile(r"python3?")
_ASSIGNMENT = re.compile(r"(\w+)=(.*)")
_CACHES = re.compile(
    r"/var/lib/apt/lists(/\*)?|/var/lib/apt/lists/|/var/cache/apt(/.*)?|(/root|~)/\.cache(/pip|/uv)?/?\*?"
)


def _one(words: list[str], variables: Mapping[str, str], file_of: FileOf, *, python: bool, uv: bool) -> Installs:
    quiet = False
    while words and (set_here := _ASSIGNMENT.fullmatch(words[0])):
        if set_here[1] != "DEBIAN_FRONTEND":
            raise NotUnderstood
        quiet, words = True, words[1:]
    match words:
        case ["set", *flags] if all(
            re.fullmatch(r"-[eux]+|-o|pipefail|errexit|nounset|xtrace", flag) for flag in flags
        ):
            return Installs(())
        case ["rm", *rest] if _removes_caches(rest):
            return Installs(())
        case ["apt-get" | "apt", *rest]:
            return _apt(rest, quiet)
        case [pip, "cache", "purge"] if _PIP.fullmatch(pip):
            return Installs(())
        case ["uv", "cache", "clean" | "prune"]:
            return Installs(())
        case [pip, "install", *rest] if _PIP.fullmatch(pip) and python:
            return Installs((_pip(rest, file_of),))
        case [program, "-m", "pip", "install", *rest] if program == "python" or (_PYTHON.fullmatch(program) and python):
            return Installs((_pip(rest, file_of),))
        case ["uv" | "/uv" | "/bin/uv" | "/usr/local/bin/uv", "pip", "install", *rest] if uv:
            return Installs((_uv(rest, variables, file_of),))
        case _:
            raise NotUnderstood


def _removes_caches(words: Sequence[str]) -> bool:
    flags = [word for word in words if word.startswith("-")]
    paths = [word for word in words if not word.startswith("-")]
    return bool(paths) and all(re.fullmatch(r"-[rRfv]+", f) for f in flags) and all(map(_CACHES.fullmatch, paths))


_YES = re.compile(r"-(y|q|qq|yq|yqq|qy|qqy)|--(yes|assume-yes|quiet|no-install-suggests)|-q=\d")
_DEBIAN = re.compile(r"[a-z0-9][a-z0-9+.-]+(:[a-z0-9]+)?(=[\w.+:~-]+)?")


def _apt(words: Sequence[str], quiet: bool) -> Installs:
    flags = [word for word in words if word.startswith("-")]
    verb, *names = [word for word in words if not word.startswith("-")] or [""]
    slim = "--no-install-recommends" in flags
    flags = [flag for flag in flags if flag != "--no-install-recommends" and not _YES.fullmatch(flag)]
    if flags or (names and verb != "install") or verb not in ("install", "update", "clean", "autoclean"):
        raise NotUnderstood
    if verb != "install":
        return Installs((), quiet=quiet)
    # what ends in `-` is removed, and what ends in `+` installed: no names
    if not names or not all(_DEBIAN.fullmatch(name) and not re.search(r"-$|(?<!\+)\+$", name) for name in names):
        raise NotUnderstood
    return Installs((ops.AptInstall(packages=tuple(names)),), slim, quiet)


# ---------------------------------------------------------------------------------------------- packages

_FLAGS = (
    "--no-cache-dir --upgrade -U --no-deps --quiet -q --verbose -v --no-build-isolation --force-reinstall"
    " --require-hashes --break-system-packages --disable-pip-version-check --pre"
)
_VALUED = "--index-url --extra-index-url --find-links --requirement --no-binary --only-binary --trusted-host"
_VALUED += " --keyring-provider --config-settings"
_OF_PIP = (
    "--prefer-binary --no-input --compile --no-compile --ignore-installed -I --no-color --use-pep517"
    " --no-warn-script-location --no-python-version-warning --check-build-dependencies",
    "--timeout --default-timeout --retries --progress-bar --upgrade-strategy --root-user-action --use-deprecated"
    " --use-feature --global-option",
)
_OF_UV = (
    "--system --no-cache -n --exact --reinstall --compile-bytecode --strict --no-progress",
    "--prerelease --upgrade-package -P --index-strategy --torch-backend --link-mode --resolution --exclude-newer"
    " --no-build-isolation-package --reinstall-package --fork-strategy",
)
"""Options without a value, and with one. Any other has no counterpart in an install of a spec."""
_OWN = ("--index-url", "--extra-index-url", "--find-links")
_SHORT = {"-i": "--index-url", "-f": "--find-links", "-r": "--requirement", "--requirements": "--requirement"}


def _read(words: Sequence[str], flags: str, valued: str) -> Arguments:
    flags, valued = f"{_FLAGS} {flags}", f"{_VALUED} {valued}"
    found = Arguments.of(words, flags=flags.split(), valued=valued.split(), short=_SHORT)
    if found is None or not all(_is_requirement(package) for package in found.positional):
        raise NotUnderstood
    return found


def _is_requirement(text: str) -> bool:
    """A package by name or by address; a file or a folder is in the image alone."""
    if is_local(text):
        return False
    parsed = requirement(text)
    if parsed is not None:
        return not (parsed.url or "").startswith("file:")
    return bool(re.match(r"(git\+)?https?://\S+$", text))


def _options(found: Arguments, left_out: Sequence[str] = ()) -> Mapping[str, str | bool]:
    """The fields of an install that its options fill; those without a field stay options."""
    fields: dict[str, str | bool] = {}
    more: list[str] = []
    for name, value in found.options:
        own = name.removeprefix("--").replace("-", "_")
        if name in _OWN and own not in fields and value:
            fields[own] = value
        elif name == "--pre" or (name, value) == ("--prerelease", "allow"):
            fields["pre"] = True
        elif name not in ("--requirement", *left_out):
            more += [name] if value is None else [f"{name}={value}" if name.startswith("--") else name + value]
    return {**fields, **({"extra_options": shlex.join(more)} if more else {})}


def _pip(words: Sequence[str], file_of: FileOf) -> AnyOperation:
    found = _read(words, *_OF_PIP)
    options = _options(found)
    files = [_file(value, file_of) for value in found.values("--requirement")]
    if len(files) == 1 and not found.positional:
        return ops.PipInstallFromRequirements(requirements_txt=files[0], **options)  # type: ignore[arg-type]
    if files or not found.positional:
        raise NotUnderstood  # what is installed together is resolved together
    return ops.PipInstall(packages=tuple(found.positional), **options)  # type: ignore[arg-type]


def _uv(words: Sequence[str], variables: Mapping[str, str], file_of: FileOf) -> AnyOperation:
    found = _read(words, *_OF_UV)
    on_system = variables.get("UV_SYSTEM_PYTHON", "").lower() in ("1", "true", "yes", "on")
    if not on_system and not found.has("--system"):
        raise NotUnderstood  # a virtual environment, which Modal's uv does not install into
    files = tuple(_file(value, file_of) for value in found.values("--requirement"))
    if not files and not found.positional:
        raise NotUnderstood
    options = _options(found, ("--system", "--compile-bytecode"))
    return ops.UvPipInstall(packages=tuple(found.positional), requirements=files or None, **options)  # type: ignore[arg-type]


def _file(name: str, file_of: FileOf) -> Path:
    """The requirements file of this machine, where it stands on its own."""
    path = file_of(name)
    if path is None or path.suffix not in (".txt", ".in", ".pip"):
        raise NotUnderstood
    if lines_of(path) is None:
        source = read(path)
        if not isinstance(source, Source):
            raise NotUnderstood
        if any(
            re.match(r"-[recf]|--(requirement|constraint|editable|find-links)", line.text) or is_local(line.text)
            for line in logical_lines(source)
        ):
            raise NotUnderstood
    elif any(not _is_requirement(line.text) for line in lines_of(path) or ()):
        raise NotUnderstood
    return path
