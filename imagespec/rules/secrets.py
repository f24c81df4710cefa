"""IS801, IS802, IS805: secrets in files that are shipped, and in the spec itself. No finding shows one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import TypeAlias

from imagespec.diagnostic import Add, Edit
from imagespec.image.commands import instructions_of
from imagespec.image.layers import Image, Layer, Place
from imagespec.image.requirements import requirements_of
from imagespec.image.shipped import Shipped, shipped
from imagespec.masked import Secret, given, literal, secrets
from imagespec.rules.rule import Finding, Rule, rule
from imagespec.spec import operations as ops

SHOWN = 5
"""Files of one source that are named one by one."""

_MODAL = "modal secret create NAME KEY=…, and `secrets: [NAME]` where it is needed"


@rule("IS801", "error", fixable=True)
def shipped_credentials(image: Image) -> Iterable[Finding]:
    """A file with credentials among those that the image brings.

    Whoever can start a container can read it, and it stays in the cache of builds after it was removed from the folder:
    a key that was once in an image counts as known. What is looked for are the files that tools keep their logins in,
    and private keys; what such a file holds is looked at where its name alone does not tell.

    Use instead: `ignore` on the source, for example `ignore: [.env]`; what a function needs at run time belongs into a
    Modal secret: `modal secret create`, and `secrets=[modal.Secret.from_name(…)]` on the function.
    """
    for layer in image.layers:
        found = [(file, why) for file in shipped(layer, image.root) if (why := _credentials(file))]
        for file, why in found[:SHOWN]:
            message = f"`{file.name}` would be in the image: it holds {why}"
            yield Finding(_place(layer), message, _leave_out(layer, file.name), fix=_ignore(layer, file.name))
        if len(found) > SHOWN:
            fix = tuple(edit for file, _ in found[SHOWN:] for edit in _ignore(layer, file.name))
            message = f"and {len(found) - SHOWN} more files with credentials"
            yield Finding(_place(layer), message, "is it the right folder?", fix=fix)


def _place(layer: Layer) -> Place:
    match layer.operation:
        case ops.AddLocalPythonSource():
            return layer.place("modules", 0)
        case ops.FromDockerfile():
            return layer.place("path")
        case ops.DockerfileCommands():
            return layer.origin
        case _:
            return layer.place("local_path")


def _leave_out(layer: Layer, name: str) -> str:
    match layer.operation:
        case ops.AddLocalFile():
            return f"leave it out; {_MODAL}"
        case ops.AddLocalDir() | ops.AddLocalPythonSource():
            return f"add `ignore: ['{name}']`; {_MODAL}"
        case _:
            return f"add `{name}` to .dockerignore; {_MODAL}"


def _ignore(layer: Layer, name: str) -> tuple[Edit, ...]:
    place = layer.place("ignore")
    plain = not re.search(r"[*?\[\\!]", name) and name == name.strip()
    if isinstance(layer.operation, ops.AddLocalDir | ops.AddLocalPythonSource) and isinstance(place, tuple) and plain:
        return (Add(place, name),)
    return ()


# ---------------------------------------------------------------------------------------- files

_KEY = re.compile(r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY-----")
_SETTING = re.compile(
    r"^[ \t]*(?:export[ \t]+)?(?:\w*_)?(?:API)?(?:KEY|TOKEN|SECRET|PASS|PASSWORD|PASSWD|PWD|CREDENTIALS?|DSN)(?:_\w*)?"
    r"[ \t]*[=:][ \t]*([^\s#].*)$",
    re.IGNORECASE | re.MULTILINE,
)


def _any(_text: str) -> bool:
    return True


def _settings(text: str) -> bool:
    values = (value.partition(" #")[0].strip(" \t\r\"'") for value in _SETTING.findall(text))
    return any(len(value) >= 4 and literal(value) for value in values) or any(True for _ in secrets(text))


def _google(text: str) -> bool:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    inner = [value, *value.values()] if isinstance(value, dict) else []
    keys = {"private_key", "client_secret", "refresh_token", "aws_secret_access_key"}
    return any(isinstance(each, dict) and keys & each.keys() for each in inner)


_Look: TypeAlias = Callable[[str], bool]

_FILES: tuple[tuple[str, str, _Look], ...] = (
    (".env", "settings that name secrets", _settings),
    (".env.*", "settings that name secrets", _settings),
    (".envrc", "settings that name secrets", _settings),
    ("id_rsa", "a private key", _any),
    ("id_dsa", "a private key", _any),
    ("id_ecdsa", "a private key", _any),
    ("id_ed25519", "a private key", _any),
    ("*.pem", "a private key", lambda text: _KEY.search(text) is not None),
    ("*.key", "a private key", lambda text: _KEY.search(text) is not None),
    (".netrc", "logins", lambda text: "password" in text),
    ("_netrc", "logins", lambda text: "password" in text),
    (
        ".pypirc",
        "a login for a package index",
        lambda text: re.search(r"^\s*password\s*[=:]\s*\S", text, re.M) is not None,
    ),
    (".npmrc", "a token", lambda text: re.search(r"_(?:authToken|auth|password)\s*=\s*[^\s$]", text) is not None),
    (".git-credentials", "logins for git", _any),
    (".modal.toml", "a token of Modal", lambda text: "token_secret" in text),
    (".aws/credentials", "keys of AWS", lambda text: "aws_secret_access_key" in text),
    (".docker/config.json", "logins for registries", lambda text: '"auth"' in text),
    (".kube/config", "logins for a cluster", _any),
    ("kubeconfig", "logins for a cluster", lambda text: "clusters:" in text),
    (".huggingface/token", "a token of Hugging Face", _any),
    (".kaggle/kaggle.json", "a key of Kaggle", _any),
    ("kaggle.json", "a key of Kaggle", lambda text: '"key"' in text and '"username"' in text),
    ("*credentials*.json", "a key of a service account", _google),
    ("*service*account*.json", "a key of a service account", _google),
    ("*-key.json", "a key of a service account", _google),
    (".streamlit/secrets.toml", "secrets", _any),
)
"""The end of a path, what such a file holds, and whether a text is such a file."""

_SAMPLE = re.compile(r"\.(?:example|sample|template|tmpl|dist|defaults?|schema)\b", re.IGNORECASE)


def _credentials(file: Shipped) -> str:
    """What secret thing a file holds; an empty string where it holds none that is known."""
    lower = f"/{file.name}".lower()
    if not file.size or _SAMPLE.search(lower):
        return ""
    for pattern, what, look in _FILES:
        if fnmatch(lower, f"*/{pattern}") and look(_beginning(file.path)):
            return what
    return ""


def _beginning(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            return file.read(65_536).decode("utf-8", "replace")
    except OSError:
        return ""


# ------------------------------------------------------------------------------------- the spec


@rule("IS802", "error")
def written_secret(image: Image) -> Iterable[Finding]:
    """A secret in the spec: in a variable, an argument or a command.

    Specs are committed, and what they say is in the image, in its history and in the logs of its builds: the secret is
    known to everybody who can read any of them, also after it was taken out. Make a new one. What is looked for are the
    tokens of well-known services by their shape, and values that a name such as `…_TOKEN`, `…_API_KEY` or `…_PASSWORD`
    makes secrets; placeholders, references and paths are none. The finding does not show the value.

    Use instead: `modal secret create my-secret WANDB_API_KEY=…`; then `secrets: [my-secret]` for a build step, and
    `secrets=[modal.Secret.from_name("my-secret")]` for a function.
    """
    for place, text, name in _texts(image):
        on_key = bool(name)
        found = [secret for secret in secrets(text) if not secret.address]
        kind = f"the value of `{name}`" if name and given(name, text) else found[0].kind if found else ""
        if kind:
            what = f"`{name}` is {kind}" if name and found and not given(name, text) else f"{kind} is written here"
            yield Finding(place, f"{what}, in plain text", _MODAL, on_key=on_key)


@rule("IS805", "error")
def password_in_address(image: Image) -> Iterable[Finding]:
    """A password in an address.

    It is in the spec, in the image's history and in the logs of its builds, where `pip` and `git` print addresses.

    Use instead: the address without it. For a package index `UV_INDEX_NAME_PASSWORD` and `UV_INDEX_NAME_USERNAME`, or a
    `.netrc`, from a secret of the build step; for git repositories `python: {private: …}`; for others a variable from
    a secret: `https://user:$PASSWORD@…`.
    """
    for place, text, name in _texts(image):
        found: list[Secret] = [secret for secret in secrets(text) if secret.address]
        if found:
            hint = "take it from a secret: `https://user:$PASSWORD@…` in a command, a .netrc for an index"
            yield Finding(place, "an address with its password in it", hint, on_key=bool(name))


def _texts(image: Image) -> Iterator[tuple[Place, str, str]]:
    """Every text that was written, with its place and, for a variable, its name."""
    for layer in image.layers:
        read = {"commands", "dockerfile_commands", "setup_dockerfile_commands"}
        for instruction in instructions_of(layer):
            yield instruction.place, f"{instruction.word} {instruction.text}", ""
        for line in requirements_of(layer):
            yield line.place, line.text, ""
            read.add("packages")
        for field in ops.fields_of(layer.operation):
            if field.name not in read:
                yield from _of_field(layer, field.name)
    for index, command in enumerate(image.checks.commands):
        yield ("checks", "commands", index), command, ""


def _of_field(layer: Layer, name: str) -> Iterator[tuple[Place, str, str]]:
    value = getattr(layer.operation, name)
    if isinstance(value, str):
        yield layer.place(name), value, ""
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            if isinstance(item, str):
                yield layer.place(name, index), item, ""
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(item, str):
                yield layer.place(name, key), item, key


RULES: tuple[Rule, ...] = (shipped_credentials, written_secret, password_in_address)
