"""Image -> `modal.Image`: the list of calls, applied. Nothing is built; Modal does that when an app runs."""

from __future__ import annotations

import atexit
import importlib
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagespec.emit.calls import Call, Function, Named, Value, calls
from imagespec.image.layers import Image
from imagespec.image.modules import find_module
from imagespec.spec.operations import Requirements

if TYPE_CHECKING:
    import modal


def emit(image: Image) -> modal.Image:
    """The compiled chain."""
    *_, last = chain(image)
    return last


def chain(image: Image) -> Iterator[modal.Image]:
    """The image after each call, in order: what to build for one layer after the other."""
    import modal

    make_importable(image.root)
    current: Any = modal.Image
    for call in calls(image):
        current = apply(current, call)
        yield current


def apply(image: Any, call: Call) -> modal.Image:
    """One call, on an image or on the class."""
    args = [_object(value) for value in call.args]
    kwargs = {name: _object(value) for name, value in call.kwargs.items()}
    result: modal.Image = getattr(image, call.method)(*args, **kwargs)
    return result


def _object(value: Value) -> Any:
    import modal

    match value:
        case Named(kind, name):
            return getattr(modal, kind).from_name(name)
        case Function(module, name):
            return reduce(getattr, name.split("."), importlib.import_module(module))
        case Path():
            return str(value)
        case Requirements():
            return str(_written(value))
        case list():
            return [_object(item) for item in value]
        case Mapping():
            return {key: _object(item) for key, item in value.items()}
        case _:
            return value


@cache
def _written(requirements: Requirements) -> Path:
    """A file with the requirements, for as long as this process runs: Modal reads it when it builds."""
    folder = Path(tempfile.mkdtemp(prefix="imagespec-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / requirements.name
    path.write_text(requirements.text, encoding="utf-8")
    return path


def make_importable(root: Path) -> None:
    """Modal looks modules up on `sys.path`; put the spec's root at its end, so that it never shadows anything."""
    if str(root) not in sys.path and not any(Path(entry or ".").resolve() == root.resolve() for entry in sys.path):
        sys.path.append(str(root))
        find_module.cache_clear()
