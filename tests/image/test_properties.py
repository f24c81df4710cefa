"""Laws that hold for every spec."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import MISSING
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
import yaml
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from imagespec.compiler import check_all
from imagespec.diagnostic import Diagnostic, Span
from imagespec.emit import merged
from imagespec.emit import modal as to_modal
from imagespec.emit import python as to_python
from imagespec.image.digest import content, digests
from imagespec.image.layers import Image
from imagespec.image.lower import lower
from imagespec.spec.operations import fields_of
from imagespec.spec.parse import Parsed, parse
from tests.oracle import Oracle
from tests.strategies import PARTIAL, PLAIN, SECTIONS, SPEC, leaves, reordered, replaced


def law(examples: int) -> settings:
    """Enough examples to trust the law, few enough to wait for; in CI always the same ones."""
    phases = tuple(phase for phase in Phase if phase is not Phase.explain)
    return settings(max_examples=examples, deadline=None, derandomize="CI" in os.environ, phases=phases)


@pytest.fixture(scope="module", autouse=True)
def in_project(project_folder: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(project_folder)
        patched.syspath_prepend(str(project_folder))
        patched.setattr(sys, "dont_write_bytecode", True)
        yield


def written(spec: Any, name: str = "spec.yaml") -> Path:
    path = Path(name).absolute()
    path.write_text(yaml.safe_dump(spec, allow_unicode=True, sort_keys=False), "utf-8")
    return path


def parsed(spec: Any, name: str = "spec.yaml") -> Parsed:
    found = parse(written(spec, name))
    assert isinstance(found, Parsed), found
    assert found.whole or name.startswith("_"), found.diagnostics
    return found


def image_of(spec: Any, name: str = "spec.yaml") -> Image:
    return lower(parsed(spec, name))


def spelled(image: Image) -> list[str]:
    """Each layer to the letter: kinds of values and order of variables too."""
    return [repr(layer.operation) for layer in image.layers]


# ------------------------------------------------------------------------------------------------ digests


@law(150)
@given(spec=SPEC, data=st.data())
def test_equal_digests_are_equal_layers(spec: Any, data: st.DataObject) -> None:
    where = data.draw(st.sampled_from(leaves(spec)))
    section = str(where[0])
    other = replaced(spec, where[:1], data.draw(SECTIONS[section])) if section != "base" else data.draw(SPEC)
    one, two = image_of(spec), image_of(other)
    for position, (a, b) in enumerate(zip(digests(one), digests(two), strict=False)):
        assert (a == b) == (spelled(one)[: position + 1] == spelled(two)[: position + 1])


@law(100)
@given(spec=SPEC, data=st.data())
def test_the_order_of_keys_changes_no_layer(spec: Any, data: st.DataObject) -> None:
    one, two = image_of(spec), image_of(reordered(spec, data.draw))
    assert spelled(one) == spelled(two)
    assert digests(one) == digests(two)


@pytest.mark.filterwarnings("ignore:.*NetworkFileSystem.* is deprecated")
@law(25)
@given(spec=SPEC, data=st.data())
def test_a_spec_without_errors_is_built_and_equal_digests_are_equal_requests(
    oracle: Oracle, spec: Any, data: st.DataObject
) -> None:
    other = reordered(spec, data.draw)
    assume(not errors(spec))
    one, two = image_of(spec), image_of(other)
    assert digests(one) == digests(two)
    assert oracle.requests(to_modal.emit(one)) == oracle.requests(to_modal.emit(two))


def errors(spec: Any) -> list[Diagnostic]:
    return [d for d in check_all([written(spec)]) if d.severity == "error"]


# ----------------------------------------------------------------------------------------------- emitters


class Recorder:
    """Stands in for the module `modal`: an attribute is a longer path, a call a longer record."""

    def __init__(self, *record: Any) -> None:
        self.record = record

    def __getattr__(self, name: str) -> Recorder:
        return Recorder(*self.record, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Recorder:
        return Recorder(*self.record, args, list(kwargs.items()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Recorder) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        return f"Recorder{self.record!r}"


@law(100)
@given(spec=SPEC)
def test_the_printed_source_makes_the_applied_calls(spec: Any) -> None:
    image = image_of(spec)
    with patch.dict(sys.modules, modal=Recorder()):
        applied = to_modal.emit(image)
        module = SimpleNamespace()
        exec(compile(to_python.emit(image), "<printed>", "exec"), vars(module))
    folder = f"{Path.cwd()}{os.sep}"  # the printed paths are relative to it
    assert repr(module.image).replace(folder, "") == repr(applied).replace(folder, "").replace(f"'{Path.cwd()}'", "'.'")


@law(100)
@given(spec=SPEC)
def test_the_merged_spec_is_the_same_image(spec: Any) -> None:
    one = parsed(spec)
    Path("merged.yaml").write_text(merged.emit(one), "utf-8")
    two = parse(Path("merged.yaml"))
    assert isinstance(two, Parsed)
    assert two.whole
    assert spelled(lower(one)) == spelled(lower(two))


# ------------------------------------------------------------------------------------------------ extends


@law(100)
@given(parent=PARTIAL, child=SPEC, data=st.data())
def test_a_change_in_a_parent_changes_the_layers_of_that_section_alone(
    parent: Any, child: Any, data: st.DataObject
) -> None:
    section = data.draw(st.sampled_from(sorted(SECTIONS)))
    changed = {**parent, section: data.draw(SECTIONS[section])}
    child = {"extends": "_parent.yaml", **child}

    written(parent, "_parent.yaml")
    before = contents(image_of(child))
    written(changed, "_parent.yaml")
    after = contents(image_of(child))

    different = (before - after) + (after - before)
    assert {origin for origin, _, _ in different} <= {section}


def contents(image: Image) -> Counter[tuple[str, str, str]]:
    """What each layer is made of, whatever it stands on, with the section that it comes from and its method."""
    return Counter(
        (str(layer.origin[0]), layer.operation.method, repr(content(layer, image.root))) for layer in image.layers
    )


DEPENDS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "base": ({"base": {"debian_slim": "3.13"}}, ["debian_slim"]),
    "a system package": ({"apt": ["git", "curl"]}, ["apt_install"]),
    "a package": ({"python": {"packages": ["six==1.16.0"]}}, ["uv_pip_install"]),
    "the installer": ({"python": {"packages": ["six==1.17.0"], "uv": "0.9.10"}}, ["uv_pip_install"]),
    "a variable": ({"env": {"A": "2"}}, ["env"]),
    "a variable that expands": ({"env": {"A": "1", "B": "$A"}}, ["dockerfile_commands"]),
    "a variable that the child overrides": ({"env": {"A": "1", "CHILD": "0"}}, []),
    "a command": ({"run": ["echo"]}, ["run_commands"]),
    "a step": ({"steps": [{"workdir": "/b"}]}, ["workdir"]),
    "what the child replaces": ({"entrypoint": ["other"]}, []),
    "what is no part of the image": ({"description": "other", "gpus": ["T4"]}, []),
}


@pytest.mark.parametrize(("change", "methods"), DEPENDS.values(), ids=DEPENDS)
def test_a_change_in_a_parent_changes_what_depends_on_it(change: dict[str, Any], methods: list[str]) -> None:
    parent = {
        "base": {"debian_slim": "3.12"},
        "apt": ["git"],
        "python": {"packages": ["six==1.17.0"]},
        "env": {"A": "1"},
        "run": ["ls"],
        "steps": [{"workdir": "/a"}],
    }
    child = {"extends": "_parent.yaml", "env": {"CHILD": "1"}, "steps": [{"workdir": "/c"}], "entrypoint": ["child"]}
    written(parent, "_parent.yaml")
    before = image_of(child)
    written(parent | change, "_parent.yaml")
    after = image_of(child)

    lost, gained = contents(before) - contents(after), contents(after) - contents(before)
    assert [method for _, method, _ in gained.elements()] == methods
    assert {method for _, method, _ in lost} <= set(methods)
    kept = [one == two for one, two in zip(digests(before), digests(after), strict=False)]
    assert kept == sorted(kept, reverse=True)
    assert all(kept) == (methods == [])


# ----------------------------------------------------------------------------------------------- findings


LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")  # what YAML counts as one


def assert_inside(span: Span) -> None:
    """Lines and columns count from 1, and lead to a place that the text has."""
    lines = LINE_BREAK.split(span.source.text)
    assert 1 <= span.line <= span.end_line <= len(lines)
    assert 1 <= span.column <= len(lines[span.line - 1]) + 1
    assert (span.line, span.column) <= (span.end_line, span.end_column)
    if (span.end_line, span.end_column) != (span.line, span.column + 1):  # a point may be the end of a line
        assert span.end_column <= len(lines[span.end_line - 1]) + 1


def assert_found(path: Path) -> list[Diagnostic]:
    found = check_all([path])
    for diagnostic in found:
        assert diagnostic.message
        assert_inside(diagnostic.span)
    return found


@law(100)
@given(spec=SPEC)
def test_every_value_has_a_place_inside_its_text(spec: Any) -> None:
    one = parsed(spec)
    for layer in lower(one).layers:
        for field in fields_of(layer.operation):
            value = getattr(layer.operation, field.name)
            items = value if isinstance(value, dict) else range(len(value)) if isinstance(value, tuple) else ()
            for item in (None, *items):
                place = layer.place(field.name, item)
                assert_inside(place if isinstance(place, Span) else one.tree.span(place))


@law(60)
@given(spec=SPEC)
def test_every_spec_has_findings_and_no_traceback(spec: Any) -> None:
    assert_found(written(spec))


@law(150)
@given(text=st.text(max_size=80) | st.text("ab: -[]{}#&*!|>'\"%@`,?\\\n\t0.~\r\x00\x85\u2028é", max_size=40))
def test_any_text_has_findings_and_no_traceback(text: str) -> None:
    path = Path("any.yaml").absolute()
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert assert_found(path)


KEY = st.sampled_from(
    [*SECTIONS, "base", "extends", "root", "packages", "commands", "file", "to", "env", "debian_slim", "call", "x"]
)
ANY = st.recursive(
    PLAIN | st.dates() | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEY, inner, max_size=4),
)


@law(150)
@given(value=ANY)
def test_any_yaml_has_findings_and_no_traceback(value: Any) -> None:
    assert_found(written(value, "any.yaml"))


@law(150)
@given(spec=SPEC, data=st.data())
def test_a_spec_with_one_wrong_value_has_findings_and_no_traceback(spec: Any, data: st.DataObject) -> None:
    where = data.draw(st.sampled_from(leaves(spec)))
    wrong = data.draw(st.just(MISSING) | ANY)
    assert_found(written(replaced(spec, where, wrong), "any.yaml"))


@law(100)
@given(spec=SPEC, data=st.data())
def test_a_spec_with_typing_errors_has_findings_and_no_traceback(spec: Any, data: st.DataObject) -> None:
    text = yaml.safe_dump(spec, allow_unicode=True, sort_keys=False)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        text = text[:at] + data.draw(st.text(max_size=2)) + text[at + data.draw(st.integers(0, 2)) :]
    Path("any.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
    assert_found(Path("any.yaml").absolute())
