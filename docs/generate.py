"""The code -> the pages of `docs/` that describe it: spec reference, findings, JSON Schema.

`python -m docs.generate` writes them; a test fails while they differ from the code.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from imagespec.compiler import every_code
from imagespec.diagnostic import FIXABLE
from imagespec.image.lower import ORDER
from imagespec.spec.operations import BASES, STEPS
from imagespec.spec.schema import json_schema

HERE = Path(__file__).parent
FAMILIES = {
    "IS1": "Shape of the file",
    "IS2": "Meaning: what Modal would refuse, or silently do otherwise",
    "IS3": "Reproducibility",
    "IS4": "Lock",
    "IS5": "Cost",
    "IS6": "The code against the image",
    "IS7": "Versions that do not go together",
    "IS8": "Security",
    "IS9": "Building",
}


def pages() -> dict[str, str]:
    """File name to content."""
    return {
        "imagespec.schema.json": json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n",
        "rules.md": "\n".join(_rules()) + "\n",
        "spec.md": "\n".join(_spec()) + "\n",
    }


def _rules() -> Iterator[str]:
    yield "# Findings\n"
    yield "Generated from the code by `python -m docs.generate`. `imagespec explain CODE` prints the same.\n"
    yield "An error keeps a spec from being compiled. Warnings make `check` exit with 1, notes are advice."
    yield "`# imagespec: ignore[IS301]` at the end of a line silences a finding there; IS1xx cannot be silenced."
    family = ""
    for code in every_code():
        if code.id[:3] != family:
            family = code.id[:3]
            yield f"\n## {FAMILIES[family]}"
        title, _, rest = code.text.partition("\n")
        yield f"\n### {code.id} ({code.severity}): {title.rstrip('.')}\n"
        yield rest.strip()
        if code.fixable:
            yield f"\n{FIXABLE}"


def _spec() -> Iterator[str]:
    schema = json_schema()
    yield "# Spec reference\n"
    yield "Generated from the code by `python -m docs.generate`. The same in JSON Schema: `imagespec schema`.\n"
    yield "Local paths are relative to the spec's own file, or to `root` where it is given. A name that begins with `_`"
    yield "is a partial spec: to be extended, never built. With `extends`, maps merge, lists concatenate (the parent's"
    yield "items first) and scalars override; a child's other kind of `base` replaces its parent's, and `shell`,"
    yield "`entrypoint` and `cmd` are one value each.\n"
    yield "## Keys\n"
    yield from _table(schema["properties"], schema)
    for name in _sections(schema):
        section = schema["$defs"][name]
        yield f"\n## `{_sections(schema)[name]}`\n"
        yield section.get("description", "") + "\n"
        yield from _table(_properties(section), schema)
    yield "\n## Order of the layers\n"
    yield "The order in which keys are written has no meaning; layers stand in this order, for these reasons.\n"
    yield "| layer | because |\n|---|---|"
    yield from (f"| `{section}` | {reason} |" for section, reason in ORDER.items())
    yield "\n## Variables\n"
    yield "In `env`, `$NAME`, `${NAME}`, `${NAME:-word}` and `${NAME:+word}` expand as in a Dockerfile: to a variable"
    yield "of the same section, else to the base image's. `\\$` is a dollar sign. Modal's own `.env` quotes values, so"
    yield "these are sent as `ENV` instructions. In a step `env`, nothing expands.\n"
    yield "## Steps\n"
    yield "Each item of `steps` is one builder method of `modal.Image`, sent as written. A bare value is its first or"
    yield "variadic argument; of `env`, the map is the variables. Objects of Modal's are given by name, functions as"
    yield "`module:function`. The order of the variables of a step `env`, and of its volumes and context files, is"
    yield "kept, since Modal's cache sees it; the order of all other keys has no meaning."
    for method, operation in STEPS.items():
        section = schema["$defs"][operation.__name__]
        bare = operation.shorthand if method != "env" else "vars"
        yield f"\n### `{method}`\n"
        yield section["description"] + (f" A bare value is `{bare}`.\n" if bare else "\n")
        if method != "env":
            yield from _table(_properties(section), schema)
    yield "\n## Bases\n"
    yield "| method of `modal.Image` | what it is |\n|---|---|"
    yield from (f"| `{method}` | {(operation.__doc__ or '').strip()} |" for method, operation in BASES.items())


def _sections(schema: dict[str, Any]) -> dict[str, str]:
    """Name of a definition to the route of keys at which it stands, steps aside."""
    found: dict[str, str] = {}

    def visit(node: dict[str, Any], route: str) -> None:
        for key, value in _properties(node).items():
            for name in _references(value):
                if name not in found and name != "Step":
                    found[name] = f"{route}.{key}" if route else key
                    visit(schema["$defs"][name], found[name])

    visit(schema, "")
    return found


def _references(node: Any) -> list[str]:
    if isinstance(node, list):
        return [name for item in node for name in _references(item)]
    if not isinstance(node, dict):
        return []
    own = [node["$ref"].rpartition("/")[2]] if "$ref" in node else []
    return own + [name for value in node.values() for name in _references(value)]


def _properties(section: dict[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = section.get("properties", {})
    for alternative in section.get("anyOf", ()):
        properties = properties | alternative.get("properties", {})
    return properties


def _table(properties: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    yield "| key | form | meaning |\n|---|---|---|"
    for key, value in properties.items():
        text = value.get("description", "").replace("|", "\\|")
        yield f"| `{key}` | {_form(value, schema)} | {text} |"


def _form(value: dict[str, Any], schema: dict[str, Any]) -> str:
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        where = _sections(schema).get(name)
        return f"[`{where}`](#{where.replace('.', '')})" if where else f"[`{name}`](#steps)"
    if "anyOf" in value:
        return " or ".join(dict.fromkeys(_form(each, schema) for each in value["anyOf"]))
    if "enum" in value or "const" in value:
        return " or ".join(f"`{json.dumps(each)}`".replace('"', "") for each in value.get("enum", [value.get("const")]))
    kind = value.get("type", "any")
    if kind == "array":
        return f"list of {_form(value.get('items', {}), schema)}"
    if kind == "object":
        return "map"
    return {"string": "text", "integer": "whole number", "boolean": "true or false", "null": "null"}.get(kind, kind)


if __name__ == "__main__":
    for name, text in pages().items():
        (HERE / name).write_text(text, encoding="utf-8")
