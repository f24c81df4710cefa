"""Where exact versions stand, and files that have others in them and are otherwise the same bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagespec.lock.pins import Changed, Edit, applies, edits, opened, pins, same
from imagespec.spec.parse import Parsed, parse

HEAD = 'base: {debian_slim: "3.12"}\n'


def found(path: Path) -> dict[str, str]:
    """Every pin as it stands in its file: `file:line:column` to name and version."""
    parsed = parse(path)
    assert isinstance(parsed, Parsed)
    every = pins(parsed, "3.12")
    for pin in every:
        assert pin.source.text[pin.start : pin.end] == pin.version
    return {
        f"{pin.source.path.name}:{pin.span.line}:{pin.span.column}": f"{pin.name} {pin.version}"
        for pin in pins(parsed, "3.12")
    }


def bumped(path: Path) -> dict[str, bytes]:
    """The files with 9.9 for every version, by name."""
    parsed = parse(path)
    assert isinstance(parsed, Parsed)
    made = edits(dict.fromkeys(pins(parsed, "3.12"), "9.9"))
    for edit in made:
        edit.write()
    return {edit.source.path.name: edit.source.path.read_bytes() for edit in made}


WRITTEN = {
    "plain": ("python:\n  - a==1.0\n", "python:\n  - a==9.9\n"),
    "single": ("python: ['a==1.0']\n", "python: ['a==9.9']\n"),
    "double, comment": ('python: [ "a == 1.0" ]  # a==1.0\n', 'python: [ "a == 9.9" ]  # a==1.0\n'),
    "extras": ("python: ['A[x,y]==1.0']\n", "python: ['A[x,y]==9.9']\n"),
    "marker": ("python: ['a==1.0; os_name == \"posix\"']\n", "python: ['a==9.9; os_name == \"posix\"']\n"),
    "with more": ("python: ['a>=0.5,==1.0,!=1.1']\n", "python: ['a>=0.5,==9.9,!=1.1']\n"),
    "folded": ("python:\n  - >-\n    a==1.0\n  - b\n", "python:\n  - >-\n    a==9.9\n  - b\n"),
    "folded, comment": ("python:\n  - >- # a==1.0\n    a==1.0\n", "python:\n  - >- # a==1.0\n    a==9.9\n"),
    "anchor": ("python: {packages: [&a a==1.0, *a]}\n", "python: {packages: [&a a==9.9, *a]}\n"),
    "lines end as on Windows": ("python:\r\n  - a==1.0\r\n  - b==1\r\n", "python:\r\n  - a==9.9\r\n  - b==9.9\r\n"),
    "not only ASCII": ("# \N{CAT} \N{LATIN SMALL LETTER E WITH ACUTE}\npython: [a==1.0]\n",) * 2,
    "byte order": ("\ufeffpython: [a==1.0]\n", "\ufeffpython: [a==9.9]\n"),
    "local": ("python: [a==1.0+cu121]\n", "python: [a==9.9]\n"),
    "twice": ("python: [a==1.0, A == 1.0]\n", "python: [a==9.9, A == 9.9]\n"),
    "none": ("python: ['a>=1.0', b, 'c==1.*', 'd @ https://host.example/d==1.0.tar.gz']\n",) * 2,
    "elsewhere": ("python: ['a==1.0; sys_platform == \"darwin\"']\n",) * 2,
    "an escape": ('python: ["a==1.\\u0030"]\n',) * 2,
}


@pytest.mark.parametrize("case", WRITTEN)
def test_in_a_spec(tmp_path: Path, case: str) -> None:
    before, after = WRITTEN[case]
    if case == "not only ASCII":
        after = before.replace("1.0", "9.9")
    path = tmp_path / "one.yaml"
    path.write_bytes((before + HEAD).encode())
    changed = bumped(path)
    assert path.read_bytes() == (after + HEAD).encode()
    assert changed.keys() == ({"one.yaml"} if before != after else set())


def test_a_local_part_stays_where_there_was_one(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    path.write_text(f"{HEAD}python: [a==1.0+cu121, b==1.0]\n")
    parsed = parse(path)
    assert isinstance(parsed, Parsed)
    assert [pin.write_as("2.0+cu124") for pin in pins(parsed, "3.12")] == ["2.0+cu124", "2.0"]


def test_in_every_file(tmp_path: Path) -> None:
    (tmp_path / "_base.yaml").write_text(f"{HEAD}python: [a==1.0]\n")
    (tmp_path / "one.yaml").write_text(
        "extends: _base.yaml\n"
        "python:\n"
        "  packages: [b==1.0]\n"
        "  requirements: [r.txt, options.txt]\n"
        "  pyproject: {path: pyproject.toml, extras: [dev]}\n"
    )
    requirements = b"\xef\xbb\xbfx\r\n  c == 1.0 ; python_version>'3'  # c==1.0\r\nd \\\r\n  ==1.0\r\n"
    (tmp_path / "r.txt").write_bytes(requirements)
    (tmp_path / "options.txt").write_text("--prefer-binary\ne==1.0\nf==1.0 --hash=sha256:00\n")
    project = (
        "# g==1.0\n[project]\nname = 'p'\nversion = '1'\ndependencies = [\n  'g==1.0', # g==1.0\n]\n"
        "[project.optional-dependencies]\ndev = ['h==1.0']\nother = ['g==1.0']\n"
    )
    (tmp_path / "pyproject.toml").write_text(project)
    assert found(tmp_path / "one.yaml") == {
        "_base.yaml:2:13": "a 1.0",
        "one.yaml:3:17": "b 1.0",
        "r.txt:2:8": "c 1.0",
        "r.txt:4:5": "d 1.0",
        "options.txt:2:4": "e 1.0",
        "pyproject.toml:6:7": "g 1.0",
        "pyproject.toml:9:12": "h 1.0",
    }
    changed = bumped(tmp_path / "one.yaml")
    assert changed["_base.yaml"] == f"{HEAD}python: [a==9.9]\n".encode()
    assert changed["r.txt"] == b"\xef\xbb\xbfx\r\n  c == 9.9 ; python_version>'3'  # c==1.0\r\nd \\\r\n  ==9.9\r\n"
    assert changed["options.txt"] == b"--prefer-binary\ne==9.9\nf==1.0 --hash=sha256:00\n"
    expected = project.replace("'g==1.0', #", "'g==9.9', #").replace("h==1.0", "h==9.9")
    assert changed["pyproject.toml"].decode() == expected


def test_a_file_that_was_edited_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    path.write_text(f"{HEAD}python: [a==1.0]\n")
    parsed = parse(path)
    assert isinstance(parsed, Parsed)
    (edit,) = edits(dict.fromkeys(pins(parsed, "3.12"), "2.0"))
    path.write_text("by somebody else")
    with pytest.raises(Changed, match="was edited meanwhile"):
        edit.write()
    assert path.read_text() == "by somebody else"
    assert isinstance(edit, Edit)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a==1.0", "a"),
        ("a[x]==1.0,<2", "a[x]<2"),
        ('a==1.0; python_version > "3"', 'a; python_version > "3"'),
        ("a>=1.0", "a>=1.0"),
        ("a==1.*", "a==1.*"),
        ("a @ https://host.example/a.whl", "a @ https://host.example/a.whl"),
        ("./a==1.0", "./a==1.0"),
    ],
)
def test_opened(text: str, expected: str) -> None:
    assert opened(text) == expected


def test_the_same_version() -> None:
    assert same("1.0", "1.0.0")
    assert same("2.5.1", "2.5.1+cu121")
    assert not same("2.5.1+cpu", "2.5.1+cu121")
    assert not same("1.0", "1.1")
    assert same("odd", "odd")


def test_where_a_requirement_applies() -> None:
    assert applies('a; sys_platform == "linux" and python_version == "3.12"', "3.12.10")
    assert not applies('a; sys_platform == "win32"', "3.12")
    assert not applies('a; python_version < "3.12"', "3.12")
    assert applies('a; python_version < "3.12"', "3.11")
