"""A job -> what Modal's client requests for the images of a Python file, or for specs.

Run as a process of its own by `prove.py`: it imports the file. What the file changes in Modal's client is in force for
its own images, so specs are asked for in a process that does not import it.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import pickle
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any


def main() -> None:
    """Read the job, enter the sandbox, and write down the requests."""
    aside = Path(sys.argv.pop())  # the file may look at its arguments, and has none
    job = json.loads((aside / "job.json").read_text(encoding="utf-8"))
    from imagespec.adopt.proof import recorder, sandbox

    answers = recorder.Recorder()
    port = recorder.serve(answers)
    os.environ |= {
        "MODAL_SERVER_URL": f"http://127.0.0.1:{port}",
        "MODAL_TOKEN_ID": "ak-recorder",
        "MODAL_TOKEN_SECRET": "as-recorder",
        "MODAL_CONFIG_PATH": os.devnull,
        "MODAL_DISABLE_API_PROXY": "1",
    }
    made = _watched()
    sandbox.enter(aside, port)
    result: dict[str, Any] = {}
    try:
        images = _of_file(job["file"], job["made_by"], made) if "file" in job else map(_of_spec, job["specs"])
        result["images"] = [_requested(answers, image) for image in images]
    except BaseException as error:
        result["error"] = _last(error)
    (aside / "result.json").write_text(json.dumps(result), encoding="utf-8")
    os._exit(0)  # threads that the file started are not waited for


def _watched() -> dict[Any, Any]:
    """The images of the functions of each name, in order, and of each app, as the file makes them."""
    import modal

    made: dict[Any, Any] = {}
    default: dict[int, Any] = {}
    begin = modal.App.__init__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        begin(self, *args, **kwargs)
        default[id(self)] = made[id(self)] = kwargs.get("image")

    def watching(method: Any) -> Any:
        def decorate(self: Any, *args: Any, **kwargs: Any) -> Any:
            decorator = method(self, *args, **kwargs)
            image = kwargs.get("image") or default.get(id(self))

            def apply(target: Any) -> Any:
                made.setdefault(_name(target), []).append(image)
                return decorator(target)

            return apply

        return decorate

    changed: Any = modal.App
    changed.__init__ = init
    for name in ("function", "cls", "server"):
        setattr(changed, name, watching(getattr(modal.App, name)))
    return made


def _name(target: Any) -> str:
    """The name of a function or a class, also inside of what `modal.asgi_app()` and its like make of it."""
    held = getattr(target, "__dict__", {})
    inner = next((value for key, value in held.items() if key.startswith("_sync_original_")), target)
    own = getattr(inner, "raw_f", None) or getattr(inner, "user_cls", None) or target
    return str(getattr(own, "__name__", ""))


def _of_file(file: str, every: Sequence[Sequence[Any]], made: dict[Any, Any]) -> Iterator[Callable[[], Any]]:
    """What finds each image of a file, which is imported."""
    module = _imported(Path(file))
    for made_by in every:
        yield lambda made_by=made_by: _found(module, made, made_by)  # type: ignore[misc]


def _imported(path: Path) -> Any:
    """The module of a file, named and found as `modal run` does it."""
    sys.path[:0] = [str(path.parent), os.getcwd()]
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def _found(module: Any, made: dict[Any, Any], made_by: Sequence[Any]) -> Any:
    first, *rest = made_by
    if first == "@":
        name, *nth = rest
        return made[name][nth[0]] if nth else made[id(getattr(module, str(name)))]
    value = getattr(module, str(first))
    for part in rest:
        held: Any = value
        value = held[part] if isinstance(held, dict | list | tuple) else getattr(held, str(part))
    return value


def _of_spec(spec: str) -> Callable[[], Any]:
    """What makes the image of a spec, by way of the compiler's own stages."""
    import modal

    from imagespec.emit import modal as emitter
    from imagespec.image.lower import lower
    from imagespec.spec.parse import Parsed, parse

    def make() -> modal.Image:
        parsed = parse(Path(spec))
        if not isinstance(parsed, Parsed) or not parsed.whole:
            raise ValueError("it cannot be compiled")
        before = dict(vars(modal.Image))
        image = emitter.emit(lower(parsed))
        if other := [name for name, value in vars(modal.Image).items() if before.get(name) is not value]:
            raise ValueError(f"the code that it runs changes `modal.Image.{other[0]}`")
        return image

    return make


def _requested(answers: Any, image: Callable[[], Any]) -> dict[str, Any]:
    try:
        return {"requests": _told(answers.requests(image()))}
    except BaseException as error:  # what is imported may even exit
        return {"error": _last(error)}


def _told(value: Any) -> Any:
    """Requests with the arguments of functions spelled out: a list in place of a tuple is a finding of its own."""
    match value:
        case {"data_format": "DATA_FORMAT_PICKLE", "args": str(pickled)}:
            try:
                return {**value, "args": json.dumps(pickle.loads(base64.b64decode(pickled)))}
            except Exception:  # what is no plain value is compared as it is sent
                return value
        case dict():
            return {key: _told(each) for key, each in value.items()}
        case list():
            return [_told(each) for each in value]
        case _:
            return value


def _last(error: BaseException) -> str:
    return traceback.format_exception_only(error)[-1].strip().splitlines()[0]


if __name__ == "__main__":
    main()
