"""References to digests: with Debian's registry on this machine, and with servers that answer as no registry should."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from imagespec.lock.reference import Reference, RegistryError, parse_reference
from imagespec.lock.registry import digest_of

ON_DEBIAN = pytest.mark.skipif(
    shutil.which("docker-registry") is None, reason="docker-registry is not installed: apt-get install docker-registry"
)
OCI = "application/vnd.oci.image"
DOCKER = "application/vnd.docker.distribution"
SHA = f"sha256:{'a' * 64}"

USER, PASSWORD = "alice", "secret"
HTPASSWD = "alice:$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n"
"""Registries read bcrypt alone, which Python cannot write."""


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def trouble(image: str, environ: Mapping[str, str], *, timeout: float = 20) -> tuple[str, str]:
    """Message and hint of what goes wrong."""
    with pytest.raises(RegistryError) as caught:
        digest_of(image, environ, timeout=timeout)
    return str(caught.value), caught.value.hint


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """No logins, no proxies, no authorities."""
    return {"HOME": str(tmp_path), "PATH": str(tmp_path / "bin")}


def write_config(environ: Mapping[str, str], config: object) -> Path:
    path = Path(environ["HOME"], ".docker", "config.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text(config if isinstance(config, str) else json.dumps(config))
    return path


def base64_of(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def write_helper(environ: Mapping[str, str], name: str, script: str) -> None:
    """A credential helper: a program on the `PATH`, with a Python script of its own."""
    path = Path(environ["PATH"], f"docker-credential-{name}")
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!{sys.executable} -S\nimport json, sys\n{script}\n")
    path.chmod(0o755)


# ------------------------------------------------------------------------------------------ references


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("python", Reference("docker.io", "library/python", "latest", None)),
        ("python:3.12-slim", Reference("docker.io", "library/python", "3.12-slim", None)),
        ("docker.io/python", Reference("docker.io", "library/python", "latest", None)),
        ("index.docker.io/library/python:3", Reference("docker.io", "library/python", "3", None)),
        ("pytorch/pytorch:2.5.1", Reference("docker.io", "pytorch/pytorch", "2.5.1", None)),
        ("a/b/c__d/e.f-g", Reference("docker.io", "a/b/c__d/e.f-g", "latest", None)),
        ("nvcr.io/nvidia/pytorch:24.10-py3", Reference("nvcr.io", "nvidia/pytorch", "24.10-py3", None)),
        ("localhost/x", Reference("localhost", "x", "latest", None)),
        ("localhost:5000/x:y", Reference("localhost:5000", "x", "y", None)),
        ("localhost:5000", Reference("docker.io", "library/localhost", "5000", None)),
        ("[::1]:5000/x", Reference("[::1]:5000", "x", "latest", None)),
        (f"python@{SHA}", Reference("docker.io", "library/python", "", SHA)),
        (f"quay.io/a/b:c@{SHA}", Reference("quay.io", "a/b", "c", SHA)),
    ],
)
def test_parts_of_a_reference(image: str, expected: Reference) -> None:
    assert parse_reference(image) == expected
    assert parse_reference(str(expected)) == expected


@pytest.mark.parametrize(
    ("image", "hint"),
    [
        ("", "write it as `registry/name:tag`"),
        (" python", "write it as `registry/name:tag`"),
        ("python:3.12\n", "a tag has letters, digits, `_`, `.` and `-`, 128 at most"),
        ("python:", "a tag has letters, digits, `_`, `.` and `-`, 128 at most"),
        (f"python:{'x' * 129}", "a tag has letters, digits, `_`, `.` and `-`, 128 at most"),
        ("python:3:4", "a tag has letters, digits, `_`, `.` and `-`, 128 at most"),
        ("Python:3.12", "names are lower case: `python`"),
        ("ghcr.io/Owner/App", "names are lower case: `owner/app`"),
        ("https://ghcr.io/owner/app", "leave `https://` out"),
        ("docker://python", "leave `docker://` out"),
        ("a//b", "write it as `registry/name:tag`"),
        ("../../etc", "write it as `registry/name:tag`"),
        ("user@host.test/x", "a digest is `sha256:` and 64 hexadecimal digits"),
        ("host.test:99999/x", "write it as `registry/name:tag`"),
        ("host.test:٣/x", "write it as `registry/name:tag`"),
        ("python@sha256:abc", "a digest is `sha256:` and 64 hexadecimal digits"),
        (f"python@sha512:{'a' * 128}", "a digest is `sha256:` and 64 hexadecimal digits"),
        ("python@", "a digest is `sha256:` and 64 hexadecimal digits"),
    ],
)
def test_no_reference(image: str, hint: str) -> None:
    assert trouble(image, {}) == (f"`{image}` is no reference to an image", hint)


@pytest.mark.parametrize(
    ("image", "url"),
    [
        ("python", "https://registry-1.docker.io"),
        ("ghcr.io/a/b", "https://ghcr.io"),
        ("localhost/x", "http://localhost"),
        ("127.0.0.1:5000/x", "http://127.0.0.1:5000"),
        ("[::1]:5000/x", "http://[::1]:5000"),
        ("localhost.evil.test/x", "https://localhost.evil.test"),
        ("127.0.0.1.evil.test/x", "https://127.0.0.1.evil.test"),
    ],
)
def test_where_a_registry_speaks(image: str, url: str) -> None:
    assert parse_reference(image).url == url


def test_a_digest_needs_no_registry() -> None:
    assert digest_of(f"nowhere.invalid/x:y@{SHA}", {"SSL_CERT_FILE": "/nowhere"}) == SHA


# ---------------------------------------------------------------------------------- a scripted server


@dataclass
class Answer:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Scripted:
    """A server that answers by a function from path and headers, and remembers what it was asked."""

    host: str
    answer: Callable[[str, Mapping[str, str]], Answer]
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


@contextmanager
def serving(
    answer: Callable[[str, Mapping[str, str]], Answer], certificate: trustme.LeafCert | None = None
) -> Iterator[Scripted]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            scripted.asked.append((self.path, {**self.headers, "body": body}))
            given = scripted.answer(self.path, scripted.asked[-1][1])
            self.send_response(given.status)
            for name, value in {"Content-Length": str(len(given.body)), **given.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(given.body)

        do_POST = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        scripted = Scripted(f"127.0.0.1:{server.server_port}", answer)
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            certificate.configure_cert(context)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield scripted
        finally:
            server.shutdown()
            thread.join()


def index_of(*platforms: str) -> bytes:
    entries = []
    for each in platforms:
        system, architecture = each.split("/")
        platform = {"os": system, "architecture": architecture}
        entries.append({"mediaType": f"{OCI}.manifest.v1+json", "digest": SHA, "size": 1, "platform": platform})
    return json.dumps({"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": entries}).encode()


INDEX = index_of("linux/amd64", "linux/arm64")


def always(answer: Answer) -> Callable[[str, Mapping[str, str]], Answer]:
    return lambda path, headers: answer


def by_path(answers: Mapping[str, Answer]) -> Callable[[str, Mapping[str, str]], Answer]:
    return lambda path, headers: answers.get(path, Answer(404))


def in_turn(*answers: Answer) -> Callable[[str, Mapping[str, str]], Answer]:
    left = list(answers)
    return lambda path, headers: left.pop(0)


@pytest.mark.parametrize("told", [{}, {"Docker-Content-Digest": "sha256:short"}, {"Docker-Content-Digest": "nonsense"}])
def test_the_digest_is_of_the_bytes(told: Mapping[str, str], environ: dict[str, str]) -> None:
    with serving(always(Answer(200, INDEX, told))) as server:
        assert digest_of(f"{server.host}/x:y", environ) == sha256(INDEX)
    ((path, headers),) = server.asked
    assert path == "/v2/x/manifests/y"
    assert {f"{OCI}.index.v1+json", f"{DOCKER}.manifest.list.v2+json"} <= set(headers["Accept"].split(", "))
    assert {f"{OCI}.manifest.v1+json", f"{DOCKER}.manifest.v2+json"} <= set(headers["Accept"].split(", "))
    assert "Authorization" not in headers


STRANGE = "does not answer as a registry does"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answer(200, INDEX, {"Docker-Content-Digest": SHA}), "what it sent for `y` has another digest than it says"),
        (Answer(200, b"<html>sign in</html>"), "what it sent for `HOST/x:y` is no manifest of an image"),
        (Answer(200, b"[" * 100_000), "what it sent for `HOST/x:y` is no manifest of an image"),
        (Answer(200, b"{}"), "what it sent for `HOST/x:y` is no manifest of an image"),
        (
            Answer(200, b'{"schemaVersion": 1, "fsLayers": []}'),
            "what it sent for `HOST/x:y` is no manifest of an image",
        ),
        (
            Answer(200, b'{"manifests": [], "layers": [], "config": {}}'),
            "what it sent for `HOST/x:y` is no manifest of an image",
        ),
        (Answer(200, b'{"manifests": [{}]}'), "the index of `HOST/x:y` has an entry without a digest"),
        (Answer(200, INDEX, {"Content-Length": str(len(INDEX) + 1)}), "its answer breaks off"),
        (Answer(200, b" " * (4 << 20) + INDEX), "its answer is longer than any manifest"),
        (Answer(200, b"xyz", {"Transfer-Encoding": "chunked"}), "its answer is no http, or breaks off"),
        (Answer(204), "it answers with status 204"),
        (Answer(418), "it answers with status 418"),
        (Answer(401), "it wants a login, but does not say which kind"),
        (Answer(401, headers={"WWW-Authenticate": "Negotiate"}), "it wants a login, but does not say which kind"),
        (Answer(401, headers={"WWW-Authenticate": "Bearer"}), "it wants a token, but does not say from where"),
        (
            Answer(401, headers={"WWW-Authenticate": 'Bearer realm="file:///etc/passwd"'}),
            "it wants a token, but does not say from where",
        ),
        (Answer(302, headers={"Location": "file:///etc/passwd"}), "it answers with status 302"),
        (Answer(302, headers={"Location": "/v2/x/manifests/y"}), "it answers with status 302"),
    ],
)
def test_malformed_answers(answer: Answer, why: str, environ: dict[str, str]) -> None:
    with serving(always(answer)) as server:
        message, hint = trouble(f"{server.host}/x:y", environ)
    assert message == f"`{server.host}` {STRANGE}: {why}".replace("HOST", server.host)
    assert hint == "check the image's name, and proxies on the way"


def test_no_http(environ: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host = f"127.0.0.1:{listener.getsockname()[1]}"

        def greet() -> None:
            with closing(listener.accept()[0]) as connection:
                connection.recv(1 << 16)
                connection.sendall(b"220 mail ready\r\n")

        thread = threading.Thread(target=greet)
        thread.start()
        message, _ = trouble(f"{host}/x", environ)
        thread.join()
    assert message == f"`{host}` {STRANGE}: its answer is no http, or breaks off"


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_registry_is_asked_again(status: int, environ: dict[str, str]) -> None:
    busy = Answer(status, headers={"Retry-After": "0"})
    with serving(in_turn(busy, busy, Answer(200, INDEX))) as server:
        assert digest_of(f"{server.host}/x:y", environ) == sha256(INDEX)


def test_pauses_between_tries(environ: dict[str, str]) -> None:
    begun = time.monotonic()
    with serving(
        in_turn(Answer(503, headers={"Retry-After": "Wed, 21 Oct 2099 07:28:00 GMT"}), Answer(200, INDEX))
    ) as s:
        assert digest_of(f"{s.host}/x:y", environ) == sha256(INDEX)
    assert 0.4 < time.monotonic() - begun < 10


def test_a_registry_out_of_order(environ: dict[str, str]) -> None:
    with serving(always(Answer(503, b"<html>", {"Retry-After": "0"}))) as server:
        message, hint = trouble(f"{server.host}/x:y", environ)
    assert (message, hint) == (f"`{server.host}` is out of order: it answers with status 503", "try again later")
    assert len(server.asked) == 3


def test_rate_limit(environ: dict[str, str]) -> None:
    with serving(always(Answer(429, headers={"Retry-After": "3600"}))) as server:
        message, hint = trouble(f"{server.host}/x:y", environ)
    assert message == f"`{server.host}` answers no more requests for now"
    assert hint == "try again in 3600 s; logged in, one may often ask more"
    assert len(server.asked) == 1


def test_nobody_listens(environ: dict[str, str]) -> None:
    host = f"127.0.0.1:{free_port()}"
    message, hint = trouble(f"{host}/x", environ)
    assert message == f"`{host}` does not answer: it refuses connections"
    assert hint == "check its name and its port; check the network, and `HTTPS_PROXY`"


@pytest.mark.parametrize("host", ["nowhere.invalid", f"{'x' * 70}.invalid"])
def test_no_such_host(host: str, environ: dict[str, str]) -> None:
    message, hint = trouble(f"{host}/x", environ)
    assert message == f"`{host}` does not answer: no such host is known"
    assert hint == "check its name; check the network, and `HTTPS_PROXY`"


def test_no_answer_in_time(environ: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host = f"127.0.0.1:{listener.getsockname()[1]}"
        begun = time.monotonic()
        message, _ = trouble(f"{host}/x", environ, timeout=0.2)
        assert time.monotonic() - begun < 10
    assert message == f"`{host}` does not answer: no answer in 0.2 s"


def test_a_connection_that_breaks(environ: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host = f"127.0.0.1:{listener.getsockname()[1]}"

        def reset() -> None:
            with closing(listener.accept()[0]) as connection:
                connection.recv(1)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        thread = threading.Thread(target=reset)
        thread.start()
        message, hint = trouble(f"{host}/x", environ)
        thread.join()
    assert message == f"`{host}` does not answer: connection reset by peer"
    assert hint == "try again; check the network, and `HTTPS_PROXY`"


CHART = b'{"chart": "no image"}'
CONFIG = b'{"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": []}}'


def manifest_of(config: bytes) -> bytes:
    """A lone image, as Docker's manifest."""
    told = {
        "mediaType": "application/vnd.docker.container.image.v1+json",
        "digest": sha256(config),
        "size": len(config),
    }
    whole = {"schemaVersion": 2, "mediaType": f"{DOCKER}.manifest.v2+json", "config": told, "layers": []}
    return json.dumps(whole).encode()


