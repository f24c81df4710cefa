"""Apps of many kinds that run on their images: `check` has nothing to say about their code."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagespec.code.view import view
from imagespec.compiler import compile_spec
from tests.code.conftest import of_code

PAIRS = sorted(Path(__file__).parent.glob("pairs/*/spec.yaml"))


@pytest.mark.parametrize("spec", PAIRS, ids=lambda spec: spec.parent.name)
def test_no_false_alarm(spec: Path) -> None:
    assert of_code(spec) == []


@pytest.mark.parametrize("spec", PAIRS, ids=lambda spec: spec.parent.name)
def test_every_app_is_looked_into(spec: Path) -> None:
    image = compile_spec(spec)
    assert image.apps
    for reach in view(image).reaches:
        assert reach.app.here
        assert reach.modules


def test_there_are_enough() -> None:
    assert len(PAIRS) >= 20


@pytest.mark.parametrize("name", ["classifier", "dit"])
def test_the_shipped_specs(name: str) -> None:
    assert of_code(Path(__file__).parents[2] / "specs" / f"{name}.yaml") == []
