"""An image -> its lock: what the old lock fixed stays where it can, the rest is looked up."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from imagespec.diagnostic import Diagnostic, Span
from imagespec.image.layers import Place
from imagespec.lock import codes
from imagespec.lock.inputs import Inputs
from imagespec.lock.lockfile import Base, Lock
from imagespec.lock.resolve import Resolved, Run, Unresolved, resolve


class NotLocked(Exception):
    """A lock cannot be made; the old one stays as it is."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What may move to newer versions: the named packages, `within` some constraints; or `everything` that the spec
    leaves open, uv and the base too."""

    names: frozenset[str] = frozenset()
    everything: bool = False
    within: tuple[str, ...] = ()


def make(
    made_from: Inputs,
    old: Lock | None,
    others: Iterable[Lock],
    upgrade: Upgrade,
    exclude_newer: str,
    span: Callable[[Place], Span],
    environ: Mapping[str, str],
    run: Run,
) -> tuple[Lock, list[Diagnostic]]:
    """The lock, and what is to be said about it. Raises `NotLocked`.

    Versions of the `old` lock stay, unless `upgrade` names them or the inputs forbid them; a package that it lacks is
    taken in the version that one of the `others` has, so that the specs of a project agree, and share layers.
    `exclude_newer` is a time before which files were published; where it is empty, the old lock's is kept.
    """
    kept = None if upgrade.everything else old
    cut = exclude_newer or (kept.exclude_newer if kept else "")
    base = _base(made_from, kept, span, environ)
    resolved = Resolved((), "")
    if made_from.packages:
        if not made_from.python:
            why, hint = "the base does not say which Python it has", 'add `version: "3.11"`, or whichever it is'
            raise NotLocked(codes.UNKNOWN_PYTHON.at(span(made_from.base_place), why, f"{hint}, under `python`"))
        preferred = {p.name: p.version for lock in (*others, *([kept] if kept else [])) for p in lock.packages}
        preferred = {name: version for name, version in preferred.items() if name not in upgrade.names}
        try:
            resolved = resolve(made_from, preferred, cut, environ, run, upgrade.within)
        except Unresolved as error:
            raise NotLocked(codes.UNRESOLVED.at(span(error.place), str(error), error.hint)) from None
    lock = Lock(
        inputs=made_from.digest,
        requirements=made_from.requirements,
        python=made_from.python,
        platform=made_from.platform,
        uv=made_from.uv or (kept.uv if kept else "") or resolved.uv,
        exclude_newer=cut,
        base=base,
        packages=resolved.packages,
    )
    return lock, [_yanked(made_from, span, *each) for each in resolved.yanked]


def _base(
    made_from: Inputs, kept: Lock | None, span: Callable[[Place], Span], environ: Mapping[str, str]
) -> Base | None:
    from imagespec.lock.reference import RegistryError
    from imagespec.lock.registry import digest_of

    if not made_from.base:
        return None
    if kept is not None and kept.base is not None and kept.base.image == made_from.base:
        return kept.base
    try:
        return Base(made_from.base, digest_of(made_from.base, environ))
    except RegistryError as error:
        hint = f"{error.hint}\nor write it yourself: `{made_from.base}@sha256:…`"
        raise NotLocked(codes.NO_DIGEST.at(span(made_from.base_place), str(error), hint)) from None


def _yanked(made_from: Inputs, span: Callable[[Place], Span], name: str, version: str, why: str) -> Diagnostic:
    place = made_from.place_of(name) or made_from.at
    return codes.YANKED.at(span(place), f"`{name}=={version}` was withdrawn: {why}", "take another version")


def moment(text: str) -> str:
    """A date, or a time with its zone, as the time that uv is given: the end of a day, in UTC. Raises `ValueError`."""
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        end = datetime.fromisoformat(text).replace(tzinfo=UTC) + timedelta(days=1)
    else:
        end = datetime.fromisoformat(text)
        if end.tzinfo is None:
            raise ValueError(f"`{text}` does not say its time zone")
    return end.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
