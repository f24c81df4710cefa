"""Requests to registries -> answers, by the authorities and the proxies of an environment.

Written on the standard library's urllib: of the libraries for registries, none reads all that docker's `config.json`
may hold, and none gives the digest of an index together with its platforms.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from email.message import Message
from typing import IO, Any
from urllib.parse import urlsplit

from imagespec.diagnostic import printable
from imagespec.lock.reference import LOOPBACK, RegistryError

_LONGEST = 4 << 20
"""Registries take no longer manifests than 4 MiB."""

_PAUSES = (0.5, 1.5)
"""Seconds to wait before the second and the third try."""

_PATIENCE = 10
"""The longest wait in seconds that a registry may ask for."""

_AGAIN = {429, 500, 502, 503, 504}


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Message
    body: bytes


class Http:
    """Requests by the connections of an environment: its authorities and its proxies."""

    def __init__(self, environ: Mapping[str, str], timeout: float) -> None:
        self._timeout = timeout
        self._opener = urllib.request.build_opener(
            _Proxies(_proxies(environ)), urllib.request.HTTPSHandler(context=trust(environ)), _Redirects
        )

    def ask(self, url: str, headers: Mapping[str, str], authorization: str, data: bytes | None = None) -> Answer:
        """An answer, whatever its status; where the server is busy or out of order, the answer to a later try."""
        for pause in _PAUSES:
            answer = self._once(url, headers, authorization, data)
            wait = answer.headers.get("Retry-After", "")
            seconds = float(wait) if re.fullmatch(r"\d{1,6}", wait) else pause
            if answer.status not in _AGAIN or seconds > _PATIENCE:
                return answer
            time.sleep(seconds)
        return self._once(url, headers, authorization, data)

    def _once(self, url: str, headers: Mapping[str, str], authorization: str, data: bytes | None) -> Answer:
        request = urllib.request.Request(url, data, {"User-Agent": "imagespec", **headers})
        if authorization:
            request.add_unredirected_header("Authorization", authorization)
        host = urlsplit(url).netloc.rpartition("@")[2]
        try:
            with closing(self._open(request)) as response:
                body = response.read(_LONGEST + 1)
                told = response.headers.get("Content-Length", "")
                if len(body) > _LONGEST:
                    raise malformed(host, "its answer is longer than any manifest")
                if told.isdecimal() and len(body) < int(told):
                    raise malformed(host, "its answer breaks off")
                return Answer(response.status, response.headers, body)
        except urllib.error.URLError as error:
            raise _unreached(host, error.reason, self._timeout) from None
        except http.client.HTTPException:
            raise malformed(host, "its answer is no http, or breaks off") from None
        except (OSError, UnicodeError) as error:
            raise _unreached(host, error, self._timeout) from None

    def _open(self, request: urllib.request.Request) -> Any:
        try:
            return self._opener.open(request, timeout=self._timeout)
        except urllib.error.HTTPError as error:
            return error


def _unreached(host: str, reason: object, timeout: float) -> RegistryError:
    match reason:
        case ssl.SSLCertVerificationError(verify_message=why):
            return RegistryError(
                f"`{host}` cannot be trusted: {why}",
                "where its authority is your company's, name a file with that in `SSL_CERT_FILE`",
            )
        case ssl.SSLError():
            return RegistryError(f"no encrypted connection to `{host}` comes about", "check that it speaks https")
        case TimeoutError():
            why, hint = f"no answer in {timeout:g} s", "try again"
        case socket.gaierror() | UnicodeError():
            why, hint = "no such host is known", "check its name"
        case ConnectionRefusedError():
            why, hint = "it refuses connections", "check its name and its port"
        case OSError(strerror=str(why)):
            why, hint = why.lower(), "try again"
        case _:
            why, hint = printable(str(reason)).lower(), "try again"
    return RegistryError(f"`{host}` does not answer: {why}", f"{hint}; check the network, and `HTTPS_PROXY`")


def trust(environ: Mapping[str, str]) -> ssl.SSLContext:
    """The authorities of an environment. Raises `RegistryError`."""
    file, folder = environ.get("SSL_CERT_FILE") or None, environ.get("SSL_CERT_DIR") or None
    try:
        return ssl.create_default_context(cafile=file, capath=folder)
    except OSError:
        message = f"`{file or folder}` holds no certificates that can be read"
        raise RegistryError(message, "correct `SSL_CERT_FILE`, or unset it") from None


def _proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """`{"https": "http://proxy:3128", "no": "localhost"}`; of two spellings of a variable the lower case counts."""
    upper_first = sorted(name for name in environ if name.lower().endswith("_proxy"))
    found = {name.lower().removesuffix("_proxy"): environ[name] for name in upper_first}
    for scheme in ("http", "https"):
        found.setdefault(scheme, found.get("all", ""))
    for scheme in ("http", "https"):
        if "://" in found[scheme] and not found[scheme].startswith(("http://", "https://")):
            raise RegistryError("a proxy that is none for http", f"correct `{scheme.upper()}_PROXY` or `ALL_PROXY`")
    return {name: found[name] for name in ("http", "https", "no") if found.get(name)}


class _Proxies(urllib.request.ProxyHandler):
    """Proxies of an environment that need not be that of this process; none for this machine."""

    proxies: Mapping[str, str]

    def proxy_open(self, req: urllib.request.Request, proxy: str, type: str) -> Any:
        passed = urllib.request.proxy_bypass_environment  # type: ignore[attr-defined] # not in typeshed
        if LOOPBACK.fullmatch(req.host) or passed(req.host, self.proxies):
            return None
        return super().proxy_open(req, proxy, type)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Blobs often lie elsewhere: there without the login, and never in the clear where they were not before."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        before, after = urlsplit(req.full_url), urlsplit(newurl)
        if after.scheme not in (before.scheme, "https"):
            return None
        new = super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]
        if new is None:
            return None
        new.remove_header("Proxy-authorization")
        login = req.unredirected_hdrs.get("Authorization")
        if login is not None and (before.scheme, before.netloc) == (after.scheme, after.netloc):
            new.add_unredirected_header("Authorization", login)
        return new


def body_of(answer: Answer, host: str) -> bytes:
    """The body of a good answer."""
    if answer.status == 429:
        wait = answer.headers.get("Retry-After", "")
        hint = f"try again in {wait} s" if re.fullmatch(r"\d{1,6}", wait) else "try again later"
        raise RegistryError(f"`{host}` answers no more requests for now", f"{hint}; logged in, one may often ask more")
    if answer.status >= 500:
        raise RegistryError(f"`{host}` is out of order: it answers with status {answer.status}", "try again later")
    if answer.status != 200:
        raise malformed(host, f"it answers with status {answer.status}")
    return answer.body


def malformed(host: str, why: str) -> RegistryError:
    return RegistryError(
        f"`{host}` does not answer as a registry does: {why}", "check the image's name, and proxies on the way"
    )


def json_of(body: bytes) -> Any:
    """What a body says; `None` where it is no JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
