"""Modal code to drafts: what a file may look like, and that nothing of it is run."""

from __future__ import annotations

import inspect
import sysconfig
from pathlib import Path

import modal
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagespec.adopt.chains import POSITIONAL
from imagespec.adopt.draft import Draft
from imagespec.adopt.modal_code import drafts, spec_name
from imagespec.spec import operations as ops
from imagespec.spec.source import NAMES

SLIM = 'import modal\nimage = modal.Image.debian_slim("3.12")\n'


def read(folder: Path, text: str, name: str = "app.py") -> list[Draft]:
    path = folder / name
    path.write_text(text)
    found = drafts(path)
    assert isinstance(found, list), found
    return found


def refused(folder: Path, data: bytes | str) -> str:
    path = folder / "app.py"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    found = drafts(path)
    assert isinstance(found, tuple)
    (finding,) = found
    return f"{finding.code} {finding.span.line}:{finding.span.column} {finding.message}"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_positions_are_those_of_modal() -> None:
    for method, operation in (ops.BASES | ops.STEPS).items():
        if operation.variadic is not None or method in ("pipe", "from_id"):
            continue
        every = inspect.signature(getattr(modal.Image, method)).parameters.values()
        names = [each.name for each in every if each.kind is each.POSITIONAL_OR_KEYWORD and each.name != "self"]
        assert list(POSITIONAL[method]) == names, method


def test_nothing_is_run(tmp_path: Path) -> None:
    text = f"{SLIM}open('ran', 'w')\n__import__('pathlib').Path('ran').touch()\nexec('1')\nimport own\n"
    (tmp_path / "own.py").write_text("from pathlib import Path\nPath('ran').touch()\n")
    read(tmp_path, text)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["app.py", "own.py"]


def test_gpus_and_apps_of_the_functions(tmp_path: Path) -> None:
    text = f"""{SLIM}app = modal.App()
@app.function(image=image, gpu=["T4", "A100:2"])
def one(): ...
@app.cls(image=image, gpu="T4")
class Two: ...
"""
    (draft,) = read(tmp_path, text)
    assert (draft.gpus, draft.apps) == (("T4", "A100:2"), (tmp_path / "app.py",))


def test_modules_of_the_project_are_followed(tmp_path: Path) -> None:
    package = tmp_path / "shared"
    package.mkdir()
    (package / "__init__.py").write_text("from .bases import slim\n")
    (package / "bases.py").write_text("import modal\nfrom . import pins\nslim = modal.Image.debian_slim(pins.PYTHON)\n")
    (package / "pins.py").write_text('PYTHON = "3.12"\nfrom . import bases\n')  # a circle
    text = "import shared.pins\nfrom shared import slim\nimage = slim.pip_install(shared.pins.PYTHON)\n"
    (draft,) = read(tmp_path, text)
    assert [each.operation and each.operation.method for each in draft.operations] == ["debian_slim", "pip_install"]
    assert [finding.message for finding in draft.findings()] == []


@pytest.mark.parametrize(
    ("text", "packages"),
    [
        ("v = '1'\ndef f(i, v=v): return i.pip_install(v)\nv = '2'\nimage = f(image)", ("1",)),
        ("def f(p, to=[]):\n  to.append(p)\n  return to\nf('a')\nimage = image.pip_install(f('b'))", ("a", "b")),
        ("a = {'x': 1}\nb = a\nb |= {'y': 2}\nimage = image.pip_install(*a)", ("x", "y")),
        ("a = ['x']\nb = a\nb += ['y']\nimage = image.pip_install(*a)", ("x", "y")),
        ("f = [lambda n=n: n for n in 'ab']\nimage = image.pip_install(f[0](), f[1]())", ("a", "b")),
        ("f = [lambda: n for n in 'ab']\nimage = image.pip_install(f[0](), f[1]())", ("b", "b")),
    ],
)
def test_it_means_what_python_means(tmp_path: Path, text: str, packages: tuple[str, ...]) -> None:
    (draft,) = read(tmp_path, f"{SLIM}{text}\n")
    assert draft.operations[-1].operation == ops.PipInstall(packages=packages)
    assert list(draft.findings()) == []


@pytest.mark.parametrize(
    "text",
    [
        "a = ['x']\nsomewhere.add(a)\nimage = image.pip_install(a)",
        "a = ['x', 'y']\nimport random\nrandom.shuffle(a)\nimage = image.apt_install(a)",
        "a = ['x']\na[somewhere.index] = 'y'\nimage = image.pip_install(a)",
        "a = {}\na[somewhere.key] = 'y'\nimage = image.env(a)",
        "if somewhere.flag is None: image = image.pip_install('a')",
        "image = image.pip_install('a') if somewhere.flag else image",
        "for p in ['a', 'b']:\n  if somewhere.flag: break\n  image = image.pip_install(p)",
        "for p in ['a', 'b']:\n  if somewhere.flag: continue\n  image = image.pip_install(p)",
        "def f(i):\n  if somewhere.flag: return i\n  return i.pip_install('a')\nimage = f(image)",
        "x = 'a'\nif somewhere.flag: x = 'b'\nimage = image.pip_install(x)",
        "def f():\n  global x\n  x = 'b'\nx = 'a'\nif somewhere.flag: f()\nimage = image.pip_install(x)",
        "a = []\nwhile somewhere.flag: a.append('x')\nimage = image.pip_install(a)",
        "image = image.pip_install(somewhere.PACKAGE)",
        "image = image.env({'A': somewhere.VALUE})",
        "match somewhere.flag:\n  case 1: image = image.pip_install('a')",
    ],
)
def test_what_is_not_known_is_never_guessed(tmp_path: Path, text: str) -> None:
    (draft,) = read(tmp_path, f"import somewhere\n{SLIM}{text}\n")
    assert [finding.code in ("IS953", "IS954") for finding in draft.findings()][:1] == [True]
    operation = draft.operations[-1].operation
    assert operation is None or operation.method == "debian_slim"


