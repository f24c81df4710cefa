"""Files that are no specs, or that were made to do harm: a clear finding each, in bounded memory and time."""

from __future__ import annotations

import itertools
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from imagespec.compiler import check
from imagespec.diagnostic import Diagnostic, Source, lines
from imagespec.spec import source as module
from imagespec.spec.source import compose, find, quoted, read, span_of

BASE = b'base: {debian_slim: "3.12.10"}\n'
MEMORY = 400 << 20
"""Bytes of address space, about twice what `imagespec check` of one small spec takes."""

Expected = tuple[str, str, int, int]
"""Code, a part of the message, line and column of the only finding."""


def bomb(first: str) -> bytes:
    names = "abcdefghijklmnopq"
    rows = [f"a: &a {first}"] + [f"{n}: &{n} [{', '.join([f'*{m}'] * 10)}]" for m, n in itertools.pairwise(names)]
    return "\n".join(rows).encode()


CONTENTS: dict[str, tuple[bytes, Expected]] = {
    "bomb": (bomb("[x, x, x, x, x, x, x, x, x, x]"), ("IS110", "more than 100,000 values", 5, 1)),
    "bomb of maps": (bomb("{a: x, b: x}"), ("IS110", "more than 100,000 values", 6, 1)),
    "many values": (BASE + b"apt:\n" + b"- x\n" * 200_000, ("IS110", "more than 100,000 values", 2, 1)),
    "many keys": (b"".join(b"k%d: 1\n" % i for i in range(60_000)), ("IS110", "more than 1,000 keys", 1, 1)),
    "many keys below": (
        b"env:\n" + b"".join(b" k%d: 1\n" % i for i in range(2_000)),
        ("IS110", "more than 1,000 keys", 1, 1),
    ),
    "50 MB": (BASE + b"#" * 50_000_000, ("IS107", "larger than 1 MiB", 1, 1)),
    "brackets": (b"[" * 500_000, ("IS110", "nested more than 64 levels", 1, 65)),
    "dashes": (b"- " * 500_000, ("IS110", "nested more than 64 levels", 1, 129)),
    "braces": (b"{a: " * 200_000, ("IS110", "nested more than 64 levels", 1, 257)),
    "question marks": (b"? " * 500_000, ("IS110", "nested more than 64 levels", 1, 129)),
    "brackets and braces": (b"[{a: " * 100_000, ("IS110", "nested more than 64 levels", 1, 161)),
    "indentation": (
        b"".join(b" " * i + b"a:\n" for i in range(1_000)),
        ("IS110", "nested more than 64 levels", 65, 65),
    ),
    "a list that holds itself": (BASE + b"apt: &a [*a]", ("IS110", "does an alias hold itself?", 2, 1)),
    "a map that holds itself": (b"&a {base: *a}", ("IS110", "does an alias hold itself?", 1, 5)),
    "a key that holds itself": (BASE + b"apt: &a\n  ? *a\n  : x\n", ("IS113", "a key that is a list or a map", 2, 6)),
    "no such alias": (BASE + b"apt: [*x]\n", ("IS106", "an alias to nothing", 2, 7)),
    "the same anchor twice": (BASE + b"apt: [&a x, &a y]\n", ("IS106", "the same anchor a second time", 2, 13)),
    "nothing": (b"", ("IS104", "the spec is empty", 1, 1)),
    "blank lines": (b"\r\n\n\r", ("IS104", "the spec is empty", 1, 1)),
    "comments": (b"# base:\n", ("IS104", "the spec is empty", 1, 1)),
    "dashes alone": (b"---\n", ("IS104", "the spec is empty", 1, 1)),
    "null": (b"~\n", ("IS104", "the spec is empty", 1, 1)),
    "text": (b"hello\n", ("IS103", "a map of keys", 1, 1)),
    "a NUL byte": (BASE + b"apt: [a\0b]\n", ("IS107", "holds a NUL byte", 2, 8)),
    "UTF-16": ("base: 1\n".encode("utf-16"), ("IS107", "is UTF-16", 1, 1)),
    "UTF-16 without its mark": ("base: 1\n".encode("utf-16-be"), ("IS107", "holds a NUL byte", 1, 1)),
    "latin-1": (BASE + "description: für\n".encode("latin-1"), ("IS107", "is not UTF-8: byte 0xfc", 2, 15)),
    "a surrogate": (BASE + b"description: \xed\xa0\x80\n", ("IS107", "is not UTF-8: byte 0xed", 2, 14)),
    "an escaped surrogate": (BASE + b'env: {A: "\\ud800"}\n', ("IS106", "an escape that YAML does not know", 2, 13)),
    "a byte order mark": (b"\xef\xbb\xbfbase: {debian_slim: 3.10}\n", ("IS105", "reads `3.10`", 1, 21)),
    "two byte order marks": (b"\xef\xbb\xbf" * 2 + b"base: {debian_slim: 3.10}\n", ("IS105", "reads `3.10`", 1, 21)),
    "carriage returns and line feeds": (b"# \r\nbase:\r\n  debian_slim: 3.10\r\n", ("IS105", "reads `3.10`", 3, 16)),
    "carriage returns": (b"# \rbase:\r  debian_slim: 3.10\r", ("IS105", "reads `3.10`", 3, 16)),
    "next lines": ("# \x85base:\x85  debian_slim: 3.10\x85".encode(), ("IS105", "reads `3.10`", 3, 16)),
    "line separators": ("# \u2028base:\u2029  debian_slim: 3.10\n".encode(), ("IS105", "reads `3.10`", 3, 16)),
    "wide characters": (BASE + "env: {'日本😀': 7}\n".encode(), ("IS105", "reads `7`", 2, 14)),
    "a tab": (b"base:\n\tdebian_slim: '3.12'\n", ("IS106", "a tab", 2, 1)),
    "a tab after spaces": (b"base:\n  \tdebian_slim: '3.12'\n", ("IS106", "a tab", 2, 3)),
    "a bell": (BASE + "description: ü\a\n".encode(), ("IS106", "control character", 2, 15)),
    "an escape character": (BASE + b"env: {A\x1b[31m: x}\n", ("IS106", "control character", 2, 8)),
    "a tag": (BASE + b"run: [!!python/object/apply:os.system ['exit 1']]\n", ("IS113", "python/object/apply", 2, 7)),
    "a tag of one's own": (b"%TAG ! tag:x,2000:\n---\nbase: !foo 1\n", ("IS113", "tag:x,2000:foo", 3, 7)),
    "a tagged key": (BASE + b"!x apt: [git]\n", ("IS113", "tag `!x`", 2, 1)),
    "a merge key": (BASE + b"env: {<<: {A: '1'}}\n", ("IS113", "the merge key `<<`", 2, 7)),
    "two documents": (BASE + b"---\n" + BASE, ("IS113", "a second document begins here", 2, 1)),
    "what follows a document": (BASE + b"...\n" + BASE, ("IS106", "does not fit what stands before it", 3, 1)),
    "another version of YAML": (b"%YAML 3.0\n---\na: 1\n", ("IS106", "not valid YAML", 1, 1)),
    "a key twice": (BASE + b"env: {A: '1', A: '2'}\n", ("IS102", "`A` stands here a second time", 2, 15)),
    "a list as a key": (BASE + b"? [a]\n: x\n", ("IS113", "a key that is a list or a map", 2, 3)),
    "a number of 10000 digits": (BASE + b"env: {A: " + b"9" * 10_000 + b"}\n", ("IS105", "10000 characters", 2, 10)),
    "a number in base 60": (BASE + b"env: {A: 1" + b":59" * 300_000 + b"}\n", ("IS105", "900001 characters", 2, 10)),
    "a key of 1 MB": (b"a" * 1_000_000 + b": 1\n", ("IS106", "a `: ` cannot stand here", 1, 1_000_001)),
    "a line of 1 MB": (
        BASE + b"apt: ['" + b"a " * 500_000 + b"']\n",
        ("IS202", "is no name of a Debian package", 2, 7),
    ),
    "paths as keys": (BASE + b"../../etc/passwd: x\n", ("IS101", "unknown key `../../etc/passwd`", 2, 1)),
    "itself": (b"extends: itself.yaml\n" + BASE, ("IS108", "itself.yaml -> itself.yaml", 1, 10)),
    "a home that nobody has": (b"extends: ~no-such-user/x.yaml\n", ("IS107", "`x.yaml` does not exist", 1, 10)),
    "a NUL in a path": (b'extends: "a\\0b"\n', ("IS107", "is no file name", 1, 10)),
}


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def link_to(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


OTHERS: dict[str, tuple[Callable[[Path], None], Expected]] = {
    "folder": (Path.mkdir, ("IS107", "`folder.yaml` is a folder", 1, 1)),
    "pipe": (make_pipe, ("IS107", "is not an ordinary file", 1, 1)),
    "zeros": (link_to("/dev/zero"), ("IS107", "is not an ordinary file", 1, 1)),
    "random": (link_to("/dev/urandom"), ("IS107", "is not an ordinary file", 1, 1)),
    "loop": (link_to("loop.yaml"), ("IS107", "leads back to itself", 1, 1)),
    "broken": (link_to("nowhere"), ("IS107", "a symbolic link to nothing", 1, 1)),
    "missing": (lambda path: None, ("IS107", "`missing.yaml` does not exist", 1, 1)),
    "no folder/x": (lambda path: None, ("IS107", "`x.yaml` does not exist", 1, 1)),
    "n" * 300: (lambda path: None, ("IS107", "cannot be read", 1, 1)),
}


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """All of these files, checked by one process that may not take much memory."""
    folder = tmp_path_factory.mktemp("hostile")
    for name, (content, _) in CONTENTS.items():
        (folder / f"{name}.yaml").write_bytes(content)
    for name, (make, _) in OTHERS.items():
        make(folder / f"{name}.yaml")
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "imagespec",
            "check",
            "--format",
            "json",
            *(f"./{n}.yaml" for n in (*CONTENTS, *OTHERS)),
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([os.getcwd(), *sys.path])},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_hostile_files_end_in_findings(checked: subprocess.CompletedProcess[str]) -> None:
    assert (checked.returncode, checked.stderr) == (1, "")


