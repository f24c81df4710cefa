"""What `compile --to python` prints is adopted back: the same operations, and so the same digests."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings

from imagespec.adopt.readers import drafts
from imagespec.adopt.spec.same import digests_of
from imagespec.adopt.spec.sections import adopted
from imagespec.emit import python
from imagespec.image.layers import Image
from imagespec.image.lower import lower
from imagespec.spec import operations as ops
from imagespec.spec.parse import Parsed, parse
from tests.conformance import CASES
from tests.conformance.case import Case
from tests.strategies import SPEC, Spec

SHIPPED = ("classifier", "dit", "examples/legacy", "examples/pytorch", "examples/cuda_devel", "examples/requirements")


def image(path: Path) -> Image | None:
    """The image of a spec, without its lock: what that holds is no part of the code."""
    parsed = parse(path)
    return lower(parsed) if isinstance(parsed, Parsed) and parsed.whole else None


def operations(of: Image) -> list[ops.AnyOperation]:
    return [layer.operation for layer in of.layers]


def adopted_again(original: Image, folder: Path) -> Image:
    """The image of the spec that its printed source is adopted to."""
    source = folder / "printed.py"
    source.write_text(python.emit(original))
    found = drafts(source)
    assert isinstance(found, list), found
    assert [draft.name for draft in found] == ["image"]
    spec = adopted(found[0], folder)
    assert [finding.message for finding in spec.findings] == []
    path = folder / "image.yaml"
    path.write_text(spec.text)
    again = image(path)
    assert again is not None, spec.text
    return again


def assert_same(original: Image, folder: Path) -> None:
    again = adopted_again(original, folder)
    assert digests_of(operations(again), again.root) == digests_of(operations(original), original.root)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_of_every_case(project: Path, case: Case) -> None:
    original = image(case.written(project))
    assert original is not None
    if any(isinstance(operation, ops.Pipe) for operation in operations(original)):
        return  # its function is followed, so that the layers stand in the spec themselves
    assert_same(original, project)


@pytest.mark.parametrize("name", SHIPPED)
def test_of_every_shipped_spec(at_home: Path, name: str, tmp_path: Path) -> None:
    original = image(at_home / "specs" / f"{name}.yaml")
    assert original is not None
    assert_same(original, tmp_path)


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spec=SPEC)
def test_of_random_specs(project: Path, spec: Spec) -> None:
    path = project / "random.yaml"
    path.write_text(yaml.safe_dump(spec, allow_unicode=True, sort_keys=False))
    original = image(path)
    assume(original is not None)
    assert original is not None
    assume(not any(isinstance(operation, ops.Pipe) for operation in operations(original)))
    assert_same(original, project)
