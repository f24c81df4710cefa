"""The pairs of apps and specs without one thing that they need: something is said."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.code.conftest import of_code
from tests.code.test_pairs import PAIRS

NOBODY_NEEDS = {
    ("gradio", "accelerate"),  # no code imports it
    ("optional", "tqdm"),  # the code does without it
}
OTHERS_BRING = {  # or may, for all that is known without a lock
    ("app_dir", "jax"),
    ("gradio", "fastapi"),
    ("gradio", "torch"),
    ("notebook", "matplotlib"),
    ("notebook", "pandas"),
    ("package", "numpy"),
    ("web_api", "httpx"),
    ("web_api", "pyyaml"),
}
KNOWS_MORE = {"vllm", "build_steps"}  # the base, and a repository that is cloned, may hold whatever is missing


def mutants() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """A pair, what is taken out, and the spec without it."""
    for path in PAIRS:
        spec = yaml.safe_load(path.read_text())
        name = path.parent.name
        if name in KNOWS_MORE:
            continue
        for index, item in enumerate(spec.get("source", ())):
            rest = [each for number, each in enumerate(spec["source"]) if number != index]
            yield name, str(item.get("package") or item.get("file") or item.get("dir")), {**spec, "source": rest}
        packages = spec.get("python", {}).get("packages", ())
        for package in packages:
            bare = package.partition("==")[0].partition("[")[0]
            if (name, bare) not in NOBODY_NEEDS | OTHERS_BRING:
                rest = [each for each in packages if each != package]
                yield name, bare, {**spec, "python": {"uv": "0.9.10", "packages": rest}}
        for package in spec.get("apt", ()):
            yield name, package, {**spec, "apt": [each for each in spec["apt"] if each != package]}


MUTANTS = list(mutants())


@pytest.mark.parametrize(("name", "without", "spec"), MUTANTS, ids=[f"{name}-{gone}" for name, gone, _ in MUTANTS])
def test_what_is_missing_is_named(
    name: str, without: str, spec: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / name
    shutil.copytree(Path(__file__).parent / "pairs" / name, project)
    (project / "spec.yaml").write_text(yaml.safe_dump(spec))
    monkeypatch.chdir(project)
    assert of_code(project / "spec.yaml")
