"""`imagespec.load` where a function runs: no package but modal's own, no spec, nothing to read, and children too."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from modal_proto import api_pb2

from imagespec.compiler import compile_spec
from imagespec.emit.modal import emit
from tests.oracle import Oracle

ROOT = Path(__file__).resolve().parent.parent

BLOCKED = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"pydantic", "pydantic_core", "yaml", "_yaml", "click", "rich", "packaging", "uv"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
"""
"""As a `sitecustomize`, it is there in every process: what a container does not have."""

OPENED = """
import modal, os, sys

opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
import imagespec
image = imagespec.load("anything")
of_imports = list(opened)
for name in ("else", "a/path.yaml", "_base"):
    imagespec.load(name)
from imagespec import images
from imagespec.images import classifier, whatever
"""


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A folder for `PYTHONPATH` that takes away what a container lacks."""
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "sitecustomize.py").write_text(BLOCKED)
    return tmp_path / "bare"


def in_container(code: str, *path: Path, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run Python as Modal does in a container: from a folder without specs, with these folders alone to import from."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("MODAL_")}
    env |= {"MODAL_IS_REMOTE": "1", "PYTHONPATH": os.pathsep.join(map(str, path)), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env=env | environ, capture_output=True, text=True, check=False
    )


def answer(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_nothing_that_containers_lack_is_there_in_these_tests(bare: Path, tmp_path: Path) -> None:
    for name in ("pydantic", "yaml", "click", "rich", "packaging", "uv"):
        assert f"No module named '{name}'" in in_container(f"import {name}", bare, ROOT, cwd=tmp_path).stderr


def test_it_opens_no_file_but_those_of_its_own_two_modules(bare: Path, tmp_path: Path) -> None:
    code = f"{OPENED}\nimport json; print(json.dumps([type(image).__name__, of_imports, opened]))"
    kind, of_imports, opened = answer(in_container(code, bare, ROOT, cwd=tmp_path))
    own = {str(ROOT / "imagespec" / name) for name in ("__init__.py", "images.py")}
    assert kind == "Image"
    assert {_source(path) for path in of_imports} == {str(ROOT / "imagespec" / "__init__.py")}
    assert {_source(path) for path in opened} == own


def _source(path: str) -> str:
    """The source of a module whose source or bytecode was opened."""
    file = Path(path)
    return str(file.parent.parent / f"{file.name.partition('.')[0]}.py") if file.suffix == ".pyc" else path


def test_it_imports_nothing_but_itself(bare: Path, tmp_path: Path) -> None:
    code = """
import json, modal, sys
before = set(sys.modules)
import imagespec
imagespec.load("anything")
from imagespec.images import classifier
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    assert answer(in_container(code, bare, ROOT, cwd=tmp_path)) == ["imagespec", "imagespec.images"]


@pytest.mark.parametrize("name", ["__init__.py", "images.py"])
def test_the_python_of_an_image_may_be_older_than_ours(name: str) -> None:
    ast.parse((ROOT / "imagespec" / name).read_text("utf-8"), feature_version=(3, 9))


def test_in_a_child_of_the_functions_process_too(bare: Path, tmp_path: Path) -> None:
    """There `modal.is_local()` is true, and workers of torchrun import the app's module once more."""
    worker = f"""
{OPENED}
read = [path for path in opened if not path.endswith((".py", ".pyc"))]
local = modal.is_local()

def found():
    return type(image).__name__, read, local
"""
    (tmp_path / "worker.py").write_text(worker)
    (tmp_path / "main.py").write_text("""
import json, multiprocessing
from worker import found

if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(json.dumps([found(), pool.apply(found)]))
""")
    code = f"import runpy; runpy.run_path({str(tmp_path / 'main.py')!r}, run_name='__main__')"
    assert answer(in_container(code, bare, ROOT, tmp_path, cwd=tmp_path)) == [["Image", [], True]] * 2


def test_a_placeholder_that_is_built_after_all_fails_loudly(on_oracle: Oracle, bare: Path, tmp_path: Path) -> None:
    """A function that starts sandboxes on an image of another function would otherwise get a bare Debian."""
    code = """
import modal, imagespec
image = imagespec.load("anything").add_local_python_source("imagespec")
with modal.App("x").run() as app:
    try:
        image.build(app)
    except modal.exception.InvalidError as error:
        print('"', error, '"', sep="")
"""
    done = in_container(code, bare, ROOT, cwd=tmp_path, **on_oracle.environ)
    assert "imagespec.load() gives the image only outside of containers" in answer(done)


# ------------------------------------------------------------------------- apps, from `modal run` to container

APP = """
import modal
import imagespec

app = modal.App("app")
image = imagespec.load("one")
other = imagespec.load("two")
secret = modal.Secret.from_name("token")
volume = modal.Volume.from_name("data", create_if_missing=True)

with image.imports():
    import only_in_one
with other.imports():
    import only_in_two

@app.function(image=image, gpu="T4", secrets=[secret], volumes={"/data": volume})
def first():
    return 1

@app.function(image=other)
def second():
    return 2

@app.local_entrypoint()
def main():
    print(first.remote(), second.remote())
"""

