"""The public names: which spec is meant, what `load` gives, and what it says where it cannot."""

from __future__ import annotations

import importlib
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import modal
import pytest

import imagespec
from tests.oracle import Oracle

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a file below a folder that holds nothing else, and is far from the working directory's own specs."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


def spec(marker: str) -> str:
    return f'base:\n  debian_slim: "3.12.10"\nenv:\n  MARKER: {marker}\n'


def marker(image: modal.Image, oracle: Oracle) -> str:
    """Of which spec an image is, by what is sent for it."""
    for layer in oracle.requests(image):
        for line in layer.get("image", {}).get("dockerfile_commands", ()):
            if line.startswith("ENV MARKER="):
                return str(line.removeprefix("ENV MARKER="))
    raise AssertionError("no marker")


def in_app(write: Write, code: str, path: str = "project/deep/app.py") -> dict[str, Any]:
    """Run a module of an app."""
    return runpy.run_path(str(write(path, f"import imagespec\n{code}\n")))


def loaded(write: Write, name: str, path: str = "project/deep/app.py") -> modal.Image:
    image: modal.Image = in_app(write, f"image = imagespec.load({name!r})", path)["image"]
    return image


# ---------------------------------------------------------------------------------------------- which spec


def test_by_name_from_the_callers_folder_upwards(write: Write, on_oracle: Oracle) -> None:
    write("project/specs/one.yaml", spec("project"))
    write("elsewhere/specs/one.yaml", spec("elsewhere"))
    assert marker(loaded(write, "one"), on_oracle) == "project"


def test_by_name_from_the_working_directory_upwards(write: Write, on_oracle: Oracle) -> None:
    write("project/specs/one.yaml", spec("project"))
    write("elsewhere/specs/two.yaml", spec("elsewhere"))
    assert marker(loaded(write, "two"), on_oracle) == "elsewhere"


def test_the_nearest_folder_of_specs(write: Write, on_oracle: Oracle) -> None:
    write("project/specs/one.yaml", spec("far"))
    write("project/deep/specs/one.yaml", spec("near"))
    assert marker(loaded(write, "one"), on_oracle) == "near"


@pytest.mark.parametrize("name", ["my-image", "my_image"])
def test_a_hyphen_or_an_underscore(write: Write, on_oracle: Oracle, name: str) -> None:
    write("project/specs/my-image.yaml", spec("hyphen"))
    assert marker(loaded(write, name), on_oracle) == "hyphen"


def test_what_is_spelled_so_goes_first(write: Write, on_oracle: Oracle) -> None:
    write("project/specs/my-image.yaml", spec("hyphen"))
    write("project/specs/my_image.yaml", spec("underscore"))
    assert marker(loaded(write, "my_image"), on_oracle) == "underscore"
    assert marker(loaded(write, "my-image"), on_oracle) == "hyphen"


def test_by_path(write: Write, on_oracle: Oracle, tmp_path: Path) -> None:
    path = write("project/other/one.yaml", spec("path"))
    for given in (path, str(path), "../project/other/one.yaml"):
        assert marker(imagespec.load(given), on_oracle) == "path"
    assert marker(loaded(write, "../other/one.yaml"), on_oracle) == "path"


def test_a_relative_path_is_the_working_directorys_first(write: Write, on_oracle: Oracle) -> None:
    write("project/deep/one.yaml", spec("caller"))
    write("elsewhere/one.yaml", spec("working directory"))
    assert marker(loaded(write, "one.yaml"), on_oracle) == "'working directory'"


def test_no_such_spec(write: Write, tmp_path: Path) -> None:
    write("project/specs/classifier.yaml", spec("x"))
    write("elsewhere/specs/dit.yaml", spec("x"))
    with pytest.raises(FileNotFoundError) as caught:
        loaded(write, "clasifier")
    assert str(caught.value) == (
        f"no spec `clasifier` in `{tmp_path}/project/specs` or `specs`; did you mean `classifier`?"
    )
    with pytest.raises(FileNotFoundError, match=r"there are: dit, classifier$"):
        loaded(write, "something")


