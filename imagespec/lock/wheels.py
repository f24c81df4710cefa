"""A wheel, by its address -> the modules that it brings. Of one that lies elsewhere only the directory of the zip is
fetched: some 100 kB, where torch's wheel has 900 MB.

Written on zipfile and urllib: the libraries that read remote zips stand on requests, which knows neither uv's
`SSL_CERT_FILE` nor when a wheel is too large to be fetched as a whole.
"""

from __future__ import annotations

import base64
import http.client
import keyword
import netrc
import re
import socket
import struct
import urllib.request
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import url2pathname

from imagespec.lock.transport import opener

_END = 64 << 10
"""Bytes of a wheel's end that are asked for at first: the whole directory of a wheel with some 500 files."""

_LONGEST_DIRECTORY = 32 << 20
_LARGEST = 20_000_000
"""Bytes of a wheel that is fetched as a whole, where the server gives no parts."""

_TIMEOUT = 10
"""Seconds that a server may be silent."""

FAILURES = (OSError, ValueError, http.client.HTTPException, zipfile.BadZipFile, struct.error, NotImplementedError)
"""What reading a wheel raises where it cannot be reached, or is none."""

# ------------------------------------------------------------------------------------------ files -> modules


def modules_in(files: Iterable[str]) -> tuple[str, ...]:
    """The modules among the files of a wheel, as dotted names with nothing of the same wheel above them.

    A folder without `__init__.py` is gone into, down to where modules begin: `google.cloud.storage`.
    """
    found: list[_Name] = []
    for name in sorted({name for file in files if (name := _name_of(file)) is not None}):
        if not found or name[: len(found[-1])] != found[-1]:  # sorted, so what is below a name comes right after it
            found.append(name)
    return tuple(sorted(".".join(name) for name in _gathered(found)))


_Name = tuple[str, ...]

_MODULE = re.compile(r"([^.]+)\.(?:pyc?|cpython-[^.]+\.so|abi3\.so)|(?!lib)([^.]+)\.so")
"""`six.py`, `_ext.cpython-312-x86_64-linux-gnu.so`, `_ext.abi3.so`; `libtorch.so` is a library that others load."""

_SHARED = {("nvidia",), ("google",), ("google", "cloud"), ("azure",), ("backports",), ("zope",)}
"""Where many packages put their modules, some of which bring an `__init__.py` of it each."""

_BESIDE = {"test", "tests", "doc", "docs", "example", "examples", "benchmarks", "setup", "conftest"}
_BESIDE |= {"share", "bin", "include"}
"""What gets into wheels by mistake, or is none of Python's; who imports something of that name means something else."""


def _name_of(file: str) -> _Name | None:
    """`PIL/Image.py` -> `PIL`, `Image`; of `NAME.data` what goes to the other modules; `None` for what is no module."""
    *folders, last = file.split("/")
    if folders and folders[0].endswith(".data"):
        if folders[1:2] not in (["purelib"], ["platlib"]):
            return None
        folders = folders[2:]
    match = _MODULE.fullmatch(last)
    if match is None:
        return None
    stem = match[1] or match[2]
    name = tuple(folders) if stem == "__init__" else (*folders, stem)
    if not name or name in _SHARED or name[0] in _BESIDE or name[-1] == "__main__":
        return None
    return name if all(part.isidentifier() and not keyword.iskeyword(part) for part in name) else None


def _gathered(names: list[_Name]) -> list[_Name]:
    """The names, where those of a folder with very many modules are the folder: generated ones, as `google.api` has."""
    while True:
        groups = [(above, list(each)) for above, each in groupby(names, key=lambda name: name[:-1])]
        crowded = {above for above, each in groups if len(each) > 16 and above and above not in _SHARED}
        if not crowded:
            return names
        names = sorted({next((name[:n] for n in range(1, len(name)) if name[:n] in crowded), name) for name in names})


# ----------------------------------------------------------------------------------------- address -> files


