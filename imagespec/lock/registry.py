"""A reference to an image in a container registry -> the digest of what its tag points to at present.

Written on the standard library's urllib: of the libraries for registries, none reads all that docker's `config.json`
may hold, and none gives the digest of an index together with its platforms.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from email.message import Message
from functools import cached_property
from pathlib import Path
from typing import IO, Any, NoReturn
from urllib.parse import urlencode, urlsplit

from imagespec.diagnostic import did_you_mean, printable

PLATFORM = "linux/amd64"
"""What Modal's machines run."""

_MEDIA_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_LONGEST = 4 << 20
"""Registries take no longer manifests than 4 MiB."""

_PAUSES = (0.5, 1.5)
"""Seconds to wait before the second and the third try."""

_PATIENCE = 10
"""The longest wait in seconds that a registry may ask for."""

_AGAIN = {429, 500, 502, 503, 504}


class RegistryError(Exception):
    """A reference that is none, or a registry that gives no digest for it. `hint` says what can be done."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


# ------------------------------------------------------------------------------------------ references

_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?")
_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LOOPBACK = re.compile(r"(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?", re.IGNORECASE)


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
        return f"{'http' if _LOOPBACK.fullmatch(host) else 'https'}://{host}"


def parse_reference(image: str) -> Reference:
    """The parts of a reference, by docker's rules for what is left out. Raises `RegistryError`."""
    name, at, digest = image.partition("@")
    if at and not _DIGEST.fullmatch(digest):
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
    if colon and not _TAG.fullmatch(tag):
        _refuse(image, "a tag has letters, digits, `_`, `.` and `-`, 128 at most")
    if host in ("docker.io", "index.docker.io"):
        host, repository = "docker.io", repository if "/" in repository else f"library/{repository}"
    return Reference(host, repository, tag or ("" if digest else "latest"), digest or None)


def pinned(image: str, digest: str) -> str:
    """The reference as written, with its tag and a digest: `python` -> `python:latest@sha256:…`."""
    reference = parse_reference(image)
    if not _DIGEST.fullmatch(digest):
        raise ValueError(f"`{digest}` is no digest")
    name = image.partition("@")[0]
    tag = f":{reference.tag}" if reference.tag and ":" not in name.rpartition("/")[2] else ""
    return f"{name}{tag}@{digest}"


def _refuse(image: str, hint: str) -> NoReturn:
    raise RegistryError(f"`{image}` is no reference to an image", hint)


# --------------------------------------------------------------------------------------------- digests


def digest_of(image: str, environ: Mapping[str, str], *, timeout: float = 20) -> str:
    """`sha256:…` of what the tag points to now: of the index where the image is for several platforms.

    A reference with a digest needs no registry. `environ` says where docker's logins are (`DOCKER_CONFIG`, `HOME`), and
    how to connect (`SSL_CERT_FILE`, `HTTPS_PROXY`, …). `timeout` is in seconds, for each answer.

    Raises `RegistryError`.
    """
    reference = parse_reference(image)
    if reference.digest is not None:
        return reference.digest
    registry = _Registry(reference, environ, timeout)
    body = registry.manifest(reference.tag)
    platforms = list(registry.platforms(body))
    if PLATFORM not in platforms:
        has = ", ".join(f"`{printable(each)}`" for each in dict.fromkeys(platforms))
        raise RegistryError(
            f"`{reference}` is not for {PLATFORM}, which Modal's machines run",
            f"it is for {has}: choose another tag, or build it for {PLATFORM}" if has else "it is no container image",
        )
    return _digest(body)


def _digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


