"""A job on standard input -> what is requested for the images of a Python file and for the specs made of it.

Run as a process of its own by `prove.py`: it imports the file.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import pickle
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def main() -> None:
    """Read the job, enter the sandbox, import the file, and write down the requests."""
    job = json.load(sys.stdin)
    aside = Path(job["aside"])
    from imagespec.adopt import recorder, sandbox

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
        module = _imported(Path(job["file"]))
    except BaseException as error:  # a file may even exit
        result["error"] = _last(error)
    else:
        result["images"] = [_compared(answers, module, made, image) for image in job["images"]]
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


def _compared(answers: Any, module: Any, made: dict[Any, Any], image: dict[str, Any]) -> dict[str, Any]:
    try:
        original = _found(module, made, image["made_by"])
        adopted = _of_spec(Path(image["spec"]))
        return {"original": _told(answers.requests(original)), "adopted": _told(answers.requests(adopted))}
    except Exception as error:
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


def _of_spec(path: Path) -> Any:
    """The image of a spec, by way of the compiler's own stages."""
    from imagespec.emit import modal
    from imagespec.image.lower import lower
    from imagespec.spec.parse import Parsed, parse

    parsed = parse(path)
    if not isinstance(parsed, Parsed) or not parsed.whole:
        raise ValueError("the adopted spec cannot be compiled")
    return modal.emit(lower(parsed))


def _last(error: BaseException) -> str:
    return traceback.format_exception_only(error)[-1].strip().splitlines()[0]


if __name__ == "__main__":
    main()
