"""What a compiled spec sends to Modal is, request for request, what the chain written by hand sends."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import modal
import pytest
from pydantic import BaseModel

import imagespec
from imagespec.compiler import compile_spec
from imagespec.emit import modal as to_modal
from imagespec.emit import python as to_python
from imagespec.image.layers import Image
from imagespec.spec import operations as ops
from imagespec.spec import schema
from imagespec.spec.parse import Parsed, parse
from tests.conformance import BASES, CASES, SECTIONS, STEPS
from tests.conformance.case import Case
from tests.conformance.contexts import CONTEXTS
from tests.conformance.shipped import SHIPPED
from tests.oracle import Oracle

BUILDERS = ("2024.10", "2025.06", "2026.10")

pytestmark = pytest.mark.filterwarnings("ignore:.*NetworkFileSystem.* is deprecated")


def printed(image: Image) -> modal.Image:
    """The image that the printed module defines."""
    module: dict[str, Any] = {}
    exec(compile(to_python.emit(image), "<printed>", "exec"), module)
    found: modal.Image = module["image"]
    return found


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_requests_are_those_of_the_chain_by_hand(oracle: Oracle, project: Path, case: Case, builder: str) -> None:
    image = compile_spec(case.written(project))
    with case.on(oracle):
        by_hand = oracle.requests(case.chain(), builder=builder)
        assert oracle.requests(to_modal.emit(image), builder=builder) == by_hand
        assert oracle.requests(printed(image), builder=builder) == by_hand


@pytest.mark.parametrize("case", CONTEXTS.values(), ids=CONTEXTS)
def test_contexts_are_those_of_the_chain_by_hand(oracle: Oracle, context: Path, case: Case) -> None:
    image = compile_spec(case.written(context))
    by_hand = oracle.requests(case.chain())
    assert oracle.requests(to_modal.emit(image)) == by_hand
    assert oracle.requests(printed(image)) == by_hand


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize("spec", SHIPPED)
def test_shipped_specs_are_the_chains_by_hand(oracle: Oracle, at_home: Path, spec: str, builder: str) -> None:
    image = compile_spec(at_home / "specs" / f"{spec}.yaml")
    by_hand = oracle.requests(SHIPPED[spec](), builder=builder)
    assert oracle.requests(to_modal.emit(image), builder=builder) == by_hand
    assert oracle.requests(printed(image), builder=builder) == by_hand


def test_every_shipped_spec_has_its_chain(at_home: Path) -> None:
    specs = {path.relative_to(at_home / "specs").with_suffix("") for path in (at_home / "specs").rglob("*.yaml")}
    assert {str(spec) for spec in specs if not spec.name.startswith("_") and spec.suffix != ".lock"} == set(SHIPPED)


@pytest.mark.parametrize("builder", BUILDERS)
def test_load_is_the_chain_with_imagespec_on_top(oracle: Oracle, at_home: Path, builder: str) -> None:
    by_hand = SHIPPED["classifier"]().add_local_python_source("imagespec")
    assert oracle.requests(imagespec.load("classifier"), builder=builder) == oracle.requests(by_hand, builder=builder)


def test_every_argument_of_every_method_is_in_some_case(project: Path) -> None:
    used: set[tuple[str, str]] = set()
    for case in (BASES | STEPS).values():
        for layer in compile_spec(case.written(project)).layers:
            operation = layer.operation
            used |= {
                (operation.method, f.name)
                for f in dataclasses.fields(operation)
                if getattr(operation, f.name) != f.default
            }
    every = {(method, f.name) for method, op in (ops.BASES | ops.STEPS).items() for f in dataclasses.fields(op)}
    assert every - used == {("from_scratch", "force_build")}  # an empty image is not built


def test_every_key_of_every_section_is_in_some_case(project: Path) -> None:
    used: set[str] = set()

    def visit(value: Any) -> None:
        match value:
            case schema.Step():
                pass
            case BaseModel():
                for name in value.model_fields_set:
                    used.add(f"{type(value).__name__}.{name}")
                    visit(getattr(value, name))
            case tuple():
                for item in value:
                    visit(item)

    for case in (BASES | SECTIONS).values():
        parsed = parse(case.written(project))
        assert isinstance(parsed, Parsed)
        visit(parsed.spec)
    kinds = [
        kind
        for kind in vars(schema).values()
        if isinstance(kind, type) and issubclass(kind, schema.Section) and kind is not schema.Step
    ]
    every = {f"{kind.__name__}.{name}" for kind in kinds for name in kind.model_fields}
    assert every - used == {
        "Spec.extends",
        "Spec.root",
        "Spec.apps",
        "Python.version",
    }  # no part of an image; they have tests of their own
