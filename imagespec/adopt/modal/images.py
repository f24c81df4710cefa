"""A Python file -> drafts of all the Modal images in it. The code is read, never run."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from imagespec.adopt import codes
from imagespec.adopt.draft import Draft
from imagespec.adopt.modal.chains import by_default
from imagespec.adopt.modal.evaluate import TooMuch
from imagespec.adopt.modal.execute import Executor, Use
from imagespec.adopt.modal.values import App, Chain, Module, Namespace, Reference, Unknown, Value
from imagespec.diagnostic import Diagnostic, Source, Span, ordered
from imagespec.spec import operations as ops


@dataclass(frozen=True, slots=True)
class _Found:
    """An image, what it is called, and how it is found in the running code."""

    chain: Chain
    name: str
    made_by: tuple[str | int, ...] = ()


def drafts(path: Path, *, python: str = "") -> list[Draft] | tuple[Diagnostic, ...]:
    """Every image of a Python file, on `python` where a base takes that of the machine; the findings alone where there
    is none."""
    file = Path(os.path.abspath(path))
    executor = Executor(Path.cwd(), python)
    try:
        module = executor.modules.read(file, file.stem)
        if executor.where.now != executor.where.start:  # the code changes the folder that its paths start at
            executor = Executor(Path.cwd(), python, executor.where.now)
            module = executor.modules.read(file, file.stem)
        if isinstance(module, Diagnostic):
            return (module,)
        images = _images(executor, module)
    except (TooMuch, RecursionError):
        hint = "adopt a file that holds the images, and little else"
        return (codes.UNREADABLE.at(Span(Source(file)), "the file computes too much to be followed", hint),)
    found = [_draft(image, executor.uses, module) for image in images]
    unclear = [finding for use in executor.uses if (finding := _unclear(use)) is not None]
    if not found:
        return tuple(ordered(unclear)) or (_no_image(executor.uses, module),)
    return [replace(found[0], todo=(*found[0].todo, *unclear)), *found[1:]]


# ------------------------------------------------------------------------------------- images of a file


def _images(executor: Executor, module: Module) -> list[_Found]:
    """The images of a file, each once, under the name that says most."""
    found: dict[int, _Found] = {}
    imported = executor.modules.elsewhere(module)
    used = {id(use.runs.image) for use in executor.uses}
    numbers: Counter[str] = Counter()  # functions of one name, in the order in which they are made
    for image in _named(module.scope.names):
        if id(image.chain) not in imported or id(image.chain) in used:
            found.setdefault(id(image.chain), image)
    for use in list(executor.uses):
        if isinstance(use.runs.image, Chain) and use.module is module:
            route = ("@", use.function, numbers[use.function])
            found.setdefault(id(use.runs.image), _Found(use.runs.image, use.function, route))
        numbers[use.function] += 1
    for function, names, result in executor.never_called(module):
        inner = {id(image.chain): image for image in _named(names)}
        if isinstance(result, Chain):  # the variables are the way to it
            inner = {id(result): inner.get(id(result), _Found(result, function.name))}
        for key, image in inner.items():
            if key not in found:
                name = image.name if image.name not in {other.name for other in found.values()} else function.name
                found[key] = _Found(image.chain, name)
    for use in executor.uses:  # of functions that nothing calls
        if isinstance(use.runs.image, Chain) and use.module is module:
            found.setdefault(id(use.runs.image), _Found(use.runs.image, use.function))
    return _unique(list(found.values()))


def _named(names: dict[str, Value]) -> Iterator[_Found]:
    """The images that variables hold, also in lists and dicts, in apps, and in classes."""
    for name, value in names.items():
        match value:
            case Chain():
                yield _Found(value, name, (name,))
            case App(image=Chain() as chain):
                yield _Found(chain, name, ("@", name))
            case Namespace(kind="class", names=inner):
                for each in _named({key: held for key, held in inner.items() if isinstance(held, Chain)}):
                    yield _Found(each.chain, each.name, (name, *each.made_by))
            case dict() | list() | tuple():
                pairs = value.items() if isinstance(value, dict) else enumerate(value)
                for key, held in pairs:
                    if isinstance(held, Chain) and isinstance(key, str | int):
                        yield _Found(held, f"{name}-{key}", (name, key))


def _unique(images: list[_Found]) -> list[_Found]:
    """Names that can be those of files, each once."""
    taken: set[str] = set()
    found = []
    for image in images:
        name = spec_name(image.name)
        count = 1
        while name in taken:
            count += 1
            name = f"{spec_name(image.name)}-{count}"
        taken.add(name)
        found.append(replace(image, name=name))
    return found


def spec_name(name: str) -> str:
    """The name of a spec for what code calls `name`: no `_`, which begins partial specs."""
    kept = "".join(c if c.isalnum() or c in "+." else "-" for c in name)
    return kept.strip("-.+") or "image"


# ---------------------------------------------------------------------------------------------- drafts


def _draft(image: _Found, uses: list[Use], module: Module) -> Draft:
    own = [use for use in uses if use.runs.image is image.chain]
    gpus, todo, notes = [], [], []
    for use in own:
        for gpu in use.runs.gpu if isinstance(use.runs.gpu, list | tuple) else [use.runs.gpu]:
            if isinstance(gpu, str):
                gpus.append(gpu)
            elif isinstance(gpu, Unknown) and any(gpu.default):
                gpus += gpu.default
                notes.append(by_default(gpu, use.runs.span))
            elif isinstance(gpu, Unknown):
                what = f"the GPU of `{use.function}` is left out: {gpu.why}"
                todo.append(gpu.code.at(gpu.span, what, "write it under `gpus`"))
    return Draft(
        name=image.name,
        operations=image.chain.written,
        root=_root(image.chain, module.path.parent),
        todo=tuple(todo),
        notes=tuple(notes),
        gpus=tuple(dict.fromkeys(gpus)),
        apps=tuple(dict.fromkeys(use.module.path for use in own)),
        made_by=(str(module.path), *image.made_by) if image.made_by else (),
    )


def _root(chain: Chain, folder: Path) -> Path:
    """Modal resolves paths against the working directory, and finds modules beside the file too."""
    needed = set()
    for written in chain.written:
        match written.operation:
            case ops.AddLocalPythonSource(modules=modules):
                needed |= set(modules)
            case ops.RunFunction(raw_f=function) | ops.Pipe(func=function):
                needed.add(function.partition(":")[0])
    here = Path.cwd()
    if needed and not all(_holds(here, name) for name in needed) and all(_holds(folder, name) for name in needed):
        return folder
    return here


def _holds(folder: Path, module: str) -> bool:
    path = folder.joinpath(*module.split("."))
    return path.is_dir() or path.with_name(f"{path.name}.py").is_file()


def _no_image(uses: list[Use], module: Module) -> Diagnostic:
    """No image; what runs without one has Modal's own, which is no reason for a spec."""
    what = ": what runs here runs on Modal's default image" if uses else ""
    hint = "name the file in which `modal.Image` is called"
    return codes.NO_IMAGE.at(Span(module.source), f"no image was found{what}", hint)


def _unclear(use: Use) -> Diagnostic | None:
    image = use.runs.image
    if image is None or isinstance(image, Chain):
        return None
    if not isinstance(image, Unknown):
        name = f"`{image.name}`" if isinstance(image, Reference) else "it"
        image = Unknown(codes.TODO, f"{name} is made where this code does not tell", use.runs.span)
    hint = f"line {image.span.line} is why" if image.span.line != use.runs.span.line else ""
    return image.code.at(use.runs.span, f"the image of `{use.function}` is not adopted: {image.why}", hint)
