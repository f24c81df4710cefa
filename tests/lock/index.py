"""Packages, described in a line each -> a package index on loopback, with real wheels and source distributions.

    with Index() as index:
        index.add("torch", "2.5.1", requires=["filelock"], tags=["cp312-cp312-manylinux_2_28_x86_64"], size=906_000_000)
        project.environ |= index.variables(tmp_path / "uv-cache")

The files are tiny and always the same bytes; each brings a module of its own name that knows its `__version__`, or the
empty files that `brings` lists. `size` is what the index says of a wheel, not what it is. Served as PEP 691 JSON with
sizes, upload times (PEP 700), yanked files (PEP 592) and metadata apart (PEP 658); or as PEP 503 HTML, which knows
neither sizes nor times.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import io
import json
import re
import ssl
import sys
import tarfile
import threading
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import unquote

from packaging.utils import canonicalize_name

PURE = "py3-none-any"
JSON = "application/vnd.pypi.simple.v1+json"

_BACKEND = """
import pathlib, zipfile

HERE = pathlib.Path(__file__).parent

def get_requires_for_build_wheel(config_settings=None):
    return []

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = (HERE / "WHEEL_NAME").read_text()
    with zipfile.ZipFile(pathlib.Path(folder, name), "w") as wheel:
        for path in sorted((HERE / "content").rglob("*")):
            if path.is_file():
                wheel.write(path, path.relative_to(HERE / "content").as_posix())
    return name
"""


@dataclass(frozen=True, slots=True)
class Served:
    """A file of the index."""

    name: str
    content: bytes
    metadata: bytes
    python: str
    uploaded: str
    yanked: bool | str
    size: int

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


class Index:
    """A server as long as the context lasts.

    `answers` are status codes that requests for a package get instead, `hanging` packages that get no answer as long as
    they are in it, `login` who may ask, `html` whether it knows PEP 503 only, `hashes` whether it does so with hashes,
    `parts` whether it gives parts of files, `elsewhere` where it sends those to who ask for files; `requests` is every
    path asked for, `sent` counts the bytes of files.
    """

    def __init__(
        self, *, html: bool = False, login: tuple[str, str] | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self.html = html
        self.login = login
        self.hashes = True
        self.parts = True
        self.elsewhere = ""
        self.sent = 0
        self.packages: dict[str, list[Served]] = {}
        self.answers: dict[str, int] = {}
        self.hanging: set[str] = set()
        self.requests: list[str] = []
        self.closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), type("_Handler", (_Handler,), {"index": self}))
        self._scheme = "https" if tls else "http"
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Index:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Answer no more: connections are refused from now on."""
        if not self.closing.is_set():
            self.closing.set()
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        """What `index_url` takes, without the login."""
        return f"{self._scheme}://{self.host}/simple/"

    @property
    def url_with_login(self) -> str:
        user, password = self.login or ("", "")
        return f"http://{user}:{password}@{self.host}/simple/"

    def variables(self, cache: Path) -> dict[str, str]:
        """What makes uv ask here, once, and remember in `cache`."""
        return {"UV_DEFAULT_INDEX": self.url, "UV_CACHE_DIR": str(cache), "UV_HTTP_RETRIES": "0"}

    def file_url(self, file: Served) -> str:
        return f"{self._scheme}://{self.host}/files/{file.name}"

    # ------------------------------------------------------------------------------------------- packages

    def add(
        self,
        name: str,
        version: str,
        *,
        requires: Sequence[str] = (),
        tags: Sequence[str] = (PURE,),
        sdist: bool = False,
        extras: Mapping[str, Sequence[str]] | None = None,
        python: str = ">=3.8",
        uploaded: str = "2026-01-01T00:00:00Z",
        yanked: bool | str = False,
        size: int | None = None,
        brings: Sequence[str] | None = None,
    ) -> list[Served]:
        """A version of a package: a wheel for each of `tags`, and a source distribution where asked for."""
        metadata = _metadata(name, version, requires, extras or {}, python)
        contents = [(wheel_name(name, version, tag), _wheel(name, version, tag, metadata, brings)) for tag in tags]
        made = [
            Served(file, content, metadata, python, uploaded, yanked, len(content) if size is None else size)
            for file, content in contents
        ]
        if sdist:
            content = _sdist(name, version, metadata)
            file = f"{_escaped(name)}-{version}.tar.gz"
            made.append(Served(file, content, metadata, python, uploaded, yanked, len(content)))
        self.packages.setdefault(canonicalize_name(name), []).extend(made)
        return made

    def remove(self, name: str) -> None:
        del self.packages[canonicalize_name(name)]


def wheel_name(name: str, version: str, tag: str = PURE) -> str:
    return f"{_escaped(name)}-{version}-{tag}.whl"


def _escaped(name: str) -> str:
    return canonicalize_name(name).replace("-", "_")


def _metadata(
    name: str, version: str, requires: Sequence[str], extras: Mapping[str, Sequence[str]], python: str
) -> bytes:
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", f"Requires-Python: {python}"]
    lines += [f"Requires-Dist: {each}" for each in requires]
    for extra, needed in extras.items():
        lines += [f"Provides-Extra: {extra}", *(f'Requires-Dist: {each} ; extra == "{extra}"' for each in needed)]
    return "\n".join([*lines, ""]).encode()


