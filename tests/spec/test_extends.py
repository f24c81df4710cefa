"""What becomes of a spec and of those that it extends: one tree, with every value where it was written."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml

from imagespec.compiler import check, check_all, compile_all
from imagespec.image.layers import plain
from imagespec.spec.extends import Reader, Tree
from imagespec.spec.parse import Parsed, parse
from imagespec.spec.values import construct


def write(folder: Path, files: dict[str, str]) -> Path:
    """The files, the last of them the spec that is meant."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return path


def merged(folder: Path, files: dict[str, str]) -> Any:
    tree = Reader().load(write(folder, files))
    assert isinstance(tree, Tree)
    return plain(construct(tree.node))


MERGED: dict[str, tuple[str, str, str]] = {
    "scalars override": ("workdir: /a\ndescription: a", "workdir: /b", "{workdir: /b, description: a}"),
    "maps merge": ('env: {A: "1", B: "1"}', 'env: {B: "2", C: "2"}', '{env: {A: "1", B: "2", C: "2"}}'),
    "maps merge below": (
        "checks: {imports: [a]}",
        "checks: {commands: [b]}",
        "{checks: {imports: [a], commands: [b]}}",
    ),
    "lists concatenate": ("apt: [b, a]", "apt: [c]", "{apt: [b, a, c]}"),
    "lists of steps too": (
        "steps: [{workdir: /a}]",
        "steps: [{workdir: /b}]",
        "{steps: [{workdir: /a}, {workdir: /b}]}",
    ),
    "lists below": ("python: {packages: [a]}", "python: {packages: [b], uv: x}", "{python: {packages: [a, b], uv: x}}"),
    "a shell is one value": ("shell: [sh]", "shell: [bash, -c]", "{shell: [bash, -c]}"),
    "an entrypoint is one value": ("entrypoint: [a, b]", "entrypoint: [c]", "{entrypoint: [c]}"),
    "a command is one value": ("cmd: [a, b]", "cmd: []", "{cmd: []}"),
    "another kind of base replaces": (
        "base: {registry: {image: a, add_python: x}}",
        "base: {debian_slim: y}",
        "{base: {debian_slim: y}}",
    ),
    "the same kind of base merges": (
        "base: {registry: {image: a, add_python: x}}",
        "base: {registry: {image: b}}",
        "{base: {registry: {image: b, add_python: x}}}",
    ),
    "a base in short replaces": (
        "base: {registry: {image: a, secret: s}}",
        "base: {registry: b}",
        "{base: {registry: b}}",
    ),
    "a list is short for packages": ("python: [a]", "python: {packages: [b]}", "{python: {packages: [a, b]}}"),
    "and the other way": ("python: {packages: [a], uv: x}", "python: [b]", "{python: {packages: [a, b], uv: x}}"),
    "a list is short for commands": ("run: [a]", "run: {commands: [b], gpu: T4}", "{run: {commands: [a, b], gpu: T4}}"),
    "conda too": ("conda: [a]", "conda: {channels: [c]}", "{conda: {packages: [a], channels: [c]}}"),
    "one function or several": ("function: a:b", "function: [{call: c:d}]", "{function: [a:b, {call: c:d}]}"),
    "two kinds of value: the child's": ("workdir: /a", "workdir: [/b]", "{workdir: [/b]}"),
    "nothing of the child's own": ("apt: [a]", "", "{apt: [a]}"),
}


@pytest.mark.parametrize(("parent", "child", "expected"), MERGED.values(), ids=MERGED)
def test_merging(tmp_path: Path, parent: str, child: str, expected: str) -> None:
    files = {"_parent.yaml": parent, "spec.yaml": f"extends: _parent.yaml\n{child}"}
    assert merged(tmp_path, files) == yaml.safe_load(expected)


