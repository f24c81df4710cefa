"""The variables of the user's shell -> those that pass to what a build runs.

What says who the user is and how to connect passes. What would change the result does not: an environment is named by
what the spec says, and must not depend on the shell that it was made in.
"""

from __future__ import annotations

from collections.abc import Mapping

_PASS = {
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "TERM",
    "COLORTERM",
    "NO_COLOR",
    "TZ",
    "TMPDIR",
}
_PASS |= {"SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "SSH_AUTH_SOCK"}
_PASS |= {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "NETRC", "CUDA_VISIBLE_DEVICES"}
"""No `PYTHONPATH`: it would bring modules that the image lacks."""

_INDEXES = ("UV_INDEX", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS")
_TO_UV = (
    *(
        "UV_CACHE_DIR",
        "UV_NATIVE_TLS",
        "UV_SYSTEM_CERTS",
        "UV_OFFLINE",
        "UV_HTTP",
        "UV_REQUEST_TIMEOUT",
        "UV_INSECURE_HOST",
    ),
    *("UV_CONCURRENT", "UV_LINK_MODE", "UV_KEYRING_PROVIDER", "UV_PYTHON_INSTALL", "PYENV_ROOT"),
    *_INDEXES,
)


def for_commands(environ: Mapping[str, str]) -> dict[str, str]:
    """What checks see, and commands of the user."""
    return {name: value for name, value in environ.items() if name.upper() in _PASS or name.startswith(("LC_", "XDG_"))}


def for_uv(environ: Mapping[str, str], *, own_index: bool = False) -> dict[str, str]:
    """What uv sees: its connections and folders too. With `own_index` no package index but the spec's."""
    uv = {name: value for name, value in environ.items() if name.startswith(_TO_UV)}
    if own_index:
        uv = {name: value for name, value in uv.items() if not name.startswith(_INDEXES)}
    return for_commands(environ) | uv
