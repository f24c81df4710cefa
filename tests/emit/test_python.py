"""The printed module: what it looks like. That it sends the same requests is in the conformance suite."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from imagespec.compiler import compile_spec
from imagespec.emit import python
from tests.conformance import CASES
from tests.conformance.case import Case

LOOKS = {
    "short": (
        """
base: {debian_slim: "3.12"}
apt: [git]
""",
        '''
"""The image `spec`, compiled by imagespec."""

import modal

image = (
    modal.Image.debian_slim("3.12")
    .apt_install("git")
)
''',
    ),
    "long calls are broken": (
        """
base: {debian_slim: "3.12"}
python:
  packages: [torch==2.5.1, torchvision==0.20.1, pillow==11.0.0, tqdm==4.67.1, tensorboard==2.18.0]
  secrets: [token]
  env: {ONE: a long value that needs a line of its own, TWO: another long value that makes the map too wide}
""",
        '''
"""The image `spec`, compiled by imagespec."""

import modal

image = (
    modal.Image.debian_slim("3.12")
    .uv_pip_install(
        "pillow==11.0.0",
        "tensorboard==2.18.0",
        "torch==2.5.1",
        "torchvision==0.20.1",
        "tqdm==4.67.1",
        env={
            "ONE": "a long value that needs a line of its own",
            "TWO": "another long value that makes the map too wide",
        },
        secrets=[modal.Secret.from_name("token")],
    )
)
''',
    ),
    "paths, functions and quotes": (
        """
base: {debian_slim: "3.12"}
steps:
  - pipe: "setup_steps:with_tools"
  - run_function: {raw_f: "setup_steps:Cache.warm", volumes: {/data: my-data}}
  - run_commands: ["echo \\"it's\\" \\\\ é \\t", "echo 'a'", "  a  "]
  - add_local_file: {local_path: notes.txt, remote_path: /notes.txt}
""",
        r'''
"""The image `spec`, compiled by imagespec."""

import modal
import setup_steps

image = (
    modal.Image.debian_slim("3.12")
    .pipe(setup_steps.with_tools)
    .run_function(
        setup_steps.Cache.warm,
        volumes={"/data": modal.Volume.from_name("my-data")},
    )
    .run_commands('echo "it\'s" \\ é \t', "echo 'a'", "  a  ")
    .add_local_file("notes.txt", "/notes.txt")
)
''',
    ),
    "what a function may be given": (
        """
base: {debian_slim: "3.12"}
steps:
  - pipe: {func: "setup_steps:with_tools", args: [1.5, null], kwargs: {shell: sh, class: 1, "a b": [true]}}
""",
        '''
"""The image `spec`, compiled by imagespec."""

import modal
import setup_steps

image = (
    modal.Image.debian_slim("3.12")
    .pipe(setup_steps.with_tools, 1.5, None, shell="sh", **{"class": 1, "a b": [True]})
)
''',
    ),
}


@pytest.mark.parametrize(("spec", "source"), LOOKS.values(), ids=LOOKS)
def test_it_reads_as_if_written_by_hand(project: Path, spec: str, source: str) -> None:
    (project / "spec.yaml").write_text(spec)
    assert python.emit(compile_spec(project / "spec.yaml")) == source.lstrip("\n")


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_it_names_no_path_of_this_machine(project: Path, case: Case) -> None:
    source = python.emit(compile_spec(case.written(project)))
    ast.parse(source)
    assert str(project) not in source
