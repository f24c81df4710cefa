"""Two lists of layers -> what changed from one to the other, layer by layer and in the words of a spec.

What is compared is what the layers are made of, so a layer that only stands on something new has no change of its own.
Packages are compared by name, variables by theirs, files by path, commands line by line. Neither the value of a
variable is told nor the address of an index: either may be a secret.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal, TypeAlias

from imagespec.image.digest import chained, content
from imagespec.image.layers import Image, Layer
from imagespec.image.requirements import canonical, name_of, pinned, requirement
from imagespec.spec import operations as ops


@dataclass(frozen=True, slots=True)
class Made:
    """A layer as it is compared and remembered: its chained digest, its method, and its arguments as JSON values.

    They are those that the digest sees, but for a lock's requirements, which stand here line by line.
    """

    digest: str
    op: str
    arguments: Mapping[str, Any]

    @property
    def key(self) -> str:
        """The same for layers that do the same, whatever they stand on."""
        return json.dumps([self.op, self.arguments], sort_keys=True)


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. It stands in the new layer at this position, at a `field` or one `item` of it; where there is
    no field, in the layer as a whole."""

    text: str
    layer: int
    field: str = ""
    item: int | str | None = None


def made(image: Image) -> tuple[Made, ...]:
    """Every layer of an image. Reads the local files that they name."""
    contents = [content(layer, image.root) for layer in image.layers]
    return tuple(
        Made(digest, op, json.loads(json.dumps(_line_by_line(layer, arguments))))
        for layer, digest, (op, arguments) in zip(image.layers, chained(contents), contents, strict=True)
    )


def _line_by_line(layer: Layer, arguments: dict[str, Any]) -> dict[str, Any]:
    match layer.operation:
        case ops.UvPipInstall(requirements=(ops.Requirements(lines=lines),)):
            hashed = "requirements"
        case ops.PipInstallFromRequirements(requirements_txt=ops.Requirements(lines=lines)):
            hashed = "requirements_txt"
        case _:
            return arguments
    return {name: value for name, value in arguments.items() if name != hashed} | {"lines": list(lines)}


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
    items = list(_items(layer))
    found: set[tuple[str, str]] = {(item.kind, item.name) for item in items if item.kind not in ("value", "hidden")}
    found |= {("command", text) for field in _COMMANDS for text in _texts(layer.arguments.get(field))}
    return found | {(item.name, str(item.value).partition(":")[0]) for item in items if item.name in _ABOUT}


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
        for item in _items(layer):
            if item.kind in ("package", "apt", "conda", "variable"):
                text = _said(item, None, item.value) if what == "added" else _said(item, item.value, None)
                found.append(Change(text, position, *((item.field, item.at) if what == "added" else ())))
    return found or [Change(f"{_title(layer)} {what}", position)]


def _title(layer: Made) -> str:
    """A layer by its method and, where there can be many of that, by what it begins with."""
    match layer.op, layer.arguments:
        case "run_commands", {"commands": [str() as first, *_]}:
            return f"`{_short(first)}`"
        case "dockerfile_commands", {"dockerfile_commands": [str() as first, *_]}:
            return f"`{_short(first)}`"
        case "run_function", {"raw_f": [str() as name, *_]}:
            return name
        case "pipe", {"func": [str() as name, *_]}:
            return name
        case (("add_local_file" | "add_local_dir"), {"remote_path": str() as place}):
            return f"{layer.op} {_short(place)}"
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
    before, after = _by_identity(old), _by_identity(new)
    for identity, item in after.items():
        was = before[identity].value if identity in before else None
        if was != item.value:
            yield Change(_said(item, was, item.value), position, item.field, item.at)
            told = True
    for identity, item in before.items():
        if identity not in after:
            yield Change(_said(item, item.value, None), position, item.field)
            told = True
    for field in _COMMANDS:
        for change in _lines(_texts(old.arguments.get(field)), _texts(new.arguments.get(field)), field, position):
            yield change
            told = True
    if not told:
        field = next(f for f in {**new.arguments, **old.arguments} if new.arguments.get(f) != old.arguments.get(f))
        yield Change(f"the order of {_LABELS.get(field, field)} changed", position, field)


_COMMANDS = ("setup_dockerfile_commands", "dockerfile_commands", "commands")


def _texts(value: Any) -> list[str]:
    """The lines among the arguments; none where all of them set variables, which are told by name."""
    texts = [each for each in value or () if isinstance(each, str)]
    return [] if _variables(texts) else texts


def _variables(lines: Sequence[str]) -> list[str]:
    """The names of the variables, where every line sets one."""
    names = [match[1] for line in lines if (match := re.match(r"ENV (\w+)=", line))]
    return names if len(names) == len(lines) else []