def test_later_parents_override_earlier_ones(tmp_path: Path) -> None:
    files = {
        "_a.yaml": "workdir: /a\napt: [a]",
        "_b.yaml": "workdir: /b\napt: [b]",
        "spec.yaml": "extends: [_a.yaml, _b.yaml]\napt: [c]",
    }
    assert merged(tmp_path, files) == {"workdir": "/b", "apt": ["a", "b", "c"]}


DIAMOND = {
    "_top.yaml": "workdir: /top\nrun: [top]\nenv: {A: top, B: top}",
    "_left.yaml": "extends: _top.yaml\nworkdir: /left\nrun: [left]\nenv: {A: left}",
    "_right.yaml": "extends: _top.yaml\nrun: [right]\nenv: {B: right}",
    "spec.yaml": "extends: [_left.yaml, _right.yaml]\nrun: [spec]",
}


def test_what_two_parents_extend_counts_once(tmp_path: Path) -> None:
    assert merged(tmp_path, DIAMOND) == {
        "workdir": "/left",
        "run": {"commands": ["top", "left", "right", "spec"]},
        "env": {"A": "left", "B": "right"},
    }


def test_doubling_does_not_multiply(tmp_path: Path) -> None:
    files = {"_0.yaml": "run: [x]"}
    files |= {f"_{i}.yaml": f"extends: [_{i - 1}.yaml, _{i - 1}.yaml]" for i in range(1, 40)}
    assert merged(tmp_path, files) == {"run": ["x"]}


def test_a_long_way_up_is_refused(tmp_path: Path) -> None:
    files = {"_0.yaml": "run: [x]"} | {f"_{i}.yaml": f"extends: _{i - 1}.yaml" for i in range(1, 500)}
    path = write(tmp_path, files)
    assert [(d.code, d.span.source.path.name, d.span.line) for d in check(path)] == [("IS108", "_435.yaml", 1)]


CIRCLES = {
    "itself": ({"spec.yaml": "extends: spec.yaml\nworkdir: /a"}, "spec.yaml", "spec.yaml -> spec.yaml"),
    "two": (
        {"_a.yaml": "extends: spec.yaml", "spec.yaml": "workdir: /a\nextends: _a.yaml"},
        "_a.yaml",
        "spec.yaml -> _a.yaml -> spec.yaml",
    ),
    "three": (
        {"_b.yaml": "extends: spec.yaml", "_a.yaml": "extends: [_b.yaml]", "spec.yaml": "extends: ./_a.yaml"},
        "_b.yaml",
        "spec.yaml -> _a.yaml -> _b.yaml -> spec.yaml",
    ),
    "further up": (
        {"_b.yaml": "extends: _a.yaml", "_a.yaml": "extends: _b.yaml", "spec.yaml": "extends: _a.yaml"},
        "_b.yaml",
        "_a.yaml -> _b.yaml -> _a.yaml",
    ),
}


@pytest.mark.parametrize(("files", "where", "chain"), CIRCLES.values(), ids=CIRCLES)
def test_circles(tmp_path: Path, files: dict[str, str], where: str, chain: str) -> None:
    [found] = check(write(tmp_path, files))
    assert (found.code, found.span.source.path.name) == ("IS108", where)
    assert found.message == f"`extends` goes in a circle: {chain}"