def test_a_configuration_that_was_changed(environ: dict[str, str]) -> None:
    manifest = manifest_of(CONFIG)
    answers = {
        "/v2/x/manifests/y": Answer(200, manifest),
        f"/v2/x/blobs/{sha256(CONFIG)}": Answer(200, CONFIG.replace(b"linux", b"plan9")),
    }
    with serving(by_path(answers)) as server:
        message, _ = trouble(f"{server.host}/x:y", environ)
    assert message.endswith("the image's configuration has another digest than its manifest says")


def test_an_index_without_platforms(environ: dict[str, str]) -> None:
    manifest = manifest_of(CONFIG)
    index = json.dumps({"manifests": [{"digest": sha256(manifest)}]}).encode()
    answers = {
        "/v2/x/manifests/y": Answer(200, index),
        f"/v2/x/manifests/{sha256(manifest)}": Answer(200, manifest),
        f"/v2/x/blobs/{sha256(CONFIG)}": Answer(200, CONFIG),
    }
    with serving(by_path(answers)) as server:
        assert digest_of(f"{server.host}/x:y", environ) == sha256(index)
        del answers[f"/v2/x/manifests/{sha256(manifest)}"]
        server.answer = by_path(answers)
        assert trouble(f"{server.host}/x:y", environ)[0].endswith("it answers with status 404")


