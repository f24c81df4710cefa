"""The merged spec: one file that says all, and describes the same image."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagespec.compiler import compile_all
from imagespec.emit import merged
from imagespec.image.digest import digests
from tests.conformance import CASES
from tests.conformance.case import Case

BASE = """
root: ..
base: {debian_slim: "3.12"}
apt: [git]
python: [six==1.17.0]
env: {A: "1", B: "1"}
entrypoint: [tini]
checks: {imports: [six]}
"""
CHILD = """
extends: _base.yaml
apt: [curl]
python: {packages: [attrs==25.3.0], requirements: [requirements.txt]}
env: {B: "2"}
entrypoint: [dumb-init, --]
source: [{file: notes.txt, to: /notes.txt, copy: true}]
steps:
  - env: {C: "3"}
  - poetry_install_from_file: {poetry_pyproject_toml: poetry/pyproject.toml, poetry_version: null}
"""
MERGED = """\
# child: merged by imagespec; save it in the folder in which it was printed
base:
  debian_slim:
    python: '3.12'
apt:
- git
- curl
python:
  packages:
  - six==1.17.0
  - attrs==25.3.0
  requirements:
  - requirements.txt
env:
  A: '1'
  B: '2'
entrypoint:
- dumb-init
- --
source:
- file: notes.txt
  to: /notes.txt
  copy: true
steps:
- env:
    C: '3'
- poetry_install_from_file:
    poetry_pyproject_toml: poetry/pyproject.toml
    poetry_version: null
checks:
  imports:
  - six
"""


def test_what_it_extends_is_merged_in(project: Path) -> None:
    (project / "specs").mkdir(exist_ok=True)
    (project / "specs" / "_base.yaml").write_text(BASE)
    child = project / "specs" / "child.yaml"
    child.write_text(CHILD)
    (target,), _ = compile_all([child])
    assert merged.emit(target.parsed) == MERGED
    (project / "merged.yaml").write_text(MERGED)
    (again,), _ = compile_all([project / "merged.yaml"])
    assert again.image.layers == target.image.layers
    assert again.digests == target.digests
    assert again.image.checks == target.image.checks


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_it_describes_the_same_image(project: Path, case: Case) -> None:
    (target,), _ = compile_all([case.written(project)])
    (project / "merged.yaml").write_text(merged.emit(target.parsed))
    (again,), _ = compile_all([project / "merged.yaml"])
    assert again.image.layers == target.image.layers
    assert digests(again.image) == target.digests


@pytest.mark.parametrize("root", [".", "..", "../data"])
def test_paths_are_relative_to_its_root(project: Path, root: str) -> None:
    spec = project / "more" / "spec.yaml"
    spec.write_text(f"root: {root}\nbase: {{scratch: true}}\nsource: [{{file: {project}/data/a.txt, to: /a}}]\n")
    (target,), _ = compile_all([spec])
    (project / "merged.yaml").write_text(merged.emit(target.parsed))
    assert str(project) not in merged.emit(target.parsed)
    (again,), _ = compile_all([project / "merged.yaml"])
    assert (again.image.root, again.digests) == (target.image.root, target.digests)
