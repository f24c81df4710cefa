"""A git revision -> a folder that holds every file as it was then."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


class NoRevision(Exception):
    """A revision whose files cannot be had, in words for whoever asked for it."""


@dataclass(frozen=True, slots=True)
class Revision:
    """The files of a repository at a commit, below `folder`; `top` is where the repository lies."""

    top: Path
    folder: Path

    def then(self, path: Path) -> Path:
        """Where a file of the repository lies as it was then."""
        real = Path(os.path.realpath(path.parent), path.name)
        return self.folder / os.path.relpath(real, self.top)


def repository(folder: Path) -> Path:
    """The top of the repository that a folder lies in. Raises `NoRevision`."""
    try:
        return Path(os.path.realpath(_git(folder, "rev-parse", "--show-toplevel")))
    except _Failed as failed:
        said = str(failed)
        if "not a git repository" in said:
            raise NoRevision("this is no git repository, so there is no revision to compare with") from None
        raise NoRevision(f"git cannot be asked: {said}") from None


@contextmanager
def checked_out(top: Path, revision: str) -> Iterator[Revision]:
    """Write the files of a revision into a temporary folder, which is removed at the end.

    Neither the repository nor its working tree is touched. Modules that the working tree would bring are looked up
    among the old files meanwhile. Raises `NoRevision`.
    """
    commit = _commit(top, revision)
    with tempfile.TemporaryDirectory(prefix="imagespec-") as temporary:
        folder = Path(os.path.realpath(temporary), top.name or "root")
        index = {"GIT_INDEX_FILE": str(folder.with_name("index"))}
        try:
            _git(top, "read-tree", commit, environ=index)
            _git(top, "checkout-index", "--all", "--force", f"--prefix={folder}{os.sep}", environ=index)
        except _Failed as failed:
            raise NoRevision(f"git cannot give the files of `{revision}`: {failed}") from None
        folder.mkdir(exist_ok=True)
        _take_modes(top, folder)
        before = sys.path[:]
        sys.path[:] = [_moved(entry, top, folder) for entry in before]
        try:
            yield Revision(top, folder)
        finally:
            sys.path[:] = before


def _commit(top: Path, revision: str) -> str:
    try:
        return _git(top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    except (_Failed, ValueError):
        pass
    try:
        shallow = _git(top, "rev-parse", "--is-shallow-repository") == "true"
    except _Failed:
        shallow = False
    if shallow:
        hint = "the clone is shallow, and may lack it: git fetch --unshallow (in GitHub Actions: fetch-depth: 0)"
        raise NoRevision(f"git knows no revision `{revision}` here; {hint}")
    raise NoRevision(f"there is no file `{revision}`, and git knows no revision of that name")


def _take_modes(top: Path, folder: Path) -> None:
    """Git keeps of a file's mode only whether it can be executed. Where that is as it was, so is the rest."""
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            try:
                now, then = os.lstat(top / path.relative_to(folder)), os.lstat(path)
            except OSError:
                continue
            if stat.S_ISREG(now.st_mode) and stat.S_ISREG(then.st_mode) and not (now.st_mode ^ then.st_mode) & 0o100:
                os.chmod(path, stat.S_IMODE(now.st_mode) | 0o400)


def _moved(entry: str, top: Path, folder: Path) -> str:
    """An entry of the path that modules are looked up on, where it leads into the working tree."""
    real = Path(os.path.realpath(entry))
    if not real.is_relative_to(top):
        return entry
    then = folder / real.relative_to(top)
    return str(then) if then.is_dir() else entry


_OF_HOOKS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")
"""What git tells the hooks that it runs: true of its own folder, and not of the one that is asked for here."""


class _Failed(Exception):
    """What git said."""


def _git(folder: Path, *arguments: str, environ: dict[str, str] | None = None) -> str:
    """What git prints. Raises `_Failed`."""
    command: Sequence[str] = ("git", "-C", os.fspath(folder), *arguments)
    inherited = {name: value for name, value in os.environ.items() if name not in _OF_HOOKS}
    try:
        done = subprocess.run(
            command,
            env={**inherited, "LC_ALL": "C", **(environ or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            text=True,
            errors="replace",
        )
    except FileNotFoundError:
        raise _Failed("there is no `git` on this machine") from None
    except (OSError, ValueError) as error:
        raise _Failed(str(error)) from None
    if done.returncode != 0:
        raise _Failed(next(iter(done.stderr.strip().splitlines()), f"exit code {done.returncode}"))
    return done.stdout.removesuffix("\n")
