"""The command line in this process, in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from imagespec.cli.main import cli

Run: TypeAlias = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Exit code, standard output and standard error of `imagespec …`."""

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as exited:
            cli.main(arguments, prog_name="imagespec")
        code = exited.value.code
        assert isinstance(code, int)
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def specs(folder: Path) -> Path:
    """A folder `specs` with a clean spec, one with a note, one with an error, and a partial one."""
    path = folder / "specs"
    (path / "examples").mkdir(parents=True)
    (path / "clean.yaml").write_text('base: {debian_slim: "3.12.10"}\n')
    (path / "noted.yml").write_text('base: {debian_slim: "3.12"}\n')
    (path / "_partial.yaml").write_text("apt: [Git]\n")
    (path / "clean.lock.yaml").write_text("nothing: that a spec has\n")
    (path / "examples" / "broken.yaml").write_text('base: {debian_slim: "3.12.10"}\naptt: [git]\n')
    return path
