"""The dependencies of a project, and what `[tool.uv]` says of where they come from -> one install that needs no uv
project around it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from imagespec.adopt.codes import NO_COUNTERPART
from imagespec.adopt.draft import Written
from imagespec.diagnostic import Diagnostic, Source, Span
from imagespec.image.requirements import requirement
from imagespec.spec import operations as ops
from imagespec.spec.operations import AnyOperation

_ELSEWHERE = {"index", "index-url", "sources"}
_NO_MATTER = {"build-backend", "cache-dir", "cache-keys", "check-url", "compile-bytecode", "default-groups", "package"}
_NO_MATTER |= {"dependency-groups", "dev-dependencies", "environments", "required-environments", "link-mode", "managed"}
_NO_MATTER |= {"native-tls", "no-cache", "offline", "preview", "publish-url", "python-downloads", "python-preference"}
_NO_MATTER |= {"python-install-mirror", "pypy-install-mirror", "reinstall", "required-version", "upgrade", "workspace"}
"""Keys of `[tool.uv]` that do not change which packages an image gets."""
_GIT = {"git", "rev", "tag", "branch", "subdirectory"}


def install(source: Source, uv: Mapping[str, Any], dependencies: list[Any]) -> Written:
    """What installs dependencies: the file itself where it needs no uv, else packages with their addresses."""
    sources, indexes = _sources(uv), _indexes(uv)
    packages: list[str] = []
    todo: list[Diagnostic] = []
    for text in dependencies:
        parsed = requirement(text) if isinstance(text, str) else None
        entry = sources.get(canonicalize_name(parsed.name)) if parsed else None
        if parsed is None or entry is None:
            packages.append(text)
        elif address := _address(entry):
            packages.append(_by_address(parsed, address))
        else:
            todo.append(_no_counterpart(source, parsed, entry, indexes))
    options: dict[str, str] = {}
    todo += [*_taken(source, indexes, options), *_unknown(source, uv)]
    operation: AnyOperation | None = None
    if packages == dependencies:
        operation = ops.PipInstallFromPyproject(pyproject_toml=source.path, **options)  # type: ignore[arg-type]
    elif packages:
        operation = ops.UvPipInstall(packages=tuple(packages), **options)  # type: ignore[arg-type]
    return Written(operation, source.find("dependencies", 1), tuple(todo))


def not_sent(source: Source, uv: Mapping[str, Any], dependencies: list[Any]) -> Iterator[Diagnostic]:
    """What a lock cannot help with: dependencies that lie in folders of this machine."""
    sources = _sources(uv)
    for text in dependencies:
        parsed = requirement(text) if isinstance(text, str) else None
        entry = sources.get(canonicalize_name(parsed.name)) if parsed else None
        if parsed is not None and isinstance(entry, dict) and entry.keys() & {"path", "workspace"}:
            yield _no_counterpart(source, parsed, entry, [], "`uv sync` will not find it in the image")


def _sources(uv: Mapping[str, Any]) -> dict[str, Any]:
    """Where each dependency comes from; a list where that depends."""
    found = uv.get("sources")
    pairs = found.items() if isinstance(found, dict) else ()
    return {
        canonicalize_name(name): each[0] if isinstance(each, list) and len(each) == 1 else each for name, each in pairs
    }


def _indexes(uv: Mapping[str, Any]) -> list[dict[str, Any]]:
    listed = uv.get("index")
    found = (
        [each for each in listed if isinstance(each, dict) and isinstance(each.get("url"), str)]
        if isinstance(listed, list)
        else []
    )
    default = uv.get("index-url")
    return [*found, *([{"url": default, "default": True}] if isinstance(default, str) else [])]


def _address(entry: Any) -> str:
    """The address of a source that a requirement can name."""
    if not isinstance(entry, dict) or not all(isinstance(value, str) for value in entry.values()):
        return ""
    below = f"#subdirectory={entry['subdirectory']}" if "subdirectory" in entry else ""
    if "git" in entry and entry.keys() <= _GIT:
        at = next((f"@{entry[key]}" for key in ("rev", "tag", "branch") if key in entry), "")
        return f"git+{entry['git'].removeprefix('git+')}{at}{below}"
    return f"{entry['url']}{below}" if "url" in entry and entry.keys() <= {"url", "subdirectory"} else ""


def _by_address(parsed: Requirement, address: str) -> str:
    extras = f"[{','.join(sorted(parsed.extras))}]" if parsed.extras else ""
    return f"{parsed.name}{extras} @ {address}" + (f" ; {parsed.marker}" if parsed.marker else "")


def _no_counterpart(
    source: Source, parsed: Requirement, entry: Any, indexes: list[dict[str, Any]], end: str = "left out"
) -> Diagnostic:
    name = parsed.name
    at = _place(source, name)
    match entry:
        case {"path": path}:
            what = f"`{name}` lies on this machine alone, in `{path}`"
            hint = "its code: `source: [{package: …}]`; what it needs: name that as packages"
        case {"workspace": _}:
            what = f"`{name}` is a member of this workspace"
            hint = "its code: `source: [{package: …}]`; what it needs: name that as packages"
        case {"index": index, **more} if not more:
            url = next((each["url"] for each in indexes if each.get("name") == index), "…")
            what = f"`{name}` comes from the index `{index}`, and a spec has no index of one package"
            hint = f"a step of its own: `uv_pip_install: {{packages: ['{parsed}'], index_url: {url}}}`"
        case _:
            what = f"where `{name}` comes from is said in a way that a spec has no words for"
            hint = "name it with the address or the index that holds on Linux"
    return NO_COUNTERPART.at(at, f"{what}: {end}", hint)


def _place(source: Source, name: str) -> Span:
    table = source.find("[tool.uv.sources", 1)
    return source.find(name, table.line)


def _taken(source: Source, indexes: list[dict[str, Any]], options: dict[str, str]) -> Iterator[Diagnostic]:
    """The default index, and one more, go into options. One that sources alone refer to is said with them."""
    for each in indexes:
        key = "index_url" if each.get("default") is True else "extra_index_url"
        if each.get("explicit") is True and key != "index_url":
            continue
        if key in options or each.get("format", "simple") != "simple":
            hint = "name it in `python: {options: …}`, or in a step of its own"
            at = source.find(each["url"], 1)
            yield NO_COUNTERPART.at(at, f"the index `{each['url']}` is one more than a spec has: left out", hint)
        else:
            options[key] = each["url"]


def _unknown(source: Source, uv: Mapping[str, Any]) -> Iterator[Diagnostic]:
    for key, value in uv.items():
        if key not in _ELSEWHERE | _NO_MATTER and value not in ([], {}, "", False):
            hint = "say it in the spec by hand: `python: {options: …}`"
            at = source.find(key, source.find("[tool.uv", 1).line)
            yield NO_COUNTERPART.at(at, f"`{key}` of `[tool.uv]` is not adopted", hint)
