"""Parsed spec -> YAML: everything that it extends merged in, every path written out."""

from __future__ import annotations

import os
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import yaml

from imagespec.diagnostic import shown
from imagespec.image.layers import plain
from imagespec.spec.operations import STEPS
from imagespec.spec.parse import Parsed


def emit(parsed: Parsed) -> str:
    """A spec of its own that describes the same image. Its root is relative to the working directory."""
    root = parsed.tree.root
    spec = parsed.spec.model_dump(by_alias=True, exclude_unset=True)
    for step in spec.get("steps", ()):
        for method, arguments in step.items():
            step[method] = _without_defaults(method, arguments)
    written = ({} if root == Path.cwd() else {"root": shown(root)}) | _written(spec, root)
    text = yaml.safe_dump(written, sort_keys=False, allow_unicode=True, width=100, default_flow_style=False)
    return f"# {parsed.name}: merged by imagespec; save it in the folder in which it was printed\n{text}"


def _without_defaults(method: str, arguments: dict[str, Any]) -> Any:
    if method == "env":
        return arguments["vars"]
    defaults = {field.name: field.default for field in fields(STEPS[method])}
    return {k: v for k, v in arguments.items() if defaults[k] is MISSING or v != defaults[k]}


def _written(value: Any, root: Path) -> Any:
    if isinstance(value, Path):
        return Path(os.path.relpath(value, root)).as_posix()
    if isinstance(value, dict):
        return {key: _written(item, root) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_written(item, root) for item in value]
    return plain(value)