def _lines(old: Sequence[str], new: Sequence[str], field: str, position: int) -> Iterator[Change]:
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        pairs = min(b - a, d - c)
        for was, now in zip(old[a : a + pairs], range(c, c + pairs), strict=True):
            yield Change(f"`{_short(new[now])}` was `{_short(was)}`", position, field, now)
        for now in range(c + pairs, d):
            yield Change(f"`{_short(new[now])}` added", position, field, now)
        for was in old[a + pairs : b]:
            yield Change(f"`{_short(was)}` removed", position, field)


# ------------------------------------------------------------------------------------ what a layer names

_Kind: TypeAlias = Literal["package", "apt", "conda", "variable", "file", "listed", "value", "hidden"]


@dataclass(frozen=True, slots=True)
class _Item:
    """Something in a layer that has a name, and keeps it when it changes. `value` is what can change about it."""

    kind: _Kind
    name: str
    value: Any
    field: str
    at: int | str | None = None


def _by_identity(layer: Made) -> dict[tuple[str, str, int], _Item]:
    """The items of a layer. What is named several times is told apart by a number."""
    seen: Counter[tuple[str, str]] = Counter()
    found: dict[tuple[str, str, int], _Item] = {}
    for item in sorted(_items(layer), key=lambda item: item.kind in ("value", "hidden")):  # options come last
        found[item.kind, item.name, seen[item.kind, item.name]] = item
        seen[item.kind, item.name] += 1
    return found


def _items(layer: Made) -> Iterator[_Item]:
    for field, value in layer.arguments.items():
        yield from _of_field(layer, field, value)


def _of_field(layer: Made, field: str, value: Any) -> Iterator[_Item]:
    match field, value:
        case "packages", list():
            for at, text in enumerate(value):
                yield _package(layer.op, text, field, at)
        case "lines", list():
            for at, text in enumerate(value):
                yield _locked(text, at)
        case "pyproject_toml", list():
            for text in value:
                yield _package(layer.op, text, field, None)
        case "repositories", list():
            for at, text in enumerate(value):
                name, _, version = text.rpartition("@")
                yield _Item("apt", name or text, version if name else "", field, at)
        case (("vars" | "env" | "build_args" | "volumes" | "network_file_systems" | "kwargs"), list()):
            for name, each in value:
                yield _Item("variable", name, [each], field, name)
        case "dockerfile_commands", list():
            for at, name in enumerate(_variables([each for each in value if isinstance(each, str)])):
                yield _Item("variable", name, value[at], field, at)
            yield from _files("", [each for each in value[-1:] if isinstance(each, list)], field)
        case (("commands" | "setup_dockerfile_commands"), _):
            pass
        case "modules", list():
            for at, (module, tree) in enumerate(value):
                yield _Item("listed", module, True, field, at)
                yield from _files(_folder(module, tree), [tree or []], field, at)
        case (("raw_f" | "func"), [str() as name, tree]):
            yield _Item("value", "function", name, field)
            module = name.partition(":")[0]
            yield from _files(_folder(module, tree), [tree or []], field)
        case "local_path", [str() | None as name, str() as sha256, int() as mode] if layer.op == "add_local_file":
            remote = str(layer.arguments.get("remote_path"))
            yield _Item("file", posixpath.join(remote, name) if name else remote, [sha256, mode], field)
        case "local_path", list():
            yield from _files(str(layer.arguments.get("remote_path")), [value], field)
        case "path", [sha256, list() as tree]:
            yield _Item("file", "the Dockerfile", [sha256, None], field)
            yield from _files("", [tree], field)
        case "context_files", list():
            for name, sha256 in value:
                yield _Item("file", name, [sha256, None], field, name)
        case "requirements", list():
            for at, (name, sha256) in enumerate(value):
                yield _Item("file", name, [sha256, None], field, at)
        case "spec_file", [name, sha256]:
            yield _Item("file", name, [sha256, None], field)
        case (("uv_project_dir" | "poetry_pyproject_toml"), [project, lock]):
            yield _Item("file", "pyproject.toml", [project, None], field)
            yield _Item("file", "uv.lock" if field == "uv_project_dir" else "poetry.lock", [lock, None], field)
        case (("requirements_txt" | "pyproject_toml"), str()):
            name = "pyproject.toml" if field == "pyproject_toml" else "the requirements file"
            yield _Item("file", name, [value, None], field)
        case _, list() if field in _NAMES and all(isinstance(each, str) for each in value):
            for at, name in enumerate(value):
                yield _Item("listed", f"{field.rstrip('_')}: {name}", True, field, at)
        case _:
            hidden = field in _HIDDEN or isinstance(value, list | dict)
            yield _Item("hidden" if hidden else "value", _LABELS.get(field, field), value, field)


