"""IS606-608: the files that code reads and the programs that it calls, against the image that it runs on."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator

from imagespec.code.programs import PACKAGES, installed_by
from imagespec.code.reach import File, Reach
from imagespec.code.view import view
from imagespec.diagnostic import Add
from imagespec.image.commands import instructions_of
from imagespec.image.layers import Image, Place
from imagespec.image.shell import pipelines
from imagespec.rules.rule import Finding, Rule, rule
from imagespec.rules.sources import file_for
from imagespec.spec import operations as ops

_OF_BASE = frozenset(
    {
        *(
            "bin",
            "boot",
            "dev",
            "etc",
            "home",
            "lib",
            "lib32",
            "lib64",
            "libx32",
            "media",
            "mnt",
            "opt",
            "proc",
            "root",
        ),
        *("root", "run", "sbin", "srv", "sys", "tmp", "usr", "var", "pkg", "modal", "__modal"),
    }
)
"""Folders that every base has, and Modal's own."""


@rule("IS606", "error", fixable=True)
def missing_file(image: Image) -> Iterable[Finding]:
    """A script or a file that the code names and the image does not hold.

    Modal ships Python source only: scripts of a shell, configurations and data have to be named. A relative path counts
    from the working directory of the container, which is `/root` unless `workdir` says otherwise.

    Use instead: the file under `source`: `- {file: NAME, to: /root/NAME}`.
    """
    for reach in view(image).reaches:
        for file in _not_there(image, reach):
            if _at_volume(file, reach) is not None:
                continue
            if file.local is not None:
                added = file_for(file.local, file.remote, image)
                what = "script" if file.script else "folder" if file.local.is_dir() else "file"
                yield Finding(file.span, f"the {what} `{file.name}` is not in the image", added.hint, **added.mending)
            elif file.script and not reach.tree.open and not reach.unpacks:
                message = f"there is no script `{file.name}`, neither here nor in the image"
                yield Finding(file.span, message, f"it would have to be at `{file.remote}`")


@rule("IS607", "warning", fixable=True)
def missing_program(image: Image) -> Iterable[Finding]:
    """A program that a command calls and nothing in the image brings.

    Slim bases have no `wget`, `curl` or `git`. Only programs that are well known are looked for.

    Use instead: its package under `apt`.
    """
    for place, program in _called(image):
        if program in PACKAGES and program in view(image).lacking:
            package = view(image).lacking[program]
            message = f"nothing in the image brings `{program}`"
            yield Finding(place, message, mend=f"apt: [{package}]", fix=(Add(("apt",), package),))


def _called(image: Image) -> Iterator[tuple[Place, str]]:
    for layer in image.layers:
        for instruction in instructions_of(layer):
            if instruction.word == "RUN":
                yield from ((instruction.place, program) for program in _programs(instruction.text))
    for index, command in enumerate(image.checks.commands):
        yield from ((("checks", "commands", index), program) for program in _programs(command))
    for reach in view(image).reaches:
        if reach.app.altered:
            continue
        brought = set(_brought_by_code(reach))
        for called in reach.called:
            program = called.program.rpartition("/")[2]
            expected = called.where.condition or called.where.caught
            if not expected and brought.isdisjoint([program, *PACKAGES.get(program, "").split()]):
                yield called.span, program


def _programs(text: str) -> set[str]:
    found = {program for pipeline in pipelines(text) for command in pipeline for program in command.programs}
    return found - set(installed_by(text))


def _brought_by_code(reach: Reach) -> Iterator[str]:
    """What commands of the code itself install, or look for before they call it."""
    for called in reach.called:
        if "install" in called.arguments or called.program in ("command", "which", "type"):
            yield from called.arguments
    for script in reach.scripts.values():
        yield from installed_by(script.text)


@rule("IS608", "warning")
def path_outside(image: Image) -> Iterable[Finding]:
    """A path that is neither in the image nor in a volume.

    A relative path counts from the working directory: `data/train` is `/root/data/train`, also where a volume is
    mounted at `/data`. An absolute one whose first folder nobody makes is nowhere.

    Use instead: the path at which the volume is mounted.
    """
    for reach in view(image).reaches:
        for file in _not_there(image, reach):
            volume = _at_volume(file, reach)
            if volume is not None:
                message = f"`{file.name}` is `{file.remote}` in the container, not in the volume at `{volume}`"
                inside = file.name.removeprefix("./").partition("/")[2]
                yield Finding(file.span, message, f"write `{volume}/{inside}`" if inside else f"write `{volume}`")
            elif file.local is None and not file.script and file.name.startswith("/") and not of_base(file.remote):
                if not reach.tree.open and "/" + file.remote.split("/")[1] not in reach.tree.folders:
                    message = f"`{file.name}` is neither in the image nor in a volume"
                    there = ", ".join(f"`{each}`" for each in sorted(reach.mounts or ()))
                    yield Finding(file.span, message, f"volumes are at {there}" if there else "no volume is mounted")


def _not_there(image: Image, reach: Reach) -> Iterator[File]:
    """Files that are wanted for sure, that the image lacks, and that nothing is known to make."""
    tree = reach.tree
    if reach.unseen_code:
        return
    moves = any("chdir(" in module.facts.source.text for module in reach.modules.values())
    said: set[tuple[str, str]] = set()
    for file in reach.files:
        key = str(file.span.source.path), file.remote
        if moves and not file.name.startswith("/"):
            continue
        if file.where.condition or file.where.caught or key in said or tree.holds(file.remote):
            continue
        said.add(key)
        if not mounted(file.remote, reach) and not _perhaps(file, reach) and not made(image, file.remote, reach):
            yield file


def _perhaps(file: File, reach: Reach) -> bool:
    """Whether a command that the code runs is given the name of a file, and may make it."""
    return not file.script and not reach.handed.isdisjoint((file.name, file.remote))


def _at_volume(file: File, reach: Reach) -> str | None:
    """The volume that a relative path seems to mean."""
    if file.name.startswith("/"):
        return None
    first = file.name.removeprefix("./").partition("/")[0]
    return next((each for each in sorted(reach.mounts or ()) if each.rpartition("/")[2] == first), None)


def mounted(path: str, reach: Reach) -> bool:
    """Whether a path lies in a volume; where its volumes are not known, it may."""
    mounts = reach.mounts
    return mounts is None or any(path == each or path.startswith(f"{each}/") for each in mounts)


def of_base(path: str) -> bool:
    """Whether a path begins with a folder that every base has."""
    return path.split("/")[1] in _OF_BASE


def made(image: Image, remote: str, reach: Reach) -> bool:
    """Whether a line of the code or of the spec's commands that makes something names a path, or a folder of it."""
    path = posixpath.relpath(remote, reach.tree.workdir)
    first, *rest = remote.removeprefix("/").split("/") if path.startswith("..") else path.split("/")
    names = [part for part in [f"/{first}" if path.startswith("..") else first, *rest] if len(part) > 2]
    by_function = any(isinstance(layer.operation, ops.RunFunction) for layer in image.layers)
    return not names or by_function or reach.making.names(names) or view(image).making.names(names)


RULES: tuple[Rule, ...] = (missing_file, missing_program, path_outside)
