"""Image -> a Python module that defines `image`: the list of calls, printed as someone would write it by hand."""

from __future__ import annotations

import keyword
from collections.abc import Mapping
from pathlib import Path

from imagespec.diagnostic import shown
from imagespec.emit.calls import Call, Function, Named, Value, calls
from imagespec.image.layers import Image
from imagespec.spec.operations import Requirements

_WIDTH = 100


def emit(image: Image) -> str:
    """The module's source. Local paths are relative to the working directory, where Modal looks for them too."""
    chain = calls(image)
    modules = sorted(
        {function.module for call in chain for function in _functions((*call.args, *call.kwargs.values()))}
    )
    lines = [f"import {module}\n" for module in modules]
    body = "".join(f"    {'modal.Image' if i == 0 else ''}{_call(call)}\n" for i, call in enumerate(chain))
    helper = _HELPER if any(_generated(call) for call in chain) else ""
    title = f'"""The image `{image.name}`, compiled by imagespec."""\n'
    return f"{title}\n{_IMPORTS if helper else ''}import modal\n{''.join(lines)}\n{helper}image = (\n{body})\n"


_IMPORTS = "import tempfile\nfrom pathlib import Path\n\n"
_HELPER = f'''
def requirements(*lines: str) -> str:
    """A requirements file, for Modal to read when it builds."""
    path = Path(tempfile.mkdtemp(), "{Requirements.name}")
    path.write_text("".join(f"{{line}}\\n" for line in lines), encoding="utf-8")
    return str(path)


'''


def _generated(call: Call) -> bool:
    """Whether a call takes a file that the lock makes."""
    files = [*call.args, *call.kwargs.get("requirements", ())]
    return any(isinstance(file, Requirements) for file in files)


def _functions(values: tuple[Value, ...]) -> list[Function]:
    return [value for value in values if isinstance(value, Function)]


def _call(call: Call) -> str:
    parts = [_value(value, 2) for value in call.args]
    parts += [f"{name}={_value(value, 2)}" for name, value in call.kwargs.items() if _is_name(name)]
    if others := {name: value for name, value in call.kwargs.items() if not _is_name(name)}:
        parts.append(f"**{_value(others, 2)}")
    line = f".{call.method}({', '.join(parts)})"
    if len(line) <= _WIDTH - 16 and "\n" not in line:
        return line
    inner = "".join(f"        {part},\n" for part in parts)
    return f".{call.method}(\n{inner}    )"


def _is_name(text: str) -> bool:
    """Whether an argument can be given by this name; a function may take others through `**`."""
    return text.isidentifier() and not keyword.iskeyword(text)


def _value(value: Value, depth: int) -> str:
    match value:
        case Named(kind, name):
            return f"modal.{kind}.from_name({_text(name)})"
        case Function(module, name):
            return f"{module}.{name}"
        case Path():
            return _text(shown(value))
        case Requirements(lines=lines):
            inner = "".join(f"{'    ' * (depth + 1)}{_text(line)},\n" for line in lines)
            return f"requirements(\n{inner}{'    ' * depth})"
        case str():
            return _text(value)
        case list():
            return _bracketed("[", [_value(item, depth + 1) for item in value], "]", depth)
        case Mapping():
            items = [f"{_value(key, depth + 1)}: {_value(item, depth + 1)}" for key, item in value.items()]
            return _bracketed("{", items, "}", depth)
        case _:
            return repr(value)


def _bracketed(opening: str, items: list[str], closing: str, depth: int) -> str:
    line = f"{opening}{', '.join(items)}{closing}"
    if len(line) <= _WIDTH - 4 * depth and "\n" not in line:
        return line
    indent = "    " * depth
    return "\n".join([opening, *(f"{indent}    {item}," for item in items), f"{indent}{closing}"])


def _text(value: str) -> str:
    """In double quotes, as formatters have it."""
    text = repr(value)
    return f'"{text[1:-1]}"' if text[0] == "'" and '"' not in text and "\\'" not in text else text
