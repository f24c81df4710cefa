"""Chains of many styles: what their adopted specs send is, request for request, what they send."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import modal
import pytest

from imagespec.adopt.draft import Draft
from imagespec.adopt.proof.prove import Equal, prove
from imagespec.adopt.readers import drafts
from imagespec.adopt.spec.sections import adopted
from imagespec.emit import modal as to_modal
from imagespec.image.lower import lower
from imagespec.spec.parse import Parsed, parse
from tests.oracle import Oracle

CHAINS = sorted((Path(__file__).parent / "chains").glob("*.py"))
NAMES = [path.stem for path in CHAINS]
WITHOUT_VARIABLE = {"inline_in_functions", "app_default"}
"""Whose images have no name in the module: a proof finds them all the same."""

pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated")


@pytest.fixture
def code(project: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A chain's file in the stand-in project, whose files it names."""
    source: Path = request.param
    path = project / source.name
    shutil.copyfile(source, path)
    (project / "src").mkdir(exist_ok=True)
    yield path
    path.unlink()
    sys.modules.pop(path.stem, None)


def read(path: Path) -> list[Draft]:
    found = drafts(path)
    assert isinstance(found, list)
    assert [finding.message for draft in found for finding in draft.findings()] == []
    return found


def spec_of(draft: Draft, folder: Path) -> Path:
    spec = adopted(draft, folder)
    assert spec.findings == ()
    path = folder / f"{spec.name}.yaml"
    path.write_text(spec.text)
    return path


def compiled(path: Path) -> modal.Image:
    parsed = parse(path)
    assert isinstance(parsed, Parsed)
    assert [finding.message for finding in parsed.diagnostics] == []
    return to_modal.emit(lower(parsed))


def imported(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def test_there_are_enough() -> None:
    assert len(CHAINS) >= 40


@pytest.mark.parametrize(
    "code", [path for path in CHAINS if path.stem not in WITHOUT_VARIABLE], indirect=True, ids=lambda path: path.stem
)
def test_requests_are_those_of_the_chain(oracle: Oracle, code: Path, tmp_path: Path) -> None:
    found = read(code)
    module = imported(code)
    for draft in found:
        _, *route = draft.made_by
        original = module
        for part in route:
            original = original[part] if isinstance(original, dict | list) else getattr(original, str(part))
        with oracle.secret("aws", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            assert oracle.requests(compiled(spec_of(draft, tmp_path))) == oracle.requests(original), draft.name


@pytest.mark.parametrize(
    "code",
    [path for index, path in enumerate(CHAINS) if index % 3 == 0 or path.stem in WITHOUT_VARIABLE],
    indirect=True,
    ids=lambda path: path.stem,
)
def test_the_proof_says_so_too(code: Path, tmp_path: Path) -> None:
    found = read(code)
    proofs = prove(found, [spec_of(draft, tmp_path) for draft in found])
    assert [proof for proof in proofs if not isinstance(proof, Equal)] == []


def test_every_image_is_found(project: Path) -> None:
    counts = {
        "several_from_a_base": 3,
        "in_a_dict": 5,
        "inline_in_functions": 2,
        "helper_makes_it": 3,
        "tuples_apart": 3,
    }
    for name, count in counts.items():
        path = project / f"{name}.py"
        shutil.copyfile(CHAINS[NAMES.index(name)], path)
        assert len(read(path)) == count, name
        path.unlink()
