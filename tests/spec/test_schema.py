"""The JSON Schema that editors use, against the parser: what one accepts the other accepts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from imagespec.compiler import check
from imagespec.image.layers import plain
from imagespec.spec.operations import BASES, STEPS
from imagespec.spec.schema import Spec, json_schema, keys_at
from imagespec.spec.values import construct

ROOT = Path(__file__).parents[2]
SHIPPED = sorted(path for path in (ROOT / "specs").rglob("*.yaml") if not path.name.endswith(".lock.yaml"))
CORPUS = [*SHIPPED, *sorted((ROOT / "tests/cases").rglob("spec.yaml")), *sorted((ROOT / "tests/errors").glob("*.yaml"))]
SHAPE = {"IS101", "IS103", "IS104", "IS105", "IS109", "IS111", "IS114"}
BEFORE = {"IS102", "IS106", "IS107", "IS110", "IS113"}
"""What is found before a shape is looked at."""

NO_SCHEMA_KNOWS = {"IS104-empty", "IS104-comments", "IS104-dashes", "IS105-arguments", "IS105-key", "IS105-quotes"}
"""A spec that is none yet, and what YAML makes of values that may be anything, and of keys."""

VALIDATOR = Draft202012Validator(json_schema())


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("path", SHIPPED, ids=name)
def test_shipped_specs_follow_it(path: Path) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(yaml.safe_load(path.read_text("utf-8")))] == []


@pytest.mark.parametrize("path", CORPUS, ids=name)
def test_it_agrees_with_the_parser(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    found = [d for d in check(path) if d.span.source.path == path]
    if {d.code for d in found} & BEFORE or path.stem in NO_SCHEMA_KNOWS:
        return
    top = yaml.compose(path.read_text("utf-8"))
    wrong = [error.message for error in VALIDATOR.iter_errors(plain(construct(top)))]
    of_shape = [d.message for d in found if d.code in SHAPE and d.message != "the spec has no base"]
    assert bool(wrong) == bool(of_shape), (wrong, of_shape)


def objects(schema: Any, route: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every map of the schema that says which keys a map of a spec has."""
    if isinstance(schema, list):
        for index, item in enumerate(schema):
            yield from objects(item, f"{route}/{index}")
    elif isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict) and False not in schema["properties"].values():
            yield route, schema
        for key, item in schema.items():
            yield from objects(item, f"{route}/{key}")


def described(schema: dict[str, Any]) -> bool:
    if "$ref" in schema:
        schema = schema | json_schema()["$defs"][schema["$ref"].rpartition("/")[2]]
    text = schema.get("description") or next(
        (s["description"] for s in schema.get("anyOf", ()) if "description" in s), ""
    )
    return len(text) > 3


@pytest.mark.parametrize("route", dict(objects(json_schema())))
def test_every_key_is_described_and_no_other_is_allowed(route: str) -> None:
    schema = dict(objects(json_schema()))[route]
    assert [key for key, value in schema["properties"].items() if not described(value)] == []
    assert schema["additionalProperties"] is False


def test_every_section_and_every_method_is_there() -> None:
    assert set(keys_at(())) == set(Spec.model_fields)
    assert set(keys_at(("steps", 0))) == set(STEPS)
    assert len(keys_at(("base",))) == len(BASES) - 2  # three kinds of registry are one form


KEYS = {
    ("python",): "packages",
    ("python", "poetry"): "with",
    ("source", 3): "copy",
    ("function", 0): "call",
    ("function",): "call",
    ("steps", 0, "uv_pip_install"): "uv_version",
    ("base", "registry"): "add_python",
    ("env",): None,
    ("apt",): None,
    ("nothing",): None,
}


@pytest.mark.parametrize("route", KEYS, ids=str)
def test_keys_of_a_place(route: tuple[str | int, ...]) -> None:
    key = KEYS[route]
    assert key in keys_at(route) if key else keys_at(route) == []


BASE: dict[str, Any] = {"base": {"debian_slim": "3.12"}}
REFUSED: list[dict[str, Any]] = [
    {"bse": {}},
    {"apt": "git"},
    {"apt": [1]},
    {"env": {"A": 1}},
    {"python": {"packges": []}},
    {"python": {"installer": "conda"}},
    {"steps": [{"apt_instal": ["git"]}]},
    {"steps": [{"apt_install": ["git"], "workdir": "/"}]},
    {"steps": [{}]},
    {"steps": [{"add_local_file": {"local_path": "a"}}]},
    {"source": [{"package": "a", "file": "b", "to": "/c"}]},
    {"source": [{"file": "a"}]},
    {"source": [{"package": "a", "to": "/a"}]},
    {"source": [{"to": "/a"}]},
    {"workdir": None},
    {"python": None},
    {"run": None},
    {"conda": None},
    {"function": None},
    {"base": None},
    {"source": [None]},
    {"steps": [None]},
    {"steps": [{"apt_install": None}]},
    {"base": {}},
    {"base": {"debian_slim": 3.12}},
    {"base": {"scratch": False}},
    {"base": {"debian_slim": "3.12", "id": "im-1"}},
]
ACCEPTED: list[dict[str, Any]] = [
    {"extends": "_a.yaml"},
    {"extends": ["_a.yaml", "_b.yaml"]},
    {"python": ["six"]},
    {"run": ["true"]},
    {"function": "a:b"},
    {"function": {"call": "a:b"}},
    {"function": ["a:b", {"call": "a:b", "args": [None, 1, {}]}]},
    {"steps": [{"apt_install": "git"}, {"apt_install": ["git"]}, {"apt_install": {"packages": ["git"]}}]},
    {
        "steps": [
            {"env": {}},
            {"env": {"A": "1"}},
            {"workdir": "/"},
            {"run_commands": {"commands": [], "env": {"A": None}}},
        ]
    },
    {"steps": [{"poetry_install_from_file": {"poetry_pyproject_toml": "a", "poetry_version": None}}]},
    {"source": [{"package": "a"}, {"file": "a", "to": "/a", "copy": True}, {"dir": "a", "to": "/a", "ignore": ["b"]}]},
    {"base": {"registry": "a"}},
    {"base": {"dockerfile": {"path": "a"}}},
]


@pytest.mark.parametrize("part", REFUSED, ids=str)
def test_what_editors_underline(tmp_path: Path, part: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(BASE | part)
    assert {d.code for d in checked(tmp_path, BASE | part)} & SHAPE


@pytest.mark.parametrize("part", ACCEPTED, ids=str)
def test_what_editors_do_not_underline(tmp_path: Path, part: dict[str, Any]) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(BASE | part)] == []
    assert not {d.code for d in checked(tmp_path, BASE | part)} & SHAPE


def checked(folder: Path, spec: dict[str, Any]) -> Any:
    path = folder / "x.yaml"
    path.write_text(yaml.safe_dump(spec))
    return check(path)
