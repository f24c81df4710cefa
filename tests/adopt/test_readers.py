"""Which file is read how, and what is given to whoever reads it."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
import yaml

from imagespec.adopt.readers import Given, drafts
from imagespec.cli.main import cli

DOCKERFILE = "ARG BASE\nFROM $BASE\nCOPY main.py /app/\n"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docker").mkdir()
    (tmp_path / "main.py").write_text("")
    (tmp_path / "docker" / "Dockerfile").write_text(DOCKERFILE)
    (tmp_path / "requirements.txt").write_text("six==1.16.0\n")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "text", "first"),
    [
        ("Dockerfile", "FROM python:3.12\n", "from_registry"),
        ("Dockerfile.gpu", "FROM python:3.12\n", "from_registry"),
        ("gpu.Dockerfile", "FROM python:3.12\n", "from_registry"),
        ("gpu.dockerfile", "FROM python:3.12\n", "from_registry"),
        ("Dockerfile-gpu", "FROM python:3.12\n", "from_registry"),
        ("dockerfile", "FROM python:3.12\n", "from_registry"),
        ("Containerfile", "FROM python:3.12\n", "from_registry"),
        ("requirements-dev.txt", "six\n", "debian_slim"),
        ("environment.yaml", "dependencies: [python=3.12, numpy]\n", "micromamba"),
        ("cog.yaml", "build: {python_version: '3.12'}\n", "debian_slim"),
        ("pyproject.toml", "[project]\ndependencies = ['six']\n", "debian_slim"),
        ("app.py", "import modal\nimage = modal.Image.debian_slim('3.12')\n", "debian_slim"),
    ],
)
def test_the_name_says_how_a_file_is_read(name: str, text: str, first: str) -> None:
    Path(name).write_text(text)
    read = drafts(Path(name))
    assert isinstance(read, list)
    operation = read[0].operations[0].operation
    assert operation is not None
    assert operation.method == first


def test_what_is_given_goes_to_whoever_takes_it() -> None:
    given = Given(python="3.13", context=Path(), build_args={"BASE": "python:3.12"})
    (of_docker,) = drafts(Path("docker/Dockerfile"), given)
    (of_pins,) = drafts(Path("requirements.txt"), given)
    assert [each.operation.method for each in of_docker.operations if each.operation] == [
        "from_registry",
        "add_local_file",
    ]
    assert of_pins.operations[0].operation.python_version == "3.13"  # type: ignore[union-attr]


def test_the_command_takes_it_too(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["adopt", "docker/Dockerfile", "requirements.txt", "--out", "specs", "--context", "."]
    with pytest.raises(SystemExit) as exited:
        cli.main([*arguments, "--build-arg", "BASE=python:3.12", "--python", "3.13"], standalone_mode=False)
    assert exited.value.code == 0
    specs = {path.stem: yaml.safe_load(path.read_text()) for path in Path("specs").glob("*.yaml")}
    assert specs.pop("docker") == {
        "root": "..",
        "base": {"registry": "python:3.12"},
        "source": [{"file": "main.py", "to": "/app/main.py", "copy": True}],
    }
    assert list(specs.values()) == [
        {"root": "..", "base": {"debian_slim": "3.13"}, "python": {"requirements": ["requirements.txt"]}}
    ]
    capsys.readouterr()
    for python in ("junk", "9.9", "3", "3.12,3.13", "3.12\n"):
        with pytest.raises(click.UsageError, match=r"write it as 3\.12, or as 3\.12\.4"):
            cli.main([*arguments, "--python", python], standalone_mode=False)
    with pytest.raises(Exception, match="write it as NAME=VALUE"):
        cli.main([*arguments, "--build-arg", "BASE"], standalone_mode=False)


def adopt(*arguments: str) -> object:
    with pytest.raises(SystemExit) as exited:
        cli.main(["adopt", *arguments], standalone_mode=False)
    return exited.value.code


def test_images_of_one_name_get_those_of_the_folders_that_tell_them_apart() -> None:
    paths = [f"{folder}/app/Dockerfile" for folder in ("x", "y", "y/x")]
    for path in paths:
        Path(path).parent.mkdir(parents=True)
        Path(path).write_text("FROM python:3.12\n")
    assert adopt(*paths, "./x/app/Dockerfile", "requirements.txt", "docker/Dockerfile", "--build-arg", "BASE=b") == 1
    names = {path.stem for path in Path("specs").iterdir()}
    assert names == {"y-x-app", f"{Path.cwd().name}-x-app", "y-app", Path.cwd().name, "docker"}


def test_a_file_and_a_folder_of_one_name() -> None:
    Path("gpu").mkdir()
    for path in ("gpu.Dockerfile", "gpu/Dockerfile"):
        Path(path).write_text("FROM python:3.12\n")
    assert adopt("gpu.Dockerfile", "gpu/Dockerfile") == 0
    assert sorted(path.name for path in Path("specs").iterdir()) == ["Dockerfile-gpu.yaml", "gpu-gpu.yaml"]


def test_two_images_that_nothing_tells_apart(capsys: pytest.CaptureFixture[str]) -> None:
    text = "import modal\napp = modal.App()\nimage = modal.Image.debian_slim('3.12')\n"
    for path in ("a_b.py", "a-b.py"):
        Path(path).write_text(text)
    assert adopt("a_b.py", "a-b.py", "--out", "specs") == 1
    assert "two images would be `specs/" in capsys.readouterr().err
    assert not Path("specs").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--context", "nowhere"), "`--context nowhere`: there is no such folder"),
        (("--context", "main.py"), "`--context main.py`: there is no such folder"),
        (("--build-arg", "BASE=b", "--build-arg", "TYPO=1"), "`--build-arg TYPO`: no `ARG` is called so"),
    ],
)
def test_what_is_given_has_to_be_of_use(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(click.UsageError, match=re.escape(message)):
        cli.main(["adopt", "docker/Dockerfile", *arguments], standalone_mode=False)
    assert not Path("specs").exists()