def _content(
    name: str, version: str, tag: str, metadata: bytes, brings: Sequence[str] | None = None
) -> dict[str, bytes]:
    """What a wheel holds, by path."""
    info = f"{_escaped(name)}-{version}.dist-info"
    pure = "true" if tag.endswith("-any") else "false"
    about = f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: {pure}\nTag: {tag}\n"
    own = {f"{_escaped(name)}/__init__.py": f'__version__ = "{version}"\n'.encode()}
    files = {
        **(own if brings is None else dict.fromkeys(brings, b"")),
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": about.encode(),
    }
    record = "".join(f"{path},sha256={_record_hash(data)},{len(data)}\n" for path, data in files.items())
    return {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n".encode()}


def _record_hash(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def _wheel(name: str, version: str, tag: str, metadata: bytes, brings: Sequence[str] | None) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as wheel:
        for path, data in _content(name, version, tag, metadata, brings).items():
            wheel.writestr(zipfile.ZipInfo(path), data)
    return made.getvalue()


def _sdist(name: str, version: str, metadata: bytes) -> bytes:
    """A source distribution with its own build backend, which needs nothing."""
    folder = f"{_escaped(name)}-{version}"
    files = {
        "PKG-INFO": metadata,
        "pyproject.toml": b'[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
        "backend.py": _BACKEND.encode(),
        "WHEEL_NAME": wheel_name(name, version).encode(),
        **{f"content/{path}": data for path, data in _content(name, version, PURE, metadata).items()},
    }
    made = io.BytesIO()
    with gzip.GzipFile(fileobj=made, mode="wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as tar:
        for path, data in files.items():
            entry = tarfile.TarInfo(f"{folder}/{path}")
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return made.getvalue()


# ------------------------------------------------------------------------------------------------- answers


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who hangs up has what they want; any other error fails the test that looks at standard error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    index: Index
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = unquote(self.path.partition("?")[0])
        self.index.requests.append(path)
        kind, _, rest = path.strip("/").partition("/")
        name = canonicalize_name(rest.partition("-")[0] if kind == "files" else rest)
        while name in self.index.hanging and not self.index.closing.is_set():
            self.index.closing.wait(0.02)
        if not self._welcome():
            self._answer(401, b"", "text/plain", {"WWW-Authenticate": 'Basic realm="index"'})
        elif name in self.index.answers:
            self._answer(self.index.answers[name], b"", "text/plain")
        elif kind == "simple" and name in self.index.packages:
            self._project(name, self.index.packages[name])
        elif kind == "files" and self.index.elsewhere:
            self._answer(302, b"", "text/plain", {"Location": f"{self.index.elsewhere}/files/{rest}"})
        elif kind == "files":
            self._file(rest)
        else:
            self._answer(404, b"not here", "text/plain")

    do_HEAD = do_GET

    def _welcome(self) -> bool:
        if self.index.login is None:
            return True
        wanted = base64.b64encode(":".join(self.index.login).encode()).decode()
        return self.headers.get("Authorization") == f"Basic {wanted}"

    def _file(self, name: str) -> None:
        of_metadata = name.endswith(".metadata")
        for files in self.index.packages.values():
            for file in files:
                if file.name == name.removesuffix(".metadata"):
                    self._part(file.metadata if of_metadata else file.content)
                    return
        self._answer(404, b"no such file", "text/plain")

    def _part(self, content: bytes) -> None:
        """The bytes that are asked for: `bytes=10-19`, or `bytes=-10` for the last ones."""
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        size = len(content)
        if asked is None or not self.index.parts:
            self._answer(200, content, "application/octet-stream")
            return
        begin, end = (
            (int(asked[1]), int(asked[2] or size - 1)) if asked[1] else (max(0, size - int(asked[2])), size - 1)
        )
        end = min(end, size - 1)
        headers = {"Content-Range": f"bytes {begin}-{end}/{size}"}
        self._answer(206, content[begin : end + 1], "application/octet-stream", headers)

    def _project(self, name: str, files: Sequence[Served]) -> None:
        if self.index.html or JSON not in self.headers.get("Accept", ""):
            page = "".join(_link(file, self.index.hashes) for file in files)
            self._answer(200, f"<!DOCTYPE html><html><body>{page}</body></html>".encode(), "text/html")
            return
        value = {"meta": {"api-version": "1.1"}, "name": name, "files": [_entry(file) for file in files]}
        self._answer(200, json.dumps(value).encode(), JSON)

    def _answer(self, status: int, body: bytes, kind: str, headers: Mapping[str, str] | None = None) -> None:
        self.index.sent += len(body) if self.path.startswith("/files/") and self.command != "HEAD" else 0
        self.send_response(status)
        always = {"Content-Type": kind, "Content-Length": str(len(body)), "Cache-Control": "no-cache"}
        for header, value in {**always, **(headers or {})}.items():
            self.send_header(header, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """The tests look at `requests`."""


def _metadata_hash(file: Served) -> str:
    return hashlib.sha256(file.metadata).hexdigest()


def _entry(file: Served) -> dict[str, Any]:
    apart = {"core-metadata": {"sha256": _metadata_hash(file)}} if file.name.endswith(".whl") else {}
    return {
        "filename": file.name,
        "url": f"../../files/{file.name}",
        "hashes": {"sha256": file.sha256},
        "requires-python": file.python,
        "size": file.size,
        "upload-time": file.uploaded,
        "yanked": file.yanked,
        **apart,
    }


def _link(file: Served, hashes: bool) -> str:
    about = f' data-requires-python="{html.escape(file.python)}"'
    if file.yanked is not False:
        about += f' data-yanked="{html.escape(file.yanked if isinstance(file.yanked, str) else "")}"'
    if file.name.endswith(".whl"):
        about += f' data-core-metadata="sha256={_metadata_hash(file)}"'
    fragment = f"#sha256={file.sha256}" if hashes else ""
    return f'<a href="../../files/{file.name}{fragment}"{about}>{file.name}</a>\n'
