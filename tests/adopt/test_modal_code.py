"""Modal code to drafts: what a file may look like, and that nothing of it is run."""

from __future__ import annotations

import inspect
import sysconfig
from pathlib import Path

import modal
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagespec.adopt.draft import Draft
from imagespec.adopt.modal.chains import POSITIONAL
from imagespec.adopt.modal.images import drafts, spec_name
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
        (
            "r = []\ndef d(f):\n  r.append(f.__name__)\n  return f\n@d\ndef a(): ...\nimage = image.pip_install(r)",
            ("a",),
        ),
        ("r = []\n@r.append\ndef a(): ...\nimage = image.pip_install(r[0].__name__)", ("a",)),
        ("def d(f): return lambda: f() + '1'\n@d\ndef a(): return 'a'\nimage = image.pip_install(a())", ("a1",)),
        (
            "class B:\n  n = []\n  def __init_subclass__(cls): B.n.append(cls.__name__)\n"
            "class a(B): ...\nimage = image.pip_install(B.n)",
            ("a",),
        ),
        ("class C:\n  def __init__(self, v='1'): self.v = v\nimage = image.pip_install(C().v, C('2').v)", ("1", "2")),
        (
            "class C:\n  v = '1'\n  @property\n  def p(self): return f'a=={self.v}'\nimage = image.pip_install(C().p)",
            ("a==1",),
        ),
        (
            "from enum import Enum\nclass E(Enum):\n  A = 'a'\n  B = 'b'\n  C = 'a'\n"
            "image = image.pip_install([e.value for e in E], E.B.name)",
            ("a", "b", "B"),
        ),
        (
            "from dataclasses import dataclass, field\n@dataclass\n"
            "class C:\n  p: list = field(default_factory=lambda: ['a'])\n"
            "c = C(); c.p.append('b')\nimage = image.pip_install(c.p, C().p)",
            ("a", "b", "a"),
        ),
        ("class C: v = 'a'\nsetattr(C, 'v', 'b')\nimage = image.pip_install(C.v)", ("b",)),
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
        "class C:\n  p = 'a'\n  def __init__(self): super().__init__()\nimage = image.pip_install(C().p)",
        "class C:\n  p = 'a'\n  def __init__(self): self.p = somewhere.p\nimage = image.pip_install(C().p)",
        "from enum import Enum\nclass E(Enum):\n  A = 'a'\nimage = image.pip_install(f'{E.A}')",
        "r = []\ndef d(f):\n  if somewhere.flag: r.append('a')\n@d\ndef a(): ...\nimage = image.pip_install(r)",
        "image = image.pip_install('a' * 2 ** 3)",
        "class C: v = 'a'\nc = C()\nsomewhere.fill(c)\nimage = image.pip_install(c.v)",
        "match somewhere.flag:\n  case 1: image = image.pip_install('a')",
    ],
)
def test_what_is_not_known_is_never_guessed(tmp_path: Path, text: str) -> None:
    (draft,) = read(tmp_path, f"import somewhere\n{SLIM}{text}\n")
    assert [finding.code in ("IS953", "IS954") for finding in draft.findings()][:1] == [True]
    operation = draft.operations[-1].operation
    assert operation is None or operation.method == "debian_slim"


def test_an_image_whose_base_is_not_known_is_kept(tmp_path: Path) -> None:
    text = (
        f"{SLIM}app = modal.App(image=image)\n@app.function(image=modal.Image.debian_slim(), gpu='T4')\ndef c(): ...\n"
    )
    drafts = {draft.name: draft for draft in read(tmp_path, text)}
    assert (drafts.keys(), drafts["c"].gpus) == ({"image", "c"}, ("T4",))
    (finding,) = drafts["c"].findings()
    assert "without a version" in finding.message
    (alone,) = read(tmp_path, "import modal\nimage = modal.Image.debian_slim()\n")
    assert [each.message for each in alone.findings()] == [finding.message]


