"""IS807: connections whose other end is not checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from imagespec.image.commands import instructions_of, runs_of
from imagespec.image.layers import Image
from imagespec.image.shell import Command
from imagespec.rules.rule import Finding, Rule, rule

_LOCAL = re.compile(r"\b(?:localhost|127\.0\.0\.1|0\.0\.0\.0)\b|\[::1\]")
_OFF = re.compile(r"0|false|no|off", re.IGNORECASE)
_SWITCHES: Mapping[str, bool] = {
    "GIT_SSL_NO_VERIFY": True,
    "PIP_TRUSTED_HOST": True,
    "UV_INSECURE_HOST": True,
    "PYTHONHTTPSVERIFY": False,
    "NODE_TLS_REJECT_UNAUTHORIZED": False,
    "CONDA_SSL_VERIFY": False,
    "MAMBA_SSL_VERIFY": False,
}
"""Variables that turn checks off: by any value that is not itself an off, or by one that is."""

_CURL_VALUES = frozenset("AbcCdDeEFHKmoPQrtTuUwxXyYz")
"""The letters of curl's options that take a value."""


@rule("IS807", "warning")
def unchecked_tls(image: Image) -> Iterable[Finding]:
    """A connection whose other end is not checked.

    With the check of certificates off, whoever stands between the builder and the server can answer instead of it. As a
    variable of the image it holds for everything that runs there, also when it trains.

    Use instead: the certificate of the company's own authority: copy it to `/usr/local/share/ca-certificates` and run
    `update-ca-certificates`, or name it in `SSL_CERT_FILE`. Where a certificate is out of date, install
    `ca-certificates`.
    """
    hint = "install the certificate that is missing (`ca-certificates`, SSL_CERT_FILE) instead"
    for layer in image.layers:
        for field in ("vars", "env"):
            for name, value in (getattr(layer.operation, field, None) or {}).items():
                if _turned_off(name, value or ""):
                    yield Finding(layer.place(field, name), f"`{name}` turns checks of certificates off", hint)
        options = getattr(layer.operation, "extra_options", "")
        if re.search(r"--(?:trusted-host|allow-insecure-host)\b", options) and not _LOCAL.search(options):
            yield Finding(layer.place("extra_options"), "the certificate of the index is not checked", hint)
        for instruction in instructions_of(layer):
            if instruction.word in ("ENV", "ARG"):
                name, _, value = re.sub(r"^(\w+)[ \t]+", r"\1=", instruction.text).partition("=")
                if _turned_off(name, value.strip("\"'")):
                    yield Finding(instruction.place, f"`{name}` turns checks of certificates off", hint)
        for run in runs_of(layer):
            if what := next((w for each in run.commands if (w := _unchecked(each))), ""):
                yield Finding(run.place, f"`{what}` turns the check of certificates off", hint)


def _turned_off(name: str, value: str) -> bool:
    if name not in _SWITCHES or not value or value.startswith("$") or _LOCAL.search(value):
        return False
    return (_OFF.fullmatch(value) is None) == _SWITCHES[name]


def _unchecked(command: Command) -> str:
    """The word of a command that turns the check off."""
    for word in command.words:
        name, equals, value = word.partition("=")
        if equals and _turned_off(name, value):
            return name
    if any(_LOCAL.search(word) for word in command.arguments):
        return ""
    arguments = command.arguments
    match command.program:
        case "curl":
            return next((w for w in arguments if w == "--insecure" or _cluster_with_k(w)), "")
        case "wget":
            return next((w for w in arguments if w == "--no-check-certificate"), "")
        case "git":
            return next(
                (w for w in arguments if re.fullmatch(r"(?i)http\.(?:.*\.)?sslVerify=(?:false|0|no)", w)), ""
            ) or ("http.sslVerify" if re.search(r"(?i)\bhttp\.sslverify (?:false|0|no)\b", " ".join(arguments)) else "")
        case "apt" | "apt-get":
            off = r"--allow-unauthenticated|Acquire::https::(?:.*::)?Verify-Peer=(?:false|0)"
            return next((w for w in arguments if re.fullmatch(off, w)), "")
        case "conda" | "mamba" | "micromamba" | "npm" | "yarn" if "config" in arguments:
            return "ssl" if re.search(r"(?:ssl_verify|strict-ssl)[ =](?:false|no)\b", " ".join(arguments)) else ""
        case _:
            trusted = (w for w in arguments if w.partition("=")[0] in ("--trusted-host", "--allow-insecure-host"))
            return next(trusted, "") if command.installs else ""


def _cluster_with_k(word: str) -> bool:
    """Whether `k` is among the letters of `-fsSLk`, before one that takes the rest of the word as its value."""
    if not re.fullmatch(r"-[A-Za-z#0-9]+", word):
        return False
    for letter in word[1:]:
        if letter == "k":
            return True
        if letter in _CURL_VALUES:
            return False
    return False


RULES: tuple[Rule, ...] = (unchecked_tls,)
