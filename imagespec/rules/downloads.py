"""IS803, IS806: programs from the network, run without a look at them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from imagespec.image.commands import Run, instructions_of, path_of, runs_of
from imagespec.image.layers import Image, Layer
from imagespec.image.shell import Command, Pipeline, pipelines
from imagespec.rules.rule import Finding, Rule, rule

_FETCH = frozenset({"curl", "wget", "aria2c"})
_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "ash", "fish"})
_INTERPRETERS = re.compile(r"python[\d.]*|perl|ruby|node|php")
_LOCAL = re.compile(r"\b(?:localhost|127\.0\.0\.1|0\.0\.0\.0)\b|\[::1\]")


@rule("IS803", "warning")
def piped_to_shell(image: Image) -> Iterable[Finding]:
    """A script from the network that is run as it comes.

    Whoever controls the address, that day, controls the image: nothing says what the script was, nothing notices
    that it is another one, and one that breaks off in the middle is run up to there.

    Use instead: the package of a distribution or of PyPI; or a fixed version of the script, its hash checked before it
    runs: `curl -fsSLo x.sh https://…/v1.2/x.sh && echo "SHA256  x.sh" | sha256sum -c && sh x.sh`.
    """
    for layer in image.layers:
        for run in runs_of(layer):
            runner = next((each for pipeline in run.pipelines if (each := _runner(pipeline))), "")
            if runner:
                message = f"what the network answers is run by `{runner}`, whatever it is"
                hint = "download a fixed version, check its sha256, then run it"
                yield Finding(run.place, message, hint)


def _runner(pipeline: Pipeline) -> str:
    """The program of a pipeline that runs what another one of it has fetched."""
    fetched = False
    for command in pipeline:
        if fetched and _runs_stdin(command):
            return command.program
        if _runs_inner(command) and any(_fetches(inner) for inner in command.inner):
            return command.program
        fetched = fetched or command.program in _FETCH
    return ""


def _runs_stdin(command: Command) -> bool:
    """Whether a program runs what it reads: it is given no script of its own."""
    arguments = command.arguments
    if command.program in _SHELLS:
        plain = [word for word in arguments if not word.startswith(("-", "+"))]
        return any(re.fullmatch(r"-[a-z]*s|-", word) for word in arguments) or not (
            plain or any(re.fullmatch(r"-[a-z]*c", word) for word in arguments)
        )
    return _INTERPRETERS.fullmatch(command.program) is not None and (not arguments or arguments[0] == "-")


def _runs_inner(command: Command) -> bool:
    """Whether a program runs what a substitution among its arguments gives: `sh -c "$(…)"`, `bash <(…)`, `eval`."""
    if command.program in ("eval", "source", "."):
        return True
    script = next((word for word in command.arguments if not word.startswith("-")), "")
    runs = command.program in _SHELLS or _INTERPRETERS.fullmatch(command.program) is not None
    return runs and script.startswith(("$(", "<(", "`"))


def _fetches(text: str) -> bool:
    return any(command.program in _FETCH for pipeline in pipelines(text, 1) for command in pipeline)


_UNPACKS = frozenset({"tar", "bsdtar", "unzip", "7z", "dpkg", "rpm", "chmod", "install", "gunzip", "apt", "apt-get"})
_CHECKS = re.compile(r"(?:sha\d*|md5|b2|b3|cksum)(?:sum)?|shasum|gpgv?|openssl|cosign|minisign|rhash|slsa-verifier")


@rule("IS806", "warning")
def unverified_download(image: Image) -> Iterable[Finding]:
    """A program or an archive from the network, run or unpacked without a look at its hash.

    What lies at an address can change, by its maker or by somebody else; the image is then another one, and nothing
    says so. Data that is only kept is not meant here.

    Use instead: a fixed version, and `echo "SHA256  file" | sha256sum -c` before it is unpacked; in a Dockerfile
    `ADD --checksum=sha256:… https://…`.
    """
    for layer in image.layers:
        runs = list(runs_of(layer))
        if any(_CHECKS.fullmatch(command.program) for run in runs for command in run.commands):
            continue
        used = [command for run in runs for command in run.commands]
        for run in runs:
            if (name := next(_unverified(run, used), "")) and not any(_runner(each) for each in run.pipelines):
                message = f"`{name}` is used as it comes from the network, its hash unknown"
                yield Finding(run.place, message, 'check it first: echo "SHA256  file" | sha256sum -c')
        yield from _added(layer, used)


def _unverified(run: Run, used: list[Command]) -> Iterator[str]:
    """The downloads of a run that a command unpacks or starts."""
    for pipeline in run.pipelines:
        for position, command in enumerate(pipeline):
            if command.program in _FETCH:
                url = next((word for word in command.arguments if "://" in word), "")
                if url and not _LOCAL.search(url):
                    name = _written_to(command, url)
                    piped = any(later.program in ("tar", "bsdtar", "dpkg") for later in pipeline[position + 1 :])
                    if piped or (name and any(_uses(later, name) for later in used if later is not command)):
                        yield posixpath.basename(path_of(url)) or name


def _written_to(command: Command, url: str) -> str:
    """The name of the file that a download is written to; an empty string where that is standard output."""
    wget = command.program == "wget"
    written = next(iter(command.outputs), "")
    short, long = ("O", "--output-document") if wget else ("o", "--output")
    for word, following in pairwise((*command.arguments, "")):
        if option := re.fullmatch(rf"-[A-Za-z]*?{short}(.*)", word):
            written = option[1] or following
        elif word.partition("=")[0] == long:
            written = word.partition("=")[2] or following
    own = wget or any(re.fullmatch(r"-[A-Za-z]*O[A-Za-z]*|--remote-name", word) for word in command.arguments)
    return posixpath.basename(written or (path_of(url) if own else "")).removeprefix("-")


def _uses(command: Command, name: str) -> bool:
    """Whether a command unpacks, installs or starts a file."""
    if posixpath.basename(next(iter(command.words), "")) == name or command.program == name:
        return True
    arguments = command.arguments
    if command.program in _SHELLS or (_INTERPRETERS.fullmatch(command.program) and not command.installs):
        arguments = tuple(word for word in arguments if not word.startswith("-"))[:1]  # its script; the rest is data
    elif command.program == "chmod":
        if not any(re.search(r"\+r?x|^[0-7]*[1357][0-7]*$", word) for word in arguments):
            return False
    elif command.program not in _UNPACKS and not command.installs:
        return False
    return any(posixpath.basename(word) == name for word in arguments)


def _added(layer: Layer, used: list[Command]) -> Iterator[Finding]:
    for instruction in instructions_of(layer):
        if instruction.word != "ADD" or "--checksum=" in instruction.text:
            continue
        for word in instruction.text.split():
            name = posixpath.basename(path_of(word)) if word.startswith(("https://", "http://")) else ""
            target = posixpath.basename(instruction.text.split()[-1])
            if name and any(_uses(command, each) for command in used for each in (name, target) if each):
                message = f"`{name}` is used as it comes from the network, its hash unknown"
                yield Finding(instruction.place, message, "write `ADD --checksum=sha256:… …`")


RULES: tuple[Rule, ...] = (piped_to_shell, unverified_download)
