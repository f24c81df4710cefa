"""A layer of packages -> uv's command lines, and what uv prints when it fails -> a finding at the package's line."""

from __future__ import annotations

import re
import shlex
import shutil
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from imagespec.build import codes
from imagespec.build.failure import finding
from imagespec.build.local.contents import Install, poetry_lock
from imagespec.diagnostic import Diagnostic, Source, Span
from imagespec.image.layers import Layer, Place
from imagespec.image.requirements import logical_lines
from imagespec.machine.uv_errors import culprit, reason, said, trimmed, unreachable
from imagespec.spec import operations as ops
from imagespec.spec.extends import Tree
from imagespec.spec.source import read


def venv(uv: str, python: Path, environment: Path) -> list[str]:
    """An empty environment, whose scripts work wherever it is moved."""
    return [
        uv,
        "venv",
        "--quiet",
        "--relocatable",
        "--no-project",
        "--prompt",
        "imagespec",
        "--python",
        str(python),
        str(environment),
    ]


def pip_of(python: Path) -> Path | None:
    """The pip that comes with a Python, as a wheel. `debian_slim` has pip too, and this one needs no network."""
    wheels = sorted((python.parent.parent / "lib").glob("python3*/ensurepip/_bundled/pip-*.whl"))
    return wheels[-1] if wheels else None


def wheel(uv: str, path: Path, environment: Path) -> list[str]:
    """Install one wheel that lies here."""
    python = str(environment / "bin" / "python")
    return [uv, "pip", "install", "--quiet", "--offline", "--no-deps", "--python", python, "--", str(path)]


def commands(install: Install, uv: str, environment: Path, scratch: Path) -> list[list[str]]:
    """What installs a layer into an environment. Writes into `scratch` what uv is to read.

    Raises `ValueError` where the options cannot be split into words, and `OSError` where a file cannot be read.
    """
    pip = [uv, "pip", "install", "--color=never", "--python", str(environment / "bin" / "python")]
    match install:
        case ops.UvPipInstall():
            files = [f"--requirements={_file(each, i, scratch)}" for i, each in enumerate(install.requirements or ())]
            return [[*pip, *_options(install), *files, "--", *install.packages]] if files or install.packages else []
        case ops.PipInstall():
            return [[*pip, *_options(install), "--", *install.packages]] if install.packages else []
        case ops.PipInstallFromRequirements(requirements_txt=file):
            return [[*pip, *_options(install), f"--requirements={_file(file, 0, scratch)}"]]
        case ops.PipInstallFromPyproject(pyproject_toml=path, optional_dependencies=extras):
            chosen = [f"--extra={extra}" for extra in extras]
            return [[*pip, *_options(install), "--no-sources", f"--requirements={path}", *chosen]]
        case ops.PipInstallPrivateRepos(repositories=repositories):
            return [[*pip, *_options(install), "--", *(f"git+https://{repository}" for repository in repositories)]]
        case ops.UvSync():
            return [_sync(install, uv, environment, scratch)]
        case ops.PoetryInstallFromFile():
            exported = scratch / "requirements.txt"
            return [*_poetry(install, uv, environment, scratch, exported), [*pip, f"--requirements={exported}"]]


def _file(file: Path | ops.Requirements, index: int, scratch: Path) -> Path:
    """Where uv reads a requirements file; one that comes from a lock is written there."""
    if isinstance(file, Path):
        return file
    path = scratch / f"{index}-{file.name}"
    path.write_text(file.text, encoding="utf-8")
    return path


_PIP_ONLY = re.compile(r"--(root-user-action|no-warn-script-location|no-warn-conflicts|no-input)(=.*)?")
"""Options of pip that uv does not know and that change nothing about the result."""


def _options(install: ops.Pip) -> list[str]:
    options = [
        f"{flag}={value}"
        for flag, value in (
            ("--find-links", install.find_links),
            ("--index-url", install.index_url),
            ("--extra-index-url", install.extra_index_url),
            ("--prerelease", "allow" if install.pre else None),
        )
        if value is not None
    ]
    further = [option for option in _words(install.extra_options) if not _PIP_ONLY.fullmatch(option)]
    chosen = any(option.startswith("--index-strategy") for option in further)
    if not isinstance(install, ops.UvPipInstall) and not chosen:
        options.append("--index-strategy=unsafe-best-match")  # as pip does: the best version of all indexes
    return [*options, *further]


def _words(options: str) -> list[str]:
    try:
        return shlex.split(options)
    except ValueError as error:
        raise ValueError(f"the options `{options}` cannot be split into words: {error}") from None