def test_indexes_do_not_nest(environ: dict[str, str]) -> None:
    outer = json.dumps({"manifests": [{"digest": sha256(INDEX)}]}).encode()
    answers = {"/v2/x/manifests/y": Answer(200, outer), f"/v2/x/manifests/{sha256(INDEX)}": Answer(200, INDEX)}
    with serving(by_path(answers)) as server:
        assert trouble(f"{server.host}/x:y", environ)[0].endswith("is no manifest of an image")


@pytest.mark.parametrize("told", [index_of(), index_of("unknown/unknown"), manifest_of(CHART)])
def test_no_container_image(told: bytes, environ: dict[str, str]) -> None:
    answers = {"/v2/x/manifests/y": Answer(200, told), f"/v2/x/blobs/{sha256(CHART)}": Answer(200, CHART)}
    with serving(by_path(answers)) as server:
        message, hint = trouble(f"{server.host}/x:y", environ)
    assert message == f"`{server.host}/x:y` is not for linux/amd64, which Modal's machines run"
    assert hint == "it is no container image"


def test_platforms_cannot_steer_the_terminal(environ: dict[str, str]) -> None:
    with serving(always(Answer(200, index_of("linux/\x1b[2J")))) as server:
        _, hint = trouble(f"{server.host}/x:y", environ)
    assert "\x1b" not in hint


def test_a_missing_image_by_the_code_of_its_error(environ: dict[str, str]) -> None:
    told = Answer(404, b'{"errors": [{"code": "NAME_UNKNOWN"}]}')
    with serving(by_path({"/v2/x/manifests/y": told, "/v2/x/tags/list": Answer(403)})) as server:
        assert trouble(f"{server.host}/x:y", environ)[0] == f"there is no image `{server.host}/x`"


@pytest.mark.parametrize(
    "told",
    [
        Answer(403),
        Answer(200, b'{"tags": null}'),
        Answer(200, b'{"tags": [1, "y\\u001b"]}'),
        Answer(200, b"", {"Content-Length": "9"}),
    ],
)
def test_a_missing_tag_where_tags_are_not_told(told: Answer, environ: dict[str, str]) -> None:
    with serving(by_path({"/v2/x/tags/list": told})) as server:
        message, hint = trouble(f"{server.host}/x:y", environ)
    assert (message, hint) == (f"`{server.host}/x` has no tag `y`", "check which tags it has")


# ----------------------------------------------------------------------------------- logins, scripted


def lets_in(authorization: str) -> Callable[[str, Mapping[str, str]], Answer]:
    """A registry that wants Basic, and lets in one login alone."""
    refused = Answer(401, headers={"WWW-Authenticate": 'Basic realm="a, b"'})
    return lambda path, headers: Answer(200, INDEX) if headers.get("Authorization") == authorization else refused


