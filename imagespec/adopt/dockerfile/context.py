"""A `COPY` of a Dockerfile -> the files and folders of this machine that it adds, where Modal can add them alike."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from imagespec.image.files import left_out, matcher
from imagespec.spec import operations as ops


@dataclass(frozen=True, slots=True)
class Context:
    """The folder that a Dockerfile is built in, and the patterns of what is left out of it."""

    folder: Path
    ignore: tuple[str, ...]

    @classmethod
    def of(cls, folder: Path, dockerfile: Path) -> Context:
        patterns = (line.strip() for line in left_out(folder, dockerfile, None))
        return cls(folder, tuple(line for line in patterns if line and not line.startswith("#")))

    def added(self, source: str, to: str, *, into: bool) -> ops.AddLocalFile | ops.AddLocalDir | None:
        """What one source of a `COPY` adds at an absolute path, or below it; `None` where only the builder can say."""
        if re.search(r"[*?\[\\]", source):
            return None
        relative = posixpath.normpath(source.lstrip("/") or ".")
        path = self.folder / relative
        if relative.startswith("..") or path.is_symlink():
            return None
        if path.is_dir():
            ignore = self._below(relative)
            return (
                None
                if ignore is None
                else ops.AddLocalDir(local_path=path, remote_path=to, copy=True, ignore=ignore or None)
            )
        if path.is_file() and not self.leaves_out(relative):
            place = posixpath.join(to, path.name) if into else to
            return ops.AddLocalFile(local_path=path, remote_path=place, copy=True)
        return None

    def leaves_out(self, relative: str) -> bool:
        """Whether a path below the folder is left out."""
        return bool(self.ignore) and matcher(self.ignore)(Path(relative))

    def _below(self, folder: str) -> tuple[str, ...] | None:
        """The patterns as they hold for a folder of the context; `None` where they leave out the folder itself."""
        if folder == ".":
            return self.ignore
        kept: list[str] = []
        for pattern in self.ignore:
            negated = "!" if pattern.startswith("!") else ""
            below = _after(pattern.removeprefix("!").strip("/").split("/"), folder.split("/"))
            if below == "":
                return None
            kept += [negated + below] if below else []
        return tuple(kept)


def _after(pattern: Sequence[str], folder: Sequence[str]) -> str | None:
    """What is left of a pattern below a folder: nothing of one that matches the folder or what holds it, `None` of one
    that matches nothing in there."""
    for index, part in enumerate(pattern):
        if part == "**":
            rest = [part for part in pattern[index:] if part != "**"]
            deeper = folder[index:]
            if len(rest) == 1 and any(fnmatchcase(name, rest[0]) for name in deeper):
                return ""
            return "/".join(pattern[index:])
        if index == len(folder):
            return "/".join(pattern[index:])
        if not fnmatchcase(folder[index], part):
            return None
    return ""


def covers(later: ops.Operation | None, earlier: ops.Operation | None) -> bool:
    """Whether a copied folder brings the very file again that was copied before."""
    if not isinstance(later, ops.AddLocalDir) or not isinstance(earlier, ops.AddLocalFile):
        return False
    if not earlier.local_path.is_relative_to(later.local_path):
        return False
    relative = earlier.local_path.relative_to(later.local_path)
    same_place = posixpath.join(later.remote_path, relative.as_posix()) == earlier.remote_path
    return same_place and not (later.ignore and matcher(later.ignore)(relative))