class Reader:
    """Reads wheels, by the connections of an environment. `indexes` are addresses that may hold logins. Raises
    `RegistryError`."""

    def __init__(self, indexes: Sequence[str], environ: Mapping[str, str]) -> None:
        self._opener = opener(environ)
        self._logins = dict(_logins([*indexes, *_of_uv(environ)], environ))
        self._offline = environ.get("UV_OFFLINE", "").lower() in ("1", "true", "yes", "on", "t", "y")
        self._silent: set[str] = set()

    def modules(self, address: str) -> tuple[str, ...]:
        """The modules that a wheel brings. Raises one of `FAILURES`."""
        parts = urlsplit(address)
        if parts.scheme == "file":
            with zipfile.ZipFile(url2pathname(parts.path)) as wheel:
                return modules_in(wheel.namelist())
        if self._offline or parts.hostname in self._silent or parts.scheme not in ("http", "https"):
            raise OSError("not to be asked")
        try:
            with zipfile.ZipFile(_Remote(self, address)) as wheel:
                return modules_in(wheel.namelist())
        except OSError as error:
            if isinstance(getattr(error, "reason", error), (TimeoutError, socket.gaierror)):
                self._silent.add(parts.hostname or "")  # others would wait for it as long
            raise

    def fetch(self, address: str, span: str) -> tuple[int, bytes, int]:
        """A part of a file: where it begins, its bytes, and the size of the whole. It is the whole where the server
        gives no parts."""
        parts = urlsplit(address)
        host = parts.netloc.rpartition("@")[2]
        bare = urlunsplit(parts._replace(netloc=host, fragment=""))
        request = urllib.request.Request(bare, headers={"User-Agent": "imagespec", "Range": f"bytes={span}"})
        logins = self._logins | dict(_logins([address], {}))
        if login := logins.get(host) or logins.get(parts.hostname or ""):
            request.add_unredirected_header("Authorization", login)
        with self._opener.open(request, timeout=_TIMEOUT) as answer:
            if answer.status != 206:
                size = int(answer.headers.get("Content-Length", ""))
                if size > _LARGEST:
                    raise ValueError("no parts, and too large to be fetched")
                return 0, answer.read(size), size
            told = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", answer.headers.get("Content-Range", ""))
            if told is None:
                raise ValueError("it does not say which part this is")
            start, end, size = map(int, told.groups())
            if end - start >= _LONGEST_DIRECTORY:
                raise ValueError("more than was asked for")
            return start, answer.read(end - start + 1), size


class _Remote:
    """A file, for zipfile: held is its end, as far as it was needed."""

    def __init__(self, reader: Reader, address: str) -> None:
        self._reader = reader
        self._address = address
        self._start, self._held, self._size = reader.fetch(address, f"-{_END}")
        self._at = 0
        if self._start + len(self._held) != self._size:
            raise ValueError("the end breaks off")

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        if self._at < 0:
            raise OSError("before the beginning")
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, count: int = -1) -> bytes:
        if self._at < self._start:
            self._fetch(self._at)
        begin = self._at - self._start
        found = self._held[begin:] if count < 0 else self._held[begin : begin + count]
        self._at += len(found)
        return found

    def _fetch(self, begin: int) -> None:
        """Hold everything from here on."""
        if self._size - begin > _LONGEST_DIRECTORY:
            raise ValueError("the directory is too long")
        start, more, _ = self._reader.fetch(self._address, f"{begin}-{self._start - 1}")
        if (start, len(more)) != (begin, self._start - begin):
            raise ValueError("another part than was asked for")
        self._start, self._held = start, more + self._held


# ---------------------------------------------------------------------------------------------------- logins


def _of_uv(environ: Mapping[str, str]) -> Iterator[str]:
    """The indexes that uv is told of by variables; those of `UV_INDEX` may have names."""
    for variable in ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS"):
        for index in re.split(r"[\s,]+", environ.get(variable, "")):
            yield re.sub(r"^[\w.-]+=", "", index)


def _logins(addresses: Iterable[str], environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Hosts with what to send them as `Authorization`: of netrc, and of the addresses, which count for more."""
    home = environ.get("HOME")
    path = environ.get("NETRC") or (f"{home}/.netrc" if home else "")
    with suppress(OSError, ValueError, netrc.NetrcParseError):
        hosts = netrc.netrc(path).hosts if path else {}
        for host, (user, _, password) in hosts.items():
            yield host, _basic(user, password or "")
    for address in addresses:
        login, at, host = urlsplit(address).netloc.rpartition("@")
        if at:
            user, _, password = login.partition(":")
            yield host, _basic(unquote(user), unquote(password))


def _basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
