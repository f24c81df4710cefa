"""IS303: repositories that an image takes from git, as a package or by a command."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from imagespec.image.commands import runs_of
from imagespec.image.layers import Image, Layer, Place
from imagespec.image.requirements import requirement, requirements_of
from imagespec.image.shell import Command
from imagespec.rules.rule import Finding, open_layers, rule
from imagespec.spec import operations as ops


@rule("IS303", "warning")
def git_without_commit(image: Image) -> Iterable[Finding]:
    """A git repository without a commit.

    Branches move and tags can be moved; the same spec then gives another image. That goes for packages, for
    `pip install git+…` in a command, and for a `git clone` behind which no commit is checked out.

    Use instead: `@` and the full 40 digits of the commit; behind a `git clone`, `git checkout` with the commit.
    """
    urls = [each for layer in open_layers(image) for each in _packages(layer)]
    urls += [each for layer in image.layers for each in _installed_by_commands(layer)]
    for place, url in urls:
        reference = url.partition("#")[0].rpartition("/")[2].partition("@")[2]
        if not _COMMIT.fullmatch(reference) and "$" not in url.rpartition("/")[2]:
            yield Finding(place, _what(reference), "add `@` and the 40 digits of the commit")
    for place, branch in _clones(image):
        yield Finding(place, _what(branch), "add `git checkout` with the 40 digits of the commit behind it")


_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def _what(reference: str) -> str:
    return f"`{reference}` is no commit: it can move" if reference else "no commit is named"


def url_of(text: str) -> str | None:
    """The address of a requirement that has one."""
    parsed = requirement(text)
    if parsed is None:
        return text if "://" in text else None
    return parsed.url


def is_git(url: str) -> bool:
    """Whether an installer takes an address for a git repository."""
    return url.startswith("git+") or url.partition("#")[0].partition("@")[0].endswith(".git")


def _packages(layer: Layer) -> Iterator[tuple[Place, str]]:
    for line in requirements_of(layer):
        if (url := url_of(line.text)) and is_git(url):
            yield line.place, url
    if isinstance(layer.operation, ops.PipInstallPrivateRepos):
        for index, repository in enumerate(layer.operation.repositories):
            yield layer.place("repositories", index), f"git+{repository}"


def _installed_by_commands(layer: Layer) -> Iterator[tuple[Place, str]]:
    for run in runs_of(layer):
        for command in run.commands:
            if command.installs:
                found = (re.search(r"git\+\S+://\S+", word) for word in command.arguments)
                yield from ((run.place, url[0]) for url in found if url)


def _clones(image: Image) -> Iterator[tuple[Place, str]]:
    """Each `git clone` from elsewhere without a commit, and the branch or tag that it takes. A commit that is checked
    out is taken for one of the repository that was cloned last."""
    waiting: list[tuple[Place, str]] = []
    for run in (run for layer in image.layers for run in runs_of(layer)):
        for command in run.commands:
            verb, arguments = _verb(command)
            if verb == "clone" and any(map(_REMOTE.match, arguments)) and not any(map(_REVISION.match, arguments)):
                waiting.append((run.place, next(command.after("-b", "--branch"), "")))
            elif verb in ("checkout", "reset", "switch", "fetch", "pull") and any(map(_names_commit, arguments)):
                del waiting[-1:]
    yield from (each for each in waiting if "$" not in each[1])


_REMOTE = re.compile(r"(?:https?|ssh|git)://.|[\w.-]+@[\w.-]+:.")
_REVISION = re.compile(r"--revision\b")


def _verb(command: Command) -> tuple[str, tuple[str, ...]]:
    """What a command asks git for, and the words behind that."""
    skip = False
    for index, word in enumerate(command.arguments if command.program == "git" else ()):
        if not skip and not word.startswith("-"):
            return word, command.arguments[index + 1 :]
        skip = word in ("-C", "-c")
    return "", ()


def _names_commit(word: str) -> bool:
    """Whether a word is a commit, or may stand for one."""
    return "$" in word or re.fullmatch(r"[0-9a-f]{7,64}", word) is not None
