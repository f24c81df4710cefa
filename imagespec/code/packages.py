"""The packages of an image -> which of them brings a module."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from imagespec.image.layers import Image, Installed, Layer
from imagespec.image.requirements import requirement, requirements_of
from imagespec.lock.modules import modules_of
from imagespec.spec import operations as ops

_REMOVED = """
    aifc asynchat asyncore audioop cgi cgitb chunk crypt distutils imghdr imp lib2to3 mailcap msilib nis nntplib
    ossaudiodev pipes smtpd sndhdr spwd sunau telnetlib uu xdrlib
"""
_NEWER = "tomllib annotationlib compression"
STANDARD = frozenset({*sys.stdlib_module_names, *_REMOVED.split(), *_NEWER.split(), "test", "__main__"})
"""Modules of Python itself, of any version: which one the image has is another question."""

_BY_MODAL = """
    modal modal_proto modal_version imagespec aiohttp aiosignal attr attrs cbor2 certifi frozenlist google.protobuf
    grpclib h2 hpack hyperframe idna multidict propcache sigtools synchronicity typing_extensions yarl
"""
_BY_BASE = "pip setuptools pkg_resources wheel _distutils_hack uv"
GIVEN = frozenset({*_BY_MODAL.split(), *_BY_BASE.split()})
"""Modules that Modal puts into every container, or that a base may have: nothing is said about them."""

_BY_IMAGESPEC = """
    annotated_types click markdown_it packaging pydantic pydantic_core pygments rich toml typing_inspection watchfiles
    yaml
"""
RUNNER = frozenset({*GIVEN, *_BY_IMAGESPEC.split()})
"""Modules that are there wherever an app that loads a spec is started."""


@dataclass(frozen=True, slots=True)
class Packages:
    """Which package brings which module. `guessed` are those whose modules are not known for sure; `unseen`: there may
    be others, which only their own files name."""

    by_module: Mapping[str, tuple[Installed, ...]]
    above: frozenset[str]
    guessed: frozenset[str] = field(default_factory=frozenset)
    unseen: bool = False

    @classmethod
    def of(cls, image: Image) -> Packages:
        found: dict[str, tuple[Installed, ...]] = {}
        for installed in image.installed.values():
            for module in modules_of(installed):
                found[module] = (*found.get(module, ()), installed)
        above = {module.rsplit(".", n)[0] for module in found for n in range(1, module.count(".") + 1)}
        guessed = frozenset(each.name for each in image.installed.values() if not each.imports)
        unseen = not image.locked and any(map(_brings_unseen, image.layers))
        return cls(found, frozenset(above), guessed, unseen)

    def bringing(self, module: str, names: tuple[str, ...] = ()) -> tuple[Installed, ...] | None:
        """The packages that bring a module, or one of `names` below it; `None` where none does."""
        name = module
        while name:
            if name in self.by_module:
                return self.by_module[name]
            name = name.rpartition(".")[0]
        if module in self.above:
            found = [self.bringing(f"{module}.{each}") for each in names if each != "*"]
            if not names or "*" in names:
                return ()
            return found[0] if found and None not in found else None
        return None

    def perhaps(self, module: str) -> bool:
        """Whether a package whose modules are not known may bring it, by the look of their names."""
        top = module.partition(".")[0].lower()
        parts = {part for part in top.split("_") if len(part) > 2}
        whole = top.replace("_", "")
        return any(parts & set(name.split("-")) or name.replace("-", "") == whole for name in self.guessed)


def given(module: str, among: frozenset[str]) -> bool:
    """Whether a module, or what is above it, is one of some."""
    while module not in among:
        module = module.rpartition(".")[0]
        if not module:
            return False
    return True


_UNSEEN = (
    ops.UvSync,
    ops.PipInstallFromPyproject,
    ops.PipInstallFromRequirements,
    ops.PoetryInstallFromFile,
    ops.PipInstallPrivateRepos,
)
"""What may bring packages that only their own files name."""


def _brings_unseen(layer: Layer) -> bool:
    """Whether a layer brings packages that only a file with options names, or an address without a name."""
    files = layer.operation.requirements if isinstance(layer.operation, ops.UvPipInstall) else None
    if isinstance(layer.operation, _UNSEEN) or any(isinstance(file, Path) for file in files or ()):
        return True
    return any(requirement(line.text) is None for line in requirements_of(layer))