class _Registry:
    """One repository of a registry, and what was needed to be let in."""

    def __init__(self, reference: Reference, environ: Mapping[str, str], timeout: float) -> None:
        self.reference = reference
        self.host = urlsplit(reference.url).netloc
        self._environ = environ
        self._http = _Http(environ, timeout)
        self._authorization = ""

    def manifest(self, name: str) -> bytes:
        """A manifest or an index, by tag or digest.

        Its digest is that of these very bytes, so none has to be asked for or believed; one that the registry tells
        shows whether they arrived whole.
        """
        answer = self._get(f"manifests/{name}", {"Accept": ", ".join(_MEDIA_TYPES)})
        if answer.status == 404 and name == self.reference.tag:
            raise self._missing(answer)
        body = self._expect(answer)
        told = name if _DIGEST.fullmatch(name) else answer.headers.get("Docker-Content-Digest", "").strip()
        if _DIGEST.fullmatch(told) and told != _digest(body):
            raise _malformed(self.host, f"what it sent for `{name}` has another digest than it says")
        return body

    def platforms(self, body: bytes, *, nested: bool = False) -> Iterator[str]:
        """What an index lists, or what the configuration of a lone image says: `linux/amd64`, `linux/arm64`."""
        match _json(body):
            case {"manifests": list(entries), **rest} if not {"config", "layers"} & rest.keys() and not nested:
                for entry in entries:
                    yield from self._entry(entry)
            case {"config": {"digest": str(digest)}, "layers": list()} if _DIGEST.fullmatch(digest):
                config = self._expect(self._get(f"blobs/{digest}", {}))
                if _digest(config) != digest:
                    raise _malformed(self.host, "the image's configuration has another digest than its manifest says")
                yield from _platform(_json(config))
            case _:
                raise _malformed(self.host, f"what it sent for `{self.reference}` is no manifest of an image")

    def _entry(self, entry: object) -> Iterator[str]:
        match entry:
            case {"platform": platform}:
                yield from _platform(platform)
            case {"digest": str(digest)} if _DIGEST.fullmatch(digest):
                yield from self.platforms(self.manifest(digest), nested=True)
            case _:
                raise _malformed(self.host, f"the index of `{self.reference}` has an entry without a digest")

    def _get(self, path: str, headers: Mapping[str, str]) -> _Answer:
        """An answer to the repository's own path, with the login that the registry asks for."""
        url = f"{self.reference.url}/v2/{self.reference.repository}/{path}"
        answer = self._http.ask(url, headers, self._authorization)
        if answer.status == 401 and not self._authorization:
            self._authorization = self._authorize(answer)
            answer = self._http.ask(url, headers, self._authorization)
        return answer

    def _expect(self, answer: _Answer) -> bytes:
        if answer.status in (401, 403):
            raise self._denied()
        return _expect(answer, self.host)

    def _missing(self, answer: _Answer) -> RegistryError:
        """Which of image and tag there is not: not every registry says so by itself."""
        reference = self.reference
        try:
            listed = self._get("tags/list", {})
        except RegistryError:
            listed = answer
        if (listed is not answer and listed.status == 404) or "NAME_UNKNOWN" in _error_codes(answer):
            return RegistryError(f"there is no image `{reference.name}`", "check its name, and the registry's")
        match _json(listed.body):
            case {"tags": list(every)}:
                tags = [tag for tag in every if isinstance(tag, str) and _TAG.fullmatch(tag)]
            case _:
                tags = []
        near = did_you_mean(reference.tag, tags)
        return RegistryError(f"`{reference.name}` has no tag `{reference.tag}`", near or "check which tags it has")

    # ------------------------------------------------------------------------------------------- login

    @cached_property
    def _login(self) -> _Login | None:
        return _login(self.reference.host, self._environ)

    def _authorize(self, answer: _Answer) -> str:
        """The `Authorization` that the registry asks for."""
        challenges = _challenges(answer.headers.get_all("WWW-Authenticate") or [])
        if "bearer" in challenges:
            return f"Bearer {self._token(challenges['bearer'])}"
        if "basic" not in challenges:
            raise _malformed(self.host, "it wants a login, but does not say which kind")
        if self._login is None or self._login.identity_token:
            raise self._denied()
        return self._login.basic

    def _token(self, challenge: Mapping[str, str]) -> str:
        """A token for pulls, from the server that the registry names."""
        realm = challenge.get("realm", "")
        if not re.fullmatch(r"https?://[!-~]+", realm):
            raise _malformed(self.host, "it wants a token, but does not say from where")
        server = urlsplit(realm).netloc.rpartition("@")[2]
        if realm.startswith("http:") and not _LOOPBACK.fullmatch(server):
            raise RegistryError(
                f"`{self.host}` wants its login sent to `http://{server}`, where others could read it",
                "choose a registry whose logins go over https",
            )
        asked = {"service": challenge["service"]} if challenge.get("service") else {}
        scopes = challenge.get("scope", "").split() or [f"repository:{self.reference.repository}:pull"]
        if self._login is not None and self._login.identity_token:
            form = {"grant_type": "refresh_token", "client_id": "imagespec", **asked, "scope": " ".join(scopes)}
            data = urlencode({**form, "refresh_token": self._login.identity_token}).encode()
            answer = self._http.ask(realm, {}, "", data)
        else:
            query = urlencode([*asked.items(), *(("scope", scope) for scope in scopes)])
            url = f"{realm}{'&' if '?' in realm else '?'}{query}"
            answer = self._http.ask(url, {}, self._login.basic if self._login else "")
        if answer.status in (400, 401, 403):
            raise self._denied()
        told = _json(_expect(answer, server))
        tokens = [told.get("token"), told.get("access_token")] if isinstance(told, dict) else []
        for token in tokens:
            if isinstance(token, str) and re.fullmatch(r"[!-~]+", token):
                return token
        raise _malformed(server, "it gave no token")

    def _denied(self) -> RegistryError:
        host = "" if self.reference.host == "docker.io" else f" {self.reference.host}"
        if self._login is None:
            message = f"`{self.reference.name}` needs a login, or does not exist"
            return RegistryError(message, f"check its name; if it is private, log in: docker login{host}")
        message = f"`{self.host}` refuses the login of {self._login.source} for `{self.reference.repository}`"
        return RegistryError(
            message, f"check the image's name; log in again: docker login{host}; ask its owner whether you may pull it"
        )