HYDRATE = """
import contextlib, json, sys
from modal._container_entrypoint import hydrate_function
from modal._utils.async_utils import synchronizer
from modal.client import Client
from modal_proto import api_pb2

class Lifecycle:
    handle_task_lifecycle_exception = staticmethod(contextlib.nullcontext)

args = api_pb2.ContainerArguments.FromString(bytes.fromhex(sys.stdin.read()))
client = synchronizer._translate_in(Client.from_env())
try:
    service = hydrate_function(args, Lifecycle(), args.function_def, client)
except ImportError as error:
    print(json.dumps([str(error)]))
else:
    print(json.dumps([dep.object_id for dep in service.service_deps]))
"""
"""What the container's entry point does before it calls the function, by Modal's own code."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "specs").mkdir()
    for name in ("one", "two"):
        text = f'root: ..\nbase:\n  debian_slim: "3.12.10"\nenv:\n  NAME: {name}\nsource:\n  - package: library\n'
        (tmp_path / "specs" / f"{name}.yaml").write_text(text)
    for name, text in {"library/__init__.py": "", "apps/__init__.py": "", "apps/app.py": APP}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def modal_run(oracle: Oracle, cwd: Path, *arguments: str) -> tuple[subprocess.CompletedProcess[str], Any]:
    env = {**os.environ, **oracle.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "modal", "run", *arguments]
    with oracle.recording() as calls:
        done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done, calls


def mounted(oracle: Oracle, function: api_pb2.Function) -> dict[str, str]:
    """What `/root` holds in a container of the function: paths to hashes."""
    layers = oracle.requests_of(function)
    lines = [line.split() for layer in layers for line in layer.get("mounted", ())]
    return {path: digest for path, _, digest in lines}


@pytest.mark.parametrize("arguments", [("apps/app.py",), ("-m", "apps.app")])
def test_a_function_finds_its_placeholder_hydrated(
    oracle: Oracle, bare: Path, project: Path, arguments: tuple[str, ...]
) -> None:
    """From `modal run` to the function's first line: the container has the files that were mounted and no others."""
    _, calls = modal_run(oracle, project, *arguments)
    created = {f.function.function_name: f.function for f in calls.messages("FunctionCreate")}
    for name, module in (("first", "only_in_one"), ("second", "only_in_two")):
        function = created[name]
        container = project / f"container-{name}"
        for path in mounted(oracle, function):
            source = next(p for p in (project, project / "apps", ROOT) if (p / path.removeprefix("/root/")).exists())
            target = container / path.removeprefix("/root/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((source / path.removeprefix("/root/")).read_bytes())
        assert not list(container.rglob("*.yaml"))
        (container / f"{module}.py").write_text("")
        expected = [dependency.object_id for dependency in function.object_dependencies]
        assert function.image_id in expected

        def hydrate(container: Path = container, function: api_pb2.Function = function) -> Any:
            return answer(_hydrated(oracle, bare, container, function))

        assert hydrate() == expected
        (container / f"{module}.py").unlink()
        assert hydrate() == [f"No module named '{module}'"]


def _hydrated(
    oracle: Oracle, bare: Path, container: Path, function: api_pb2.Function
) -> subprocess.CompletedProcess[str]:
    objects = [api_pb2.Object(object_id=dependency.object_id) for dependency in function.object_dependencies]
    for each in objects:
        if each.object_id.startswith("vo-"):
            each.volume_metadata.SetInParent()
    arguments = api_pb2.ContainerArguments(
        app_id="ap-1", function_id="fu-1", function_def=function, app_layout=api_pb2.AppLayout(objects=objects)
    )
    env = {name: value for name, value in os.environ.items() if not name.startswith("MODAL_")}
    env |= {"MODAL_IS_REMOTE": "1", "MODAL_SERVER_URL": oracle.url, "MODAL_IMAGE_ID": function.image_id}
    env |= {"PYTHONPATH": os.pathsep.join((str(bare), str(container)))}
    return subprocess.run(
        [sys.executable, "-c", HYDRATE],
        cwd=container,
        env=env,
        input=arguments.SerializeToString().hex(),
        capture_output=True,
        text=True,
        check=False,
    )


# --------------------------------------------------------------------------------------------- shipped apps


@pytest.mark.parametrize(("name", "gpu"), [("classifier", "T4"), ("dit", "H100")])
@pytest.mark.parametrize("form", ["file", "module"])
def test_the_shipped_apps_run_on_the_shipped_specs(oracle: Oracle, bare: Path, name: str, gpu: str, form: str) -> None:
    arguments = [f"training/{name}_app.py"] if form == "file" else ["-m", f"training.{name}_app"]
    _, calls = modal_run(oracle, ROOT, *arguments, "train", "--data", "synthetic")
    functions = {request.function.function_name: request.function for request in calls.messages("FunctionCreate")}
    compiled = oracle.requests(emit(compile_spec(ROOT / "specs" / f"{name}.yaml")))
    for function in functions.values():
        assert oracle.requests_of(function)[: len(compiled) - 1] == compiled[:-1]
    assert functions["train"].resources.gpu_config.gpu_type == gpu
    files = mounted(oracle, functions["train"])
    assert {"/root/imagespec/__init__.py", "/root/imagespec/images.py", f"/root/training/{name}_app.py"} <= set(files)
    assert {Path(path).suffix for path in files} == {".py"}
    code = f"import training.{name}_app as module; print(type(module.image).__name__)"
    assert in_container(code, bare, ROOT, cwd=ROOT).stdout == "Image\n"
