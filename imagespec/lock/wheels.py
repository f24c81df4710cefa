"""The files of a wheel -> the modules that it brings."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable
from typing import TypeAlias


def modules_in(files: Iterable[str]) -> tuple[str, ...]:
    """The modules among the files of a wheel, as dotted names with nothing of the same wheel above them.

    A folder without `__init__.py` is gone into, down to where modules begin: `google.cloud.storage`.
    """
    found: list[_Name] = []
    for name in sorted({name for file in files if (name := _name_of(file)) is not None}):
        if not found or name[: len(found[-1])] != found[-1]:  # sorted, so what is below a name comes right after it
            found.append(name)
    return tuple(sorted(".".join(name) for name in _gathered(set(found))))


_Name: TypeAlias = tuple[str, ...]

_ENOUGH = 8
"""Names that tell what a wheel brings; there are wheels with hundreds of files that nobody imports by themselves."""

_MODULE = re.compile(r"([^.]+)\.(?:pyc?|cpython-[^.]+\.so|abi3\.so)|(?!lib)([^.]+)\.so")
"""`six.py`, `_ext.cpython-312-x86_64-linux-gnu.so`, `_ext.abi3.so`; `libtorch.so` is a library that others load."""

_SHARED: set[_Name] = {(name,) for name in ("azure", "backports", "google", "nvidia", "opentelemetry", "zope")}
_SHARED |= {("google", "cloud")}
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


def _gathered(names: set[_Name]) -> set[_Name]:
    """The names, where of very many those that lie deepest are the folder that they lie in: `google.api` is enough."""
    while len(names) > _ENOUGH and (deep := [name for name in names if name[:-1] and name[:-1] not in _SHARED]):
        depth = max(map(len, deep))
        names = {name[:-1] if name in deep and len(name) == depth else name for name in names}
    return names