def _platform(told: object) -> Iterator[str]:
    match told:
        case {"os": str(system), "architecture": str(architecture)} if system != "unknown":  # as records of a build say
            yield f"{system}/{architecture}"


def _error_codes(answer: _Answer) -> list[object]:
    match _json(answer.body):
        case {"errors": list(errors)}:
            return [error.get("code") for error in errors if isinstance(error, dict)]
    return []


def _challenges(headers: Iterable[str]) -> dict[str, dict[str, str]]:
    """`WWW-Authenticate` by scheme: `Bearer realm="…",service="…"` -> `{"bearer": {"realm": …, "service": …}}`."""
    found: dict[str, dict[str, str]] = {}
    for header in headers:
        scheme = ""
        for item in urllib.request.parse_http_list(header):
            parts = re.fullmatch(r'(?:([A-Za-z0-9-]+) +)?([A-Za-z_-]+) *= *(?:"(.*)"|([^"]*))', item.strip(), re.DOTALL)
            name = parts[1] if parts else item
            if name:
                scheme = name.strip().lower()
                found.setdefault(scheme, {})
            if parts and scheme in found:
                found[scheme].setdefault(parts[2].lower(), parts[3] if parts[3] is not None else parts[4].strip())
    return found


def _expect(answer: _Answer, host: str) -> bytes:
    """The body of a good answer."""
    if answer.status == 429:
        wait = answer.headers.get("Retry-After", "")
        hint = f"try again in {wait} s" if re.fullmatch(r"\d{1,6}", wait) else "try again later"
        raise RegistryError(f"`{host}` answers no more requests for now", f"{hint}; logged in, one may often ask more")
    if answer.status >= 500:
        raise RegistryError(f"`{host}` is out of order: it answers with status {answer.status}", "try again later")
    if answer.status != 200:
        raise _malformed(host, f"it answers with status {answer.status}")
    return answer.body


def _malformed(host: str, why: str) -> RegistryError:
    return RegistryError(
        f"`{host}` does not answer as a registry does: {why}", "check the image's name, and proxies on the way"
    )


