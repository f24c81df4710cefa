"""The shipped specs without one of the modules that they ship, or one of the packages that they name."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from imagespec.compiler import compile_spec
from imagespec.diagnostic import Diagnostic
from tests.code.conftest import of_code

PROJECT = Path(__file__).parents[2]
SPECS = ("classifier", "dit")
PACKAGES = [
    requirement.partition("==")[0]
    for requirement in yaml.safe_load((PROJECT / "specs" / "_base.yaml").read_text())["python"]["packages"]
]
BRINGS = {"pillow": "PIL"}
SOURCE = "source:\n  - package: training\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("specs", "training"):
        shutil.copytree(PROJECT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def reached(spec: str) -> Iterator[str]:
    """The modules of `training` that an app of the spec runs, `__init__` aside: without it, the folder is a package
    all the same."""
    from imagespec.code.view import view

    for reach in view(compile_spec(PROJECT / "specs" / f"{spec}.yaml")).reaches:
        for remote in reach.modules:
            name = re.fullmatch(r"/root/training/(\w+)\.py", remote)
            if name is not None and name[1] != "__init__":
                yield name[1]


MODULES = [(spec, name) for spec in SPECS for name in sorted(reached(spec))]


def errors(spec: Path) -> list[Diagnostic]:
    return [d for d in of_code(spec) if d.severity != "note"]


def test_all_of_the_trainer_is_reached() -> None:
    apps = {"classifier_app", "dit_app"}
    every = {path.stem for path in (PROJECT / "training").glob("*.py")} - apps - {"__init__"}
    assert {name for _, name in MODULES} == every


@pytest.mark.parametrize("spec", SPECS)
def test_without_an_item_of_the_source(project: Path, spec: str) -> None:
    path = project / "specs" / f"{spec}.yaml"
    assert SOURCE in path.read_text()
    path.write_text(path.read_text().replace(SOURCE, ""))
    found = [d for d in errors(path) if d.code == "IS601"]
    assert found[0].span.source.path == project / "training" / f"{spec}_app.py"
    assert found[0].hint.splitlines() == [
        f"`modal run -m training.{spec}_app` ships it; `modal run` of the file does not",
        f"add to specs/{spec}.yaml: source: [{{package: training}}]",
    ]


@pytest.mark.parametrize(("spec", "module"), MODULES)
def test_with_a_module_ignored(project: Path, spec: str, module: str) -> None:
    path = project / "specs" / f"{spec}.yaml"
    path.write_text(path.read_text().replace(SOURCE, f"{SOURCE}    ignore: ['{module}.py']\n"))
    found = [d for d in errors(path) if f"`training.{module}` is not in the image" in d.message]
    assert found
    assert f"; the other is at specs/{spec}.yaml:6" in found[0].hint


@pytest.mark.parametrize(("spec", "module"), MODULES)
def test_with_a_module_gone(project: Path, spec: str, module: str) -> None:
    (project / "training" / f"{module}.py").unlink()
    named = [d for d in errors(project / "specs" / f"{spec}.yaml") if f"`training.{module}`" in d.message]
    assert named


@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize("spec", SPECS)
def test_without_a_package(project: Path, spec: str, package: str) -> None:
    base = project / "specs" / "_base.yaml"
    base.write_text(re.sub(rf"    - {package}==.*\n", "", base.read_text()))
    assert package not in yaml.safe_load(base.read_text())["python"]["packages"]
    found = errors(project / "specs" / f"{spec}.yaml")
    assert any(f"`{BRINGS.get(package, package)}`" in d.message for d in found)
