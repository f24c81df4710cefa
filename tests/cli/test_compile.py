"""`imagespec compile`: an image printed, or why it cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from .conftest import Run


@pytest.fixture
def image(specs: Path) -> Path:
    path = specs / "image.yaml"
    path.write_text('base: {debian_slim: "3.12.10"}\napt: [git]\npython: {uv: 0.9.10, packages: [Six == 1.17.0]}\n')
    return path


def test_python(run: Run, image: Path) -> None:
    code, out, err = run("compile", "image", "--to", "python")
    assert (code, err) == (0, "")
    built: dict[str, object] = {}
    exec(compile(out, "image.py", "exec"), built)
    assert type(built["image"]).__name__ == "Image"


def test_dockerfile(run: Run, image: Path) -> None:
    code, out, err = run("compile", "image", "--to", "dockerfile")
    assert (code, err) == (0, "")
    assert [line for line in out.splitlines() if "install" in line][-2:] == [
        "RUN apt-get install -y git",
        "RUN /.uv/uv pip install --python $(command -v python) --compile-bytecode six==1.17.0",
    ]
    assert run("compile", "image", "--to", "dockerfile", "--builder", "2025.06")[1] != out


def test_json(run: Run, image: Path) -> None:
    code, out, err = run("compile", "image", "--to", "json")
    assert (code, err) == (0, "")
    compiled = json.loads(out)
    assert list(compiled) == ["name", "digest", "layers"]
    assert compiled["digest"] == compiled["layers"][-1]["digest"]
    assert [(layer["op"], layer["file"], layer["line"]) for layer in compiled["layers"]] == [
        ("debian_slim", "specs/image.yaml", 1),
        ("apt_install", "specs/image.yaml", 2),
        ("uv_pip_install", "specs/image.yaml", 3),
    ]


def test_requirements(run: Run, image: Path) -> None:
    assert run("compile", "image", "--to", "requirements") == (0, "six==1.17.0\n", "")


def test_spec(run: Run, image: Path, folder: Path) -> None:
    (image.parent / "_base.yaml").write_text('base: {debian_slim: "3.12.10"}\napt: [git]\n')
    image.write_text("extends: _base.yaml\napt: [curl]\n")
    code, out, _ = run("compile", "image", "--to", "spec")
    assert code == 0
    assert yaml.safe_load(out)["apt"] == ["git", "curl"]
    digest = json.loads(run("compile", "image", "--to", "json")[1])["digest"]
    (folder / "merged.yaml").write_text(out)
    assert json.loads(run("compile", "merged.yaml", "--to", "json")[1])["digest"] == digest


@pytest.mark.parametrize("to", ["python", "dockerfile", "json", "requirements", "spec"])
def test_a_spec_with_errors(run: Run, specs: Path, to: str) -> None:
    code, out, err = run("compile", "specs/examples/broken.yaml", "--to", to)
    assert (code, out) == (1, "")
    assert err.startswith("error[IS101]: unknown key `aptt`\n")
    assert err.endswith("\n1 error\n")


def test_a_partial_spec(run: Run, specs: Path) -> None:
    (specs / "_partial.yaml").write_text("apt: [git]\n")
    code, out, err = run("compile", "_partial", "--to", "json")
    assert (code, out) == (1, "")
    assert "a partial spec without a base cannot be built" in err


def test_what_no_dockerfile_holds(run: Run, specs: Path) -> None:
    (specs / "image.yaml").write_text("base: {published: 'image:v1'}\n")
    code, out, err = run("compile", "image", "--to", "dockerfile")
    assert (code, out) == (1, "")
    assert (
        "error[IS908]: an image that only Modal has cannot be part of a Dockerfile\n  --> specs/image.yaml:1:8" in err
    )
    (specs / "image.yaml").write_text('base: {debian_slim: 3.12.10}\nrun: {commands: [a], env: {A: "b\\nc"}}\n')
    assert run("compile", "image", "--to", "python")[0] == 0
    code, out, err = run("compile", "image", "--to", "dockerfile")
    assert (code, out) == (1, "")
    assert "a value of several lines (`A`) cannot be part of a Dockerfile" in err


USAGE = {
    ("image",): "Missing option '--to'",
    ("image", "--to", "toml"): "'toml' is not one of",
    ("--to", "json"): "Missing argument 'SPEC'",
    ("imge", "--to", "json"): "did you mean `image`?",
    ("image", "--to", "json", "--builder", "2025.06"): "--builder belongs to `--to dockerfile`",
    ("image", "--to", "dockerfile", "--builder", "2025.6"): "'2025.6' is not one of",
}


@pytest.mark.parametrize("arguments", USAGE)
def test_wrong_usage(run: Run, image: Path, arguments: tuple[str, ...]) -> None:
    code, out, err = run("compile", *arguments)
    assert (code, out) == (2, "")
    assert USAGE[arguments] in err
