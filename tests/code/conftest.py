"""Projects of a few files, and what `check` finds in them about their code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import pytest

from imagespec.compiler import check
from imagespec.diagnostic import Diagnostic
from imagespec.image.modules import find_module

BASE = 'base: {debian_slim: "3.12.10"}\n'

Found: TypeAlias = Callable[[Mapping[str, str | bytes], str], list[Diagnostic]]


def of_code(spec: Path) -> list[Diagnostic]:
    """The IS6xx findings of a spec."""
    find_module.cache_clear()
    return [d for d in check(spec) if d.code.startswith("IS6")]


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Found:
    """The IS6xx findings of a spec beside some files."""
    monkeypatch.chdir(tmp_path)

    def run(files: Mapping[str, str | bytes], spec: str) -> list[Diagnostic]:
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        (tmp_path / "spec.yaml").write_text(spec if "base:" in spec else BASE + spec)
        return of_code(tmp_path / "spec.yaml")

    return run
