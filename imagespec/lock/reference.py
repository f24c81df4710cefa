"""The name of an image in a container registry -> its parts, by docker's rules."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn


class RegistryError(Exception):
    """A reference that is none, or a registry that gives no digest for it. `hint` says what can be done."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?")
_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
LOOPBACK = re.compile(r"(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reference:
    """An image by its full name: `python` is `docker.io`, `library/python`, `latest`, without a digest.

    The tag is empty where a digest stands alone.
    """

    host: str
    repository: str
    tag: str
    digest: str | None

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.name}{tag}{digest}"

    @property
    def name(self) -> str:
        return f"{self.host}/{self.repository}"

    @property
    def url(self) -> str:
        """Where the registry speaks: in the clear on this machine only, as docker has it."""
        host = "registry-1.docker.io" if self.host == "docker.io" else self.host
        return f"{'http' if LOOPBACK.fullmatch(host) else 'https'}://{host}"


def parse_reference(image: str) -> Reference:
    """The parts of a reference, by docker's rules for what is left out. Raises `RegistryError`."""
    name, at, digest = image.partition("@")
    if at and not DIGEST.fullmatch(digest):
        _refuse(image, "a digest is `sha256:` and 64 hexadecimal digits")
    if "://" in name:
        _refuse(image, f"leave `{name.partition('://')[0]}://` out")
    host, slash, path = name.partition("/")
    if not slash or not (re.search(r"[.:]", host) or host == "localhost"):
        host, path = "docker.io", name
    repository, colon, tag = path.partition(":")
    if not _REPOSITORY.fullmatch(repository) and _REPOSITORY.fullmatch(repository.lower()):
        _refuse(image, f"names are lower case: `{repository.lower()}`")
    port = host.rpartition(":")[2] if re.search(r":\d+$", host) else "0"
    if not _HOST.fullmatch(host) or int(port) > 65535 or not _REPOSITORY.fullmatch(repository):
        _refuse(image, "write it as `registry/name:tag`")
    if colon and not TAG.fullmatch(tag):
        _refuse(image, "a tag has letters, digits, `_`, `.` and `-`, 128 at most")
    if host in ("docker.io", "index.docker.io"):
        host, repository = "docker.io", repository if "/" in repository else f"library/{repository}"
    return Reference(host, repository, tag or ("" if digest else "latest"), digest or None)


def _refuse(image: str, hint: str) -> NoReturn:
    raise RegistryError(f"`{image}` is no reference to an image", hint)