def _sync(install: ops.UvSync, uv: str, environment: Path, scratch: Path) -> list[str]:
    """As Modal does it: of the two files alone. The project itself is not installed, and its lock is left alone."""
    shutil.copyfile(install.uv_project_dir / "pyproject.toml", scratch / "pyproject.toml")
    locked = (install.uv_project_dir / "uv.lock").exists()
    if locked:
        shutil.copyfile(install.uv_project_dir / "uv.lock", scratch / "uv.lock")
    python = environment / "bin" / "python"
    sync = [uv, "sync", "--color=never", f"--project={scratch}", f"--python={python}", "--no-install-workspace"]
    sync += [f"--group={group}" for group in install.groups or ()]
    sync += [f"--extra={extra}" for extra in install.extras or ()]
    sync += ["--frozen"] if locked and install.frozen else []
    return [*sync, *_words(install.extra_options)]


def _poetry(
    install: ops.PoetryInstallFromFile, uv: str, environment: Path, scratch: Path, out: Path
) -> Iterator[list[str]]:
    """Poetry tells which packages its lock fixes; uv installs them."""
    shutil.copyfile(install.poetry_pyproject_toml, scratch / "pyproject.toml")
    chosen = "" if install.poetry_version in (None, "latest") else f"=={install.poetry_version}"
    poetry = [uv, "tool", "run", "--color=never", f"--python={environment / 'bin' / 'python'}"]
    poetry += [f"--from=poetry{chosen}", "--with=poetry-plugin-export", "poetry", f"--directory={scratch}"]
    poetry += ["--no-interaction", "--no-ansi"]
    if install.ignore_lockfile:
        yield [*poetry, "lock"]
    else:
        shutil.copyfile(poetry_lock(install), scratch / "poetry.lock")
    if install.only:
        groups = [f"--only={','.join(install.only)}"]
    else:  # `install` takes every group that is not optional, `export` takes none
        wanted = dict.fromkeys([*_groups(install.poetry_pyproject_toml), *install.with_])
        groups = [f"--with={group}" for group in wanted if group not in install.without]
    yield [*poetry, "export", "--format=requirements.txt", f"--output={out}", *groups]


def _groups(path: Path) -> list[str]:
    """The groups of a Poetry project that are not optional."""
    poetry = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("poetry", {})
    named = [name for name, group in poetry.get("group", {}).items() if not group.get("optional")]
    return ["dev", *named] if "dev-dependencies" in poetry else named


# ---------------------------------------------------------------------------------------------- failures


def failed(layer: Layer, tree: Tree, code: int, printed: Sequence[str]) -> Diagnostic:
    """What uv said, at the line of the package that it is about."""
    message = said(printed)
    package, place = _culprit(layer, message)
    what = f"`{package}`" if package else f"a package of `{layer.operation.method}`"
    why = reason(message) if code > 0 else f"uv was killed by signal {-code}"
    hint = trimmed(message)
    if unreachable(message):
        hint.append("what was built before is kept; is the network up, and does the index answer?")
    verb = "cannot be fetched" if unreachable(message) else "cannot be installed"
    span = place if isinstance(place, Span) else tree.span(place)
    return finding(codes.LAYER_FAILED, span, f"{what} {verb}: {why}", "\n".join(hint))


def _culprit(layer: Layer, message: Sequence[str]) -> tuple[str, Place]:
    """The requirement that the message names first; where it names none, whatever lists the requirements."""
    every = list(_requirements(layer))
    found = culprit(message, [text for text, _ in every])
    return ("", _list(layer)) if found is None else every[found]


def _requirements(layer: Layer) -> Iterator[tuple[str, Place]]:
    match layer.operation:
        case ops.UvPipInstall(packages=packages, requirements=files):
            yield from ((package, layer.place("packages", i)) for i, package in enumerate(packages))
            for file in files or ():
                yield from _lines(file, layer)
        case ops.PipInstall(packages=packages):
            yield from ((package, layer.place("packages", i)) for i, package in enumerate(packages))
        case ops.PipInstallFromRequirements(requirements_txt=file):
            yield from _lines(file, layer)
        case ops.PipInstallPrivateRepos(repositories=repositories):
            yield from ((repository, layer.place("repositories", i)) for i, repository in enumerate(repositories))
        case _:
            pass


def _lines(file: Path | ops.Requirements, layer: Layer) -> Iterator[tuple[str, Place]]:
    if isinstance(file, ops.Requirements):
        yield from ((line.partition(" --")[0], layer.place("lines", i)) for i, line in enumerate(file.lines))
        return
    source = read(file)
    if isinstance(source, Source):
        yield from ((line.text, line.place) for line in logical_lines(source) if not line.text.startswith("-"))


def _list(layer: Layer) -> Place:
    match layer.operation:
        case ops.UvPipInstall(packages=packages, requirements=files):
            return layer.place("packages") if packages or not files else layer.place("requirements", 0)
        case ops.PipInstall():
            return layer.place("packages")
        case ops.PipInstallFromRequirements():
            return layer.place("requirements_txt")
        case ops.PipInstallFromPyproject():
            return layer.place("pyproject_toml")
        case ops.UvSync():
            return layer.place("uv_project_dir")
        case ops.PoetryInstallFromFile():
            return layer.place("poetry_pyproject_toml")
        case _:
            return layer.origin
