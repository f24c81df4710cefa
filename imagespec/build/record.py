"""What was built, where, how long it took, and which checks passed: a small database that any number of builds share.

SQLite's own journal makes each entry whole or absent, whatever happens to the process that writes it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagespec.diagnostic import shown

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
"""

_KEPT_OUTPUT = 10_000
"""Characters of a check's output that are kept."""

KEPT = ".imagespec"
"""The folder of a project that holds what builds keep."""


@dataclass(frozen=True, slots=True)
class LayerRecord:
    """A layer as it was last built: `seconds` of wall time, `place` where the backend keeps it, `at` in UTC."""

    op: str
    seconds: float
    place: str
    at: str


@dataclass(frozen=True, slots=True)
class BuildRecord:
    """The last good build of a spec: the digest of its image, `place` where the backend keeps it, `at` in UTC."""

    image: str
    place: str
    at: str


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

    def add_layer(self, backend: str, digest: str, op: str, seconds: float, place: str = "") -> None:
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
        row = self._one("SELECT image, place, at FROM build WHERE backend = ? AND spec = ?", backend, spec)
        return BuildRecord(*row) if row else None

    def add_build(self, backend: str, spec: str, image: str, place: str = "") -> None:
        query = "INSERT OR REPLACE INTO build (backend, spec, image, place) VALUES (?, ?, ?, ?)"
        self._write(query, backend, spec, image, place)

    def _one(self, query: str, *values: object) -> Any:
        if not self.path.exists():
            return None
        with self._open() as database:
            return database.execute(query, values).fetchone()

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


def prepare(folder: Path) -> None:
    """Make the folder, with a `.gitignore` that keeps everything in it out of the repository."""
    folder.mkdir(parents=True, exist_ok=True)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
