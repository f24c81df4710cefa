"""YAML specs of container images, compiled to `modal.Image`. What `__all__` names is public, everything else private.

Containers import this module too, and have nothing but modal and the standard library: whatever else is needed is
imported where it is used.
"""

from __future__ import annotations

import os
import sys
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Literal

    import modal

    from imagespec.build.result import BuildResult
    from imagespec.diagnostic import CompileError as CompileError
    from imagespec.diagnostic import Diagnostic as Diagnostic
    from imagespec.image.layers import Image

    PathOrName = str | os.PathLike[str]

__version__ = "0.1.0"
__all__ = ["CompileError", "Diagnostic", "__version__", "build", "check", "compile", "load"]


def load(spec: PathOrName) -> modal.Image:
    """The image that a spec describes, for `@app.function(image=...)`.

    `spec` is a path, or the name of a spec in the nearest folder `specs`: looked for from the folder of the calling
    module upwards, then from the working directory upwards. Imagespec itself is mounted into the image, so that the
    module that calls this can be imported in the container too. There, nothing is looked for or read, and the image is
    a placeholder: Modal has long built the real one, and puts it in its place.

    Raises `OSError` where there is no such spec, or two of its name, and `CompileError` with every finding where it has
    errors.
    """
    import modal

    # not `modal.is_local()`: it is true in the children of a function's process
    if os.environ.get("MODAL_IS_REMOTE") == "1":
        # no version of Python at all: should anything build the placeholder, it fails with these words
        return modal.Image.debian_slim("imagespec.load() gives the image only outside of containers")

    from imagespec.compiler import compile_spec
    from imagespec.diagnostic import CompileError
    from imagespec.emit.modal import emit

    try:
        image = compile_spec(_find(spec))
    except CompileError as error:
        raise error.with_traceback(None) from None
    return emit(image).add_local_python_source("imagespec")


def compile(spec: PathOrName) -> Image:
    """The layers that a spec describes. `spec` and what is raised as in `load`."""
    from imagespec.compiler import compile_spec

    return compile_spec(_find(spec))


def check(spec: PathOrName) -> list[Diagnostic]:
    """Every finding of a spec. `spec` as in `load`; raises `FileNotFoundError` where there is none."""
    from imagespec import compiler

    return compiler.check(_find(spec))


def build(
    *specs: PathOrName, on: Literal["auto", "modal", "container", "local"] = "auto", force: bool = False
) -> list[BuildResult]:
    """Build specs for real and run their checks inside, as the command `imagespec build` does, progress and all.

    None means every spec of the nearest folder `specs`. `on` says where: `auto` is Modal where there is a login, else
    an environment on this machine; `container` is docker, podman or buildah. `force` builds every layer anew. Each
    result says whether its build and its checks went well. Raises `FileNotFoundError` where there is no such spec,
    `CompileError` where one has errors: nothing is built then.
    """
    from imagespec.cli.build import backend
    from imagespec.cli.progress import watching
    from imagespec.compiler import compile_all
    from imagespec.diagnostic import CompileError

    paths = [_find(spec) for spec in specs] or _every()
    targets, diagnostics = compile_all(paths)
    if any(diagnostic.severity == "error" for diagnostic in diagnostics):
        raise CompileError(diagnostics)
    with watching([target.image.name for target in targets]) as progress:
        return backend(on, paths).build(targets, progress, force=force)


def _every() -> list[Path]:
    """Every spec of the nearest folder that has some, partial ones aside."""
    from imagespec.spec.folder import in_folder

    starts, folders = _around()
    paths = next((list(found.values()) for folder in folders if (found := in_folder(folder))), None)
    if paths is None:
        raise FileNotFoundError(f"no specs {_where(folders, starts)}")
    return paths


def _find(spec: PathOrName) -> Path:
    """The file of a spec that is given as a path or by its name."""
    from pathlib import Path

    from imagespec.diagnostic import did_you_mean
    from imagespec.spec.folder import in_folder

    starts, folders = _around()
    name = os.fspath(spec)
    known = {stem: path for folder in reversed(folders) for stem, path in in_folder(folder).items()}
    if isinstance(spec, os.PathLike) or "/" in name or os.sep in name or name.endswith((".yaml", ".yml")):
        places = [start / name for start in reversed(starts)]
    else:
        places = [folder / f"{name}{end}" for folder in folders for end in (".yaml", ".yml")]
        places += [path for stem, path in known.items() if stem.replace("-", "_") == name.replace("-", "_")]
    for place in places:
        if place.exists():
            return place
    stem = Path(name).stem
    near = f"did you mean `{stem}`?" if stem in known else did_you_mean(stem, known)
    hint = near or (f"there are: {', '.join(known)}" if known else "")
    where = _where([place.parent for place in places], starts)
    raise FileNotFoundError(f"no spec `{name}` {where}{'; ' if hint else ''}{hint}")


def _around() -> tuple[list[Path], list[Path]]:
    """Where to look: the folder of the calling module and the working directory, and the nearest `specs` of each."""
    from pathlib import Path

    from imagespec.spec.folder import nearest_specs

    starts = [folder for folder in (_caller(), Path.cwd()) if folder is not None]
    return starts, list(dict.fromkeys(folder for start in starts if (folder := nearest_specs(start)) is not None))


def _where(looked: Sequence[Path], starts: Sequence[Path]) -> str:
    from imagespec.diagnostic import shown

    folders = " or ".join(dict.fromkeys(f"`{shown(folder)}`" for folder in looked or starts))
    return f"in {folders}" if looked else f"and no folder `specs` in or above {folders}"


def _caller() -> Path | None:
    """The folder of the module that called into this package, where it is a file."""
    from pathlib import Path

    frame: types.FrameType | None = sys._getframe()
    while frame is not None and str(frame.f_globals.get("__name__")).partition(".")[0] in (__name__, "importlib"):
        frame = frame.f_back
    file = frame.f_globals.get("__file__") if frame is not None else None
    return Path(file).absolute().parent if file else None


class _Package(types.ModuleType):
    """`imagespec.build` is the function. There is a folder of that name too, and importing from it would replace it."""

    @property
    def build(self) -> Callable[..., list[BuildResult]]:
        return build

    @build.setter
    def build(self, module: types.ModuleType) -> None:
        pass


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    if name in ("CompileError", "Diagnostic"):
        from imagespec import diagnostic

        return getattr(diagnostic, name)
    raise AttributeError(f"module `{__name__}` has no attribute `{name}`")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
