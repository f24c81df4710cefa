"""A file of several images: which of its functions are held against a spec."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from imagespec.code.app import app_of
from imagespec.code.images import Images
from imagespec.compiler import check, compile_spec
from tests.code.conftest import BASE, Found

TWO = """\
cpu_image = modal.Image.debian_slim("3.12")
gpu = cpu_image.pip_install("torch")
@app.function(image=cpu_image)
def web(): ...
@app.function(image=gpu)
def work(): ...
"""
REBOUND = """\
image = modal.Image.debian_slim("3.12")
@app.function(image=image)
def one(): ...
image = image.pip_install("torch")
@app.function(image=image)
def two(): ...
"""
IMPORTED = """\
from images import cpu_image, gpu
import common
@app.function(image=cpu_image)
def web(): ...
@app.function(image=gpu)
def work(): ...
@app.function(image=common.third)
def rest(): ...
"""
MIXED = """\
image = imagespec.load("train")
web = modal.Image.debian_slim("3.12")
@app.function(image=image.env({"A": "1"}))
def work(): ...
@app.function(image=web)
def serve(): ...
@app.function()
def plain(): ...
"""
OF_APP = """\
image = modal.Image.debian_slim("3.12")
app = modal.App("a", image=image)
other = modal.App("b")
@app.function()
def one(): ...
@app.cls(gpu="T4")
class Two: ...
@other.function()
def three(): ...
@app.local_entrypoint()
def main(): ...
"""
BY_FUNCTION = """\
@app.function(image=modal.Image.debian_slim("3.12"))
def one(): ...
@app.function(image=modal.Image.debian_slim("3.11"))
def two(): ...
"""
UNUSED = """\
base = modal.Image.debian_slim("3.12")
image = base.pip_install("torch")
@app.function(image=image)
def one(): ...
"""
ONE = """\
OPTIONS = {"image": make(), "gpu": "T4"}
@app.function(**OPTIONS)
def one(): ...
@app.function(**OPTIONS)
def two(): ...
"""

RUNS = [
    (TWO, "cpu-image", "web"),
    (TWO, "gpu", "work"),
    (TWO, "somewhere-else", ""),
    (REBOUND, "image", ""),
    (REBOUND, "two", "two"),
    (IMPORTED, "cpu_image", "web"),
    (IMPORTED, "third", "rest"),
    (IMPORTED, "another", ""),
    (MIXED, "train", "work"),
    (MIXED, "web", "serve"),
    (OF_APP, "image", "Two one"),
    (OF_APP, "train", "Two one"),
    (BY_FUNCTION, "two", "two"),
    (BY_FUNCTION, "image", ""),
    (UNUSED, "base", ""),
    (UNUSED, "image", "one"),
    (UNUSED, "train", "one"),
    (ONE, "train", "one two"),
]


@pytest.mark.parametrize(("text", "spec", "runs"), RUNS)
def test_functions_that_run_on_an_image(tmp_path: Path, text: str, spec: str, runs: str) -> None:
    path = tmp_path / "app.py"
    path.write_text(f'import modal\nimport imagespec\napp = modal.App("x")\n{text}')
    (tmp_path / f"{spec}.yaml").write_text(BASE)
    app = app_of(path, compile_spec(tmp_path / f"{spec}.yaml"))
    assert " ".join(sorted(app.here)) == runs
    every = Images.of(ast.parse(path.read_text()), spec)
    assert app.elsewhere == {*every.functions, *every.local} - app.here


def test_imports_of_another_image_are_not_wanted(found: Found) -> None:
    """`with other.imports()` imports in the containers of that image alone."""
    text = """\
import modal

app = modal.App("x")
spec = modal.Image.debian_slim()
other = modal.Image.debian_slim("3.12").pip_install("torch")

with %s.imports():
    import somewhere


@app.function(image=spec)
def one(): ...


@app.function(image=other)
def two(): ...
"""
    spec = "apps: [app.py]\npython: {uv: '0.9.10', packages: []}\n"
    assert found({"app.py": text % "other"}, spec) == []
    assert [d.code for d in found({"app.py": text % "spec"}, spec)] == ["IS602"]


def test_functions_of_another_file_on_another_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    head = 'import modal\nfrom common import app\n%s = modal.Image.debian_slim("3.12")\n@app.function(image=%s)\n'
    (tmp_path / "common.py").write_text('import modal\napp = modal.App("x")\n')
    (tmp_path / "app.py").write_text("import work\n" + head % ("cpu", "cpu") + "def web(): ...\n")
    (tmp_path / "cpu.yaml").write_text(f"{BASE}apps: [app.py]\nsource: [{{package: work}}, {{package: common}}]\n")
    for image, expected in (("gpu", []), ("cpu", ["IS602"])):
        (tmp_path / "work.py").write_text(head % (image, image) + "def go():\n    import somewhere\n")
        assert [d.code for d in check(tmp_path / "cpu.yaml") if d.code.startswith("IS6")] == expected
