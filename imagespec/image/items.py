"""A layer -> the things in it that have a name, and what is said of one that changed.

Neither the value of a variable is told nor the address of an index: either may be a secret.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from imagespec.image.made import Made
from imagespec.image.requirements import canonical, name_of, pinned, requirement

_Kind: TypeAlias = Literal["package", "apt", "conda", "variable", "file", "listed", "value", "hidden"]


@dataclass(frozen=True, slots=True)
class Item:
    """Something in a layer that has a name, and keeps it when it changes. `value` is what can change about it."""

    kind: _Kind
    name: str
    value: Any
    field: str
    at: int | str | None = None


def by_identity(layer: Made) -> dict[tuple[str, str, int], Item]:
    """The items of a layer. What is named several times is told apart by a number."""
    seen: Counter[tuple[str, str]] = Counter()
    found: dict[tuple[str, str, int], Item] = {}
    for item in sorted(items(layer), key=lambda item: item.kind in ("value", "hidden")):  # options come last
        found[item.kind, item.name, seen[item.kind, item.name]] = item
        seen[item.kind, item.name] += 1
    return found


def items(layer: Made) -> Iterator[Item]:
    for field, value in layer.arguments.items():
        yield from _of_field(layer, field, value)


def _of_field(layer: Made, field: str, value: Any) -> Iterator[Item]:
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
                yield Item("apt", name or text, version if name else "", field, at)
        case (("vars" | "env" | "build_args" | "volumes" | "network_file_systems" | "kwargs"), list()):
            for name, each in value:
                yield Item("variable", name, [each], field, name)
        case "dockerfile_commands", list():
            for at, name in enumerate(variables([each for each in value if isinstance(each, str)])):
                yield Item("variable", name, value[at], field, at)
            yield from _files("", [each for each in value[-1:] if isinstance(each, list)], field)
        case (("commands" | "setup_dockerfile_commands"), _):
            pass
        case "modules", list():
            for at, (module, tree) in enumerate(value):
                yield Item("listed", module, True, field, at)
                yield from _files(_folder(module, tree), [tree or []], field, at)
        case (("raw_f" | "func"), [str() as name, tree]):
            yield Item("value", "function", name, field)
            module = name.partition(":")[0]
            yield from _files(_folder(module, tree), [tree or []], field)
        case "local_path", [str() | None as name, str() as sha256, int() as mode] if layer.op == "add_local_file":
            remote = str(layer.arguments.get("remote_path"))
            yield Item("file", posixpath.join(remote, name) if name else remote, [sha256, mode], field)
        case "local_path", list():
            yield from _files(str(layer.arguments.get("remote_path")), [value], field)
        case "path", [sha256, list() as tree]:
            yield Item("file", "the Dockerfile", [sha256, None], field)
            yield from _files("", [tree], field)
        case "context_files", list():
            for name, sha256 in value:
                yield Item("file", name, [sha256, None], field, name)
        case "requirements", list():
            for at, (name, sha256) in enumerate(value):
                yield Item("file", name, [sha256, None], field, at)
        case "spec_file", [name, sha256]:
            yield Item("file", name, [sha256, None], field)
        case (("uv_project_dir" | "poetry_pyproject_toml"), [project, lock]):
            yield Item("file", "pyproject.toml", [project, None], field)
            yield Item("file", "uv.lock" if field == "uv_project_dir" else "poetry.lock", [lock, None], field)
        case (("requirements_txt" | "pyproject_toml"), str()):
            name = "pyproject.toml" if field == "pyproject_toml" else "the requirements file"
            yield Item("file", name, [value, None], field)
        case _, list() if field in _NAMES and all(isinstance(each, str) for each in value):
            for at, name in enumerate(value):
                yield Item("listed", f"{field.rstrip('_')}: {name}", True, field, at)
        case _:
            hidden = field in _HIDDEN or isinstance(value, list | dict)
            yield Item("hidden" if hidden else "value", LABELS.get(field, field), value, field)


_NAMES = ("secrets", "channels", "groups", "extras", "optional_dependencies", "with_", "without", "only", "ignore")
_HIDDEN = ("index_url", "extra_index_url", "find_links", "extra_options")
LABELS = {
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


def _package(op: str, text: str, field: str, at: int | None) -> Item:
    if op == "apt_install":
        name, _, version = text.partition("=")
        return Item("apt", f"apt: {name}", version, field, at)
    if op == "micromamba_install":
        name = re.split(r"[\s=<>!~]", text, maxsplit=1)[0]
        return Item("conda", f"conda: {name or text}", text[len(name) :].lstrip("= "), field, at)
    exact = pinned(text)
    return Item("package", name_of(text), [exact[1] if exact else "", canonical(text), None], field, at)


def _locked(line: str, at: int) -> Item:
    """A line as `imagespec.lock.locked` writes it."""
    text, *hashes = line.split(" --hash=sha256:")
    parsed = requirement(text)
    version = str(parsed.specifier).removeprefix("==") if parsed else ""
    return Item("package", name_of(text), [version, canonical(text), hashes], "lines", at)


def _folder(module: str, tree: Any) -> str:
    """The folder that the files of a module are told with; a module that is one file lies beside it."""
    path = module.replace(".", "/")
    alone = [name for name, *_ in tree or ()] == [f"{posixpath.basename(path)}.py"]
    return posixpath.dirname(path) if alone else path


def _files(folder: str, trees: Sequence[Any], field: str, at: int | None = None) -> Iterator[Item]:
    for name, sha256, mode in (file for tree in trees for file in tree):
        yield Item("file", posixpath.join(folder, name), [sha256, mode], field, at)


def variables(lines: Sequence[str]) -> list[str]:
    """The names of the variables, where every line sets one."""
    names = [match[1] for line in lines if (match := re.match(r"ENV (\w+)=", line))]
    return names if len(names) == len(lines) else []


# ------------------------------------------------------------------------------------------------ words


def said(item: Item, old: Any, new: Any) -> str:
    """A change in words; `None` is what was not there, or is not there any more."""
    name = short(item.name)
    match item.kind:
        case "package":
            return _package_said(name, old, new)
        case "apt" | "conda":
            if old is None or new is None:
                version = old or new
                joint = "=" if item.kind == "conda" else " "
                return f"{name}{joint + version if version else ''} {'added' if old is None else 'removed'}"
            return f"{name} {short(old) or 'any version'} -> {short(new) or 'any version'}"
        case "file" if old is not None and new is not None and old[0] == new[0]:
            return f"{name}: mode {old[1] or 0:o} -> {new[1] or 0:o}"
        case "value":
            return _value_said(name, old, new)
        case _:
            return f"{name} {'added' if old is None else 'removed' if new is None else 'changed'}"


def _package_said(name: str, old: Any, new: Any) -> str:
    if old is None or new is None:
        version, text, _ = new or old
        which = f"{name} {version}" if version else name if " @ " in text else short(text)
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
    return f"{short(text)} -> {short(new_text)}"


def _value_said(name: str, old: Any, new: Any) -> str:
    if old is None:
        return f"{name} {_shown(new)} added"
    if new is None:
        return f"{name} {_shown(old)} removed"
    before, _, digest = str(old).partition("@")
    after, _, other = str(new).partition("@")
    if digest and other and before == after:
        return f"{name} {short(before)}: digest changed"
    return f"{name} {_shown(old)} -> {_shown(new)}"


def _shown(value: Any) -> str:
    return short(value) if isinstance(value, str) else json.dumps(value)


def short(text: str, longest: int = 60) -> str:
    """The first line of a text, and not too much of it."""
    first = text.strip().partition("\n")[0]
    return first if first == text.strip() and len(first) <= longest else f"{first[: longest - 1]}…"
