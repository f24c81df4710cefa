"""A registry -> the login that docker keeps for it."""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imagespec.lock.reference import RegistryError
from imagespec.lock.transport import json_of


@dataclass(frozen=True, slots=True)
class Login:
    """A name and a password, or a token that stands for both. `source` says in messages where it is from."""

    user: str = field(repr=False)
    password: str = field(repr=False)
    identity_token: str = field(repr=False)
    source: str

    @property
    def basic(self) -> str:
        return f"Basic {base64.b64encode(f'{self.user}:{self.password}'.encode()).decode()}"


def login_of(host: str, environ: Mapping[str, str]) -> Login | None:
    """What `docker login` left for a host, in `config.json` or with a credential helper."""
    home = environ.get("HOME") or environ.get("USERPROFILE")
    folder = environ.get("DOCKER_CONFIG") or (os.path.join(home, ".docker") if home else None)
    if folder is None:
        return None
    path = Path(folder, "config.json")
    try:
        config = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, RecursionError):
        raise _unreadable(path) from None
    server = "https://index.docker.io/v1/" if host == "docker.io" else host
    match config:
        case {"credHelpers": {**helpers}} if isinstance(helper := helpers.get(server) or helpers.get(host), str):
            return _of_helper(helper, server, environ)
    match config:
        case {"credsStore": str(helper)} if helper and (found := _of_helper(helper, server, environ)) is not None:
            return found
    match config:
        case {"auths": {**auths}}:
            return _of_file(auths, server, host, path)
        case {}:
            return None
    raise _unreadable(path)


def _of_file(auths: Mapping[Any, object], server: str, host: str, path: Path) -> Login | None:
    names = (host, "index.docker.io", "registry-1.docker.io") if host == "docker.io" else (host,)
    spelling = re.compile(rf"(?:https?://)?(?:{'|'.join(map(re.escape, names))})(?:/v[12])?/?")
    keys = sorted((key for key in auths if spelling.fullmatch(key)), key=lambda key: key != server)
    for entry in (auths[key] for key in keys):
        match entry:
            case {"identitytoken": str(token)} if token:
                return Login("", "", token, f"`{path}`")
            case {"auth": str(auth)} if auth:
                try:
                    user, colon, password = base64.b64decode(auth, validate=True).decode().partition(":")
                except (binascii.Error, UnicodeDecodeError):
                    raise _unreadable(path) from None
                if not colon:
                    raise _unreadable(path)
                return Login(user, password.rstrip("\0"), "", f"`{path}`")
            case {"username": str(user), "password": str(password)} if user:
                return Login(user, password, "", f"`{path}`")
    return None


def _of_helper(helper: str, server: str, environ: Mapping[str, str]) -> Login | None:
    """What a program of docker's protocol for credentials says: the server on its input, JSON on its output."""
    program = f"docker-credential-{helper}"
    found = shutil.which(program, path=environ.get("PATH"))
    if found is None:
        raise RegistryError(
            f"docker keeps its logins with `{program}`, which is not on the `PATH`",
            f"install it, or take `{helper}` out of docker's `config.json`",
        )
    try:
        done = subprocess.run(
            [found, "get"], input=server.encode(), capture_output=True, check=False, env=dict(environ), timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        raise _silent(program) from None
    if done.returncode != 0 and b"credentials not found" in done.stdout + done.stderr:
        return None
    match json_of(done.stdout) if done.returncode == 0 else None:
        case {"Username": "<token>", "Secret": str(token)}:
            return Login("", "", token, f"`{program}`")
        case {"Username": str(user), "Secret": str(password)}:
            return Login(user, password, "", f"`{program}`") if user else None
    raise _silent(program)


def _silent(program: str) -> RegistryError:
    return RegistryError(f"docker keeps its logins with `{program}`, which fails", f"see why: {program} list")


def _unreadable(path: Path) -> RegistryError:
    return RegistryError(f"docker's logins in `{path}` cannot be read", "log in again: docker login")
