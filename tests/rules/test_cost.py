"""What makes edits cost more than they have to, and its twin that does not."""

from __future__ import annotations

import pytest

from .conftest import Check

SPECS = {
    "pip": ("python: {installer: pip, packages: [six==1.17.0]}", [("IS501", 2, 10)]),
    "uv by its name": ("python: {uv: '1.0.0', installer: uv, packages: [six==1.17.0]}", []),
    "pip in a step": ("steps: [{pip_install: [six==1.17.0]}]", [("IS501", 2, 10)]),
    "uv in a step": ("steps: [{uv_pip_install: {packages: [six==1.17.0], uv_version: '1.0.0'}}]", []),
    "copied last": ("source: [{dir: other, to: /a, copy: true}]", [("IS502", 2, 37)]),
    "copied before settings": ("source: [{dir: other, to: /a, copy: true}]\ncmd: [a]", [("IS502", 2, 37)]),
    "copied and used": (
        "steps: [{add_local_dir: {local_path: other, remote_path: /a, copy: true}}, {run_commands: [make]}]",
        [],
    ),
    "mounted": ("source: [{dir: other, to: /a}]", []),
    "torch and others": ("python: {uv: '1.0.0', packages: [six==1.17.0, torch==2.5.1]}", [("IS503", 2, 47)]),
    "torch alone": ("python: {uv: '1.0.0', packages: [torch==2.5.1]}", []),
    "others alone": ("python: {uv: '1.0.0', packages: [six==1.17.0, tqdm==4.67.1]}", []),
    "torch in a step of its own": (
        "python: {uv: '1.0.0', packages: [six==1.17.0]}\n"
        "steps: [{uv_pip_install: {packages: [torch==2.5.1], uv_version: '1.0.0'}}]",
        [],
    ),
}


@pytest.mark.parametrize(("spec", "expected"), SPECS.values(), ids=SPECS)
def test_cost(found: Check, spec: str, expected: list[tuple[str, int, int]]) -> None:
    assert found(spec) == expected
