"""IS3xx: what would be something else tomorrow."""

from __future__ import annotations

import re
from collections.abc import Iterable

from packaging.specifiers import Specifier

from imagespec.diagnostic import Source, lines
from imagespec.image.copies import instructions
from imagespec.image.layers import Image, Place
from imagespec.image.requirements import requirement, requirements_of
from imagespec.rules.git import git_without_commit, is_git, url_of
from imagespec.rules.rule import Finding, Rule, open_layers, rule
from imagespec.spec import operations as ops
from imagespec.spec.source import read


@rule("IS301", "warning")
def unpinned(image: Image) -> Iterable[Finding]:
    """A package without an exact version.

    Whatever is newest on the day of the build is installed: the image that trained yesterday's model cannot be built
    again, and a release of somebody else's breaks it.

    Use instead: `imagespec lock`, which fixes what is newest now and all that it needs; or `name==1.2.3`. `pip freeze`
    or `uv pip freeze` in a container that works tells the versions.
    """
    for layer in open_layers(image):
        for line in requirements_of(layer):
            parsed = requirement(line.text)
            if parsed is None or parsed.url or any(_exact(specifier) for specifier in parsed.specifier):
                continue
            hint = f"write `{parsed.name}==…` with the version that works"
            lower = [s.version for s in parsed.specifier if s.operator in (">=", "~=")]
            if lower:
                hint += f"; {lower[0]} is the oldest that `{line.text}` allows"
            what = (
                f"`{line.text}` allows other versions tomorrow" if parsed.specifier else f"`{line.text}` has no version"
            )
            yield Finding(line.place, what, hint)
        if isinstance(layer.operation, ops.MicromambaInstall):
            for index, package in enumerate(layer.operation.packages):
                if not re.search(r"(?<![<>!~])==?[^=*]*$", package):
                    yield Finding(
                        layer.place("packages", index), f"`{package}` has no exact version", "write `name=1.2.3`"
                    )


@rule("IS302", "warning")
def url_without_hash(image: Image) -> Iterable[Finding]:
    """A package from a URL, without the hash of the file.

    Whoever controls the address can put another file there, and nobody would notice.

    Use instead: the same address with `#sha256=…` at its end.
    """
    for layer in open_layers(image):
        for line in requirements_of(layer):
            url = url_of(line.text)
            if url and not is_git(url) and not re.search(r"#(?:.*&)?sha256=[0-9a-f]{64}", url):
                yield Finding(line.place, "a file from a URL without its hash", "add `#sha256=…` to the URL")


def _exact(specifier: Specifier) -> bool:
    return specifier.operator == "===" or (specifier.operator == "==" and "*" not in specifier.version)


@rule("IS304", "warning")
def base_without_digest(image: Image) -> Iterable[Finding]:
    """A base image by tag, without its digest.

    A tag moves to another image with every release of its maker, `latest` and `3.12` most of all.

    Use instead: `imagespec lock`, which looks the digest up; or `name:tag@sha256:…` in the spec.
    """
    for layer in image.layers[:1]:
        match layer.operation:
            case ops.FromRegistry(tag=tag) if "@sha256:" not in tag and not image.locked:
                yield _floating(layer.place("tag"), tag)
            case ops.FromName(name=name) if ":" not in name or name.endswith(":latest"):
                yield Finding(layer.place("name"), f"`{name}` is whatever was published last", "name a tag: `name:tag`")
            case ops.FromDockerfile(path=path):
                yield from _dockerfile_bases(read(path))
            case _:
                pass


def _floating(place: Place, tag: str) -> Finding:
    what = f"`{tag}` can be another image tomorrow"
    if ":" not in tag.rpartition("/")[2]:
        what = f"`{tag}` has no tag: it is whatever is newest"
    return Finding(place, what, f"add the digest: `{tag}@sha256:…`")


def _dockerfile_bases(source: object) -> Iterable[Finding]:
    if not isinstance(source, Source):
        return
    names: set[str] = set()
    for index, instruction in instructions(lines(source.text)):
        words = [word for word in instruction.split() if not word.startswith("--")]
        if words[:1] and words[0].upper() == "FROM" and len(words) > 1:
            tag = words[1]
            if "@sha256:" not in tag and tag != "scratch" and tag not in names and "$" not in tag:
                yield _floating(source.find(tag, index + 1), tag)
            if len(words) > 3 and words[2].upper() == "AS":
                names.add(words[3])


@rule("IS305", "note")
def floating_patch(image: Image) -> Iterable[Finding]:
    """A Python series without a patch version.

    Builder 2025.06 fixes the patch itself (3.12 is 3.12.10); since 2026.10 it is whatever `python:3.12-slim` is on the
    day of the build.

    Use instead: the full version, such as `"3.12.10"`, where one is known to exist for the builder's Debian release.
    """
    for layer in image.layers[:1]:
        match layer.operation:
            case ops.DebianSlim(python_version=version) | ops.Micromamba(python_version=version) if (
                version.count(".") == 1
            ):
                yield Finding(
                    layer.place("python_version"),
                    f"the patch version of Python {version} can change",
                    "name it in full",
                )
            case _:
                pass


@rule("IS306", "note")
def floating_tool(image: Image) -> Iterable[Finding]:
    """An installer without a version.

    The builder does not pin uv or Poetry: the newest one installs, and resolves as it sees fit that day.

    Use instead: `imagespec lock`, which fixes uv; `python: {uv: "0.9.10"}`, or `version` of `poetry`.
    """
    for layer in open_layers(image):
        match layer.operation:
            case ops.UvPipInstall(uv_version=None) | ops.UvSync(uv_version=None):
                if layer.origin[0] == "steps":
                    yield Finding(layer.origin, "uv is whatever is newest", 'add `uv_version: "…"`', on_key=True)
                else:
                    hint = 'write `python: {uv: "…", packages: […]}`'
                    yield Finding(("python",), "uv is whatever is newest", hint, on_key=True)
            case ops.UvPipInstall(uv_version=str() as version) | ops.UvSync(uv_version=str() as version):
                if not re.match(r"\d+\.\d+\.\d+", version):
                    message = f"uv `{version}` is whatever is newest of that name"
                    yield Finding(layer.place("uv_version"), message, 'name it in full, such as "0.9.10"')
            case ops.PoetryInstallFromFile(poetry_version="latest"):
                hint = 'add `poetry_version: "…"`' if layer.origin[0] == "steps" else 'add `version: "…"`'
                yield Finding(layer.origin, "Poetry is whatever is newest", hint, on_key=True)
            case _:
                pass


RULES: tuple[Rule, ...] = (
    unpinned,
    url_without_hash,
    git_without_commit,
    base_without_digest,
    floating_patch,
    floating_tool,
)