@pytest.mark.parametrize(
    "entry",
    [
        {"auth": base64_of("alice", "sec:ret")},
        {"auth": base64.b64encode(b"alice:sec:ret\0\0").decode()},
        {"username": "alice", "password": "sec:ret"},
    ],
)
@pytest.mark.parametrize("key", ["HOST", "http://HOST", "https://HOST/v1/", "HOST/v2/"])
def test_logins_of_the_file(entry: object, key: str, environ: dict[str, str]) -> None:
    with serving(lets_in(f"Basic {base64_of('alice', 'sec:ret')}")) as server:
        write_config(environ, {"auths": {"elsewhere.test": {"auth": "…"}, key.replace("HOST", server.host): entry}})
        assert digest_of(f"{server.host}/x:y", environ) == sha256(INDEX)


def test_docker_config_names_the_folder(environ: dict[str, str], tmp_path: Path) -> None:
    with serving(lets_in(f"Basic {base64_of('a', 'b')}")) as server:
        write_config(environ, {"auths": {server.host: {"username": "a", "password": "b"}}}).rename(
            tmp_path / "config.json"
        )
        assert digest_of(f"{server.host}/x:y", environ | {"DOCKER_CONFIG": str(tmp_path)}) == sha256(INDEX)
        assert "needs a login" in trouble(f"{server.host}/x:y", environ)[0]
        assert "needs a login" in trouble(f"{server.host}/x:y", {})[0]


@pytest.mark.parametrize(
    "config",
    [
        "{",
        "[" * 100_000,
        "[]",
        {"auths": {"HOST": {"auth": "no base64"}}},
        {"auths": {"HOST": {"auth": base64.b64encode(b"nocolon").decode()}}},
        {"auths": {"HOST": {"auth": base64.b64encode(b"\xff:\xff").decode()}}},
    ],
)
def test_logins_that_cannot_be_read(config: object, environ: dict[str, str]) -> None:
    with serving(lets_in("nobody")) as server:
        path = write_config(environ, json.loads(json.dumps(config).replace("HOST", server.host)))
        message, hint = trouble(f"{server.host}/x:y", environ)
    assert message == f"docker's logins in `{path}` cannot be read"
    assert hint == "log in again: docker login"


def test_public_images_need_no_readable_logins(environ: dict[str, str]) -> None:
    write_config(environ, "{")
    with serving(always(Answer(200, INDEX))) as server:
        assert digest_of(f"{server.host}/x:y", environ) == sha256(INDEX)


@pytest.mark.parametrize("config", [{}, {"auths": None}, {"auths": {"HOST": {}}}, {"auths": {"HOST": {"auth": ""}}}])
def test_no_login(config: object, environ: dict[str, str]) -> None:
    with serving(lets_in("nobody")) as server:
        write_config(environ, json.loads(json.dumps(config).replace("HOST", server.host)))
        message, hint = trouble(f"{server.host}/x:y", environ)
    assert message == f"`{server.host}/x` needs a login, or does not exist"
    assert hint == f"check its name; if it is private, log in: docker login {server.host}"


def test_a_helper_for_one_registry(environ: dict[str, str]) -> None:
    write_helper(
        environ,
        "mine",
        'import os\nassert sys.argv[1:] == ["get"] and os.environ["STORE"] == "open"\n'
        'print(json.dumps({"ServerURL": "", "Username": "alice", "Secret": sys.stdin.read()}))',
    )
    with serving(always(Answer(500))) as server:
        server.answer = lets_in(f"Basic {base64_of('alice', server.host)}")
        write_config(environ, {"credHelpers": {server.host: "mine"}, "credsStore": "nowhere"})
        assert digest_of(f"{server.host}/x:y", environ | {"STORE": "open"}) == sha256(INDEX)


def test_a_store_for_all_registries(environ: dict[str, str]) -> None:
    """What it does not hold may stand in the file."""
    write_helper(environ, "store", 'print("credentials not found in native keychain")\nsys.exit(1)')
    with serving(lets_in(f"Basic {base64_of('a', 'b')}")) as server:
        write_config(environ, {"credsStore": "store", "auths": {server.host: {"username": "a", "password": "b"}}})
        assert digest_of(f"{server.host}/x:y", environ) == sha256(INDEX)
        write_config(environ, {"credsStore": "store"})
        assert "needs a login" in trouble(f"{server.host}/x:y", environ)[0]


def test_a_helper_that_is_not_here(environ: dict[str, str]) -> None:
    write_config(environ, {"credsStore": "desktop"})
    with serving(lets_in("nobody")) as server:
        message, hint = trouble(f"{server.host}/x:y", environ)
    assert message == "docker keeps its logins with `docker-credential-desktop`, which is not on the `PATH`"
    assert hint == "install it, or take `desktop` out of docker's `config.json`"


@pytest.mark.parametrize("script", ["sys.exit('locked')", "print('no json')", "print('{}')", "print('[]')"])
def test_a_helper_that_answers_nothing(script: str, environ: dict[str, str]) -> None:
    write_helper(environ, "broken", script)
    write_config(environ, {"credsStore": "broken"})
    with serving(lets_in("nobody")) as server:
        message, hint = trouble(f"{server.host}/x:y", environ)
    assert message == "docker keeps its logins with `docker-credential-broken`, which fails"
    assert hint == "see why: docker-credential-broken list"


def test_a_helper_that_is_no_program(environ: dict[str, str]) -> None:
    write_helper(environ, "broken", "")
    Path(environ["PATH"], "docker-credential-broken").write_bytes(b"\x7fELF")
    write_config(environ, {"credsStore": "broken"})
    with serving(lets_in("nobody")) as server:
        assert trouble(f"{server.host}/x", environ)[0].endswith("`docker-credential-broken`, which fails")


def test_no_login_is_sent_in_the_clear(environ: dict[str, str]) -> None:
    challenge = {"WWW-Authenticate": 'Bearer realm="http://tokens.invalid/token"'}
    with serving(always(Answer(401, headers=challenge))) as server:
        message, hint = trouble(f"{server.host}/x:y", environ)
    assert message == f"`{server.host}` wants its login sent to `http://tokens.invalid`, where others could read it"
    assert hint == "choose a registry whose logins go over https"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(200, b"{}"), f"`HOST` {STRANGE}: it gave no token"),
        (Answer(200, b"[]"), f"`HOST` {STRANGE}: it gave no token"),
        (Answer(200, b'{"token": ""}'), f"`HOST` {STRANGE}: it gave no token"),
        (Answer(200, b'{"token": "a\\r\\nHost: evil"}'), f"`HOST` {STRANGE}: it gave no token"),
        (Answer(404), f"`HOST` {STRANGE}: it answers with status 404"),
        (Answer(403), "`HOST/x` needs a login, or does not exist"),
    ],
)
def test_token_servers_that_give_none(answer: Answer, message: str, environ: dict[str, str]) -> None:
    def scripted(path: str, headers: Mapping[str, str]) -> Answer:
        if path.startswith("/token"):
            return answer
        return Answer(401, headers={"WWW-Authenticate": f'Bearer realm="http://{server.host}/token"'})

    with serving(scripted) as server:
        assert trouble(f"{server.host}/x:y", environ)[0] == message.replace("HOST", server.host)