def _json(body: bytes) -> Any:
    """What a body says; `None` where it is no JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


# ------------------------------------------------------------------------------------- docker's logins


@dataclass(frozen=True, slots=True)
class _Login:
    """A name and a password, or a token that stands for both. `source` says in messages where it is from."""

    user: str = field(repr=False)
    password: str = field(repr=False)
    identity_token: str = field(repr=False)
    source: str

    @property
    def basic(self) -> str:
        return f"Basic {base64.b64encode(f'{self.user}:{self.password}'.encode()).decode()}"


def _login(host: str, environ: Mapping[str, str]) -> _Login | None:
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


def _of_file(auths: Mapping[Any, object], server: str, host: str, path: Path) -> _Login | None:
    names = (host, "index.docker.io", "registry-1.docker.io") if host == "docker.io" else (host,)
    spelling = re.compile(rf"(?:https?://)?(?:{'|'.join(map(re.escape, names))})(?:/v[12])?/?")
    keys = sorted((key for key in auths if spelling.fullmatch(key)), key=lambda key: key != server)
    for entry in (auths[key] for key in keys):
        match entry:
            case {"identitytoken": str(token)} if token:
                return _Login("", "", token, f"`{path}`")
            case {"auth": str(auth)} if auth:
                try:
                    user, colon, password = base64.b64decode(auth, validate=True).decode().partition(":")
                except (binascii.Error, UnicodeDecodeError):
                    raise _unreadable(path) from None
                if not colon:
                    raise _unreadable(path)
                return _Login(user, password.rstrip("\0"), "", f"`{path}`")
            case {"username": str(user), "password": str(password)} if user:
                return _Login(user, password, "", f"`{path}`")
    return None


def _of_helper(helper: str, server: str, environ: Mapping[str, str]) -> _Login | None:
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
    match _json(done.stdout) if done.returncode == 0 else None:
        case {"Username": "<token>", "Secret": str(token)}:
            return _Login("", "", token, f"`{program}`")
        case {"Username": str(user), "Secret": str(password)}:
            return _Login(user, password, "", f"`{program}`") if user else None
    raise _silent(program)


def _silent(program: str) -> RegistryError:
    return RegistryError(f"docker keeps its logins with `{program}`, which fails", f"see why: {program} list")


def _unreadable(path: Path) -> RegistryError:
    return RegistryError(f"docker's logins in `{path}` cannot be read", "log in again: docker login")


# ---------------------------------------------------------------------------------------------- http


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Message
    body: bytes


class _Http:
    """Requests by the connections of an environment: its authorities and its proxies."""

    def __init__(self, environ: Mapping[str, str], timeout: float) -> None:
        self._timeout = timeout
        self._opener = urllib.request.build_opener(
            _Proxies(_proxies(environ)), urllib.request.HTTPSHandler(context=_trust(environ)), _Redirects
        )

    def ask(self, url: str, headers: Mapping[str, str], authorization: str, data: bytes | None = None) -> _Answer:
        """An answer, whatever its status; where the server is busy or out of order, the answer to a later try."""
        for pause in _PAUSES:
            answer = self._once(url, headers, authorization, data)
            wait = answer.headers.get("Retry-After", "")
            seconds = float(wait) if re.fullmatch(r"\d{1,6}", wait) else pause
            if answer.status not in _AGAIN or seconds > _PATIENCE:
                return answer
            time.sleep(seconds)
        return self._once(url, headers, authorization, data)

    def _once(self, url: str, headers: Mapping[str, str], authorization: str, data: bytes | None) -> _Answer:
        request = urllib.request.Request(url, data, {"User-Agent": "imagespec", **headers})
        if authorization:
            request.add_unredirected_header("Authorization", authorization)
        host = urlsplit(url).netloc.rpartition("@")[2]
        try:
            with closing(self._open(request)) as response:
                body = response.read(_LONGEST + 1)
                told = response.headers.get("Content-Length", "")
                if len(body) > _LONGEST:
                    raise _malformed(host, "its answer is longer than any manifest")
                if told.isdecimal() and len(body) < int(told):
                    raise _malformed(host, "its answer breaks off")
                return _Answer(response.status, response.headers, body)
        except urllib.error.URLError as error:
            raise _unreached(host, error.reason, self._timeout) from None
        except http.client.HTTPException:
            raise _malformed(host, "its answer is no http, or breaks off") from None
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


def _trust(environ: Mapping[str, str]) -> ssl.SSLContext:
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
        if _LOOPBACK.fullmatch(req.host) or passed(req.host, self.proxies):
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