@pytest.mark.parametrize("base", ["debian_slim()", "debian_slim(None)", "micromamba()"])
def test_a_base_without_a_version_has_that_which_is_given(tmp_path: Path, base: str) -> None:
    path = tmp_path / "app.py"
    path.write_text(f"import modal\nimage = modal.Image.{base}\n")
    found = drafts(path, python="3.12")
    assert isinstance(found, list)
    assert [getattr(each.operation, "python_version", "") for each in found[0].operations] == ["3.12"]
    (finding,) = read(tmp_path, path.read_text())[0].findings()
    assert finding.hint == f'name one: `{base.partition("(")[0]}: "3.12"`, or adopt with `--python 3.12`'


@pytest.mark.parametrize(
    ("gpu", "meant"),
    [
        ("T4()", ("T4",)),
        ("A10G(2)", ("A10G:2",)),
        ('A100(count=2, size="80GB")', ("A100-80GB:2",)),
        ("A100(memory=40)", ("A100-40GB",)),
        ("Any()", ("any",)),
        ("A100(count=somewhere.N)", ()),
        ("H100(flavour='x')", ()),
    ],
)
def test_gpus_of_older_clients(tmp_path: Path, gpu: str, meant: tuple[str, ...]) -> None:
    text = f"import somewhere\n{SLIM}app = modal.App(image=image)\n@app.function(gpu=modal.gpu.{gpu})\ndef f(): ...\n"
    (draft,) = read(tmp_path, text)
    assert draft.gpus == meant
    assert len(list(draft.findings())) == (0 if meant else 1)


def test_builder_methods_of_older_clients(tmp_path: Path) -> None:
    chain = 'from_dockerhub("x:1").copy_local_file("a", "/a").copy_local_dir("d", "/d")'
    (draft,) = read(tmp_path, f"import modal\nimage = modal.Image.{chain}\n")
    assert [each.operation for each in draft.operations] == [
        ops.FromRegistry(tag="x:1"),
        ops.AddLocalFile(local_path=tmp_path / "a", remote_path="/a", copy=True),
        ops.AddLocalDir(local_path=tmp_path / "d", remote_path="/d", copy=True),
    ]
    assert list(draft.findings()) == []


def test_servers_and_options_have_gpus_too(tmp_path: Path) -> None:
    text = f"""{SLIM}app = modal.App(image=image)
@app.server(gpu="H100", port=8000)
class S: ...
@app.cls(gpu="T4")
class M: ...
@app.local_entrypoint()
def main():
    M.with_options(gpu="B200")().m.remote()
    M.with_options(timeout=3)
"""
    (draft,) = read(tmp_path, text)
    assert draft.gpus == ("H100", "T4", "B200")


def test_what_a_file_does_as_a_script_rebinds_nothing(tmp_path: Path) -> None:
    text = f"""{SLIM}packages = ["a"]
if __name__ == "__main__":
    image = image.pip_install("z")
    packages.append("z")
    modal.Sandbox.create(image=image.apt_install("git"))
image = image.pip_install(packages)
"""
    sandbox, image = sorted(read(tmp_path, text), key=lambda draft: draft.name, reverse=True)
    assert (image.name, image.operations[-1].operation) == ("image", ops.PipInstall(packages=("a",)))
    assert sandbox.name == "sandbox"
    assert [each.operation and each.operation.method for each in sandbox.operations] == [
        "debian_slim",
        "pip_install",
        "apt_install",
    ]