@pytest.mark.parametrize(
    "challenge",
    [
        'Bearer realm="URL/token?a=b",service="the, \\"registry\\"",scope="repository:x:pull other"',
        'bearer Realm="URL/token?a=b" , service="the, \\"registry\\"", scope="repository:x:pull other"',
        'Basic realm="x", Bearer realm="URL/token?a=b", service="the, \\"registry\\"", scope="repository:x:pull other"',
        'Negotiate, Bearer realm="URL/token?a=b",service="the, \\"registry\\"",scope="repository:x:pull other",'
        'error="insufficient_scope"',
    ],
)
def test_spellings_of_a_challenge(challenge: str, environ: dict[str, str]) -> None:
    def scripted(path: str, headers: Mapping[str, str]) -> Answer:
        if path.startswith("/token"):
            return Answer(200, b'{"token": null, "access_token": "abc"}')
        if headers.get("Authorization") == "Bearer abc":
            return Answer(200, INDEX)
        return Answer(401, headers={"WWW-Authenticate": challenge.replace("URL", f"http://{server.host}")})

    with serving(scripted) as server:
        assert digest_of(f"{server.host}/x:y", environ) == sha256(INDEX)
    (query,) = (parse_qs(urlsplit(path).query) for path in server.paths if path.startswith("/token"))
    assert query == {"a": ["b"], "service": ['the, "registry"'], "scope": ["repository:x:pull", "other"]}


def test_a_scope_where_none_is_named(environ: dict[str, str]) -> None:
    def scripted(path: str, headers: Mapping[str, str]) -> Answer:
        if path.startswith("/token"):
            return Answer(200, b'{"token": "abc"}')
        return Answer(401, headers={"WWW-Authenticate": f'Bearer realm="http://{server.host}/token"'})

    with serving(scripted) as server:
        assert "needs a login" in trouble(f"{server.host}/a/b:y", environ)[0]
    assert server.paths[1] == "/token?scope=repository%3Aa%2Fb%3Apull"


def test_an_identity_token_is_no_password(environ: dict[str, str]) -> None:
    with serving(lets_in("nobody")) as server:
        write_config(environ, {"auths": {server.host: {"identitytoken": "abc"}}})
        assert "refuses the login" in trouble(f"{server.host}/x:y", environ)[0]


def test_a_refused_login_is_not_sent_again(environ: dict[str, str]) -> None:
    with serving(lets_in("nobody")) as server:
        write_config(environ, {"auths": {server.host: {"username": "a", "password": "b"}}})
        assert "refuses the login" in trouble(f"{server.host}/x:y", environ)[0]
    assert len(server.asked) == 2


def test_blobs_that_lie_elsewhere(environ: dict[str, str]) -> None:
    """The login goes to the registry alone."""
    with serving(always(Answer(200, CONFIG))) as storage:

        def scripted(path: str, headers: Mapping[str, str]) -> Answer:
            if headers.get("Authorization") != f"Basic {base64_of('a', 'b')}":
                return Answer(401, headers={"WWW-Authenticate": "Basic"})
            if path == "/v2/x/manifests/y":
                return Answer(307, headers={"Location": "/elsewhere"})
            if path == "/elsewhere":
                return Answer(200, manifest_of(CONFIG))
            return Answer(307, headers={"Location": f"http://{storage.host}/blob?signature=c"})

        with serving(scripted) as server:
            write_config(environ, {"auths": {server.host: {"username": "a", "password": "b"}}})
            assert digest_of(f"{server.host}/x:y", environ) == sha256(manifest_of(CONFIG))
    ((path, headers),) = storage.asked
    assert path == "/blob?signature=c"
    assert "Authorization" not in headers


# ------------------------------------------------------------------------------------ Debian's registry


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def debian(folder: Path, storage: Path, extra: Mapping[str, Any] | None = None) -> Iterator[str]:
    """A registry with its images in a folder; its host and port."""
    folder.mkdir()
    host = f"127.0.0.1:{free_port()}"
    extra = dict(extra or {})
    config = {
        "version": 0.1,
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(storage)}},
        "http": {"addr": host, "secret": "any", **extra.pop("http", {})},
        **extra,
    }
    (folder / "config.yml").write_text(json.dumps(config))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(["docker-registry", "serve", str(folder / "config.yml")], stdout=log, stderr=log)
    try:
        address = ("127.0.0.1", int(host.rpartition(":")[2]))
        for _ in range(500):
            assert process.poll() is None, (folder / "log").read_text()
            try:
                socket.create_connection(address, 1).close()
                break
            except OSError:
                time.sleep(0.02)
        else:
            pytest.fail((folder / "log").read_text())
        yield host
    finally:
        process.kill()
        process.wait()


