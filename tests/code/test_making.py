"""Lines that make something, of texts of any size."""

from __future__ import annotations

import pytest

from imagespec.code.making import Making

MADE = {
    "wget https://x/a/tool.sh": True,
    "shutil.copy(source, 'tool.sh')": True,
    "OUT = Path('tool.sh')\nOUT.write_text('x')": True,
    "OUT = Path('other.sh')\nOUT.write_text('x')": False,
    "bash tool.sh": False,
    "with open('tool.sh', 'w') as file:": True,
    "with open('tool.sh', mode='xb') as file:": True,
    "Path('tool.sh').open('a')": True,
    "tool = modal.App('x'); f('tool.sh')": False,
    "with open('tool.sh', 'r') as file:": False,
    "wget other.sh\nbash tool.sh": False,
    "wget atool.sh": False,
    "wget -P /tool.sh": False,
    "wget -P /tmp/tool.sh": True,
    "python gen.py --out tool.sh": True,
    "run > tool.sh": True,
}


@pytest.mark.parametrize(("text", "made"), MADE.items(), ids=MADE)
def test_what_is_made(text: str, made: bool) -> None:
    assert Making(["x = 1", text]).names(["tool.sh"]) is made


def test_many_files_and_long_texts() -> None:
    """Asked for the second file, nothing is looked through again: thousands of files are a matter of seconds."""
    text = "".join(f"save(x, 'file{number}.bin')\ny = 'part{number}.txt'\n" for number in range(20_000))
    text += f"DATA = [{', '.join(repr(str(number)) for number in range(100_000))}]\n"
    making = Making([text])
    assert not any(making.names([f"other{number}.bin"]) for number in range(2000))
    assert all(making.names([f"file{number}.bin"]) for number in range(2000))
