"""`imagespec adopt`: files to specs, all of them or none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from imagespec.cli.main import cli

SLIM = 'import modal\n\nimage = modal.Image.debian_slim("3.12").pip_install("six")\n'
TWO = 'import modal\n\nbase = modal.Image.debian_slim("3.12")\ntrain_image = base.apt_install("git")\n'
SPEC = """# Adopted from app.py, line 3.
root: ..
base:
  debian_slim: "3.12"
python:
  installer: pip
  packages: [six]
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("app.py").write_text(SLIM)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as exited:
        cli.main(["adopt", *arguments], prog_name="imagespec")
    out, err = capsys.readouterr()
    assert isinstance(exited.value.code, int)
    return exited.value.code, out, err


def files() -> list[str]:
    return sorted(str(path) for path in Path().rglob("*") if path.is_file() and path.suffix != ".py")


def test_a_spec_for_each_image(capsys: pytest.CaptureFixture[str]) -> None:
    Path("two.py").write_text(TWO)
    said = "next: imagespec check image base train-image, imagespec lock image base train-image\n"
    assert run(capsys, "app.py", "two.py") == (0, "specs/image.yaml\nspecs/base.yaml\nspecs/train-image.yaml\n", said)
    assert Path("specs/image.yaml").read_text() == SPEC


def test_the_next_commands_are_named_and_find_the_spec(capsys: pytest.CaptureFixture[str]) -> None:
    _, _, said = run(capsys, "app.py", "--out", "my specs")
    assert said == "next: imagespec check 'my specs/image.yaml', imagespec lock 'my specs/image.yaml'\n"
    Path("app.py").write_text(SLIM.replace('"six"', "input()"))
    code, _, said = run(capsys, "app.py")
    assert code == 1
    assert "next:" not in said


def test_images_of_one_name_are_named_after_their_files(capsys: pytest.CaptureFixture[str]) -> None:
    Path("train_dit.py").write_text(SLIM)
    assert run(capsys, "app.py", "train_dit.py")[1] == "specs/app.yaml\nspecs/train-dit.yaml\n"


def test_the_nearest_folder_of_specs(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "specs").mkdir()
    (tmp_path / "src").mkdir()
    monkeypatch.chdir(tmp_path / "src")
    Path("app.py").write_text(SLIM)
    assert run(capsys, "app.py")[0] == 0
    assert Path("../specs/image.yaml").read_text() == SPEC.replace("root: ..", "root: ../src")


def test_another_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "app.py", "--out", ".")[:2] == (0, "image.yaml\n")
    assert Path("image.yaml").read_text() == SPEC.replace("root: ..\n", "")


def test_nothing_is_overwritten(capsys: pytest.CaptureFixture[str]) -> None:
    Path("two.py").write_text(TWO)
    Path("specs").mkdir()
    Path("specs/train-image.yaml").write_text("mine")
    code, out, err = run(capsys, "two.py")
    assert (code, out) == (1, "")
    assert "error[IS956]: `specs/train-image.yaml` is there already; nothing was written" in err
    assert files() == ["specs/train-image.yaml"]
    assert Path("specs/train-image.yaml").read_text() == "mine"


def test_unless_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "app.py")
    Path("specs/image.yaml").write_text("mine")
    assert run(capsys, "app.py", "--force")[0] == 0
    assert (files(), Path("specs/image.yaml").read_text()) == (["specs/image.yaml"], SPEC)


def test_a_folder_in_the_way(capsys: pytest.CaptureFixture[str]) -> None:
    Path("specs/image.yaml").mkdir(parents=True)
    code, out, err = run(capsys, "app.py", "--force")
    assert (code, out) == (1, "")
    assert "IS956" in err


def test_where_nothing_can_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    Path("specs").write_text("a file")
    code, out, err = run(capsys, "app.py")
    assert (code, out) == (2, "")
    assert "cannot write to `specs`" in err


def test_all_files_or_none(capsys: pytest.CaptureFixture[str]) -> None:
    Path("wrong.py").write_text("x = (")
    code, out, err = run(capsys, "app.py", "wrong.py", "missing.py")
    assert (code, out, files()) == (1, "", [])
    assert re.findall(r"error\[IS951\]", err) == ["error[IS951]"] * 2


def test_what_is_left_to_the_author(capsys: pytest.CaptureFixture[str]) -> None:
    Path("app.py").write_text(f"import os\n{SLIM}image = image.env({{'A': os.environ['A']}})\n")
    code, out, err = run(capsys, "app.py")
    assert (code, out) == (1, "specs/image.yaml\n")
    assert err.endswith("1 warning\n")
    assert "# TODO app.py:5: `vars` of `env` is left out" in Path("specs/image.yaml").read_text()


def test_the_proof_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    said = "specs/image.yaml\nspecs/image.yaml: equal, 2 requests\n"
    assert run(capsys, "app.py", "--prove")[:2] == (0, said)


def test_a_proof_that_fails_is_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    Path("app.py").write_text(f"{SLIM}import nowhere_to_be_found\n")
    code, out, err = run(capsys, "app.py", "--prove")
    assert (code, out) == (1, "specs/image.yaml\n")
    assert "warning[IS958]: `image` is not proven" in err


def test_tidied(capsys: pytest.CaptureFixture[str]) -> None:
    Path("app.py").write_text(
        'import modal\n\nimage = (\n    modal.Image.debian_slim("3.12")\n    .env({"HF_HOME": "1"})\n'
        '    .apt_install("wget", "git")\n    .pip_install("Six")\n    .pip_install("attrs")\n'
        '    .env({"WANDB_MODE": "2"})\n)\n'
    )
    code, out, err = run(capsys, "app.py", "--tidy")
    assert (code, out) == (0, "specs/image.yaml\n")
    assert re.findall(r"IS959\]: (.*)", err) == [
        "`env` is sent in its canonical form, or together with others",
        "`apt_install` is sent in its canonical form, or together with others",
        "`pip_install` is sent in its canonical form, or together with others",
        "`pip_install` is sent in its canonical form, or together with others",
        "`env` is sent in its canonical form, or together with others",
    ]
    assert Path("specs/image.yaml").read_text().partition("base")[2] == (
        ':\n  debian_slim: "3.12"\napt: [wget, git]\npython:\n  installer: pip\n  packages: [Six, attrs]\n'
        'env:\n  HF_HOME: "1"\n  WANDB_MODE: "2"\n'
    )


def test_without_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys)[0] == 2
