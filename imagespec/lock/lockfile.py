"""`NAME.lock.yaml` <-> `Lock`: every package with every file's hash, and what all of it was made from.

The text is canonical: the same lock is always the same bytes. Each package carries a digest of its own lines, the whole
a digest of everything, so that an edit by hand or a merge gone wrong is found, and found where it is.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from imagespec.diagnostic import Diagnostic, Route, Source, Span
from imagespec.lock import codes
from imagespec.spec.source import compose, find, read, span_of

LARGEST = 16 << 20
"""Bytes of a lock that is read."""

VERSION = 1
"""Of the format. A lock with a greater one was written by a later imagespec."""

_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_File = Annotated[str, Field(pattern=r"^[0-9a-f]{64} (\d{1,15}|-) [^\s/\\]+$")]
"""SHA-256, size and name, as `sha256sum` would list them: one value a file, for locks are read whenever a spec is."""


@dataclass(frozen=True, slots=True)
class File:
    """A wheel or a source distribution. `size` is in bytes, `None` where the index does not tell it."""

    name: str
    size: int | None
    sha256: str

    @property
    def is_wheel(self) -> bool:
        return self.name.endswith(".whl")


@dataclass(frozen=True, slots=True)
class Package:
    """A package in one version. `requires` are the names of what it needs among the others; `marker` says where it is
    needed; `source` is a git reference with its commit, or an address that the spec names, and empty where the package
    comes from an index; `imports` are the modules that it brings, as dotted names with none of the same package above
    them, empty where that is not known. `wheel` is the address of the one for the image, which no lock file keeps;
    `span` is where it stands in the lock file."""

    name: str
    version: str
    requires: tuple[str, ...] = ()
    marker: str = ""
    source: str = ""
    files: tuple[File, ...] = ()
    imports: tuple[str, ...] = ()
    wheel: str = field(default="", compare=False, repr=False)
    span: Span | None = field(default=None, compare=False, repr=False)

    @property
    def digest(self) -> str:
        files = [[file.sha256, file.size, file.name] for file in self.files]
        imports = [list(self.imports)] if self.imports else []  # as it was before locks told imports
        return _sha256([self.name, self.version, list(self.requires), self.marker, self.source, files, *imports])[:16]


@dataclass(frozen=True, slots=True)
class Base:
    """An image of a registry, and the digest of what its tag pointed to."""

    image: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """What a spec's image is made of. `inputs` is the digest of all that it was made from, `requirements` are those
    among them that name packages; `exclude_newer` is a time before which its packages were published, or empty."""

    inputs: str
    requirements: tuple[str, ...]
    python: str
    platform: str
    uv: str
    exclude_newer: str = ""
    base: Base | None = None
    packages: tuple[Package, ...] = ()
    source: Source | None = field(default=None, compare=False, repr=False)

    @property
    def digest(self) -> str:
        base = [self.base.image, self.base.digest] if self.base else None
        head = [VERSION, self.inputs, list(self.requirements), self.python, self.platform, self.uv]
        return _sha256([*head, self.exclude_newer, base, [[each.name, each.digest] for each in self.packages]])

    def package(self, name: str) -> Package | None:
        return next((each for each in self.packages if each.name == name), None)


def path_of(spec: Path) -> Path:
    """Where the lock of a spec lies."""
    return spec.parent / f"{spec.stem}.lock.yaml"


# ------------------------------------------------------------------------------------------------- write


def dump(lock: Lock) -> str:
    """The text of a lock."""
    return "".join(f"{line}\n" for line in _lines(lock))


def _lines(lock: Lock) -> Iterator[str]:
    yield "# Made by `imagespec lock` from the spec beside it. Edits by hand are refused: edit the spec and lock again."
    yield f"version: {VERSION}"
    yield f"inputs: {lock.inputs}"
    yield f"python: {_quoted(lock.python)}"
    yield f"platform: {lock.platform}"
    yield f"uv: {_quoted(lock.uv)}"
    if lock.exclude_newer:
        yield f"exclude-newer: {_quoted(lock.exclude_newer)}"
    if lock.base is not None:
        yield "base:"
        yield f"  image: {_quoted(lock.base.image)}"
        yield f"  digest: {lock.base.digest}"
    yield from _list("requirements", lock.requirements)
    yield "packages:" if lock.packages else "packages: []"
    for package in lock.packages:
        yield f"  - name: {_quoted(package.name)}"
        yield f"    version: {_quoted(package.version)}"
        if package.marker:
            yield f"    marker: {_quoted(package.marker)}"
        if package.source:
            yield f"    source: {_quoted(package.source)}"
        if package.requires:
            yield f"    requires: [{', '.join(map(_quoted, package.requires))}]"
        if package.imports:
            yield f"    imports: [{', '.join(map(_quoted, package.imports))}]"
        if package.files:
            yield "    files:"
            for file in package.files:
                yield f"      - {file.sha256} {'-' if file.size is None else file.size} {file.name}"
        yield f"    digest: {_quoted(package.digest)}"
    yield f"digest: {_quoted(lock.digest)}"


def _list(key: str, items: Sequence[str]) -> Iterator[str]:
    yield f"{key}:" if items else f"{key}: []"
    for item in items:
        yield f"  - {_quoted(item)}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=True)


def write(path: Path, text: str) -> None:
    """Replace the file as a whole: whatever happens meanwhile, it is the old one or the new one. Its permissions stay,
    and so does a link to it. Raises `OSError`."""
    path = Path(os.path.realpath(path))
    made, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(made, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _mode(path))
        _sweep(path, temporary)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _mode(path: Path) -> int:
    """The permissions of a file; of one that is not there yet, what the user's mask leaves."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


