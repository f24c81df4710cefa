"""The address of a wheel -> the names of its files. Of a wheel that lies elsewhere only the directory of the zip is
fetched, which stands at its end: 1 MB of the 900 that torch has.

Written on aiohttp, which looks hosts up once, keeps connections and knows proxies and netrc. The libraries for remote
zips stand on requests, which does not know uv's `SSL_CERT_FILE`; where a server gives no parts, they fetch everything.
"""

from __future__ import annotations

import base64
import re
import struct
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import url2pathname

import aiohttp
from yarl import URL

from imagespec.lock.transport import trust

_END = 64 << 10
"""Bytes of a wheel's end that are asked for at first: the whole directory of a wheel with some 500 files."""

_LONGEST = 32 << 20
"""Bytes of a directory that is fetched."""

_LARGEST = 20_000_000
"""Bytes of a wheel that is fetched as a whole, where the server gives no parts."""

_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=10)

FAILURES = (aiohttp.ClientError, OSError, ValueError, zipfile.BadZipFile, struct.error, NotImplementedError)
"""What is raised where a wheel cannot be reached, or is none."""


class Listing:
    """Reads wheels, by the connections of an environment. `indexes` are addresses that may hold logins; `offline` says
    that only files of this machine are read."""

    def __init__(self, indexes: Sequence[str], environ: Mapping[str, str]) -> None:
        """Raises `RegistryError` where a variable says what cannot be."""
        self._trust = trust(environ)
        self._logins = dict(_logins([*_of_uv(environ), *indexes]))
        self._offline = environ.get("UV_OFFLINE", "").lower() in ("1", "true", "t", "yes", "y", "on")

    async def __aenter__(self) -> Listing:
        connector = aiohttp.TCPConnector(ssl=self._trust, limit_per_host=8, ttl_dns_cache=300)
        headers = {"User-Agent": "imagespec", "Accept-Encoding": "identity"}
        self._session = aiohttp.ClientSession(connector=connector, headers=headers, timeout=_TIMEOUT, trust_env=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def files(self, address: str) -> list[str]:
        """The names of the files in a wheel. Raises one of `FAILURES`."""
        parts = urlsplit(address)
        if parts.scheme == "file":
            with zipfile.ZipFile(url2pathname(parts.path)) as wheel:
                return wheel.namelist()
        if self._offline or parts.scheme not in ("http", "https"):
            raise ValueError("not to be asked")
        end = await self._again(address, f"-{_END}")
        while True:
            try:
                with zipfile.ZipFile(end) as wheel:
                    return wheel.namelist()
            except _Missing as missing:
                end = await self._more(address, end, missing.begin)

    async def _more(self, address: str, end: _End, begin: int) -> _End:
        """The end of a file from an earlier place on."""
        if end.size - begin > _LONGEST:
            raise ValueError("the directory is too long")
        more = await self._again(address, f"{begin}-{end.begin - 1}")
        if (more.begin, more.begin + len(more.held)) != (begin, end.begin):
            raise ValueError("another part than was asked for")
        return _End(begin, more.held + end.held)

    async def _again(self, address: str, span: str) -> _End:
        """A part of a file, asked for a second time where the connection broke."""
        try:
            return await self._part(address, span)
        except aiohttp.ClientConnectionError:
            return await self._part(address, span)

    async def _part(self, address: str, span: str) -> _End:
        """A part of a file; the whole, where the server gives no parts."""
        parts = urlsplit(address)
        host = parts.netloc.rpartition("@")[2]
        headers = {"Range": f"bytes={span}"}
        if login := dict(_logins([address])).get(host) or self._logins.get(host):
            headers["Authorization"] = login
        bare = URL(urlunsplit(parts._replace(netloc=host)), encoded=True)
        async with self._session.get(bare, headers=headers, raise_for_status=True) as answer:
            if answer.url.scheme not in (bare.scheme, "https"):
                raise ValueError("sent on to where others could change it")
            told = re.fullmatch(r"bytes (\d+)-(\d+)/\d+", answer.headers.get("Content-Range", ""))
            begin, end = map(int, told.groups()) if told else (0, (answer.content_length or _LARGEST + 1) - 1)
            if end - begin >= (_LONGEST if told else _LARGEST):
                raise ValueError("no parts, and too large to be fetched")
            return _End(begin, await answer.content.readexactly(end - begin + 1))


class _Missing(Exception):
    """What is read was not fetched; it would have to be from `begin` on."""

    def __init__(self, begin: int) -> None:
        super().__init__(begin)
        self.begin = begin


class _End:
    """The bytes of a file from `begin` on, as the file for zipfile."""

    def __init__(self, begin: int, held: bytes) -> None:
        self.begin = begin
        self.held = held
        self.size = begin + len(held)
        self._at = 0

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self.size)[whence]
        if self._at < 0:
            raise OSError("before the beginning")
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, count: int = -1) -> bytes:
        if self._at < self.begin:
            raise _Missing(self._at)
        start = self._at - self.begin
        found = self.held[start:] if count < 0 else self.held[start : start + count]
        self._at += len(found)
        return found


def _of_uv(environ: Mapping[str, str]) -> Iterator[str]:
    """The indexes that variables tell uv of; they may have names: `own=https://…`."""
    for variable in ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS"):
        for index in re.split(r"[\s,]+", environ.get(variable, "")):
            yield re.sub(r"^[\w.-]+=", "", index)


def _logins(addresses: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The hosts of addresses that hold a login, with what to send them as `Authorization`."""
    for address in addresses:
        login, at, host = urlsplit(address).netloc.rpartition("@")
        if at:
            user, _, password = login.partition(":")
            token = base64.b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode()
            yield host, f"Basic {token}"
