"""What a spec becomes, whole and readable: `layers.json`, `image.py` and `Dockerfile` of each case.

A case is a folder here with a `spec.yaml` and the files that it names, or one of the specs that this repository ships,
over a stand-in for its package. `pytest --update` writes the results anew.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from imagespec.build.result import Target
from imagespec.compiler import compile_all
from imagespec.diagnostic import CompileError, render_text
from imagespec.emit import dockerfile, layers_json, python
from imagespec.emit.instructions.writer import BUILDERS

HERE = Path(__file__).parent
SPECS = HERE.parents[1] / "specs"
OWN = {folder.name: folder / "spec.yaml" for folder in sorted(HERE.iterdir()) if (folder / "spec.yaml").is_file()}
SHIPPED = {
    path.stem: path for path in sorted(SPECS.rglob("*.yaml")) if path.stem.isidentifier() and path.stem[0] != "_"
}
RESULTS = ("layers.json", "image.py", "Dockerfile")


def in_dockerfile(target: Target) -> str:
    """The Dockerfile, or why there is none."""
    try:
        return dockerfile.emit(target.image, target.parsed.tree.span, BUILDERS[-1], Path.cwd())
    except CompileError as error:
        return render_text(error.diagnostics)


EMITTED: dict[str, Callable[[Target], str]] = {
    "layers.json": lambda target: layers_json.emit(target.image, target.digests, target.parsed.tree.span),
    "image.py": lambda target: python.emit(target.image),
    "Dockerfile": in_dockerfile,
}


def copied(spec: Path, folder: Path) -> Path:
    """The case in a folder of its own: what its files are, and their modes, is the same everywhere."""
    if spec.is_relative_to(SPECS):
        shutil.copytree(SPECS, folder / "specs")
        for name in ("__init__", "classifier_app", "dit_app"):
            (folder / "training").mkdir(exist_ok=True)
            (folder / "training" / f"{name}.py").write_text(f'"""Stands in for {name}."""\n')
        found = folder / spec.relative_to(SPECS.parent)
    else:
        shutil.copytree(
            spec.parent, folder, dirs_exist_ok=True, ignore=lambda at, _: RESULTS if at == str(spec.parent) else ()
        )
        found = folder / spec.name
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return found


@pytest.mark.parametrize("name", [*OWN, *SHIPPED])
def test_a_spec_becomes_what_it_became(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, update: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    (target,), _ = compile_all([copied((OWN | SHIPPED)[name], tmp_path)])
    emitted = {file: emit(target) for file, emit in EMITTED.items()}
    if update:
        (HERE / name).mkdir(exist_ok=True)
        for file, text in emitted.items():
            (HERE / name / file).write_text(text, "utf-8")
    assert emitted == {file: (HERE / name / file).read_text("utf-8") for file in RESULTS}


def test_every_result_belongs_to_a_case() -> None:
    assert {path.parent.name for path in HERE.glob("*/layers.json")} == {*OWN, *SHIPPED}
