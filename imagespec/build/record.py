"""What was built, where, how long it took, and which checks passed: a small database that any number of builds share.

SQLite's own journal makes each entry whole or absent, whatever happens to the process that writes it.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagespec.build.result import Target
from imagespec.diagnostic import shown
from imagespec.image.made import Made, made
from imagespec.lock.sizes import bytes_of

_TABLES = """
CREATE TABLE IF NOT EXISTS layer (
    backend TEXT, digest TEXT, op TEXT, seconds REAL, place TEXT, at TEXT DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (backend, digest)
);
CREATE TABLE IF NOT EXISTS passed (
    backend TEXT, image TEXT, command TEXT, output TEXT, at TEXT DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (backend, image, command)
);
CREATE TABLE IF NOT EXISTS build (
    backend TEXT, spec TEXT, image TEXT, place TEXT, at TEXT DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (backend, spec)
);
CREATE TABLE IF NOT EXISTS made (digest TEXT PRIMARY KEY, op TEXT, arguments TEXT, bytes INTEGER);
CREATE TABLE IF NOT EXISTS stack (backend TEXT, spec TEXT, digests TEXT, PRIMARY KEY (backend, spec));
"""
"""A later version adds tables, and no columns: so a record goes on working whichever version made it, and whichever
comes after. `made` is what a layer was made of, `stack` the layers of the last good build of a spec."""

_KEPT_OUTPUT = 10_000
"""Characters of a check's output that are kept."""

KEPT = ".imagespec"
"""The folder of a project that holds what builds keep."""


@dataclass(frozen=True, slots=True)
class LayerRecord:
    """A layer as it was last built: `seconds` of wall time, `None` where the backend had it before it was recorded;
    `place` where the backend keeps it, `at` in UTC."""

    op: str
    seconds: float | None
    place: str
    at: str


@dataclass(frozen=True, slots=True)
class BuildRecord:
    """The last good build of a spec: the digest of its image, `place` where the backend keeps it, `at` in UTC."""

    image: str
    place: str
    at: str


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a layer is made of, and the bytes that come with it, `None` where nobody knows."""

    made: Made
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Experience:
    """A layer that was built before: what it was made of, how long it took, how many bytes came with it."""

    made: Made
    seconds: float
    bytes: int | None


def home(specs: Sequence[Path]) -> Path:
    """A project's folder `.imagespec`: beside the `specs` with the first spec, or in the working directory."""
    for folder in specs[0].absolute().parents if specs else ():
        if (folder / "specs").is_dir():
            return folder / KEPT
    return Path.cwd() / KEPT