_NAMES = ("secrets", "channels", "groups", "extras", "optional_dependencies", "with_", "without", "only", "ignore")
_HIDDEN = ("index_url", "extra_index_url", "find_links", "extra_options")
_LABELS = {
    "python_version": "Python",
    "add_python": "Python",
    "tag": "base",
    "name": "base",
    "image_id": "base",
    "uv_version": "uv",
    "poetry_version": "Poetry",
    "vars": "variables",
    "lines": "packages",
    "dockerfile_commands": "lines",
    "entrypoint_commands": "entrypoint",
    "shell_commands": "shell",
    "extra_options": "options",
    "remote_path": "path",
}


def _package(op: str, text: str, field: str, at: int | None) -> _Item:
    if op == "apt_install":
        name, _, version = text.partition("=")
        return _Item("apt", f"apt: {name}", version, field, at)
    if op == "micromamba_install":
        name = re.split(r"[\s=<>!~]", text, maxsplit=1)[0]
        return _Item("conda", f"conda: {name or text}", text[len(name) :].lstrip("= "), field, at)
    exact = pinned(text)
    return _Item("package", name_of(text), [exact[1] if exact else "", canonical(text), None], field, at)


def _locked(line: str, at: int) -> _Item:
    """A line as `imagespec.lock.locked` writes it."""
    text, *hashes = line.split(" --hash=sha256:")
    parsed = requirement(text)
    version = str(parsed.specifier).removeprefix("==") if parsed else ""
    return _Item("package", name_of(text), [version, canonical(text), hashes], "lines", at)


def _folder(module: str, tree: Any) -> str:
    """The folder that the files of a module are told with; a module that is one file lies beside it."""
    path = module.replace(".", "/")
    alone = [name for name, *_ in tree or ()] == [f"{posixpath.basename(path)}.py"]
    return posixpath.dirname(path) if alone else path


def _files(folder: str, trees: Sequence[Any], field: str, at: int | None = None) -> Iterator[_Item]:
    for name, sha256, mode in (file for tree in trees for file in tree):
        yield _Item("file", posixpath.join(folder, name), [sha256, mode], field, at)


# ------------------------------------------------------------------------------------------------ words


def _said(item: _Item, old: Any, new: Any) -> str:
    """A change in words; `None` is what was not there, or is not there any more."""
    name = _short(item.name)
    match item.kind:
        case "package":
            return _package_said(name, old, new)
        case "apt" | "conda":
            if old is None or new is None:
                version = old or new
                joint = "=" if item.kind == "conda" else " "
                return f"{name}{joint + version if version else ''} {'added' if old is None else 'removed'}"
            return f"{name} {_short(old) or 'any version'} -> {_short(new) or 'any version'}"
        case "file" if old is not None and new is not None and old[0] == new[0]:
            return f"{name}: mode {old[1] or 0:o} -> {new[1] or 0:o}"
        case "value":
            return _value_said(name, old, new)
        case _:
            return f"{name} {'added' if old is None else 'removed' if new is None else 'changed'}"


def _package_said(name: str, old: Any, new: Any) -> str:
    if old is None or new is None:
        version, text, _ = new or old
        which = f"{name} {version}" if version else name if " @ " in text else _short(text)
        return f"{which} {'added' if old is None else 'removed'}"
    (version, text, hashes), (new_version, new_text, new_hashes) = old, new
    if version and new_version and version != new_version:
        return f"{name} {version} -> {new_version}"
    if hashes is None and new_hashes is not None:
        return f"{name} is fixed by the lock"
    if hashes is not None and new_hashes is None:
        return f"{name} is not fixed by a lock any more"
    if text == new_text:
        return f"{name}'s sha256 changed"
    if " @ " in text or " @ " in new_text:
        return f"{name}'s source changed"
    if new_hashes:
        return f"{name}'s marker changed"
    return f"{_short(text)} -> {_short(new_text)}"


def _value_said(name: str, old: Any, new: Any) -> str:
    if old is None:
        return f"{name} {_shown(new)} added"
    if new is None:
        return f"{name} {_shown(old)} removed"
    before, _, digest = str(old).partition("@")
    after, _, other = str(new).partition("@")
    if digest and other and before == after:
        return f"{name} {_short(before)}: digest changed"
    return f"{name} {_shown(old)} -> {_shown(new)}"


def _shown(value: Any) -> str:
    return _short(value) if isinstance(value, str) else json.dumps(value)


def _short(text: str, longest: int = 60) -> str:
    """The first line of a text, and not too much of it."""
    first = text.strip().partition("\n")[0]
    return first if first == text.strip() and len(first) <= longest else f"{first[: longest - 1]}…"
