"""Two lists of layers -> what changed from one to the other, layer by layer and in the words of a spec.

What is compared is what the layers are made of, so a layer that only stands on something new has no change of its own.
Packages are compared by name, variables by theirs, files by path, commands line by line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from imagespec.image.items import LABELS, by_identity, items, said, short, variables
from imagespec.image.made import Made
from imagespec.spec import operations as ops


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. It stands in the new layer at this position, at a `field` or one `item` of it; where there is
    no field, in the layer as a whole."""

    text: str
    layer: int
    field: str = ""
    item: int | str | None = None


def kept(old: Sequence[Made], new: Sequence[Made]) -> int:
    """How many layers are the same, from the first on."""
    return next(
        (i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a.digest != b.digest), min(len(old), len(new))
    )


def changes(old: Sequence[Made], new: Sequence[Made]) -> list[list[Change]]:
    """What is new about each of the new layers. The first one whose digest is new has at least one change."""
    found: list[list[Change]] = [[] for _ in new]
    first = kept(old, new)
    steady = _steady(old, new, first)
    before = _partners(old, new, first, steady)
    of_lock = _of_lock(old, new)
    for position in range(first, len(new)):
        if position in steady:
            continue
        if of_lock and _installs(new[position]):
            found[position].append(of_lock)
        else:
            found[position] += _changes_of(old, before.get(position), new[position], position)
    after = {partner: position for position, partner in before.items()}
    for position in range(first, len(old)):
        hole = 1 + max((n for n, o in steady.items() if o < position), default=first - 1)
        if position in steady.values() or hole == len(new):
            continue
        if of_lock and _installs(old[position]):
            found[hole] += [] if of_lock in found[hole] else [of_lock]
        elif position not in after:
            found[hole] += _whole(old[position], "removed", hole)
        elif any(n in steady for n in range(hole, after[position])):
            found[hole].append(_moved(old, position, after[position]))
    return found


def likeness(one: Made, other: Made) -> float:
    """How much two layers of one method have in common, from 0 to 1: 1 where they name the same things."""
    here, there = _named(one), _named(other)
    return len(here & there) / len(here | there) if here | there else 1.0


def _named(layer: Made) -> set[tuple[str, str]]:
    """What decides what a layer is about: what it names, and its commands; not how, nor in which version."""
    every = list(items(layer))
    found: set[tuple[str, str]] = {(item.kind, item.name) for item in every if item.kind not in ("value", "hidden")}
    found |= {("command", text) for field in _COMMANDS for text in _texts(layer.arguments.get(field))}
    return found | {(item.name, str(item.value).partition(":")[0]) for item in every if item.name in _ABOUT}


_ABOUT = ("base", "function")
"""Values that say what a layer is about: an image's repository, a function's module."""


def _steady(old: Sequence[Made], new: Sequence[Made], first: int) -> dict[int, int]:
    """New to old position of the layers that are made of the same, and still follow each other."""
    keys = [each.key for each in old[first:]], [each.key for each in new[first:]]
    blocks = SequenceMatcher(None, *keys, autojunk=False).get_matching_blocks()
    return {first + b.b + i: first + b.a + i for b in blocks for i in range(b.size)}


def _partners(old: Sequence[Made], new: Sequence[Made], first: int, steady: Mapping[int, int]) -> dict[int, int]:
    """New to old position of the other layers: those that most likely were edited or moved, each at most once."""
    free_old = [i for i in range(first, len(old)) if i not in steady.values()]
    free_new = [i for i in range(first, len(new)) if i not in steady]
    candidates = sorted(
        (-(2 if old[o].key == new[n].key else likeness(old[o], new[n])), abs(o - n), n, o)
        for n in free_new
        for o in free_old
        if old[o].op == new[n].op or {old[o].op, new[n].op} <= ops.BASES.keys()
    )
    found: dict[int, int] = {}
    for _, _, n, o in candidates:
        if n not in found and o not in found.values():
            found[n] = o
    return found


def _changes_of(old: Sequence[Made], partner: int | None, new: Made, position: int) -> Iterable[Change]:
    if partner is None:
        return _whole(new, "added", position)
    if old[partner].key == new.key:
        return [_moved(old, partner, position)]
    return list(_differences(old[partner], new, position))