_ABANDONED = 60
"""Seconds after which a file that is written in milliseconds has nobody left who writes it."""


def _sweep(path: Path, temporary: str) -> None:
    """Remove what others left beside a file because they were killed while they wrote it."""
    now = os.stat(temporary).st_mtime
    for left in path.parent.glob(f".{glob.escape(path.name)}.????????"):
        with suppress(OSError):
            if now - left.stat().st_mtime > _ABANDONED:
                left.unlink()


# -------------------------------------------------------------------------------------------------- read


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


class _Package(_Strict):
    name: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    version: Annotated[str, Field(min_length=1)]
    digest: str
    marker: str = ""
    source: str = ""
    requires: list[str] = []
    imports: list[str] = []
    files: list[_File] = []


class _Base(_Strict):
    image: str
    digest: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


class _Lock(_Strict):
    version: Annotated[int, Field(ge=VERSION, le=VERSION)]
    inputs: _Sha256
    python: str
    platform: str
    uv: str
    requirements: list[str]
    packages: list[_Package]
    digest: str
    base: _Base | None = None
    exclude_newer: Annotated[str, Field(alias="exclude-newer")] = ""


def load(path: Path) -> Lock | Diagnostic | None:
    """The lock at `path`; a finding where it cannot be trusted, `None` where there is none."""
    if not os.path.lexists(path):
        return None
    source = read(path, largest=LARGEST)
    return source if isinstance(source, Diagnostic) else parse(source)


_CONFLICT = re.compile(r"^(<{7}|={7}|>{7}|\|{7})( |$)", re.MULTILINE)