@dataclass
class Images:
    """A registry without logins, its folder, and the digests of what was pushed to it."""

    host: str
    storage: Path
    digests: dict[str, str] = field(default_factory=dict)

    def _send(self, method: str, url: str, body: bytes, media_type: str) -> Any:
        request = urllib.request.Request(url, body, {"Content-Type": media_type}, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request) as answer:
            return answer.headers

    def blob(self, repository: str, content: bytes) -> dict[str, object]:
        begun = self._send("POST", f"http://{self.host}/v2/{repository}/blobs/uploads/", b"", "text/plain")
        url = f"{begun['Location']}&digest={sha256(content)}"
        self._send("PUT", url, content, "application/octet-stream")
        return {"digest": sha256(content), "size": len(content)}

    def manifest(self, repository: str, name: str, media_type: str, content: dict[str, object]) -> dict[str, object]:
        body = json.dumps({"schemaVersion": 2, "mediaType": media_type, **content}, indent=3).encode()
        name = name or sha256(body)
        self._send("PUT", f"http://{self.host}/v2/{repository}/manifests/{name}", body, media_type)
        self.digests[f"{repository}:{name}"] = sha256(body)
        return {"mediaType": media_type, "digest": sha256(body), "size": len(body)}

    def image(self, repository: str, architecture: str, tag: str = "", *, docker: bool = False) -> dict[str, object]:
        """An image with a configuration and one layer; the entry that an index has for it."""
        config = {"architecture": architecture, "os": "linux", "rootfs": {"type": "layers", "diff_ids": [SHA]}}
        media_types = (
            (f"{DOCKER}.manifest.v2+json", "application/vnd.docker.container.image.v1+json")
            if docker
            else (f"{OCI}.manifest.v1+json", f"{OCI}.config.v1+json")
        )
        layer = "application/vnd.docker.image.rootfs.diff.tar.gzip" if docker else f"{OCI}.layer.v1.tar+gzip"
        content: dict[str, object] = {
            "config": {"mediaType": media_types[1], **self.blob(repository, json.dumps(config).encode())},
            "layers": [{"mediaType": layer, **self.blob(repository, b"a layer of " + architecture.encode())}],
        }
        entry = self.manifest(repository, tag, media_types[0], content)
        return {**entry, "platform": {"os": "linux", "architecture": architecture}}

    def index(self, repository: str, tag: str, *architectures: str, docker: bool = False) -> None:
        entries = [self.image(repository, each, docker=docker) for each in architectures]
        media_type = f"{DOCKER}.manifest.list.v2+json" if docker else f"{OCI}.index.v1+json"
        self.manifest(repository, tag, media_type, {"manifests": entries})


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Images]:
    folder = tmp_path_factory.mktemp("registry")
    with debian(folder / "open", folder / "storage") as host:
        images = Images(host, folder / "storage")
        for repository in ("team/app", "public/app", "app"):
            images.index(repository, "latest", "amd64", "arm64")
            images.index(repository, "arm", "arm64")
            images.image(repository, "amd64", "3.12-slim")
            images.image(repository, "arm64", "3.12-arm")
            images.index(repository, "docker", "amd64", "arm64", docker=True)
            images.image(repository, "amd64", "docker-lone", docker=True)
        yield images


@ON_DEBIAN
@pytest.mark.parametrize("tag", ["latest", "3.12-slim", "docker", "docker-lone"])
@pytest.mark.parametrize("repository", ["app", "team/app"])
def test_tags(repository: str, tag: str, images: Images, environ: dict[str, str]) -> None:
    found = digest_of(f"{images.host}/{repository}:{tag}", environ)
    assert found == images.digests[f"{repository}:{tag}"]
    assert digest_of(f"{images.host}/{repository}:{tag}@{found}", environ) == found


@ON_DEBIAN
def test_the_default_tag_and_other_names_of_this_machine(images: Images, environ: dict[str, str]) -> None:
    port = images.host.rpartition(":")[2]
    assert digest_of(f"localhost:{port}/app", environ) == images.digests["app:latest"]


@ON_DEBIAN
@pytest.mark.parametrize("tag", ["arm", "3.12-arm"])
def test_images_for_other_machines(tag: str, images: Images, environ: dict[str, str]) -> None:
    message, hint = trouble(f"{images.host}/app:{tag}", environ)
    assert message == f"`{images.host}/app:{tag}` is not for linux/amd64, which Modal's machines run"
    assert hint == "it is for `linux/arm64`: choose another tag, or build it for linux/amd64"


@ON_DEBIAN
def test_no_such_image(images: Images, environ: dict[str, str]) -> None:
    message, hint = trouble(f"{images.host}/nothing/here", environ)
    assert message == f"there is no image `{images.host}/nothing/here`"
    assert hint == "check its name, and the registry's"


@ON_DEBIAN
@pytest.mark.parametrize(
    ("tag", "expected"), [("3.12-slm", "did you mean `3.12-slim`?"), ("zzz", "check which tags it has")]
)
def test_no_such_tag(tag: str, expected: str, images: Images, environ: dict[str, str]) -> None:
    message, hint = trouble(f"{images.host}/app:{tag}", environ)
    assert (message, hint) == (f"`{images.host}/app` has no tag `{tag}`", expected)


@pytest.fixture(scope="module")
def with_passwords(images: Images, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("passwords")
    (folder / "htpasswd").write_text(HTPASSWD)
    auth = {"auth": {"htpasswd": {"realm": "tests", "path": str(folder / "htpasswd")}}}
    with debian(folder / "registry", images.storage, auth) as host:
        yield host


@ON_DEBIAN
def test_basic(with_passwords: str, images: Images, environ: dict[str, str]) -> None:
    assert trouble(f"{with_passwords}/app", environ) == (
        f"`{with_passwords}/app` needs a login, or does not exist",
        f"check its name; if it is private, log in: docker login {with_passwords}",
    )
    write_config(environ, {"auths": {with_passwords: {"auth": base64_of(USER, PASSWORD)}}})
    for tag in ("latest", "3.12-slim"):
        assert digest_of(f"{with_passwords}/app:{tag}", environ) == images.digests[f"app:{tag}"]
    assert trouble(f"{with_passwords}/app:lates", environ)[1] == "did you mean `latest`?"


@ON_DEBIAN
def test_a_wrong_password(with_passwords: str, environ: dict[str, str]) -> None:
    path = write_config(environ, {"auths": {with_passwords: {"auth": base64_of(USER, "wrong")}}})
    message, hint = trouble(f"{with_passwords}/app", environ)
    assert message == f"`{with_passwords}` refuses the login of `{path}` for `app`"
    assert hint == (
        f"check the image's name; log in again: docker login {with_passwords}; ask its owner whether you may pull it"
    )


# ----------------------------------------------------------------------- Debian's registry, with tokens


def token_for(leaf: trustme.LeafCert, access: list[dict[str, object]]) -> str:
    """A token as the registry verifies it: signed by a key whose certificate comes with it."""

    def part(content: bytes) -> bytes:
        return base64.urlsafe_b64encode(content).rstrip(b"=")

    pem = leaf.cert_chain_pems[0].bytes().decode()
    now = int(time.time())
    header = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(ssl.PEM_cert_to_DER_cert(pem)).decode()]}
    claims = {
        **{"iss": "tests", "sub": USER, "aud": "the registry", "jti": "1"},
        **{"exp": now + 300, "nbf": now - 60, "iat": now, "access": access},
    }
    signed = b".".join(part(json.dumps(each).encode()) for each in (header, claims))
    key = load_pem_private_key(leaf.private_key_pem.bytes(), None)
    assert isinstance(key, RSAPrivateKey)
    return (signed + b"." + part(key.sign(signed, PKCS1v15(), SHA256()))).decode()