@pytest.mark.parametrize("name", [*CONTENTS, *OTHERS], ids=lambda name: name[:40])
def test_a_hostile_file(checked: subprocess.CompletedProcess[str], name: str) -> None:
    code, message, line, column = (CONTENTS.get(name) or OTHERS[name])[1]
    found: list[dict[str, Any]] = [d for d in json.loads(checked.stdout) if d["file"] == f"{name}.yaml"]
    assert [(d["code"], d["line"], d["column"]) for d in found] == [(code, line, column)]
    assert message in found[0]["message"]
    assert len(found[0]["message"]) < 600


def test_a_file_without_permission() -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        folder.chmod(0o755)
        spec, parent, data = folder / "spec.yaml", folder / "_parent.yaml", folder / "data.txt"
        spec.write_bytes(BASE + b"extends: _parent.yaml\nsource: [{file: data.txt, to: /data.txt}]\n")
        parent.write_bytes(b"workdir: /app\n")
        data.write_text("")
        assert check(spec) == []
        data.chmod(0)
        with nobody():
            assert said(check(spec)) == [("IS211", 3, "no permission to read")]
        parent.chmod(0)
        with nobody():
            assert said(check(spec)) == [("IS107", 2, "no permission to read"), ("IS211", 3, "no permission to read")]
        spec.chmod(0)
        with nobody():
            assert said(check(spec)) == [("IS107", 1, "no permission to read")]
    finally:
        shutil.rmtree(folder)