class Record:
    """The record in a folder, made when something is first written. Raises `OSError` where it cannot be used."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "record.sqlite"

    def layer(self, backend: str, digest: str) -> LayerRecord | None:
        """The layer with this digest, where this backend built it before."""
        row = self._one("SELECT op, seconds, place, at FROM layer WHERE backend = ? AND digest = ?", backend, digest)
        return LayerRecord(*row) if row else None

    def add_layer(self, backend: str, digest: str, op: str, seconds: float | None, place: str = "") -> None:
        query = "INSERT OR REPLACE INTO layer (backend, digest, op, seconds, place) VALUES (?, ?, ?, ?, ?)"
        self._write(query, backend, digest, op, seconds, place)

    def passed(self, backend: str, image: str, command: str) -> bool:
        """Whether a check passed in the image with this digest."""
        return self.output(backend, image, command) is not None

    def output(self, backend: str, image: str, command: str) -> str | None:
        """What a check printed when it passed in the image with this digest; `None` where it did not pass."""
        query = "SELECT output FROM passed WHERE backend = ? AND image = ? AND command = ?"
        row = self._one(query, backend, image, command)
        return row[0] if row else None

    def add_check(self, backend: str, image: str, command: str, output: str = "") -> None:
        """A check passed, and printed this; the end of it is kept."""
        query = "INSERT OR REPLACE INTO passed (backend, image, command, output) VALUES (?, ?, ?, ?)"
        self._write(query, backend, image, command, output[-_KEPT_OUTPUT:])

    def forget_check(self, backend: str, image: str, command: str) -> None:
        """A check that passed before does not any more."""
        self._write("DELETE FROM passed WHERE backend = ? AND image = ? AND command = ?", backend, image, command)

    def build(self, backend: str, spec: str) -> BuildRecord | None:
        """The last good build of a spec, by the spec's path."""
        row = self._one("SELECT image, place, at FROM build WHERE backend = ? AND spec = ?", backend, _spelled(spec))
        return BuildRecord(*row) if row else None

    def add_build(
        self, backend: str, spec: str, image: str, place: str = "", layers: Sequence[Remembered] = ()
    ) -> None:
        """A build was good. `layers` are those of its image, in order, mounted ones too."""
        path, digests = _spelled(spec), [each.made.digest for each in layers]
        made = [
            (each.made.digest, each.made.op, json.dumps(each.made.arguments, sort_keys=True), each.bytes)
            for each in layers
        ]
        prepare(self.path.parent)
        with self._open() as database:
            database.execute("BEGIN IMMEDIATE")
            database.executemany("INSERT OR REPLACE INTO made (digest, op, arguments, bytes) VALUES (?, ?, ?, ?)", made)
            query = "INSERT OR REPLACE INTO build (backend, spec, image, place) VALUES (?, ?, ?, ?)"
            database.execute(query, (backend, path, image, place))
            query = "INSERT OR REPLACE INTO stack (backend, spec, digests) VALUES (?, ?, ?)"
            database.execute(query, (backend, path, json.dumps(digests)))
            database.execute("COMMIT")

    def stack(self, backend: str, spec: str) -> tuple[Made, ...]:
        """The layers of the last good build of a spec; none where they were not recorded with it."""
        query = "SELECT image, digests FROM build JOIN stack USING (backend, spec) WHERE backend = ? AND spec = ?"
        row = self._one(query, backend, _spelled(spec))
        digests = json.loads(row[1]) if row else []
        if not digests or digests[-1] != row[0]:  # the build is a later one, of a version that records no stack
            return ()
        marks = ", ".join("?" * len(digests))
        rows = self._all(f"SELECT digest, op, arguments FROM made WHERE digest IN ({marks})", *digests)
        known = {digest: Made(digest, op, json.loads(arguments)) for digest, op, arguments in rows}
        return tuple(known[digest] for digest in digests) if known.keys() >= {*digests} else ()

    def experience(self, backend: str, op: str) -> list[Experience]:
        """The layers of one method that this backend built, and took some time for, the latest first."""
        query = (
            "SELECT layer.digest, layer.op, arguments, seconds, bytes FROM layer JOIN made USING (digest)"
            " WHERE backend = ? AND layer.op = ? AND seconds > 0 ORDER BY at DESC, layer.rowid DESC LIMIT 100"
        )
        rows = self._all(query, backend, op)
        return [Experience(Made(digest, op, json.loads(text)), took, size) for digest, op, text, took, size in rows]

    def _all(self, query: str, *values: object) -> list[Any]:
        if not self.path.exists():
            return []
        with self._open() as database:
            return database.execute(query, values).fetchall()

    def _one(self, query: str, *values: object) -> Any:
        return next(iter(self._all(query, *values)), None)

    def _write(self, query: str, *values: object) -> None:
        prepare(self.path.parent)
        with self._open() as database:
            database.execute(query, values)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self.path, timeout=30, isolation_level=None)) as database:
                database.executescript(_TABLES)
                yield database
        except sqlite3.OperationalError as error:
            raise OSError(f"the record `{shown(self.path)}` cannot be used: {error}") from error
        except sqlite3.DatabaseError as error:
            lost = "remove it: nothing but time is lost"
            raise OSError(f"the record `{shown(self.path)}` is damaged ({error}); {lost}") from error


def _spelled(spec: str) -> str:
    """A path in its one spelling."""
    return os.path.realpath(spec)


def prepare(folder: Path) -> None:
    """Make the folder, with a `.gitignore` that keeps everything in it out of the repository."""
    folder.mkdir(parents=True, exist_ok=True)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")


def remembered(target: Target) -> list[Remembered]:
    """What the record keeps of the layers of a build. Nothing where their files were edited while it ran."""
    image, layers = target.image, made(target.image)
    if tuple(each.digest for each in layers) != target.digests:
        return []
    return [
        Remembered(each, bytes_of(layer, image.root, target.held.fresh))
        for each, layer in zip(layers, image.layers, strict=True)
    ]
