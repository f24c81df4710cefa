"""What the README shows is what the commands print."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")

SESSION = re.compile(r"^    \$ python (-m imagespec .*)\n((?:    .*\n|\n(?=    ))*)", re.MULTILINE)
FILE = re.compile(r"^```(?:yaml|python)\n# (\S+\.yaml|[^/\s]+\.py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SESSIONS = [(m[1], re.sub(r"^    ", "", m[2], flags=re.MULTILINE)) for m in SESSION.finditer(README)]
DETERMINISTIC = [
    (command, shown) for command, shown in SESSIONS if re.search(r"imagespec (check|compile|explain)", command)
]


def test_there_are_sessions() -> None:
    assert len(DETERMINISTIC) >= 3
    assert re.findall(r"@[A-Z]+@|TODO(?!`)", README) == []


@pytest.mark.parametrize(("command", "shown"), DETERMINISTIC, ids=[command for command, _ in DETERMINISTIC])
def test_session(command: str, shown: str, tmp_path: Path) -> None:
    for name in ("specs", "training"):
        (tmp_path / name).symlink_to(ROOT / name)
    for name, text in FILE.findall(README):
        if "/" not in name:
            (tmp_path / name).write_text(text)
    done = subprocess.run(
        [sys.executable, *shlex.split(command)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        check=False,
    )
    assert _lines(done.stdout + done.stderr) == _lines(shown)


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize(("name", "text"), [pair for pair in FILE.findall(README) if "/" in pair[0]])
def test_shown_files_are_the_shipped_ones(name: str, text: str) -> None:
    """Comments are the README's own."""

    def bare(yaml: str) -> list[str]:
        lines = [re.sub(r"\s+#.*", "", line).rstrip() for line in yaml.splitlines()]
        return [line for line in lines if line and not line.startswith(("#", "description"))]

    shipped = bare((ROOT / name).read_text("utf-8"))
    assert [line for line in bare(text) if line not in shipped] == []