@contextmanager
def nobody() -> Iterator[None]:
    """As a user whom permissions bind; root reads everything."""
    real, effective, saved = os.getresuid()
    if effective == 0:
        os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        os.setresuid(real, effective, saved)


def said(found: list[Diagnostic]) -> list[tuple[str, int, str]]:
    return [(d.code, d.span.line, d.message[:21]) for d in found]


def test_a_name_that_is_near_is_named(tmp_path: Path) -> None:
    (tmp_path / "classifier.yaml").write_bytes(BASE)
    [found] = check(tmp_path / "clasifier.yaml")
    assert found.hint == "did you mean `classifier.yaml`?"
    [found] = check(tmp_path / "somewhere" / "x.yaml")
    assert found.hint == "the folder `somewhere` does not exist either"
    [found] = check(tmp_path / "classifier.yml")
    assert found.hint == "did you mean `classifier.yaml`?"


@pytest.mark.parametrize("name", ["it's.yaml", "a\nb.yaml", "\x1b[2J.yaml", '"""; x; """.yaml', "-a.yaml", "a\\b.yaml"])
def test_names_that_no_image_can_have(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(BASE)
    assert [(d.code, d.span.line, d.span.column) for d in check(tmp_path / name)] == [("IS116", 1, 1)]


@pytest.mark.parametrize("name", ["a b.yaml", "a.b.yaml", "größe-1.yml", "_part.yaml", "c++ 20.yaml"])
def test_names_that_images_can_have(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(BASE)
    assert check(tmp_path / name) == []


SPANS = {
    "a: b": ("b", 1, 4, 1, 5),
    "a: 'b c'  # d": ("'b c'", 1, 4, 1, 9),
    "a:\n  b: 1\n  c: 2\n\n# d\n\ne: 3": ("b: 1\n  c: 2", 2, 3, 3, 7),
    "a:\n- b\n- c # d\n\n\ne: 3": ("- b\n- c", 2, 1, 3, 4),
    "a: [b,\n  c]\ne: 3": ("[b,\n  c]", 1, 4, 2, 5),
    "a: |\n  b\n  c\n\n\ne: 3": ("|\n  b\n  c", 1, 4, 3, 4),
    "a: >-\n  b\n# d\ne: 3": (">-\n  b", 1, 4, 2, 4),
    "a: b\n  c\ne: 3": ("b\n  c", 1, 4, 2, 4),
    "a:\n  b: &x [1]\n  c: *x\ne: 3": ("b: &x [1]", 2, 3, 2, 12),
    "a:\r\n  b: ü\r\n  c: 日\r\n\r\ne: 3": ("b: ü\r\n  c: 日", 2, 3, 3, 7),
}


@pytest.mark.parametrize("text", SPANS)
def test_where_a_value_stands(text: str) -> None:
    source = Source(Path("x"), text)
    top = compose(source)
    assert isinstance(top, yaml.MappingNode)
    span = span_of(find(top, ("a",)), source)
    stretch, *place = SPANS[text]
    assert [span.line, span.column, span.end_line, span.end_column] == place
    start = sum(len(line) for line in text.splitlines(keepends=True)[: span.line - 1]) + span.column - 1
    assert text[start:].startswith(stretch)


@settings(max_examples=200)
@given(st.text(alphabet="ab:-[]{}\"'#&*!|>?%@,. \n\t\r\0é日\x85\u2028", max_size=60))
def test_no_text_makes_a_traceback_and_every_span_lies_inside_it(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.yaml")
        path.write_text(text, encoding="utf-8", newline="")
        for diagnostic in check(path):
            every = lines(diagnostic.span.source.text)
            assert 1 <= diagnostic.span.line <= diagnostic.span.end_line <= len(every)
            assert diagnostic.span.column <= len(every[diagnostic.span.line - 1]) + 1
            assert diagnostic.span.end_column <= len(every[diagnostic.span.end_line - 1]) + 1


def test_without_libyaml_the_same_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML's own parser says some things in other words, but refuses and accepts the same at the same places."""
    texts = [
        "a: [b, c",
        "a: 'b",
        "a: b: c",
        "\ta: b",
        "a: *b",
        "a: @b",
        "a:\n  - b\n - c",
        "a: b\n---\nc: d",
        "a: \x07",
    ]
    places = []
    for loader in (module.Loader, yaml.SafeLoader):
        monkeypatch.setattr(module, "Loader", loader)
        found = [compose(Source(Path("x"), text)) for text in texts]
        assert all(isinstance(each, Diagnostic) for each in found)
        places.append([(d.code, d.span.line) for d in found if isinstance(d, Diagnostic)])
    assert places[0] == places[1]


QUOTED = {
    "a: b # c": [],
    "a: 'b # c' # d": ["'b # c'"],
    'a: "b\n  # c"\nd: e # f': ['"b\n  # c"'],
    "a: |\n  b # c\nd: e # f": ["|\n  b # c\n"],
    "- >-\n  b # c\n# d": [">-\n  b # c\n"],
}


@pytest.mark.parametrize("text", QUOTED)
def test_where_no_comment_can_be(text: str) -> None:
    assert [text[start:end] for start, end in quoted(Source(Path("x"), text))] == QUOTED[text]


def test_a_file_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes("\ufeffa: ü\r\n".encode())
    source = read(path)
    assert isinstance(source, Source)
    assert source.text == "a: ü\r\n"
