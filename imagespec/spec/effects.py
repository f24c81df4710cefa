"""Spec -> the keys that were written and have no effect: what they belong to is missing, or does not look at them."""

from __future__ import annotations

from collections.abc import Iterator

from imagespec.diagnostic import Route
from imagespec.spec.schema import Python, Spec


def without_effect(spec: Spec) -> Iterator[tuple[Route, str]]:
    """The route of each such key, and why it has no effect."""
    if spec.python is not None:
        yield from _python(spec.python)
        if (
            spec.python.version is not None
            and spec.base is not None
            and (spec.base.debian_slim or spec.base.micromamba)
        ):
            yield ("python", "version"), "the base says which Python it is"
    if spec.conda is not None and spec.conda.channels and not (spec.conda.packages or spec.conda.file):
        yield ("conda", "channels"), "no conda packages are installed"
    if spec.run is not None and not spec.run.commands:
        for key in ("env", "secrets", "gpu", "volumes"):
            if getattr(spec.run, key):
                yield ("run", key), "there are no commands"
    for index, source in enumerate(spec.source or ()):
        if source.file is not None and source.ignore is not None:
            yield ("source", index, "ignore"), "the source is one file"
    registry = spec.base.registry if spec.base is not None else None
    if registry is not None and registry.auth is not None and registry.secret is None:
        yield ("base", "registry", "auth"), "there is no `secret` to authenticate with"


def _python(python: Python) -> Iterator[tuple[Route, str]]:
    named = bool(python.packages or python.requirements or python.pyproject)
    by_pip = named or python.private is not None
    anything = by_pip or python.project is not None or python.poetry is not None
    poetry = python.poetry
    if python.uv is not None and not (python.project or (named and python.installer != "pip")):
        yield ("python", "uv"), "pip installs" if named else "uv installs nothing here"
    if python.installer is not None and not named:
        yield ("python", "installer"), "no packages are installed"
    for key in ("index_url", "extra_index_url", "find_links", "prerelease"):
        if getattr(python, key) and not by_pip:
            yield (
                ("python", key),
                "no packages are installed that look at it" if anything else "no packages are installed",
            )
    if python.options and not (by_pip or python.project):
        yield (
            ("python", "options"),
            "no packages are installed that look at it" if anything else "no packages are installed",
        )
    for key in ("env", "secrets", "gpu"):
        if getattr(python, key) and not anything:
            yield ("python", key), "no packages are installed"
    if poetry is not None and poetry.lockfile is not None and poetry.ignore_lockfile:
        yield ("python", "poetry", "lockfile"), "`ignore_lockfile` is set"
