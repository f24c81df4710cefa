"""Files that Python or we cannot read, and names that lead in circles: findings with their line, and no code is run."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

from imagespec.code.source import LARGEST
from imagespec.diagnostic import Diagnostic
from tests.code.conftest import Found

APP = """\
import modal

import imagespec

app = modal.App("app")
image = imagespec.load("spec")


@app.function(image=image)
def run():
    import broken

    return broken
"""
SPEC = "apps: [app.py]\nsource: [{package: broken}]\n"
OLD, NEW = 'base: {debian_slim: "3.11.10"}\n', 'base: {debian_slim: "3.14.0"}\n'
"""Bases with a Python that is not newer than the one that runs this, and with one that is."""


def places(found: list[Diagnostic]) -> list[tuple[str, str, int]]:
    return [(d.code, d.span.source.path.name, d.span.line) for d in found]


UNREADABLE: dict[str, tuple[bytes, int, str]] = {
    "no Python": (b"x = 1\ndef f(:\n    pass\n", 2, "is no Python: invalid syntax"),
    "a tab for spaces": (b"if x:\n        a\n\tb\n", 3, "is no Python: inconsistent use of tabs"),
    "latin-1": ("x = 1\ny = 'é'\n".encode("latin-1"), 2, "is not UTF-8: byte 0xe9"),
    "UTF-16": ("x = 1\n".encode("utf-16"), 1, "NUL byte"),
    "a NUL byte": (b"x = 1\ny = '\0'\n", 2, "holds a NUL byte"),
    "an unknown encoding": (b"# coding: klingon\nx = '\xe9'\n", 2, "is not UTF-8"),
    "an open string": (b"x = '''\n\n\n", 1, "unterminated triple-quoted string"),
    "a null in a number": (b"x = 0777\n", 1, "is no Python: leading zeros"),
}


@pytest.mark.parametrize(("content", "line", "said"), UNREADABLE.values(), ids=UNREADABLE)
def test_unreadable_modules(found: Found, content: bytes, line: int, said: str) -> None:
    (one,) = found({"app.py": APP, "broken.py": content}, OLD + SPEC)
    assert (one.code, one.span.source.path.name, one.span.line) == ("IS610", "broken.py", line)
    assert said in one.message


@pytest.mark.parametrize(("content", "line", "said"), UNREADABLE.values(), ids=UNREADABLE)
def test_unreadable_apps(found: Found, content: bytes, line: int, said: str) -> None:
    (one,) = found({"app.py": content}, f"{OLD}apps: [app.py]\n")
    assert (one.code, one.span.source.path.name, one.span.line) == ("IS610", "app.py", line)
    assert said in one.message


@pytest.mark.parametrize("text", ["def f[T](x: T): ...\nx = 1 +\n", "x = f'{d['a']}' +\n"])
def test_what_a_newer_python_may_read(found: Found, text: str) -> None:
    (one,) = found({"app.py": APP, "broken.py": text}, NEW + SPEC)
    assert (one.code, one.severity, one.span.source.path.name) == ("IS614", "note", "broken.py")
    (sure,) = found({"app.py": APP, "broken.py": "if x:\npass\n"}, NEW + SPEC)
    assert (sure.code, sure.severity) == ("IS610", "error")


@pytest.mark.parametrize(
    "content",
    [
        "# -*- coding: latin-1 -*-\nx = 'é'\n".encode("latin-1"),
        b"\xef\xbb\xbfx = 1\n",
        b"x = 1\r\ny = 2\rz = 3\n",
        b"",
        b"x = '\\d'\n",
        b"x = 1 if 1is 1 else 0\n",
    ],
    ids=["a declared encoding", "a byte order mark", "other ends of lines", "nothing", "a wrong escape", "1is"],
)
def test_what_python_reads(found: Found, content: bytes) -> None:
    assert found({"app.py": APP, "broken.py": content}, SPEC) == []


def test_warnings_are_not_ours(found: Found) -> None:
    assert found({"app.py": APP + "    return '\\d' if 1is 1 else 0\n", "broken.py": ""}, SPEC) == []


def test_a_link_to_nothing(found: Found, tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "broken.py").symlink_to("nowhere.py")
    spec = "apps: [app.py]\nsource: [{dir: lib, to: /root}]\n"
    (one,) = found({"app.py": APP}, spec)
    assert (one.code, one.message) == ("IS610", "`broken.py` is a symbolic link to nothing")


def test_a_pipe(found: Found, tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    os.mkfifo(tmp_path / "lib" / "broken.py")
    (one,) = found({"app.py": APP}, "apps: [app.py]\nsource: [{dir: lib, to: /root}]\n")
    assert (one.code, one.message) == ("IS610", "`broken.py` is not an ordinary file")


def test_a_folder_as_an_app(found: Found, tmp_path: Path) -> None:
    (tmp_path / "app.py").mkdir()
    assert found({}, "apps: [app.py]\n") == []  # IS211 says it


def test_ten_megabytes(found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    parse = ast.parse
    monkeypatch.setattr(ast, "parse", lambda text, *rest: read.append(len(text)) or parse(text, *rest))  # type: ignore[func-returns-value]
    (one,) = found({"app.py": APP, "broken.py": "x = 1\n" * ((10 << 20) // 6)}, SPEC)
    assert (one.code, one.severity, one.span.line) == ("IS614", "note", 1)
    assert max(read) < LARGEST


DEEP = {
    "parentheses": "x = " + "(" * 5000 + ")" * 5000 + "\n",
    "a sum": "x = " + "+".join(["1"] * 20_000) + "\n",
    "attributes": "x = a" + ".b" * 20_000 + "\n",
    "minus": "x = " + "-" * 20_000 + "1\n",
    "elif": "if x: pass\n" + "elif x: pass\n" * 5000,
    "calls in calls": "open(" * 150 + "'a'" + ")" * 150 + "\n",
    "a path of many parts": "from pathlib import Path\nopen(" + "/".join(["Path('a')", *["'b'"] * 900]) + ")\n",
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_what_is_nested_deeply(found: Found, text: str) -> None:
    assert {d.code for d in found({"app.py": APP, "broken.py": text}, SPEC)} <= {"IS610", "IS614"}


def test_deep_apps(found: Found) -> None:
    for text in DEEP.values():
        assert {
            d.code for d in found({"app.py": APP.replace("import broken", text.replace("\n", "\n    "))}, SPEC)
        } <= {
            "IS610",
            "IS614",
        }


def test_circles(found: Found) -> None:
    files = {
        "app.py": APP,
        "broken/__init__.py": "from broken.a import A\n",
        "broken/a.py": "from broken import b\nfrom . import c\n\nA = b, c\n",
        "broken/b.py": "import broken.a\nimport broken.missing\n",
        "broken/c.py": "from .a import A\nfrom .c import A\n",
    }
    (one,) = found(files, SPEC)
    assert (one.code, one.span.source.path.name, one.span.line) == ("IS601", "b.py", 2)
    assert one.message == "there is no module `broken.missing`, neither here nor in the image"
    assert found({**files, "broken/missing.py": ""}, SPEC) == []


def test_a_folder_that_links_to_itself(found: Found, tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "broken").symlink_to(tmp_path / "broken")
    assert found({"app.py": APP, "broken/__init__.py": "from broken.broken import x\n"}, SPEC)


RELATIVE = {
    "an app": ({"app.py": APP.replace("import broken", "from . import broken"), "broken.py": ""}, ("app.py", 11)),
    "a module of no package": ({"app.py": APP, "broken.py": "from .other import x\n"}, ("broken.py", 1)),
    "beyond the package": (
        {"app.py": APP, "broken/__init__.py": "", "broken/a.py": "from ... import x\n"}
        | {"app.py": APP.replace("import broken", "from broken import a")},
        ("a.py", 1),
    ),
}


@pytest.mark.parametrize(("files", "place"), RELATIVE.values(), ids=RELATIVE)
def test_relative_imports_that_lead_nowhere(found: Found, files: dict[str, str], place: tuple[str, int]) -> None:
    assert ("IS610", *place) in places(found(files, SPEC))


def test_one_level_above_is_fine(found: Found) -> None:
    files = {
        "app.py": APP.replace("import broken", "from broken.inner import a as broken"),
        "broken/__init__.py": "x = 1\n",
        "broken/inner/__init__.py": "",
        "broken/inner/a.py": "from .. import x\nfrom ..inner import a\nfrom . import a as b\n",
    }
    assert found(files, SPEC) == []


def test_no_code_is_run(found: Found, tmp_path: Path) -> None:
    writes = "from pathlib import Path\n\nPath(__file__).with_name('ran').write_text('x')\n"
    files = {
        "app.py": writes + APP,
        "broken/__init__.py": writes,
        "broken/sitecustomize.py": writes,
        "setup.py": writes,
        "conftest.py": writes,
    }
    found(files, SPEC + "function: [broken:go]\nchecks: {imports: [broken]}\n")
    assert not list(tmp_path.rglob("ran"))
    assert not list(tmp_path.rglob("__pycache__"))


def test_a_module_with_a_name_of_python(found: Found) -> None:
    files = {"app.py": APP.replace("import broken", "import random as broken"), "random.py": "import nowhere\n"}
    found_ = found(files, "apps: [app.py]\nsource: [{file: random.py, to: /root/}]\n")
    assert places(found_) == [("IS602", "random.py", 1), ("IS611", "spec.yaml", 3)]
    assert found({"random.py": "import nowhere\n"}, "apps: [app.py]\n") == []