def _moved(old: Sequence[Made], before: int, after: int) -> Change:
    where = f"after {_title(old[before - 1])}" if before else "first"
    return Change(f"{_title(old[before])} moved, it stood {where}", after)


def _of_lock(old: Sequence[Made], new: Sequence[Made]) -> Change | None:
    """That a lock came or went: then packages stand in other layers, and none of them need have changed."""
    before, after = ([each for each in layers if _installs(each)] for layers in (old, new))
    if not before or not after:
        return None
    was, now = (any("lines" in each.arguments for each in layers) for layers in (before, after))
    if was == now:
        return None
    text = "packages are fixed by a lock now" if now else "packages are not fixed by a lock any more"
    return Change(text, next(position for position, each in enumerate(new) if _installs(each)))


def _installs(layer: Made) -> bool:
    """Whether packages stand in it that a lock can fix."""
    return layer.op in (
        "uv_pip_install",
        "pip_install",
        "pip_install_from_requirements",
        "pip_install_from_pyproject",
        "uv_sync",
    )


_LISTS = ("apt_install", "micromamba_install", "pip_install", "uv_pip_install", "env")
"""Layers that nobody thinks of as layers, but as a list of things."""


def _whole(layer: Made, what: Literal["added", "removed"], position: int) -> list[Change]:
    """A layer that is new or gone."""
    found = []
    if layer.op in _LISTS:
        for item in items(layer):
            if item.kind in ("package", "apt", "conda", "variable"):
                text = said(item, None, item.value) if what == "added" else said(item, item.value, None)
                found.append(Change(text, position, *((item.field, item.at) if what == "added" else ())))
    return found or [Change(f"{_title(layer)} {what}", position)]


def _title(layer: Made) -> str:
    """A layer by its method and, where there can be many of that, by what it begins with."""
    match layer.op, layer.arguments:
        case "run_commands", {"commands": [str() as first, *_]}:
            return f"`{short(first)}`"
        case "dockerfile_commands", {"dockerfile_commands": [str() as first, *_]}:
            return f"`{short(first)}`"
        case "run_function", {"raw_f": [str() as name, *_]}:
            return name
        case "pipe", {"func": [str() as name, *_]}:
            return name
        case (("add_local_file" | "add_local_dir"), {"remote_path": str() as place}):
            return f"{layer.op} {short(place)}"
        case "add_local_python_source", {"modules": [[str() as name, _], *_]}:
            return f"{layer.op} {name}"
        case _:
            return layer.op


# ------------------------------------------------------------------------------------------- one layer


def _differences(old: Made, new: Made, position: int) -> Iterator[Change]:
    """What is different about a layer. At least one thing, for its content is not the same."""
    if old.op != new.op:
        yield Change(f"base {old.op} -> {new.op}", position)
        return
    told = False
    before, after = by_identity(old), by_identity(new)
    for identity, item in after.items():
        was = before[identity].value if identity in before else None
        if was != item.value:
            yield Change(said(item, was, item.value), position, item.field, item.at)
            told = True
    for identity, item in before.items():
        if identity not in after:
            yield Change(said(item, item.value, None), position, item.field)
            told = True
    for field in _COMMANDS:
        for change in _lines(_texts(old.arguments.get(field)), _texts(new.arguments.get(field)), field, position):
            yield change
            told = True
    if not told:
        field = next(f for f in {**new.arguments, **old.arguments} if new.arguments.get(f) != old.arguments.get(f))
        yield Change(f"the order of {LABELS.get(field, field)} changed", position, field)


_COMMANDS = ("setup_dockerfile_commands", "dockerfile_commands", "commands")


def _texts(value: Any) -> list[str]:
    """The lines among the arguments; none where all of them set variables, which are told by name."""
    texts = [each for each in value or () if isinstance(each, str)]
    return [] if variables(texts) else texts


def _lines(old: Sequence[str], new: Sequence[str], field: str, position: int) -> Iterator[Change]:
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        pairs = min(b - a, d - c)
        for was, now in zip(old[a : a + pairs], range(c, c + pairs), strict=True):
            yield Change(f"`{short(new[now])}` was `{short(was)}`", position, field, now)
        for now in range(c + pairs, d):
            yield Change(f"`{short(new[now])}` added", position, field, now)
        for was in old[a + pairs : b]:
            yield Change(f"`{short(was)}` removed", position, field)