def test_no_folder_of_specs(write: Write, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        loaded(write, "one")
    assert str(caught.value) == f"no spec `one` and no folder `specs` in or above `{tmp_path}/project/deep` or `.`"


def test_no_such_file(write: Write, tmp_path: Path) -> None:
    write("project/specs/one.yaml", spec("x"))
    with pytest.raises(FileNotFoundError) as caught:
        loaded(write, "one.yaml")
    assert str(caught.value) == f"no spec `one.yaml` in `.` or `{tmp_path}/project/deep`; did you mean `one`?"


# ---------------------------------------------------------------------------------------------- what it gives


def test_the_compiled_image_with_imagespec_mounted_last(write: Write, on_oracle: Oracle) -> None:
    write("project/specs/one.yaml", spec("x") + "source:\n  - file: data.txt\n    to: /data.txt\n")
    data = write("project/specs/data.txt", "data")
    by_hand = (
        modal.Image.debian_slim("3.12.10")
        .env({"MARKER": "x"})
        .add_local_file(data, "/data.txt")
        .add_local_python_source("imagespec")
    )
    assert on_oracle.requests(loaded(write, "one")) == on_oracle.requests(by_hand)


def test_errors_of_the_spec_are_shown_where_the_app_is_imported(write: Write) -> None:
    write("project/specs/one.yaml", 'base:\n  debian_slim: "3.12.10"\napts: [git]\n')
    app = write("project/app.py", "import imagespec\nimage = imagespec.load('one')\n")
    root = str(Path(imagespec.__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, app], env={"PYTHONPATH": root}, cwd=app.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert (
        "error[IS101]: unknown key `apts`\n  --> specs/one.yaml:3:1\n   |\n 3 | apts: [git]\n   | ^^^^\n" in done.stderr
    )
    frames = [line for line in done.stderr.splitlines() if line.startswith("  File ")]
    assert len(frames) == 2  # the app's line, and `load`
    with pytest.raises(imagespec.CompileError) as caught:
        loaded(write, "one")
    assert [finding.code for finding in caught.value.diagnostics if finding.severity == "error"] == ["IS101"]


def test_a_partial_spec_is_no_image(write: Write) -> None:
    write("project/specs/_base.yaml", spec("x").replace("base:", "env:", 1).partition("env:\n  MARKER")[0])
    with pytest.raises(imagespec.CompileError):
        loaded(write, "_base")


def test_compile_and_check(write: Write) -> None:
    write("project/specs/one.yaml", spec("x"))
    names = in_app(write, "image = imagespec.compile('one')\nfindings = imagespec.check('one')")
    assert [layer.operation.method for layer in names["image"].layers] == ["debian_slim", "env"]
    assert names["findings"] == []
    write("project/specs/two.yaml", "base: 1\n")
    names = in_app(write, "findings = imagespec.check('two')")
    assert all(isinstance(finding, imagespec.Diagnostic) for finding in names["findings"])
    assert names["findings"]


# -------------------------------------------------------------------------------------------- imagespec.images


def test_an_image_by_import(write: Write, on_oracle: Oracle) -> None:
    write("project/specs/my-image.yaml", spec("imported"))
    names = in_app(write, "from imagespec.images import my_image as image\nimport imagespec.images as images")
    assert marker(names["image"], on_oracle) == "imported"


def test_the_reason_of_a_failed_import(write: Write) -> None:
    write("project/specs/classifier.yaml", spec("x"))
    with pytest.raises(ImportError, match=r"^no spec `clasifier` in .*; did you mean `classifier`\?$"):
        in_app(write, "from imagespec.images import clasifier")


@pytest.mark.parametrize("name", ["__path__", "__wrapped__", "_base"])
def test_names_that_no_image_has(name: str) -> None:
    images = importlib.import_module("imagespec.images")
    assert not hasattr(images, name)


def test_any_name_can_be_a_specs(write: Write, on_oracle: Oracle) -> None:
    """The module has no name of its own that could stand in the way."""
    images = importlib.import_module("imagespec.images")
    assert [name for name in vars(images) if not name.startswith("_")] == []


# ------------------------------------------------------------------------------------------------- the package


def test_public_names() -> None:
    for name in imagespec.__all__:
        assert getattr(imagespec, name) is not None
    assert set(imagespec.__all__) <= set(dir(imagespec))
    with pytest.raises(AttributeError, match=r"^module `imagespec` has no attribute `lod`$"):
        _ = imagespec.lod  # type: ignore[attr-defined]


def test_build_stays_a_function() -> None:
    """Importing from the folder `imagespec/build` would otherwise put the folder in its place."""
    code = """
import imagespec
from imagespec.build import result
import imagespec.build.record
from imagespec.build.result import Target
assert callable(imagespec.build) and imagespec.build.__name__ == "build", imagespec.build
assert result.Target is Target
"""
    root = str(Path(imagespec.__file__).parent.parent)
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": root})


def test_importing_it_loads_neither_modal_nor_the_compiler() -> None:
    code = "import sys, imagespec; print([m for m in sys.modules if m.startswith(('modal', 'imagespec.', 'pydantic'))])"
    root = str(Path(imagespec.__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": root}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


# ------------------------------------------------------------------------------------------------------ build


def test_build(write: Write, on_oracle: Oracle, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    write("project/specs/one.yaml", spec("one"))
    write("project/specs/two.yaml", spec("two"))
    write("project/specs/_base.yaml", spec("partial"))
    for code, expected in (("'two', on='modal'", ["two"]), ("on='modal'", ["one", "two"])):
        results = in_app(write, f"results = imagespec.build({code})")["results"]
        assert [(result.spec, result.backend, result.ok) for result in results] == [
            (name, "modal", True) for name in expected
        ]
    assert (tmp_path / "project" / ".imagespec" / "record.sqlite").exists()
    out, err = capsys.readouterr()
    assert out == ""
    assert "two | env built in " in err


def test_build_of_a_spec_with_errors_builds_nothing(write: Write, on_oracle: Oracle) -> None:
    write("project/specs/one.yaml", spec("one"))
    write("project/specs/two.yaml", "base: 1\n")
    with on_oracle.recording() as calls, pytest.raises(imagespec.CompileError):
        in_app(write, "imagespec.build(on='modal')")
    assert calls == []


def test_build_without_specs(write: Write) -> None:
    with pytest.raises(FileNotFoundError, match=r"^no specs and no folder `specs` in or above "):
        in_app(write, "imagespec.build()")