def test_a_folder_called_modal_is_not_modal(tmp_path: Path) -> None:
    (tmp_path / "modal").mkdir()
    assert [draft.name for draft in read(tmp_path / "modal", SLIM)] == ["image"]
    assert [draft.name for draft in read(tmp_path, SLIM)] == ["image"]


def test_an_image_of_another_module_counts_where_it_is_used(tmp_path: Path) -> None:
    (tmp_path / "shared.py").write_text(SLIM)
    used = "import modal\nfrom shared import image\napp = modal.App()\n@app.function(image=image)\ndef f(): ...\n"
    assert [draft.name for draft in read(tmp_path, used)] == ["image"]
    assert refused(tmp_path, "from shared import image\n") == "IS952 1:1 no image was found"


def test_the_root_is_where_the_modules_are(tmp_path: Path) -> None:
    folder = tmp_path / "src"
    folder.mkdir()
    (folder / "helper.py").write_text("")
    text = f'{SLIM}image = image.add_local_python_source("helper").add_local_file("x", "/x")\n'
    (draft,) = read(folder, text)
    assert draft.root == folder
    assert draft.operations[-1].operation == ops.AddLocalFile(local_path=tmp_path / "x", remote_path="/x")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("", "IS952 1:1 no image was found"),
        ("x = (\n", "IS951 1:5 Python does not accept the file: '(' was never closed"),
        ("FROM python:3.12\nRUN x\n", "IS951 1:6 Python does not accept the file: invalid syntax"),
        (b"\xff\xfea\0", "IS951 1:1 `app.py` is UTF-16, not UTF-8"),
        (b"a = 1\nb = '\xe9'\n", "IS951 2:6 `app.py` is not UTF-8: byte 0xe9"),
        ("a\0b", "IS951 1:2 `app.py` holds a NUL byte"),
        ("#" * (5 << 20), "IS951 1:1 `app.py` is larger than 4 MiB, too large for a spec"),
        ("x = " + "-" * 50_000 + "1", "IS951 1:1 the file is nested too deeply to be read"),
        ("while True: x = 1\n", "IS951 1:1 the file computes too much to be followed"),
    ],
    ids=["empty", "syntax", "a Dockerfile", "UTF-16", "Latin-1", "NUL", "huge", "deep", "endless"],
)
def test_what_is_no_such_file(tmp_path: Path, data: bytes | str, said: str) -> None:
    assert refused(tmp_path, data) == said


def test_neither_is_what_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "folder.py").mkdir()
    for name, message in (("none.py", "does not exist"), ("folder.py", "is a folder, not a file")):
        found = drafts(tmp_path / name)
        assert isinstance(found, tuple)
        assert found[0].message == f"`{name}` {message}"


@pytest.mark.parametrize(
    "text",
    [
        "image = image.run_commands('a' * 10**10)",
        "x = 10 ** 10 ** 10; y = 1 << 10**9; z = ['a'] * 10**9",
        "s = 'a' * 1000\nfor i in range(60): s = s + s",
        "l = [1]\nfor i in range(60): l = [l, l]\nimage = image.pip_install(l, l == [l])",
        "x = f'{1:1000000000}' + '{:1000000000}'.format(1) + '%1000000000d' % 1 + 'a'.ljust(10**9)",
        "def f(n): return f(n + 1)\nf(0)",
        "x = list(range(10**12)); sum(range(10**12)); y = [i for i in range(10**12)]",
        "a = []; a.append(a); image = image.pip_install(a); b = a == a; d = {}; d['d'] = d",
        "def f():\n  while True: pass\nf()",
    ],
)
def test_what_would_take_forever_does_not(tmp_path: Path, text: str) -> None:
    assert [draft.name for draft in read(tmp_path, f"{SLIM}{text}\n")] == ["image"]


STDLIB = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))


def test_any_python_is_read_without_a_traceback() -> None:
    assert len(STDLIB) > 150
    for path in STDLIB:
        found = drafts(path)
        assert isinstance(found, tuple), path
        assert [finding.code for finding in found] == ["IS952"], path


PIECES = [
    "image",
    ".pip_install(",
    "'a'",
    ")",
    "\n",
    "if x:\n    ",
    "for i in [1, 2]:\n    ",
    "image = ",
    "modal.Image",
]
PIECES += [
    ".debian_slim('3.12')",
    "def f(a, *b, c=1, **d):\n    ",
    "return ",
    "f(",
    "[",
    "]",
    "{",
    "}",
    "*",
    "**",
    ",",
    "=",
]
PIECES += [
    "lambda: ",
    "class A:\n    ",
    "try:\n    ",
    "except E:\n    ",
    "with image:\n    ",
    ":=",
    "f'{x}'",
    "yield",
    "os",
]


@settings(deadline=None, max_examples=300)
@given(text=st.lists(st.sampled_from(PIECES), max_size=12).map("".join) | st.text(max_size=40))
def test_any_text_is_read_without_a_traceback(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "random.py"
    path.write_text(f"import modal, os\nimage = modal.Image.debian_slim('3.12')\n{text}", "utf-8", "replace")
    assert drafts(path)


@given(name=st.text(max_size=8))
def test_names_are_those_of_specs(name: str) -> None:
    assert NAMES.fullmatch(spec_name(name))
    assert not spec_name(name).startswith("_")