def test_defaults_of_the_environment_are_taken_and_said(tmp_path: Path) -> None:
    text = f"""import os
{SLIM}image = image.pip_install(f"torch=={{os.environ.get('TORCH', '2.6.0')}}", os.getenv("X") or "y")
if os.environ.get("GIT", "1") == "1":
    image = image.apt_install("git")
image = image.env({{"TOKEN": os.environ.get("TOKEN", ""), "HOME": os.environ.get("HOME")}})
"""
    (draft,) = read(tmp_path, text)
    _, packages, git, env = draft.operations
    assert packages.operation == ops.PipInstall(packages=("torch==2.6.0", "y"))
    assert (packages.todo, {note.code for note in packages.notes}) == ((), {"IS960"})
    assert [(each.operation, each.todo[0].code) for each in (git, env)] == [(None, "IS954"), (None, "IS953")]


def test_folders_that_the_code_adds_to_the_path(tmp_path: Path) -> None:
    folder = tmp_path / "lib"
    folder.mkdir()
    (folder / "images.py").write_text(SLIM)
    add = "import sys\nfrom pathlib import Path\nsys.path.insert(0, str(Path(__file__).parent / 'lib'))\n"
    text = f"{add}from images import image\nimport modal\napp = modal.App(image=image)\n@app.function()\ndef f(): ...\n"
    assert [draft.name for draft in read(tmp_path, text)] == ["image"]


def test_an_app_without_an_image(tmp_path: Path) -> None:
    text = "import modal\napp = modal.App()\n@app.function()\ndef f(): ...\n"
    assert refused(tmp_path, text) == "IS952 1:1 no image was found: what runs here runs on Modal's default image"


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


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("os.chdir(Path(__file__).parent)", "sub"),
        ("os.chdir('sub'); os.chdir('deep')", "sub/deep"),
        ("os.chdir('/'); os.chdir(os.path.dirname(os.path.abspath(__file__)))", "sub"),
        ("os.chdir('sub'); os.chdir(Path.cwd().parent)", ""),
        ("os.chdir('sub'); os.chdir(os.getcwd() + '/deep')", "sub/deep"),
        ("with contextlib.chdir('sub'): pass", ""),
        ("def never(): os.chdir('sub')", ""),
        ("if __name__ == '__main__': os.chdir('sub')", ""),
    ],
)
@pytest.mark.parametrize("first", [False, True])
def test_paths_start_at_the_folder_that_the_code_ends_in(tmp_path: Path, text: str, folder: str, first: bool) -> None:
    (tmp_path / "sub").mkdir()
    image = "image = modal.Image.debian_slim('3.12').add_local_dir('data', '/data', copy=True)"
    lines = [text, image] if first else [image, text]
    (draft,) = read(tmp_path / "sub", "\n".join(["import contextlib, os, modal", "from pathlib import Path", *lines]))
    assert [*draft.findings()] == []
    assert draft.operations[1].operation.local_path == tmp_path / folder / "data"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("os.chdir(os.environ['X'])", "IS953"),
        ("if os.environ['X']: os.chdir('sub')", "IS954"),
        ("os.chdir(other.folder())", "IS953"),
        ("os.fchdir(3)", "IS953"),
        ("os.chdir(os.environ['X']); x = os.getcwd(); os.chdir(x)", "IS953"),
    ],
)
def test_a_folder_that_nobody_knows_is_a_todo(tmp_path: Path, text: str, code: str) -> None:
    image = "image = modal.Image.debian_slim('3.12').add_local_dir('data', '/data').add_local_dir('/data', '/other')"
    (draft,) = read(tmp_path, f"import os, modal, other\n{text}\n{image}")
    assert [(finding.code, finding.span.line) for finding in draft.findings()] == [(code, 3)]
    assert draft.operations[2].operation.local_path == Path("/data")  # type: ignore[union-attr]


def test_what_is_computed_from_an_absolute_path_is_known_in_any_folder(tmp_path: Path) -> None:
    here = "os.path.abspath(os.path.dirname(__file__))"
    image = f"image = modal.Image.debian_slim('3.12').add_local_dir({here} + '/data', '/data')"
    (draft,) = read(tmp_path, f"import os, modal\nos.chdir(os.environ['X'])\n{image}")
    assert [*draft.findings()] == []
