"""IS4xx: what can be wrong with a lock, explained."""

from __future__ import annotations

from imagespec.diagnostic import Code

MISSING = Code(
    "IS401",
    "note",
    """A spec without a lock.

    The versions in a spec fix the packages that it names. What those need in turn, the image behind a tag and uv itself
    are whatever is newest on the day of the build: four exact pins with torch among them leave 23 packages open.

    Use instead: `imagespec lock`, and commit the file that it writes. `build --frozen` refuses to build without it.
    """,
)
STALE = Code(
    "IS402",
    "warning",
    """A lock that was made from something else than the spec says now.

    A lock holds for the requirements, the Python, the base and the indexes that it was made from. Other edits (of
    variables, comments, the order of lines) leave it as it is. A stale lock is left aside: the image is built as if
    there was none, and under `--frozen` not at all.

    Use instead: `imagespec lock`.
    """,
)
UNUSABLE = Code(
    "IS403",
    "error",
    """A lock that cannot be read.

    It is no YAML, cannot be opened, or git left the marks of a merge conflict in it. Nothing is built from a lock that
    cannot be read, nor past it.

    Use instead: `imagespec lock`, which writes it anew. After a merge conflict that is the whole remedy: what both
    sides want stands in the spec.
    """,
)
EDITED = Code(
    "IS404",
    "error",
    """A lock that was edited by hand, or damaged.

    Each package in a lock carries a digest of what is said about it, and the lock one of everything. Where they do not
    agree, a hash was changed, a package taken out, or a merge took one side of one line and the other of the next.

    Use instead: edit the spec and run `imagespec lock`, or take the lock out of git again.
    """,
)
TOO_NEW = Code(
    "IS405",
    "error",
    """A lock in a format of a later imagespec.

    What an older version does not know it cannot check.

    Use instead: upgrade imagespec; or lock again with this version, which writes the older format.
    """,
)
UNRESOLVED = Code(
    "IS406",
    "error",
    """Requirements for which no set of packages was found.

    Pins contradict each other, a version does not exist or has no file for the platform of the image, or an index did
    not answer. The finding has what uv says about it, at the line of the requirement. The lock stays as it was.

    Use instead: what the reason suggests; most often another version in the line that the finding shows.
    """,
)
YANKED = Code(
    "IS407",
    "warning",
    """A version that was withdrawn by those who published it.

    An index keeps the file for whoever has pinned it, and says why nobody should: most often it is broken.

    Use instead: the version after it.
    """,
)
UNKNOWN_PYTHON = Code(
    "IS408",
    "error",
    """A base whose name does not say which Python it has.

    Packages are locked for one version of Python: which files fit, and what is needed at all, depends on it.

    Use instead: `version: "3.11"` under `python`, with the series that `python --version` prints in the base.
    """,
)
NO_DIGEST = Code(
    "IS409",
    "error",
    """A base whose digest cannot be had.

    A tag can be moved to another image at any time; a lock holds the digest that it pointed to. The registry did not
    answer, does not know the image, or wants a login.

    Use instead: what the finding says; or write the digest into the spec, `image: repository:tag@sha256:…`.
    """,
)

LOCK = (MISSING, STALE, UNUSABLE, EDITED, TOO_NEW, UNRESOLVED, YANKED, UNKNOWN_PYTHON, NO_DIGEST)

UNTRUSTED = frozenset({UNUSABLE.id, EDITED.id, TOO_NEW.id})
"""Locks that nothing is built from or past. Locking again is the remedy, as for a stale one."""
