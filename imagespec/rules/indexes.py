"""IS804: packages that may come from more than one index."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator

from imagespec.diagnostic import Source
from imagespec.image.commands import host_of, runs_of
from imagespec.image.layers import Image, Layer, Place
from imagespec.image.requirements import files_of, logical_lines
from imagespec.image.shell import Command
from imagespec.rules.rule import Finding, Rule, open_layers, rule
from imagespec.spec import operations as ops
from imagespec.spec.source import read

_PROJECTS_OWN = re.compile(r"(?:.*\.)?(?:pytorch\.org|nvidia\.com|vllm\.ai)")
"""Hosts of public indexes which hold what one project builds, and no package of yours."""


@rule("IS804", "warning")
def second_index(image: Image) -> Iterable[Finding]:
    """A second package index, and nothing that says which package comes from which.

    pip takes the highest version that any index has: whoever registers the name of your package on the public index,
    with a higher version, is installed instead (so it happened to the nightly builds of PyTorch, in December 2022, by
    way of `torchtriton`). uv takes a package from the first index that has the name, the additional one first, so that
    it could bring any package at all; that is left unsaid where the index is a project's own public one.

    Use instead: `imagespec lock`, which fixes every file by its hash, wherever it comes from; or `index_url` alone, an
    index that passes on what it does not have itself.
    """
    for layer in open_layers(image):
        for place, url, uv in _second(layer):
            host = host_of(url)
            if uv and _PROJECTS_OWN.fullmatch(host):
                continue
            message = f"any package may come from `{host or 'the second index'}`, or from the first index"
            message += ": uv takes the first that has the name" if uv else ": pip takes the highest version"
            yield Finding(place, message, "imagespec lock fixes each file by its hash; or use one `index_url`")


def _second(layer: Layer) -> Iterator[tuple[Place, str, bool]]:
    """Every additional index of a layer, and whether uv alone looks there, at the first index that has a name."""
    operation = layer.operation
    by_uv = isinstance(operation, ops.UvPipInstall | ops.UvSync)
    options = getattr(operation, "extra_options", "")
    hashes = "--require-hashes" in options
    by_uv = by_uv and "unsafe-" not in options
    if (url := getattr(operation, "extra_index_url", None)) and not hashes:
        yield layer.place("extra_index_url"), url, by_uv
    for url in () if hashes else _extra_index(options):
        yield layer.place("extra_options"), url, by_uv
    variables = getattr(operation, "env", None) or {}
    for name in ("UV_EXTRA_INDEX_URL",) if isinstance(operation, ops.UvPipInstall) else ("PIP_EXTRA_INDEX_URL",):
        if isinstance(operation, ops.Pip) and (url := variables.get(name)) and not hashes:
            yield layer.place("env", name), url, by_uv
    for file in files_of(operation):
        source = read(file)
        if isinstance(source, Source) and "--hash" not in source.text:
            for line in logical_lines(source):
                yield from ((line.place, url, by_uv) for url in _extra_index(line.text))
    for run in runs_of(layer):
        for command in run.commands:
            if command.installs and "--require-hashes" not in command.words:
                uv = command.program == "uv" and not any("unsafe-" in word for word in command.words)
                yield from ((run.place, url, uv) for url in command.after("--extra-index-url"))


def _extra_index(options: str) -> Iterator[str]:
    try:
        words = shlex.split(options, comments=True)
    except ValueError:
        return iter(())
    return Command(("pip", *words)).after("--extra-index-url")


RULES: tuple[Rule, ...] = (second_index,)
