"""Layers -> one list of all packages that they name."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagespec.compiler import compile_spec
from imagespec.emit import requirements

LISTS = {
    "sections": (
        """
python:
  packages: ["Pillow == 11.0.0", "torch[extra]==2.5.1; sys_platform == 'linux'"]
  requirements: [requirements.txt, more/requirements.txt]
  pyproject: {path: pyproject.toml, extras: [train]}
""",
        """
attrs==25.3.0
modal
pillow==11.0.0
six==1.17.0
torch==2.5.1
torch[extra]==2.5.1; sys_platform == "linux"
""",
    ),
    "steps": (
        """
steps:
  - pip_install: [B==2, "a == 1"]
  - uv_pip_install: {packages: [c==3], requirements: [requirements.txt]}
  - pip_install_from_requirements: more/requirements.txt
  - pip_install_from_pyproject: {pyproject_toml: pyproject.toml, optional_dependencies: [eval]}
  - pip_install_private_repos: {repositories: [github.com/me/mine@v1], git_user: me, secrets: [token]}
""",
        """
a==1
attrs==25.3.0
b==2
c==3
git+https://github.com/me/mine@v1
modal
six==1.17.0
torch==2.5.1
tqdm==4.67.1
""",
    ),
    "none": ("", ""),
}


@pytest.mark.parametrize(("spec", "lines"), LISTS.values(), ids=LISTS)
def test_every_package_is_listed_once(project: Path, spec: str, lines: str) -> None:
    (project / "spec.yaml").write_text(f'base: {{debian_slim: "3.12"}}\n{spec}')
    assert requirements.emit(compile_spec(project / "spec.yaml")) == lines.lstrip("\n")