def parse(source: Source) -> Lock | Diagnostic:
    """The lock in a text, or what is wrong with it."""
    if conflict := _CONFLICT.search(source.text):
        line = source.text.count("\n", 0, conflict.start()) + 1
        why = "git left a merge conflict in the lock"
        return codes.UNUSABLE.at(source.find(conflict[1], line), why, "lock again: imagespec lock writes it anew")
    node = compose(source)
    if isinstance(node, Diagnostic):
        hint = "imagespec lock writes it anew"
        return codes.UNUSABLE.at(
            node.span, f"the lock cannot be read: {node.message.replace('the spec', 'the file')}", hint
        )
    try:
        written = yaml.constructor.SafeConstructor().construct_document(node)
    except (yaml.YAMLError, ValueError) as error:  # a tag, a date that is none, a list as a key
        mark = getattr(error, "problem_mark", None)
        at = Span(source) if mark is None else source.at(mark.line + 1, mark.column + 1)
        return codes.EDITED.at(at, "the lock was edited by hand: imagespec writes plain values only", _AGAIN)
    version = written.get("version")
    if isinstance(version, int) and version > VERSION:
        why = f"the lock has format {version}, of a later imagespec; this one reads {VERSION}"
        return codes.TOO_NEW.at(
            _span(node, source, ("version",)), why, "upgrade imagespec, or lock again with this one"
        )
    try:
        read_as = _Lock.model_validate(written)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        route: Route = tuple(first["loc"])
        key = ".".join(map(str, route)) or "the lock"
        why = f"the lock was edited by hand: `{key}` is not as imagespec writes it"
        return codes.EDITED.at(_span(node, source, route), why, _AGAIN)
    return _trusted(read_as, node, source)


_AGAIN = "edit the spec instead, and lock again: imagespec lock; git has the lock as it was"


def _trusted(written: _Lock, node: yaml.Node, source: Source) -> Lock | Diagnostic:
    """The lock, where the digests in it are those of what it says."""
    packages = []
    for index, each in enumerate(written.packages):
        span = _span(node, source, ("packages", index, "name"))
        package = Package(
            name=each.name,
            version=each.version,
            requires=tuple(each.requires),
            marker=each.marker,
            source=each.source,
            files=tuple(map(_file, each.files)),
            imports=tuple(each.imports),
            span=span,
        )
        if package.digest != each.digest:
            why = f"the lock was edited by hand: what it says of `{each.name}` is not what was locked"
            return codes.EDITED.at(span, why, _AGAIN)
        packages.append(package)
    lock = Lock(
        inputs=written.inputs,
        requirements=tuple(written.requirements),
        python=written.python,
        platform=written.platform,
        uv=written.uv,
        exclude_newer=written.exclude_newer,
        base=Base(written.base.image, written.base.digest) if written.base else None,
        packages=tuple(packages),
        source=source,
    )
    if lock.digest != written.digest:
        why = "the lock was edited by hand: its head or its list of packages is not what was locked"
        return codes.EDITED.at(_span(node, source, ("digest",)), why, _AGAIN)
    if (line := _first_difference(source.text, dump(lock))) is not None:
        why = "the lock was edited by hand: this is not how imagespec writes it"
        return codes.EDITED.at(source.at(line, 1), why, _AGAIN)
    return lock


def _first_difference(text: str, canonical: str) -> int | None:
    """The line, from 1, from which on a text is another; how lines end is not looked at."""
    pairs = zip_longest(text.splitlines(), canonical.splitlines())
    return next((number for number, (one, other) in enumerate(pairs, 1) if one != other), None)


def salvaged(path: Path) -> Lock | None:
    """What a lock that cannot be trusted still tells: versions, and the time before which they were published.

    Good for choosing the same versions again, where they exist; never for building. Of the sides of a merge conflict,
    the first.
    """
    source = read(path, largest=LARGEST)
    if isinstance(source, Diagnostic):
        return None
    cut = _CUT.search(source.text)
    versions: dict[str, str] = {}
    for match in _NAMED.finditer(source.text):
        versions.setdefault(match["name"], match["version"])
    packages = tuple(Package(name, version) for name, version in sorted(versions.items()))
    return Lock(
        inputs="",
        requirements=(),
        python="",
        platform="",
        uv="",
        exclude_newer=cut[1] if cut else "",
        packages=packages,
    )


_CUT = re.compile(r'^exclude-newer: "(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"', re.MULTILINE)
_NAMED = re.compile(
    r'^  - name: "(?P<name>[a-z0-9-]{1,100})"\r?\n +version: "(?P<version>[^"\s]{1,100})"', re.MULTILINE
)


def _file(line: str) -> File:
    sha256, size, name = line.split(" ")
    return File(name, None if size == "-" else int(size), sha256)


def _span(node: yaml.Node, source: Source, route: Route) -> Span:
    return span_of(find(node, route), source)


def _sha256(value: Any) -> str:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
