"""A base -> what its name tells about the image: which Python it has, and for which platform wheels must be made."""

from __future__ import annotations

import re
from pathlib import Path

from imagespec.diagnostic import Source
from imagespec.spec import operations as ops
from imagespec.spec.source import read

_PYTHON_IMAGE = re.compile(r"(?:^|/)python:(3\.\d+(?:\.\d+)?)(?![\d.])")

DEBIAN = "x86_64-manylinux_2_36"
"""Debian 12, the older of those that Modal's builders use."""
ANY_GLIBC = "x86_64-manylinux_2_28"
"""What every distribution has that is still maintained."""
MUSL = "x86_64-unknown-linux-musl"


def python_of(base: ops.Operation) -> str:
    """The Python series or version of a base, `3.12` or `3.12.10`; an empty string where its name does not tell."""
    match base:
        case ops.DebianSlim(python_version=version) | ops.Micromamba(python_version=version):
            return version
        case ops.FromRegistry(add_python=added) | ops.FromDockerfile(add_python=added):
            return added or _python_of_tag(tag_of(base))
        case _:
            return ""


def tag_of(base: ops.Operation) -> str:
    """The name and tag of the image that a base starts from, of a Dockerfile that of its last stage; empty where it
    starts from none."""
    match base:
        case ops.FromRegistry(tag=tag):
            return tag
        case ops.FromDockerfile(path=path):
            return _tag_of_dockerfile(path)
        case _:
            return ""


def platform_of(base: ops.Operation) -> str:
    """The platform of a base, as `uv pip compile --python-platform` calls it. Modal's machines are x86-64."""
    match base:
        case ops.DebianSlim():
            return DEBIAN
        case ops.FromRegistry(tag=tag) if "alpine" in tag:
            return MUSL
        case _:
            return ANY_GLIBC


def _python_of_tag(tag: str) -> str:
    found = _PYTHON_IMAGE.search(tag)
    return found[1] if found else ""


def _tag_of_dockerfile(path: Path) -> str:
    source = read(path)
    lines = source.text.splitlines() if isinstance(source, Source) else []
    froms = [line.split() for line in lines if line.split()[:1] and line.split()[0].upper() == "FROM"]
    names = [word for word in froms[-1][1:] if not word.startswith("--")] if froms else []
    return names[0] if names else ""
