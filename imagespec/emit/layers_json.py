"""Image -> JSON: each layer with its digest and the line that it comes from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from imagespec.diagnostic import Span, shown
from imagespec.emit.calls import Call, Function, Named, calls
from imagespec.image.layers import Image
from imagespec.spec.operations import Requirements


def emit(image: Image, digests: Sequence[str], span: Callable[..., Span]) -> str:
    """`{name, digest, layers: [{op, args, digest, file, line}]}`; `args` has positional ones under `"*"`.

    `span` is where a route stands in the spec, or, with `key=True`, its last key.
    """
    layers = [
        _layer(call, digest, span(call.origin, key=True)) for call, digest in zip(calls(image), digests, strict=True)
    ]
    whole = {"name": image.name, "digest": digests[-1], "layers": layers}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _layer(call: Call, digest: str, span: Span) -> dict[str, Any]:
    args = {"*": [_value(value) for value in call.args]} if call.args else {}
    args |= {name: _value(value) for name, value in call.kwargs.items()}
    return {"op": call.method, "args": args, "digest": digest, "file": shown(span.source.path), "line": span.line}


def _value(value: Any) -> Any:
    match value:
        case Named(_, name):
            return name
        case Function(module, name):
            return f"{module}:{name}"
        case Path():
            return shown(value)
        case Requirements(lines=lines):
            return list(lines)
        case list():
            return [_value(item) for item in value]
        case Mapping():
            return {key: _value(item) for key, item in value.items()}
        case _:
            return value
