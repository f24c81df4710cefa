"""IS605, IS615: what an app imports where it is started, on a machine that need not have what its image has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from imagespec.code.facts import At, Facts
from imagespec.code.packages import RUNNER, STANDARD, Packages, given
from imagespec.code.reach import Reach
from imagespec.code.start import imported_at_start
from imagespec.code.view import view
from imagespec.diagnostic import Source
from imagespec.image.layers import Image
from imagespec.lock.modules import packages_for
from imagespec.rules.needs import with_needs
from imagespec.rules.order import HEAVY
from imagespec.rules.rule import Finding, Rule, rule

_HEAVY = HEAVY | {"datasets", "diffusers", "jax", "spacy", "transformers", "vllm"}
"""Packages that nobody installs where nothing is computed; nor others that need them."""


@rule("IS605", "warning")
def heavy_at_start(image: Image) -> Iterable[Finding]:
    """A heavy package that an app imports as soon as it is read.

    `modal run` and `modal deploy` read the app on a machine that need not have the packages of its image: another
    person's, or one that only deploys. There the command ends with `ModuleNotFoundError`, and to have torch there means
    gigabytes.

    Use instead: the import inside of the function, or in `with image.imports():`.
    """
    yield from _at_start(image, heavy=True)


@rule("IS615", "note")
def needed_at_start(image: Image) -> Iterable[Finding]:
    """A small package that an app imports as soon as it is read.

    The machine on which `modal run` and `modal deploy` read the app has to have it too. Many have such as `fastapi`;
    one that only deploys may have nothing but `modal`.

    Use instead: the import inside of the function, or in `with image.imports():`; or the package on that machine.
    """
    yield from _at_start(image, heavy=False)


def _at_start(image: Image, *, heavy: bool) -> Iterator[Finding]:
    """One finding for each file, at its first import."""
    seen = view(image)
    for reach in seen.reaches:
        for source, imports in _by_file(reach, image).items():
            if any(_is_heavy(name, seen.packages) for name in imports) == heavy:
                where = "" if source.path == reach.app.path else f" `{reach.app.path.name}`"
                have = "has" if len(imports) == 1 else "have"
                message = f"{_listed(imports)} {have} to be where the app{where} is started, and not only in its image"
                found, at = next(iter(imports.values()))
                yield Finding(found.span(at), message, f"import {'it' if have == 'has' else 'them'} {_INSTEAD}")


_INSTEAD = "in the function, or in `with image.imports():`"


def _by_file(reach: Reach, image: Image) -> dict[Source, dict[str, tuple[Facts, At]]]:
    """The modules that each file imports then and that not every machine has, with the place of the first import."""
    every: dict[Source, dict[str, tuple[Facts, At]]] = {}
    for found, each in imported_at_start(reach.app, image.root):
        top = each.module.partition(".")[0]
        if top not in STANDARD and not given(each.module, RUNNER):
            every.setdefault(found.source, {}).setdefault(top, (found, each.at))
    return every


def _is_heavy(module: str, packages: Packages) -> bool:
    known = [each.name for each in packages.bringing(module) or ()]
    needed = [name for each in packages.bringing(module) or () for name in each.needs]
    guess = packages_for(module) or module.replace("_", "-").lower()
    return not _HEAVY.isdisjoint(with_needs([*known, *needed, guess]))


def _listed(modules: Iterable[str]) -> str:
    *others, last = [f"`{module}`" for module in modules]
    return f"{', '.join(others)} and {last}" if others else last


RULES: tuple[Rule, ...] = (heavy_at_start, needed_at_start)
