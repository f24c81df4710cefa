"""A spec whose shape is wrong in places: every place is found, and the rest is checked all the same."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from imagespec.compiler import check, compile_all
from imagespec.image.layers import plain
from imagespec.spec.parse import Parsed, parse
from imagespec.spec.schema import Spec, keys_at
from imagespec.spec.values import Unwanted, construct

BASE = 'base: {debian_slim: "3.12.10"}\n'


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    return tmp_path / "x.yaml"


def codes(path: Path, text: str) -> list[tuple[str, int, int]]:
    path.write_text(text)
    return [(d.code, d.span.line, d.span.column) for d in check(path)]


VALUES: dict[str, Any] = {
    "text": "text",
    "'3.10'": "3.10",
    "3.10": 3.1,
    "10": 10,
    "-1": -1,
    "1.5e+3": 1500.0,
    "1e3": "1e3",
    "true": True,
    "Yes": True,
    "off": False,
    "null": None,
    "~": None,
    "": None,
    "0o7": "0o7",
    "1:30": Unwanted("1:30", "the number 90"),
    "1:30.5": Unwanted("1:30.5", "the number 90.5"),
    "0755": Unwanted("0755", "the number 493"),
    "0x1F": Unwanted("0x1F", "the number 31"),
    "0b11": Unwanted("0b11", "the number 3"),
    "1_000": Unwanted("1_000", "the number 1000"),
    "+.inf": Unwanted("+.inf", "the number inf"),
    "2026-01-01": Unwanted("2026-01-01", "a date"),
    "!!int x": Unwanted("x", "a number that is none"),
    "9" * 300: int("9" * 300),
    "9" * 301: Unwanted("9" * 301, "a number of 301 characters"),
    "[1, [a]]": [1, ["a"]],
    "{a: {b: 1}}": {"a": {"b": 1}},
}


@pytest.mark.parametrize(("text", "value"), VALUES.items(), ids=lambda part: str(part)[:20])
def test_how_a_value_is_read(text: str, value: object) -> None:
    read = construct(yaml.compose(f"x: {text}").value[0][1])
    assert type(plain(read)) is type(value)
    assert plain(read) == value


def test_a_number_that_is_none_is_not_taken_for_one(spec: Path) -> None:
    assert math.isnan(float("nan"))
    function = "function: {call: 'os:getcwd', cpu: .nan}\n"
    assert codes(spec, BASE + function) == [("IS105", 2, 36)]


TRAPS = {
    "base: {debian_slim: 3.10}": [("IS105", 1, 21)],
    "base: {debian_slim: 3}": [("IS105", 1, 21)],
    "base: {registry: {image: 'A', add_python: 3.12}}": [("IS206", 1, 26), ("IS105", 1, 43)],
    BASE + "env: {A: yes, B: NO, C: on, D: Off, E: True}": [("IS105", 2, c) for c in (10, 18, 25, 32, 40)],
    BASE + "env: {A: 1, B: 1.0, C: 0x1, D: 1:1, E: 2026-01-01}": [("IS105", 2, c) for c in (10, 16, 24, 32, 40)],
    BASE + "env: {A: ~, B: null, C: }": [("IS111", 2, c) for c in (7, 13, 22)],
    BASE + "run: {commands: ['true'], env: {A: ~}}": [],
    BASE + "run: {commands: ['true'], env: {A: 1}}": [("IS105", 2, 36)],
    BASE + "workdir: 010": [("IS105", 2, 10)],
    BASE + "apt: [2048]": [("IS105", 2, 7)],
    BASE + "apt: ~": [("IS111", 2, 1)],
    BASE + "steps: [{apt_install: ~}, ~]": [("IS111", 2, 10), ("IS111", 2, 27)],
    BASE + "steps: [{env: {A: 1}}, {workdir: 2}]": [("IS105", 2, 19), ("IS105", 2, 34)],
    BASE + "function: {call: 'os:getcwd', args: [1:30, no, 2026-01-01], kwargs: {a: 0755, b: [~, 1.50, true]}}": [
        ("IS105", 2, c) for c in (38, 44, 48, 73)
    ],
    BASE + "function: {call: 'os:getcwd', timeout: 1:30}": [("IS105", 2, 40)],
    BASE + "function: {call: 'os:getcwd', timeout: '90'}": [("IS103", 2, 40)],
    BASE + "function: {call: 'os:getcwd', include_source: no}": [],
    BASE + "env: {A: “3.12”, B: '“3.12”', C: a “b”}": [("IS105", 2, 10)],
    "base: {debian_slim: “3.12”}": [("IS105", 1, 21)],
    BASE + "description: “fast” and «good» training": [],
}


@pytest.mark.parametrize("text", TRAPS)
def test_nothing_is_converted_in_silence(spec: Path, text: str) -> None:
    assert codes(spec, text) == TRAPS[text]


MISTAKES = {
    "in one list": (BASE + "apt: [Git, 7, Curl]", [("IS202", 2, 7), ("IS105", 2, 12), ("IS202", 2, 15)]),
    "in one map": (BASE + "env: {A B: '1', C: 2}", [("IS203", 2, 7), ("IS105", 2, 20)]),
    "in one section": (
        BASE + "python: {packags: [a], installer: x, uv: '1;2', packages: [b=1]}",
        [("IS101", 2, 10), ("IS114", 2, 35), ("IS205", 2, 42), ("IS201", 2, 60)],
    ),
    "in the items of a list": (
        BASE + "source:\n- {file: a}\n- {fil: a, to: /a}\n- {file: nowhere, to: b}",
        [("IS104", 3, 3), ("IS101", 4, 4), ("IS211", 5, 10), ("IS207", 5, 23)],
    ),
    "in steps": (
        BASE + "steps:\n- {apt_instal: [git]}\n- apt_install: [Git]\n- {workdir: [a]}\n- env: {A B: '1'}",
        [("IS101", 3, 4), ("IS202", 4, 17), ("IS103", 5, 13), ("IS203", 6, 9)],
    ),
    "in the base and elsewhere": ("base: {debain: x}\napt: [Git]", [("IS101", 1, 8), ("IS202", 2, 7)]),
    "what only follows": (BASE + "python: {uv: '1.0.0', packags: [six]}", [("IS101", 2, 23)]),
    "what does not follow": (BASE + "python: {packags: [a]}\nconda: [a=1]", [("IS101", 2, 10), ("IS228", 3, 1)]),
    "a base that is misspelt": ("bas: {debian_slim: x}\napt: [git]", [("IS101", 1, 1)]),
    "a base that is not there": ("apt: [git]\nkubernetes: x", [("IS104", 1, 1), ("IS101", 2, 1)]),
    "everything": ("base: x\napt: x\npython: x\nsteps: x\nsource: x\nenv: x", [("IS103", n, 0) for n in range(1, 7)]),
}


@pytest.mark.parametrize(("text", "expected"), MISTAKES.values(), ids=MISTAKES)
def test_every_mistake_is_found_at_once(spec: Path, text: str, expected: list[tuple[str, int, int]]) -> None:
    found = codes(spec, text)
    assert [(code, line, column if any(c for *_, c in expected) else 0) for code, line, column in found] == sorted(
        expected, key=lambda place: place[1:]
    )


def test_what_is_wrong_is_never_built(spec: Path) -> None:
    for text, _ in MISTAKES.values():
        spec.write_text(text)
        parsed = parse(spec)
        assert isinstance(parsed, Parsed)
        assert not parsed.whole or parsed.name == ""
        assert compile_all([spec])[0] == []


def test_a_whole_spec(spec: Path) -> None:
    spec.write_text(BASE + "apt: [git]")
    parsed = parse(spec)
    assert isinstance(parsed, Parsed)
    assert (parsed.whole, parsed.partial, parsed.name, parsed.diagnostics) == (True, False, "x", ())


def test_a_partial_spec_may_lack_a_base_but_is_not_built(tmp_path: Path) -> None:
    spec = tmp_path / "_x.yaml"
    assert codes(spec, "apt: [git]") == []
    targets, [found] = compile_all([spec])
    assert targets == []
    assert (found.code, found.hint) == ("IS104", "name a spec that extends it")


def test_one_place_one_error(spec: Path) -> None:
    """What else could be said about the place of an error follows from it: no version of what is no package."""
    assert codes(spec, BASE + "python: {uv: '1.0.0', packages: ['git+https://h/a; b', tqdm@4.67]}") == [
        ("IS201", 2, 34),
        ("IS201", 2, 56),
    ]


WORDS = [
    "",
    "a",
    "six==1.17.0",
    "/a",
    "../a",
    "a:b",
    "$A",
    "3.12",
    "\0",
    "a\nb",
    "“a”",
    "é" * 300,
    "-x",
    "~",
    "im-1",
    "T4:2",
]
KEYS = sorted(
    {key for section in keys_at(()) for key in (*keys_at((section,)), *keys_at((section, 0)))} | {"A", "", "é"}
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS),
    lambda deeper: st.lists(deeper, max_size=3) | st.dictionaries(st.sampled_from(KEYS), deeper, max_size=3),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(Spec.model_fields, ANYTHING)))
def test_no_values_make_a_traceback(values: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.yaml")
        path.write_text(yaml.safe_dump(values, allow_unicode=True), encoding="utf-8")
        found = check(path)
        targets, _ = compile_all([path])
        assert bool(targets) == all(d.severity != "error" for d in found)
