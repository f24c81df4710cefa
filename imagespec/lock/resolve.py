"""Inputs -> packages, in exact versions and with every file's hash. uv decides; nothing here chooses a version.

Three questions are put to uv: which versions go together on the image's platform, where each is needed, and which files
they have on whatever platform. The last two concern exact versions, and are answered from uv's cache.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
import shlex
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from packaging.tags import cpython_tags
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from imagespec.image.layers import Place
from imagespec.image.requirements import name_of, pinned, requirement
from imagespec.lock.inputs import Inputs
from imagespec.lock.lockfile import File, Package
from imagespec.lock.partition import wheel_for
from imagespec.machine.host import for_uv
from imagespec.machine.interpreter import NotFound, find_python, find_uv, uv_version
from imagespec.machine.uv_errors import culprit, reason, said, trimmed, unreachable
from imagespec.spec.operations import UvSync

Run: TypeAlias = Callable[[Sequence[str], Mapping[str, str]], tuple[int, list[str]]]
"""Runs a command line with variables: its exit code, and the lines of its standard output and error together."""


class Unresolved(Exception):
    """There is no set of packages that the inputs allow. `place` is what uv names first."""

    def __init__(self, place: Place, message: str, hint: str) -> None:
        super().__init__(message)
        self.place = place
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Resolved:
    """The packages in the order of their names, the version of uv that found them, and what it said of withdrawn files:
    name, version and reason."""

    packages: tuple[Package, ...]
    uv: str
    yanked: tuple[tuple[str, str, str], ...] = ()


def resolve(
    made_from: Inputs,
    preferred: Mapping[str, str],
    exclude_newer: str,
    environ: Mapping[str, str],
    run: Run,
    constraints: Sequence[str] = (),
) -> Resolved:
    """Ask uv. `preferred` are versions by name that stay where they can; files of `exclude_newer`, a time, or later do
    not count; `constraints` are requirements that hold for packages which are needed anyway. Raises `Unresolved`, and
    `NotFound` where there is no uv."""
    with _asking(made_from, exclude_newer, environ, run) as asking:
        return asking.resolve(preferred, constraints)


def newest(
    made_from: Inputs, names: Sequence[str], exclude_newer: str, environ: Mapping[str, str], run: Run
) -> dict[str, str]:
    """The newest version of each package that the image's Python and platform can use, each by itself. Raises like
    `resolve`."""
    with _asking(made_from, exclude_newer, environ, run) as asking:
        return asking.newest(names)


@contextmanager
def _asking(made_from: Inputs, exclude_newer: str, environ: Mapping[str, str], run: Run) -> Iterator[_Asking]:
    uv = find_uv(environ)
    variables = {**for_uv(environ, own_index=bool(made_from.index_url)), "UV_PYTHON_DOWNLOADS": "never"}
    with tempfile.TemporaryDirectory(prefix="imagespec-") as folder:
        python = _interpreter(made_from.python, uv, variables)
        yield _Asking(made_from, uv, python, Path(folder), exclude_newer, variables, run)


@dataclass(frozen=True, slots=True)
class _Asking:
    made_from: Inputs
    uv: str
    python: Sequence[str]
    folder: Path
    exclude_newer: str
    environ: Mapping[str, str]
    run: Run

    def resolve(self, preferred: Mapping[str, str], constraints: Sequence[str]) -> Resolved:
        for text, place in zip(self.made_from.requirements, self.made_from.places, strict=True):
            if _OF_THIS_MACHINE.match(_address(text)):
                why = f"`{text}` is a path on this machine, where no image can get it"
                raise Unresolved(place, why, "bring the code with `source`, or name an address that all can reach")
            if _LOGIN.search(text):
                why = f"the address of `{name_of(text)}` holds a login, which would be committed with the lock"
                raise Unresolved(place, why, "put it into ~/.netrc, and on Modal into a secret")
        wanted = self._write("wanted.in", self.made_from.requirements)
        files = [*map(str, self.made_from.files), *(str(self._exported(p)) for p in self.made_from.projects)]
        target = [f"--python-platform={self.made_from.platform}"]
        out = self._write("versions.txt", [f"{name}=={version}" for name, version in sorted(preferred.items())])
        within = [f"--constraint={self._write('within.txt', constraints)}"] if constraints else []
        printed = self._compile([str(wanted), *files], ["--annotation-style=line", *target, *within], out)
        versions = dict(_annotated(out.read_text(encoding="utf-8").splitlines()))
        requires = _requires({name: needed_by for name, (_, needed_by) in versions.items()})
        pins = self._write("pins.in", [text for text, _ in versions.values()])
        exact = [f"--constraint={pins}", *target]
        marked = self._packages([str(wanted), *files], exact, "marked")
        every = self._packages([str(pins)], ["--no-deps", "--universal"], "every")
        packages = [
            _package(name, marked.get(name, {}), every.get(name, {}), requires[name], self.made_from)
            for name in sorted(versions)
        ]
        return Resolved(tuple(packages), uv_version(self.uv, self.environ), tuple(_yanked(printed)))

    def newest(self, names: Sequence[str]) -> dict[str, str]:
        out = self.folder / "newest.txt"
        target = f"--python-platform={self.made_from.platform}"
        self._compile([str(self._write("names.in", names))], ["--no-deps", "--no-annotate", target], out)
        found = map(pinned, out.read_text(encoding="utf-8").splitlines())
        return dict(each for each in found if each is not None)

    def _write(self, name: str, lines: Sequence[str]) -> Path:
        path = self.folder / name
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return path

    def _packages(self, files: Sequence[str], options: Sequence[str], name: str) -> dict[str, Any]:
        """What uv says of each package, as `pylock.toml` has it."""
        out = self.folder / f"pylock.{name}.toml"
        self._compile(files, ["--format=pylock.toml", *options], out)
        packages = tomllib.loads(out.read_text(encoding="utf-8")).get("packages", [])
        for each in packages:
            for file in _files(each):
                if "path" in file:  # uv writes it as seen from the folder, which will be gone
                    file["url"] = (self.folder / unquote(file["path"])).as_uri()
        return {canonicalize_name(each["name"]): each for each in packages}

    def _compile(self, files: Sequence[str], options: Sequence[str], out: Path) -> list[str]:
        """`uv pip compile`, with what the spec says about indexes and options."""
        given = self.made_from
        command = [self.uv, "pip", "compile", "--color=never", "--no-header", "--no-progress", "--no-config"]
        command += [f"--python-version={given.python}", f"--output-file={out}", *self.python, *options]
        flags = (
            ("--index-url", given.index_url),
            ("--extra-index-url", given.extra_index_url),
            ("--find-links", self._find_links()),
            ("--prerelease", "allow" if given.prerelease else ""),
            ("--exclude-newer", self.exclude_newer),
        )
        command += [f"{flag}={value}" for flag, value in flags if value]
        command += _words(given.options)
        code, printed = self.run([*command, "--", *files], self.environ)
        if code:
            raise self._unresolved(code, printed)
        return printed

    def _find_links(self) -> str:
        links = self.made_from.find_links
        if not links or _URL.match(links) or (os.path.isabs(links) and os.path.isdir(links)):
            return links
        why = f"the folder `{links}` is looked for in the image, and cannot be looked into from here"
        raise Unresolved(("python", "find_links"), why, "name a page by its address")

    def _exported(self, project: UvSync) -> Path:
        """What the lock of a uv project fixes, as requirements. The project itself is not installed."""
        made = self.folder / f"project-{self.made_from.projects.index(project)}"
        made.mkdir()
        for name in ("pyproject.toml", "uv.lock"):
            if (path := project.uv_project_dir / name).exists():
                shutil.copyfile(path, made / name)
        out = made / "requirements.txt"
        command = [self.uv, "export", "--color=never", "--no-progress", f"--project={made}", "--no-emit-workspace"]
        command += ["--no-hashes", "--no-header", "--quiet", f"--output-file={out}"]
        command += ["--frozen"] if (made / "uv.lock").exists() and project.frozen else []
        command += [f"--extra={extra}" for extra in project.extras or ()]
        command += [f"--group={group}" for group in project.groups or ()]
        command += [f"--exclude-newer={self.exclude_newer}"] if self.exclude_newer else []
        command += [*self.python, *_words(project.extra_options)]
        code, printed = self.run(command, self.environ)
        if code and any("file://" in line for line in printed):
            why = "the project needs packages from folders of this machine, which no image has"
            raise Unresolved(
                ("python", "project"), why, "bring their code with `source`; the lock holds what is published"
            )
        if code:
            raise self._unresolved(code, printed, ("python", "project"))
        return out

    def _unresolved(self, code: int, printed: Sequence[str], at: Place | None = None) -> Unresolved:
        message = [line.replace(f"{self.folder}/", "") for line in said(printed)]
        if unknown := _NO_OPTION.search("\n".join(message)):
            why = f"`{unknown[1]}` is no option of uv's that says which versions are taken"
            return Unresolved(("python", "options"), why, "\n".join(trimmed(message)))
        named = None if at else culprit(message, self.made_from.requirements)
        place = at or (self.made_from.at if named is None else self.made_from.places[named])
        what = "the packages" if named is None else f"`{self.made_from.requirements[named]}`"
        verb = "cannot be looked up" if unreachable(message) else "cannot be locked"
        why = reason(message) if code > 0 else f"uv was killed by signal {-code}"
        hint = trimmed(message)
        if unreachable(message):
            hint.append("is the network up, and does the index answer? The lock stays as it was")
        return Unresolved(place, f"{what} {verb}: {why}", "\n".join(hint))


def _interpreter(version: str, uv: str, environ: Mapping[str, str]) -> list[str]:
    """The image's Python, where this machine has it: a package without wheels is asked by it what it needs."""
    try:
        return [f"--python={find_python(version, uv, environ, lambda command, environ: (1, [])).path}"]
    except NotFound:
        return []