ROOTS: dict[str, tuple[dict[str, str], str, str]] = {
    "the spec's own folder": ({"specs/x.yaml": "apps: [a.py]"}, "specs", "specs/a.py"),
    "its root": ({"specs/x.yaml": "root: ..\napps: [a.py]"}, ".", "a.py"),
    "an absolute path": ({"specs/x.yaml": "root: ..\napps: [/a.py]"}, ".", "/a.py"),
    "a parent's root": (
        {"base/_p.yaml": "root: ..", "specs/x.yaml": "extends: ../base/_p.yaml\napps: [a.py]"},
        ".",
        "a.py",
    ),
    "its own before a parent's": (
        {"base/_p.yaml": "root: ..", "specs/x.yaml": "extends: ../base/_p.yaml\nroot: .\napps: [a.py]"},
        "specs",
        "specs/a.py",
    ),
    "the last parent's": (
        {
            "one/_p.yaml": "root: .",
            "two/_p.yaml": "root: .",
            "x.yaml": "extends: [one/_p.yaml, two/_p.yaml]\napps: [a.py]",
        },
        "two",
        "two/a.py",
    ),
    "a grandparent's": (
        {"a/_g.yaml": "root: .", "_p.yaml": "extends: a/_g.yaml", "b/x.yaml": "extends: ../_p.yaml\napps: [a.py]"},
        "a",
        "a/a.py",
    ),
    "a parent's path below the parent's folder": (
        {"base/_p.yaml": "apps: [a.py]", "specs/x.yaml": "extends: ../base/_p.yaml"},
        "specs",
        "base/a.py",
    ),
    "a parent's path below the parent's root": (
        {"base/_p.yaml": "root: ..\napps: [a.py]", "specs/x.yaml": "extends: ../base/_p.yaml\nroot: ."},
        "specs",
        "a.py",
    ),
}


@pytest.mark.parametrize(("files", "root", "app"), ROOTS.values(), ids=ROOTS)
def test_where_paths_start(tmp_path: Path, files: dict[str, str], root: str, app: str) -> None:
    parsed = parse(write(tmp_path, files))
    assert isinstance(parsed, Parsed)
    assert parsed.tree.root == (tmp_path / root).resolve()
    assert parsed.spec.apps is not None
    assert [path.resolve() for path in parsed.spec.apps] == [(tmp_path / app).resolve()]


def test_findings_stand_where_the_value_was_written(tmp_path: Path) -> None:
    files = {
        "_p.yaml": 'base: {debian_slim: "3.12.10"}\napt: [Git]\nenv:\n  A B: "1"\n',
        "x.yaml": 'extends: _p.yaml\n\napt: [Curl]\nenv: {C D: "1"}\n',
    }
    found = [(d.code, d.span.source.path.name, d.span.line) for d in check(write(tmp_path, files))]
    assert found == [
        ("IS202", "_p.yaml", 2),
        ("IS203", "_p.yaml", 4),
        ("IS202", "x.yaml", 3),
        ("IS203", "x.yaml", 4),
    ]


BROKEN = {
    "missing": {},
    "no YAML": {"_p.yaml": "a: [b"},
    "a wrong key": {"_p.yaml": "aptt: [git]"},
    "a key twice": {"_p.yaml": "apt: [git]\napt: [curl]"},
    "a tag": {"_p.yaml": "apt: !x [git]"},
}


@pytest.mark.parametrize("parent", BROKEN.values(), ids=BROKEN)
def test_no_spec_is_built_without_what_it_extends(tmp_path: Path, parent: dict[str, str]) -> None:
    base = 'base: {debian_slim: "3.12.10"}\n'
    write(tmp_path, parent | {"a.yaml": f"extends: _p.yaml\n{base}", "b.yaml": f"{base}extends: _p.yaml\n"})
    targets, found = compile_all([tmp_path / "a.yaml", tmp_path / "b.yaml"])
    assert targets == []
    assert {d.severity for d in found} == {"error"}
    where = [(d.span.source.path.name, d.span.line) for d in found]
    assert where == ([("a.yaml", 1), ("b.yaml", 2)] if not parent else [("_p.yaml", found[0].span.line)])


def test_what_is_wrong_with_a_parent_is_said_once(tmp_path: Path) -> None:
    base = 'base: {debian_slim: "3.12.10"}\n'
    write(tmp_path, {"_p.yaml": f"{base}apt: [Git]", "a.yaml": "extends: _p.yaml", "b.yaml": "extends: _p.yaml"})
    assert [d.code for d in check_all([tmp_path / "a.yaml", tmp_path / "b.yaml"])] == ["IS202"]