IDENTITY = "an identity token"


@pytest.fixture(scope="module")
def with_tokens(images: Images, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Scripted]]:
    """A registry and its token server, which lets anybody pull below `public/`, and alice below `team/` too."""
    folder = tmp_path_factory.mktemp("tokens")
    authority = trustme.CA(key_type=trustme.KeyType.RSA)
    leaf = authority.issue_cert("tokens.test", key_type=trustme.KeyType.RSA)
    authority.cert_pem.write_to_path(str(folder / "root.pem"))

    def give(path: str, headers: Mapping[str, str]) -> Answer:
        form = parse_qs(headers["body"] or urlsplit(path).query)
        authorization = headers.get("Authorization")
        known = authorization == f"Basic {base64_of(USER, PASSWORD)}"
        if headers["body"]:
            assert form["grant_type"] == ["refresh_token"]
            known = form["refresh_token"] == [IDENTITY]
        if (authorization or headers["body"]) and not known:
            return Answer(401, b'{"details": "incorrect username or password"}')
        assert form["service"] == ["the registry"]
        (scope,) = form["scope"]
        kind, name, actions = scope.split(":")
        allowed = name.startswith("public/") or (known and name.startswith("team/"))
        access = [{"type": kind, "name": name, "actions": actions.split(",")}] if allowed else []
        key = "access_token" if headers["body"] else "token"
        return Answer(200, json.dumps({key: token_for(leaf, access), "expires_in": 300}).encode())

    with serving(give) as server:
        token = {
            "realm": f"http://{server.host}/token",
            "service": "the registry",
            "issuer": "tests",
            "rootcertbundle": str(folder / "root.pem"),
        }
        with debian(folder / "registry", images.storage, {"auth": {"token": token}}) as host:
            yield host, server


@ON_DEBIAN
@pytest.mark.parametrize("tag", ["latest", "3.12-slim"])
def test_tokens_for_anybody(
    tag: str, with_tokens: tuple[str, Scripted], images: Images, environ: dict[str, str]
) -> None:
    host, _ = with_tokens
    assert digest_of(f"{host}/public/app:{tag}", environ) == images.digests[f"public/app:{tag}"]
    assert trouble(f"{host}/public/app:lates", environ)[1] == "did you mean `latest`?"
    assert trouble(f"{host}/public/nothing", environ)[0] == f"there is no image `{host}/public/nothing`"


@ON_DEBIAN
@pytest.mark.parametrize("entry", [{"auth": base64_of(USER, PASSWORD)}, {"auth": "…", "identitytoken": IDENTITY}])
def test_tokens_for_a_login(
    entry: object, with_tokens: tuple[str, Scripted], images: Images, environ: dict[str, str]
) -> None:
    host, server = with_tokens
    assert trouble(f"{host}/team/app", environ)[0] == f"`{host}/team/app` needs a login, or does not exist"
    write_config(environ, {"auths": {host: entry}})
    server.asked.clear()
    assert digest_of(f"{host}/team/app:3.12-slim", environ) == images.digests["team/app:3.12-slim"]
    assert len(server.asked) == 1
    assert "refuses the login" in trouble(f"{host}/app", environ)[0]


@ON_DEBIAN
def test_an_identity_token_of_a_helper(
    with_tokens: tuple[str, Scripted], images: Images, environ: dict[str, str]
) -> None:
    host, _ = with_tokens
    write_helper(environ, "store", f'print(json.dumps({{"Username": "<token>", "Secret": "{IDENTITY}"}}))')
    write_config(environ, {"credsStore": "store", "auths": {host: {}}})
    assert digest_of(f"{host}/team/app", environ) == images.digests["team/app:latest"]


@ON_DEBIAN
@pytest.mark.parametrize("entry", [{"auth": base64_of(USER, "wrong")}, {"identitytoken": "wrong"}])
def test_logins_that_the_token_server_refuses(
    entry: object, with_tokens: tuple[str, Scripted], environ: dict[str, str]
) -> None:
    host, _ = with_tokens
    path = write_config(environ, {"auths": {host: entry}})
    assert trouble(f"{host}/team/app", environ)[0] == f"`{host}` refuses the login of `{path}` for `team/app`"


# ------------------------------------------------------------- Debian's registry, encrypted, behind a proxy


@contextmanager
def proxy_to(host: str) -> Iterator[tuple[str, list[str]]]:
    """A proxy that leads every tunnel to one server; its URL, and the first lines that it was asked."""
    asked: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def copy(source: socket.socket, target: socket.socket) -> None:
            try:
                while content := source.recv(1 << 16):
                    target.sendall(content)
                target.shutdown(socket.SHUT_WR)
            except OSError:
                pass

        def serve() -> None:
            while True:
                client = listener.accept()[0]
                with client:
                    head = client.recv(1 << 16).decode()
                    if head == "stop":
                        return
                    asked.append(head)
                    client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                    with socket.create_connection(("127.0.0.1", int(host.rpartition(":")[2]))) as server:
                        back = threading.Thread(target=copy, args=(server, client))
                        back.start()
                        copy(client, server)
                        back.join()

        thread = threading.Thread(target=serve)
        thread.start()
        address = listener.getsockname()
        try:
            yield f"http://bob:builder@127.0.0.1:{address[1]}", asked
        finally:
            with socket.create_connection(address) as last:
                last.sendall(b"stop")
            thread.join()