def _words(options: str) -> list[str]:
    """Options as the shell that installs splits them, without those that do not say which versions are taken."""
    try:
        return [word for word in shlex.split(options) if not _ONLY_TO_INSTALL.fullmatch(word)]
    except ValueError as error:
        why = f"the options `{options}` cannot be split into words: {str(error).lower()}"
        raise Unresolved(("python", "options"), why, "close the quote") from None


def _address(text: str) -> str:
    """Where a requirement says that its package lies: an address, a path, or nothing."""
    parsed = requirement(text)
    return (parsed.url or "") if parsed else text


_OF_THIS_MACHINE = re.compile(r"(?i)file:|[./~]|[a-z]:\\|-e\b|--editable\b")
_LOGIN = re.compile(r"(?i)https?://[^/@\s]+@")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")

_ONLY_TO_INSTALL = re.compile(
    r"--(root-user-action|no-warn-script-location|no-warn-conflicts|no-input|no-deps|require-hashes|compile-bytecode"
    r"|no-compile-bytecode|inexact|system|break-system-packages|reinstall|link-mode|force-reinstall|verify-hashes)(=.*)?"
)
"""Options that say how files are installed, not which."""

_NO_OPTION = re.compile("unexpected argument '([^']*)' found")

_ANNOTATED = re.compile(r"(?P<text>[^#\s].*?)\s+# via (?P<by>.*)$")


