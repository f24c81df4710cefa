"""IS211-213: files, folders and modules of this machine that a build will look for. Modal looks for them only then."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from imagespec.diagnostic import did_you_mean, shown
from imagespec.image.layers import Image, Layer, Place
from imagespec.image.modules import find_module
from imagespec.rules.rule import Finding, Rule, replaced, rule
from imagespec.spec import operations as ops

_FOLDERS = ("context_dir", "uv_project_dir")


@rule("IS211", "error")
def missing_file(image: Image) -> Iterable[Finding]:
    """A file or a folder of this machine that is not there, or is of the other kind.

    Modal opens it when the layer is built, after all layers before it.

    Use instead: the right path. It is relative to the spec's own folder, or to `root` where that is given.
    """
    for layer in image.layers:
        for place, path, folder in _paths(layer):
            if (problem := _problem(path, folder)) is not None:
                hint = near(path) if problem.startswith("no such") else _other_kind(layer)
                yield Finding(place, f"{problem}: `{shown(path)}`", hint)
    for index, app in enumerate(image.apps):
        if (problem := _problem(app, folder=False)) is not None:
            yield Finding(("apps", index), f"{problem}: `{shown(app)}`", near(app))


def _paths(layer: Layer) -> Iterator[tuple[Place, Path, bool]]:
    """Each local path of a layer with its place, and whether it has to be a folder."""
    for field in ops.fields_of(layer.operation):
        value = getattr(layer.operation, field.name)
        if not isinstance(value, Path | tuple | dict) or not value:
            continue
        folder = field.name in _FOLDERS or (field.name == "local_path" and isinstance(layer.operation, ops.AddLocalDir))
        if isinstance(value, Path):
            yield layer.place(field.name), value, folder
        elif isinstance(value, tuple):
            for index, item in enumerate(value):
                if isinstance(item, Path):
                    yield layer.place(field.name, index), item, folder
        else:
            for key, item in value.items():
                if isinstance(item, Path):
                    yield layer.place(field.name, key), item, folder


def _problem(path: Path, folder: bool) -> str | None:
    if folder and os.path.isdir(path):
        return None
    if folder:
        return "not a folder" if os.path.exists(path) else "no such folder"
    if os.path.isfile(path):
        return None if os.access(path, os.R_OK) else "no permission to read"
    if os.path.isdir(path):
        return "a folder, not a file"
    return "not an ordinary file" if os.path.exists(path) else "no such file"


def _other_kind(layer: Layer) -> str:
    match layer.operation:
        case ops.AddLocalFile():
            return "a folder is added with `dir` (in a step: `add_local_dir`)"
        case ops.AddLocalDir():
            return "a file is added with `file` (in a step: `add_local_file`)"
        case _:
            return ""


def near(path: Path) -> str:
    """A hint for a path that is not there: what is, or where it was looked for."""
    name, folder = path, path.parent
    while not os.path.isdir(folder) and folder != folder.parent:
        name, folder = folder, folder.parent
    try:
        near = did_you_mean(name.name, [entry.name for entry in folder.iterdir()])
    except OSError:
        return ""
    return near or (f"looked in `{shown(folder)}`" if name is path else f"no folder `{name.name}` in `{shown(folder)}`")


@rule("IS212", "error", fixable=True)
def missing_module(image: Image) -> Iterable[Finding]:
    """A Python module or function that cannot be found from the root of the spec.

    Modal looks modules up when the image is built or an app starts; a path instead of a name, or a root that is not
    the folder above the package, is the usual reason.

    Use instead: the name that `import` takes, with `root` set to the folder that holds the package.
    """
    for layer in image.layers:
        match layer.operation:
            case ops.AddLocalPythonSource(modules=modules):
                for index, name in enumerate(modules):
                    place = layer.place("modules", index)
                    if _in_python(name, image.root):
                        yield Finding(place, f"`{name}` is part of Python, and in every image that has it", "remove it")
                    else:
                        yield from _module(name, place, image.root)
            case ops.RunFunction(raw_f=function):
                yield from _function(function, layer.place("raw_f"), image.root)
            case ops.Pipe(func=function):
                yield from _function(function, layer.place("func"), image.root)
            case _:
                pass


def _in_python(name: str, root: Path) -> bool:
    if name.partition(".")[0] not in sys.stdlib_module_names:
        return False
    module = find_module(name, root)
    found = None if module is None else module.folder or module.file
    return found is None or not found.is_relative_to(root)


def _module(name: str, place: Place, root: Path, *, whole: bool = True) -> Iterator[Finding]:
    """`whole`: the name is all that stands at the place."""
    if not all(part.isidentifier() for part in name.split(".")):
        dotted = name.removesuffix(".py").strip("./").replace("/", ".")
        found = find_module(dotted, root)
        hint = f"did you mean `{dotted}`?" if found else "write it as `import` takes it: `package.module`"
        fix = replaced(place, dotted) if found and whole else ()
        yield Finding(place, f"`{name}` is no name of a module", hint, fix=fix)
    elif (module := find_module(name, root)) is None:
        hint = did_you_mean(name, _modules_beside(name, root)) or "set `root` to the folder that holds it"
        yield Finding(place, f"no module `{name}` in `{shown(root)}`", hint)
    elif module.file is not None and module.file.suffix not in (".py", ""):
        yield Finding(place, f"`{name}` is compiled; Modal adds Python source only", "install it as a package")


def _modules_beside(name: str, root: Path) -> list[str]:
    """The names of the modules that are where a module was looked for."""
    parent, dot, _ = name.rpartition(".")
    package = find_module(parent, root) if parent else None
    folder = package.folder if package and package.folder else root
    try:
        found = [e.stem for e in folder.iterdir() if e.suffix == ".py" or (e.is_dir() and e.name.isidentifier())]
    except OSError:
        return []
    return [f"{parent}{dot}{each}" if package else each for each in found]


def _function(reference: str, place: Place, root: Path) -> Iterator[Finding]:
    name, colon, function = reference.partition(":")
    if not colon or not function or not all(part.isidentifier() for part in function.split(".")):
        dotted = ":".join(reference.rsplit(".", 1)) if not colon and "." in reference else "module:function"
        yield Finding(place, f"`{reference}` is no function", f"write it as `{dotted}`")
        return
    findings = list(_module(name, place, root, whole=False))
    yield from findings
    module = find_module(name, root)
    if findings or module is None or module.file is None:
        return
    defined = _defined(module.file)
    if defined is not None and function.split(".")[0] not in defined:
        yield Finding(place, f"`{shown(module.file)}` does not define `{function}`", did_you_mean(function, defined))


def _defined(file: Path) -> set[str] | None:
    """The names that a module defines, read and not run; `None` where that cannot be known."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    names: set[str] = set()
    for node in _at_the_top(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
            case ast.Import() | ast.ImportFrom():
                if any(alias.name == "*" for alias in node.names):
                    return None
                names |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
            case ast.Name(ctx=ast.Store()):
                names.add(node.id)
            case _:
                pass
    return None if "__getattr__" in names else names


def _at_the_top(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node of a module that is not inside a function or a class."""
    for node in ast.iter_child_nodes(tree):
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            yield from _at_the_top(node)


@rule("IS213", "warning")
def empty_folder(image: Image) -> Iterable[Finding]:
    """A folder that holds no files.

    Modal adds nothing and says nothing: an empty folder does not even exist in the container.

    Use instead: the folder that was meant, or `run: [mkdir -p …]` where an empty one is wanted.
    """
    for layer in image.layers:
        if isinstance(layer.operation, ops.AddLocalDir) and os.path.isdir(layer.operation.local_path):
            if not any(names for _, _, names in os.walk(layer.operation.local_path)):
                message = f"`{shown(layer.operation.local_path)}` holds no files"
                yield Finding(layer.place("local_path"), message, "an empty folder is made with `run: [mkdir -p …]`")


RULES: tuple[Rule, ...] = (missing_file, missing_module, empty_folder)