@pytest.fixture(scope="module")
def encrypted(images: Images, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A registry with the certificate of `registry.test`, and the authority's own."""
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    leaf = authority.issue_cert("registry.test")
    authority.cert_pem.write_to_path(str(folder / "root.pem"))
    leaf.private_key_pem.write_to_path(str(folder / "key.pem"))
    leaf.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    tls = {"certificate": str(folder / "cert.pem"), "key": str(folder / "key.pem")}
    with debian(folder / "registry", images.storage, {"http": {"tls": tls}}) as host:
        yield host, folder / "root.pem"


@ON_DEBIAN
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_through_a_proxy(variable: str, encrypted: tuple[str, Path], images: Images, environ: dict[str, str]) -> None:
    host, root = encrypted
    environ["SSL_CERT_FILE"] = str(root)
    with proxy_to(host) as (proxy, asked):
        environ[variable] = proxy
        assert digest_of("registry.test/app", environ) == images.digests["app:latest"]
        assert digest_of(f"{images.host}/app", environ) == images.digests["app:latest"]
        assert "no such host" in trouble("registry.test/app", environ | {"NO_PROXY": ".test"})[0]
    (head,) = asked
    assert head.startswith("CONNECT registry.test:443 ")
    assert f"Basic {base64_of('bob', 'builder')}" in head


@ON_DEBIAN
def test_an_authority_that_is_not_known(encrypted: tuple[str, Path], environ: dict[str, str]) -> None:
    host, _ = encrypted
    with proxy_to(host) as (proxy, _):
        message, hint = trouble("registry.test/app", environ | {"HTTPS_PROXY": proxy})
    assert message.startswith("`registry.test` cannot be trusted: unable to get local issuer certificate")
    assert hint == "where its authority is your company's, name a file with that in `SSL_CERT_FILE`"


@ON_DEBIAN
def test_a_certificate_of_another_host(encrypted: tuple[str, Path], environ: dict[str, str]) -> None:
    host, root = encrypted
    with proxy_to(host) as (proxy, _):
        message, _ = trouble("other.test/app", environ | {"HTTPS_PROXY": proxy, "SSL_CERT_FILE": str(root)})
    assert message.startswith("`other.test` cannot be trusted: Hostname mismatch")


def test_a_registry_that_is_not_encrypted(environ: dict[str, str]) -> None:
    with serving(always(Answer(200, INDEX))) as server, proxy_to(server.host) as (proxy, _):
        message, hint = trouble("registry.test/app", environ | {"HTTPS_PROXY": proxy})
    assert message == "no encrypted connection to `registry.test` comes about"
    assert hint == "check that it speaks https"


HUB = "https://index.docker.io/v1/"


@pytest.mark.parametrize(
    "config",
    [
        {"auths": {"docker.io": {"username": "a", "password": "old"}, HUB: {"username": "a", "password": "b"}}},
        {"auths": {f"{HUB}refresh-token": {"auth": "…"}, "docker.io": {"username": "a", "password": "b"}}},
        {"credHelpers": {HUB: "hub"}},
        {"credHelpers": {"docker.io": "hub"}},
        {"credsStore": "hub"},
    ],
)
def test_names_and_logins_of_docker_hub(config: object, environ: dict[str, str], tmp_path: Path) -> None:
    """A server of this machine stands in for the hub, with the hub's name."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "root.pem"))
    known = lets_in(f"Basic {base64_of('a', 'b')}")
    with (
        serving(known, authority.issue_cert("registry-1.docker.io")) as server,
        proxy_to(server.host) as (proxy, asked),
    ):
        environ |= {"HTTPS_PROXY": proxy, "SSL_CERT_FILE": str(tmp_path / "root.pem")}
        assert trouble("python", environ) == (
            "`docker.io/library/python` needs a login, or does not exist",
            "check its name; if it is private, log in: docker login",
        )
        assert server.paths == ["/v2/library/python/manifests/latest"]
        write_helper(
            environ,
            "hub",
            f'assert sys.stdin.read() == "{HUB}"\nprint(json.dumps({{"Username": "a", "Secret": "b"}}))',
        )
        write_config(environ, config)
        assert digest_of("python:3.12-slim", environ) == sha256(INDEX)
        assert server.paths[-1] == "/v2/library/python/manifests/3.12-slim"
    assert {head.split()[1] for head in asked} == {"registry-1.docker.io:443"}


def test_logins_of_proxies_stay_with_them(environ: dict[str, str], tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "root.pem"))
    with (
        serving(always(Answer(200, INDEX)), authority.issue_cert("127.0.0.1")) as storage,
        serving(
            always(Answer(307, headers={"Location": f"https://{storage.host}/x"})),
            authority.issue_cert("registry.test"),
        ) as server,
        proxy_to(server.host) as (proxy, _),
    ):
        found = {"HTTPS_PROXY": proxy, "SSL_CERT_FILE": str(tmp_path / "root.pem")}
        assert digest_of("registry.test/app", environ | found) == sha256(INDEX)
    ((_, headers),) = storage.asked
    assert "Proxy-Authorization" not in {name.title() for name in headers}


def test_no_redirect_out_of_the_encrypted(environ: dict[str, str], tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "root.pem"))
    with (
        serving(always(Answer(200, INDEX))) as clear,
        serving(
            always(Answer(307, headers={"Location": f"http://{clear.host}/x"})), authority.issue_cert("registry.test")
        ) as server,
        proxy_to(server.host) as (proxy, _),
    ):
        found = {"HTTPS_PROXY": proxy, "SSL_CERT_FILE": str(tmp_path / "root.pem")}
        message, _ = trouble("registry.test/app", environ | found)
    assert message == f"`registry.test` {STRANGE}: it answers with status 307"
    assert clear.asked == []


def test_proxies_that_are_none(environ: dict[str, str]) -> None:
    message, hint = trouble("registry.test/app", environ | {"HTTPS_PROXY": "socks5://bob:builder@127.0.0.1:1"})
    assert (message, hint) == ("a proxy that is none for http", "correct `HTTPS_PROXY` or `ALL_PROXY`")
    with serving(always(Answer(407))) as server:
        message, _ = trouble("registry.test/app", environ | {"HTTPS_PROXY": f"http://{server.host}"})
    assert message.startswith("`registry.test` does not answer: tunnel connection failed: 501")


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_bundle_that_cannot_be_read(content: str | None, environ: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "bundle.pem"
    if content is not None:
        path.write_text(content)
    message, hint = trouble("registry.test/app", environ | {"SSL_CERT_FILE": str(path)})
    assert (message, hint) == (
        f"`{path}` holds no certificates that can be read",
        "correct `SSL_CERT_FILE`, or unset it",
    )
