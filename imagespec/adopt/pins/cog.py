"""A cog.yaml of Replicate's Cog -> a draft of an image that holds the same packages, programs and files."""

from __future__ import annotations

from collections.abc import Iterator

from imagespec.adopt.codes import NO_COUNTERPART, TODO, UNREADABLE
from imagespec.adopt.dockerfile.context import Context
from imagespec.adopt.draft import Draft, Written
from imagespec.adopt.names import named
from imagespec.adopt.pins.nodes import Value, top, unknown_keys
from imagespec.adopt.pins.python_version import base
from imagespec.adopt.pins.requirement_lines import install, packages
from imagespec.diagnostic import Diagnostic, Source, Span
from imagespec.image.requirements import Line, logical_lines
from imagespec.spec import operations as ops
from imagespec.spec.source import read

WORKDIR = "/src"
"""Where Cog puts the files, and runs."""

_BUILD = ("gpu", "python_version", "python_packages", "python_requirements", "system_packages", "pre_install", "run")
_FILE = ("build", "environment")
_INDEXES = {"python_find_links": "--find-links", "python_extra_index_urls": "--extra-index-url"}
_LEFT_OUT = {
    "cuda": (
        "Cog's base with this CUDA",
        "Modal brings the driver, the wheels of torch their CUDA; to compile: `nvidia/cuda`",
    ),
    "cudnn": ("Cog's base with this cuDNN", "the wheels of torch bring theirs"),
    "predict": ("Cog's server", "write a function of a Modal app that makes the predictor, and install `cog` for it"),
    "train": ("Cog's server", "write a function of a Modal app that trains"),
    "image": ("the name that Cog publishes under", "`imagespec publish` gives an image a name on Modal"),
    "concurrency": ("Cog's server", "`@modal.concurrent` says how many inputs a container takes"),
}
"""What no image holds: what it is, and what to do instead."""


def draft(source: Source, python: str) -> Draft | Diagnostic:
    """The image of a model; else why there is none."""
    file = top(source)
    if isinstance(file, Diagnostic):
        return file
    build = file.get("build")
    if build is None:
        return UNREADABLE.at(Span(source), "no `build` stands in this file", "it says what Cog's image holds")
    folder = source.path.parent
    ignore = Context.of(folder, folder / "Dockerfile").ignore
    files = ops.AddLocalDir(local_path=folder, remote_path=WORKDIR, ignore=ignore or None)
    operations = [
        _base(source, build, python),
        *_apt(build),
        *_python(source, build),
        *_env(file),
        *_run(build, "pre_install"),
        *_run(build, "run"),
        Written(ops.Workdir(path=WORKDIR), Span(source)),
        Written(files, Span(source)),
    ]
    todo = (
        *(*_gpu(build), *_left_out(build), *_left_out(file)),
        *(*unknown_keys(build, (*_BUILD, *_INDEXES, *_LEFT_OUT)), *unknown_keys(file, (*_FILE, *_LEFT_OUT))),
    )
    return Draft(name=named(folder.name), operations=tuple(operations), root=folder, exact=False, todo=todo)


def _base(source: Source, build: Value, python: str) -> Written:
    said = build.get("python_version")
    at = said.span if said is not None and said.text else build.span
    return base(ops.DebianSlim, source.path.parent, python, at, exact=said.text if said is not None else "")


def _apt(build: Value) -> Iterator[Written]:
    wanted = [each for each in build.all("system_packages") if each.text]
    if wanted:
        yield Written(ops.AptInstall(packages=tuple(each.text for each in wanted)), wanted[0].span)


def _python(source: Source, build: Value) -> Iterator[Written]:
    folder = source.path.parent
    indexes = [
        Line(f"{option} {each.text}", each.span)
        for key, option in _INDEXES.items()
        for each in build.all(key)
        if each.text
    ]
    wanted = [Line(each.text, each.span) for each in build.all("python_packages") if each.text]
    if wanted:
        yield packages(folder, [*indexes, *wanted], build.all("python_packages")[0].span)
    listed = build.get("python_requirements")
    if listed is not None and listed.text:
        path = folder / listed.text
        requirements = read(path, listed.span)
        if isinstance(requirements, Diagnostic):
            yield Written(None, listed.span, (requirements,))
        elif indexes:
            yield packages(folder, [*indexes, Line(f"-r {listed.text}", listed.span)], listed.span)
        elif lines := list(logical_lines(requirements)):
            yield install(path, lines)


def _env(file: Value) -> Iterator[Written]:
    pairs = [each for each in file.all("environment") if "=" in each.text]
    if pairs:
        yield Written(ops.Env(vars=dict(each.text.split("=", 1) for each in pairs)), pairs[0].span)


def _run(build: Value, key: str) -> Iterator[Written]:
    for each in build.all(key):
        command = each.get("command") or each
        todo = []
        if each.get("mounts"):
            hint = "name a Modal secret under `run: {commands, secrets}`"
            todo.append(NO_COUNTERPART.at(each.span, "Modal gives secrets to a step as variables, not as files", hint))
        if command.text:
            yield Written(ops.RunCommands(commands=(command.text.rstrip("\n"),)), each.span, tuple(todo))


def _gpu(build: Value) -> Iterator[Diagnostic]:
    said = build.get("gpu")
    if said is not None and said.true:
        yield TODO.at(said.span, "Cog is told that there is a GPU, but not which", "add it to the spec: `gpus: [T4]`")


def _left_out(place: Value) -> Iterator[Diagnostic]:
    for key, value in place.entries():
        if key in _LEFT_OUT and (value.text or value.items()):
            what, hint = _LEFT_OUT[key]
            yield NO_COUNTERPART.at(value.span, f"`{key}` is about {what}: left out", hint)
