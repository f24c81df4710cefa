"""Parsed spec -> YAML: everything that it extends merged in, every path written out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from imagespec.diagnostic import shown
from imagespec.image.layers import plain
from imagespec.spec.parse import Parsed


def emit(parsed: Parsed) -> str:
    """A spec of its own that describes the same image. Paths are relative to the working directory."""
    spec = parsed.spec.model_dump(by_alias=True, exclude_none=True, exclude_unset=True)
    if parsed.tree.root != Path.cwd():
        spec = {"root": parsed.tree.root} | spec
    for step in spec.get("steps", ()):
        for method, arguments in step.items():
            step[method] = _without_defaults(method, arguments)
    text = yaml.safe_dump(_written(spec), sort_keys=False, allow_unicode=True, width=100, default_flow_style=False)
    return f"# {parsed.name}: merged by imagespec; save it in the folder in which it was printed\n{text}"


def _without_defaults(method: str, arguments: dict[str, Any]) -> Any:
    from dataclasses import MISSING, fields

    from imagespec.spec.operations import STEPS

    if method == "env":
        return arguments["vars"]
    defaults = {field.name: field.default for field in fields(STEPS[method])}
    return {k: v for k, v in arguments.items() if defaults[k] is MISSING or v != defaults[k]}


def _written(value: Any) -> Any:
    if isinstance(value, Path):
        return shown(value)
    if isinstance(value, dict):
        return {key: _written(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_written(item) for item in value]
    return plain(value)
