"""A reference to an image in a container registry -> the digest of what its tag points to at present."""

from __future__ import annotations

import hashlib
import re
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from urllib.parse import urlencode, urlsplit

from imagespec.diagnostic import did_you_mean, printable
from imagespec.lock.logins import Login, login_of
from imagespec.lock.reference import DIGEST, LOOPBACK, TAG, Reference, RegistryError, parse_reference
from imagespec.lock.transport import Answer, Http, body_of, json_of, malformed

PLATFORM = "linux/amd64"
"""What Modal's machines run."""

_MEDIA_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)


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
        self._http = Http(environ, timeout)
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
        told = name if DIGEST.fullmatch(name) else answer.headers.get("Docker-Content-Digest", "").strip()
        if DIGEST.fullmatch(told) and told != _digest(body):
            raise malformed(self.host, f"what it sent for `{name}` has another digest than it says")
        return body

    def platforms(self, body: bytes, *, nested: bool = False) -> Iterator[str]:
        """What an index lists, or what the configuration of a lone image says: `linux/amd64`, `linux/arm64`."""
        match json_of(body):
            case {"manifests": list(entries), **rest} if not {"config", "layers"} & rest.keys() and not nested:
                for entry in entries:
                    yield from self._entry(entry)
            case {"config": {"digest": str(digest)}, "layers": list()} if DIGEST.fullmatch(digest):
                config = self._expect(self._get(f"blobs/{digest}", {}))
                if _digest(config) != digest:
                    raise malformed(self.host, "the image's configuration has another digest than its manifest says")
                yield from _platform(json_of(config))
            case _:
                raise malformed(self.host, f"what it sent for `{self.reference}` is no manifest of an image")

    def _entry(self, entry: object) -> Iterator[str]:
        match entry:
            case {"platform": platform}:
                yield from _platform(platform)
            case {"digest": str(digest)} if DIGEST.fullmatch(digest):
                yield from self.platforms(self.manifest(digest), nested=True)
            case _:
                raise malformed(self.host, f"the index of `{self.reference}` has an entry without a digest")

    def _get(self, path: str, headers: Mapping[str, str]) -> Answer:
        """An answer to the repository's own path, with the login that the registry asks for."""
        url = f"{self.reference.url}/v2/{self.reference.repository}/{path}"
        answer = self._http.ask(url, headers, self._authorization)
        if answer.status == 401 and not self._authorization:
            self._authorization = self._authorize(answer)
            answer = self._http.ask(url, headers, self._authorization)
        return answer

    def _expect(self, answer: Answer) -> bytes:
        if answer.status in (401, 403):
            raise self._denied()
        return body_of(answer, self.host)

    def _missing(self, answer: Answer) -> RegistryError:
        """Which of image and tag there is not: not every registry says so by itself."""
        reference = self.reference
        try:
            listed = self._get("tags/list", {})
        except RegistryError:
            listed = answer
        if (listed is not answer and listed.status == 404) or "NAME_UNKNOWN" in _error_codes(answer):
            return RegistryError(f"there is no image `{reference.name}`", "check its name, and the registry's")
        match json_of(listed.body):
            case {"tags": list(every)}:
                tags = [tag for tag in every if isinstance(tag, str) and TAG.fullmatch(tag)]
            case _:
                tags = []
        near = did_you_mean(reference.tag, tags)
        return RegistryError(f"`{reference.name}` has no tag `{reference.tag}`", near or "check which tags it has")

    # ------------------------------------------------------------------------------------------- login

    @cached_property
    def _login(self) -> Login | None:
        return login_of(self.reference.host, self._environ)

    def _authorize(self, answer: Answer) -> str:
        """The `Authorization` that the registry asks for."""
        challenges = _challenges(answer.headers.get_all("WWW-Authenticate") or [])
        if "bearer" in challenges:
            return f"Bearer {self._token(challenges['bearer'])}"
        if "basic" not in challenges:
            raise malformed(self.host, "it wants a login, but does not say which kind")
        if self._login is None or self._login.identity_token:
            raise self._denied()
        return self._login.basic

    def _token(self, challenge: Mapping[str, str]) -> str:
        """A token for pulls, from the server that the registry names."""
        realm = challenge.get("realm", "")
        if not re.fullmatch(r"https?://[!-~]+", realm):
            raise malformed(self.host, "it wants a token, but does not say from where")
        server = urlsplit(realm).netloc.rpartition("@")[2]
        if realm.startswith("http:") and not LOOPBACK.fullmatch(server):
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
        told = json_of(body_of(answer, server))
        tokens = [told.get("token"), told.get("access_token")] if isinstance(told, dict) else []
        for token in tokens:
            if isinstance(token, str) and re.fullmatch(r"[!-~]+", token):
                return token
        raise malformed(server, "it gave no token")

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


def _error_codes(answer: Answer) -> list[object]:
    match json_of(answer.body):
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