def _annotated(lines: Sequence[str]) -> Iterator[tuple[str, tuple[str, list[str]]]]:
    """Lines `torch==2.5.1  # via -r wanted.in, torchvision` -> names, each with the line and what needs it."""
    for line in lines:
        if not line or line[0] in "# -":
            continue
        match = _ANNOTATED.match(line)
        text, by = (match["text"], match["by"].split(", ")) if match else (line, [])
        yield name_of(text.partition(" --")[0]), (text, [canonicalize_name(each) for each in by if each[0] != "-"])


def _requires(needed_by: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """What needs each package -> what each package needs."""
    found: dict[str, set[str]] = {name: set() for name in needed_by}
    for name, others in needed_by.items():
        for other in others:
            if other in found and other != name:
                found[other].add(name)
    return {name: tuple(sorted(names)) for name, names in found.items()}


def _package(
    name: str, marked: Mapping[str, Any], every: Mapping[str, Any], requires: tuple[str, ...], made_from: Inputs
) -> Package:
    found = every
    archive, vcs = marked.get("archive"), marked.get("vcs")
    source, version = "", str(marked.get("version") or every.get("version") or "")
    if archive is not None:
        source, found = str(archive["url"]), {"archive": archive}
    elif vcs is not None:
        below = f"#subdirectory={vcs['subdirectory']}" if vcs.get("subdirectory") else ""
        source, found = f"{vcs['type']}+{vcs['url']}@{vcs['commit-id']}{below}", {}
    files = {_file(each): str(each.get("url", "")) for each in _files(found)}
    fitting = [file for file in files if source or _fits(file, made_from.python)]
    wheel = wheel_for(fitting, made_from.platform)
    return Package(
        name=name,
        version=version or "0",
        requires=requires,
        marker=marker if _OF_PLATFORM.search(marker := str(marked.get("marker", ""))) else "",
        source=source,
        files=tuple(sorted(fitting, key=lambda file: file.name)),
        wheel=files[wheel] if wheel else "",
    )


def _files(package: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The entries of all its files."""
    return [*package.get("wheels", ()), *(package[kind] for kind in ("sdist", "archive") if kind in package)]


_OF_PLATFORM = re.compile("platform|os_name")
"""What else a marker may say holds for the Python that was locked for."""


def _file(each: Mapping[str, Any]) -> File:
    """Index addresses end in the name of the file; the rest of them is not kept."""
    name = each.get("name") or unquote(posixpath.basename(urlsplit(str(each.get("url") or each.get("path"))).path))
    size = each.get("size")
    return File(str(name), size if isinstance(size, int) else None, _sha256(each, str(name)))


def _sha256(each: Mapping[str, Any], name: str) -> str:
    """As the index says; of a file in a folder, older uv say none."""
    said, url = each["hashes"].get("sha256"), urlsplit(str(each.get("url", "")))
    if said is None and url.scheme == "file":
        with open(url2pathname(url.path), "rb") as file:
            said = hashlib.file_digest(file, "sha256").hexdigest()
    if said is None:
        why = f"the index gives no sha256 of `{name}`, and a lock holds no file without"
        raise Unresolved(("python",), why, "name an index that does, as most do")
    return str(said)


def _fits(file: File, python: str) -> bool:
    """Whether a Python can use a file on some platform. A source distribution always may."""
    if not file.is_wheel:
        return True
    try:
        tags = parse_wheel_filename(file.name)[3]
    except InvalidWheelFilename:
        return False
    known = _interpreters(python)
    return any((tag.interpreter, tag.abi) in known for tag in tags)


def _interpreters(python: str) -> set[tuple[str, str]]:
    """Pairs of interpreter and ABI that a Python takes: `cp312-cp312`, `cp38-abi3`, `py3-none`, …"""
    major, minor = (int(part) for part in re.findall(r"\d+", python)[:2])
    threading = "t" if python.endswith("t") else ""
    own = {
        (tag.interpreter, tag.abi) for tag in cpython_tags((major, minor), [f"cp{major}{minor}{threading}"], ["any"])
    }
    pure = {f"py{major}", *(f"py{major}{each}" for each in range(minor + 1)), f"cp{major}{minor}"}
    return own | {(interpreter, "none") for interpreter in pure}


_YANKED = re.compile(r"warning: `(?P<name>[^=`]+)==(?P<version>[^`]+)` is yanked(?: \(reason: \"?(?P<why>.*?)\"?\))?$")


def _yanked(printed: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    for line in printed:
        if match := _YANKED.match(line.strip()):
            yield canonicalize_name(match["name"]), match["version"], match["why"] or "no reason given"
