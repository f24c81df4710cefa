"""One statement at a time: what is said about it, and about its twin that is fine."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagespec.cli.main import cli
from imagespec.compiler import check
from imagespec.diagnostic import Add
from imagespec.diagnostic import lines as split_lines
from tests.code.conftest import Found, of_code

HEAD = """\
import os
import subprocess
import sys
from pathlib import Path

import modal

import imagespec

app = modal.App("app")
image = imagespec.load("spec")
"""
RUN = """

@app.function(image=image, volumes={"/data": modal.Volume.from_name("data")})
def run(name, flag):
"""
FILES = {
    "helper.py": "def go(): ...\n",
    "local.txt": "x",
    "tool.sh": "echo x\n",
    "tool.py": "import helper\n",
    "conf/a.json": "{}",
    "pkg/__init__.py": "from pkg.inner import thing\n",
    "pkg/inner.py": "thing = 1\n",
    "pkg/other.py": "import helper\n",
    "shipped.py": "",
    "main.sh": "",
}
SPEC = "apps: [app.py]\nsource: [{package: shipped}, {file: main.sh, to: /root/main.sh}, {dir: conf, to: /etc/conf}]\n"

IN_FUNCTION = {
    "import helper": "IS601",
    "import helper as h": "IS601",
    "from helper import go": "IS601",
    "import shipped": "",
    "import json, helper": "IS601",
    "import importlib; importlib.import_module('helper')": "IS601",
    "__import__('helper')": "IS601",
    "__import__(name)": "",
    "importlib.import_module(f'helper.{name}')": "",
    "if flag: import helper": "IS601",
    "if flag: import nowhere": "",
    "import nowhere": "IS602",
    "import nowhere.inner": "IS602",
    "from nowhere import inner": "IS602",
    "import nowhere  # imagespec: ignore[IS602]": "",
    "import yaml": "IS602",
    "import distutils": "",
    "import numpy, modal, imagespec": "IS602",
    "import setuptools, typing_extensions, google.protobuf": "",
    "from pkg import thing": "IS601",
    "from conf import a": "IS602",
    "if modal.is_local(): import helper": "",
    "def inner(): import helper": "IS601",
    "class Inner: import helper": "IS601",
    "subprocess.run([sys.executable, '-m', 'helper'])": "IS601",
    "subprocess.run(['python', '-m', 'pkg.other'])": "IS601",
    "subprocess.run(['python', '-m', 'http.server'])": "",
    "subprocess.run(['python', '-u', 'tool.py', '--x'], check=True)": "IS606",
    "subprocess.run(['python', name])": "",
    "subprocess.run(['torchrun', '--nproc_per_node', '8', 'tool.py'])": "IS606",
    "subprocess.run(['torchrun', '--standalone', '-m', 'helper'])": "IS601",
    "subprocess.run('python tool.py --x', shell=True)": "IS606",
    "subprocess.run(f'python tool.py {name}', shell=True)": "IS606",
    "subprocess.run(f'python {name}.py', shell=True)": "",
    "subprocess.run('cd /data && python tool.py', shell=True)": "",
    "subprocess.run(['python', 'tool.py'], cwd='/data')": "",
    "subprocess.run(['python', 'tool.py'], cwd=name)": "",
    "subprocess.run(['python', '/data/tool.py'])": "",
    "subprocess.run(['python', '-c', 'import helper'])": "",
    "subprocess.run(['bash', 'tool.sh'])": "IS606",
    "subprocess.run(['bash', 'main.sh'])": "",
    "subprocess.run(['bash', '-c', 'wget x'])": "IS607",
    "subprocess.Popen('./tool.sh', shell=True)": "IS606",
    "os.system('sh tool.sh && echo')": "IS606",
    "os.system('sh nowhere.sh')": "IS606",
    "os.popen('bash /root/main.sh | cat')": "",
    "os.execvp('wget', ['wget', 'x'])": "IS607",
    "os.system('wget x | tar x')": "IS607",
    "os.system('apt-get install -y wget && wget x')": "",
    "os.system('which wget && wget x')": "",
    "subprocess.check_output('git rev-parse HEAD'.split())": "IS607",
    "subprocess.run(['somebodys-tool', 'git'])": "",
    "print('wget')": "",
    "if flag: os.system('wget x')": "",
    "open('local.txt')": "IS606",
    "open('local.txt', 'rb')": "IS606",
    "open('local.txt', mode='w')": "",
    "open('local.txt', name)": "",
    "open('nowhere.txt')": "",
    "open(name)": "",
    "open('/etc/conf/a.json')": "",
    "open('conf/a.json')": "IS606",
    "open('/root/local.txt')": "IS606",
    "open('/data/x.txt')": "",
    "open('/tmp/x.txt')": "",
    "open('/elsewhere/x.txt')": "IS608",
    "open('/elsewhere/x.txt', 'w')": "",
    "open('data/x.txt')": "IS608",
    "open('./data/x.txt')": "IS608",
    "open('~/x.txt')": "",
    "os.listdir('data')": "IS608",
    "os.listdir('conf')": "IS606",
    "Path('local.txt').read_text()": "IS606",
    "(Path('conf') / 'a.json').read_text()": "IS606",
    "Path('conf', 'a.json').open()": "IS606",
    "Path('conf', 'a.json').open('w')": "",
    "Path(__file__).with_name('local.txt').read_text()": "",
    "(Path(__file__).parent / 'local.txt').read_text()": "IS606",
    "open(os.path.join(os.path.dirname(__file__), 'local.txt'))": "IS606",
    "open('local.txt') if flag else None": "",
    "flag and open('local.txt')": "",
    "open('local.txt') or flag": "IS606",
    "(open('local.txt') if flag else None) or subprocess.run(['bash', 'tool.sh'])": "",
    "p = Path('local.txt')\n    x = p.read_text() if p.exists() else ''": "",
    "p = Path('local.txt')\n    if not p.exists(): return\n    p.read_text()": "",
    "p = Path('local.txt')\n    there = p.is_file()\n    return there and p.read_text()": "",
    "if not os.path.isdir('conf'): return\n    open('conf/a.json')": "",
    "if not os.path.exists('tool.sh'): return\n    os.system('bash tool.sh')": "",
    "p = Path('other.txt')\n    if not p.exists(): return\n    open('local.txt')": "IS606",
    "p = Path('local.txt')\n    assert p.exists()\n    p.read_text()": "IS606",
    "p = Path('local.txt')\n    if not p.exists(): raise SystemExit(p)\n    p.read_text()": "IS606",
    "cmd = ['torchrun', f'--n={name}']\n    subprocess.run([*cmd, 'tool.py'])": "IS606",
    "cmd = ['torchrun', f'--n={name}']\n    subprocess.run(cmd + ['tool.py'])": "IS606",
    "cmd = ['torchrun']\n    cmd += ['/data/x.py']\n    subprocess.run([*cmd, 'tool.py'])": "",
    "subprocess.run([*name, 'tool.py'])": "",
    "cmd = ['local.txt']\n    open(cmd)": "",
    "if Path('local.txt').exists(): open('local.txt')": "",
    "Path('local.txt').write_text('x'); open('local.txt')": "",
    "subprocess.run('curl -o local.txt x; cat', shell=True); open('local.txt')": "IS607",
    "os.chdir('/data'); open('local.txt')": "",
    "os.system('wget https://x/z.sh && bash z.sh')": "IS607",
    "subprocess.run('tar xf a.tar && bash a/install.sh', shell=True)": "",
    "subprocess.run(['tar', 'xf', 'a.tar']); subprocess.run(['bash', 'a/install.sh'])": "",
    "subprocess.run(['tar', 'xf', 'a.tar'])\n    subprocess.run(['bash', 'tool.sh'])": "IS606",
    "subprocess.run(['python', 'make.py', '--metrics', 'local.txt'], cwd=name); open('local.txt')": "",
    "subprocess.run(['python', 'make.py', '--metrics=local.txt'], cwd=name); open('local.txt')": "",
    "subprocess.run(['chmod', '+x', 'local.txt']); open('local.txt')": "IS606",
    "open('/tmp/x.py', 'w'); subprocess.run(['python', 'x.py'], cwd='/tmp')": "",
    "os.system('pip install nowhere'); import nowhere": "",
    "subprocess.run([sys.executable, '-m', 'pip', 'install', 'x']); import nowhere": "",
    "subprocess.run(['uv', 'sync']); import nowhere": "",
    "os.system('pip install x'); import helper": "IS601",
    "os.system('pip install -e /data/x'); import helper": "",
    "os.system('pip --version'); import nowhere": "IS602",
    "os.system('git clone x /code'); sys.path.append('/code'); import helper, nowhere; open('local.txt')": "IS607",
    "os.system('command -v wget || echo none')": "",
    "os.system('if command -v wget; then wget x; else echo; fi')": "",
    "os.system('command wget x')": "IS607",
    "os.system('sudo ls')": "IS607",
    "sys.path.append('/nowhere')": "IS612",
    "sys.path.append('/root/nowhere')": "IS612",
    "sys.path.append('/opt/nowhere')": "IS612",
    "sys.path.append('/opt')": "",
    "os.makedirs('/root/generated'); sys.path.append('/root/generated')": "",
    "sys.path.insert(0, '/etc/conf')": "",
    "sys.path.insert(0, '/data/lib')": "",
    "sys.path += ['/nowhere']": "IS612",
    "sys.path = ['/nowhere'] + sys.path": "IS612",
    "sys.path.append(name)": "",
    "sys.path.append('/usr/lib/x')": "",
    "if flag: sys.path.append('/nowhere')": "",
    "sys.path.append(str(Path(__file__).parent / 'nowhere'))": "",
}


@pytest.mark.parametrize(("statement", "code"), IN_FUNCTION.items(), ids=IN_FUNCTION)
def test_in_a_function(found: Found, statement: str, code: str) -> None:
    text = f"{HEAD}{RUN}    import importlib\n    {statement}\n"
    said = {(d.code, d.span.source.path.name, d.span.line) for d in found({**FILES, "app.py": text}, SPEC)}
    assert said == ({(code, "app.py", text.count("\n"))} if code else set())


AROUND = {
    "only a local entrypoint": (
        "@app.local_entrypoint()\ndef main():\n    import helper, nowhere\n    open('local.txt')\n",
        "",
    ),
    "what a local entrypoint calls": (
        "def load():\n    import nowhere\n    return open('local.txt')\n\n\n@app.local_entrypoint()\ndef main():\n"
        "    load()\n",
        "",
    ),
    "what a function calls": (
        "def load():\n    import nowhere\n\n\n@app.function(image=image)\ndef main():\n    load()\n",
        "IS602",
    ),
    "what a table names": ("def load():\n    import nowhere\n\n\nTABLE = {'load': load}\n", "IS602"),
    "a class": (
        "@app.cls(image=image)\nclass A:\n    @modal.enter()\n    def f(self):\n        import nowhere\n",
        "IS602",
    ),
    "another image": (
        "other = modal.Image.debian_slim().pip_install('nowhere')\n\n\n@app.function(image=other)\ndef f():\n"
        "    import nowhere\n",
        "",
    ),
    "another spec": (
        "other = imagespec.load('other')\n\n\n@app.function(image=other)\ndef f():\n    import nowhere\n",
        "",
    ),
    "more than the spec": (
        "image = image.pip_install('nowhere')\n\n\n@app.function(image=image)\ndef f():\n    import nowhere\n",
        "",
    ),
    "source that the code adds": (
        "image = image.add_local_python_source('helper')\n\n\n@app.function(image=image)\ndef f():\n"
        "    import helper\n",
        "",
    ),
    "main": ("if __name__ == '__main__':\n    import nowhere, helper\n", ""),
    "type checkers, by another name": ("import typing as t\nif t.TYPE_CHECKING:\n    import nowhere, helper\n", ""),
    "no type checkers": (
        "import typing as t\nif not t.TYPE_CHECKING and flag:\n    import os\nelse:\n    import helper\n",
        "IS601",
    ),
    "only here, and more": ("if modal.is_local() and sys.argv:\n    import nowhere, helper\n", ""),
    "only here, and more, otherwise": (
        "if modal.is_local() and sys.argv:\n    import nowhere\nelse:\n    import helper\n",
        "IS601",
    ),
    "functions in a loop": (
        "for n in (1, 2):\n    @app.function(image=image, name=f'f{n}', serialized=True)\n    def f():\n"
        "        import helper\n",
        "IS601",
    ),
    "functions of another image in a loop": (
        "other = modal.Image.debian_slim()\nfor n in (1, 2):\n"
        "    @app.function(image=other, name=f'f{n}', serialized=True)\n    def f():\n        import helper\n",
        "",
    ),
    "type checkers": ("import typing\nif typing.TYPE_CHECKING:\n    import nowhere, helper\n", ""),
    "one or the other": (
        "try:\n    from pkg2 import helper\nexcept ImportError:\n    import shipped as helper\n",
        "",
    ),
    "one or the other of the project": (
        "try:\n    import helper\nexcept ImportError:\n    import shipped as helper\n",
        "",
    ),
    "here or in the container": (
        "try:\n    import shipped\nexcept ImportError:\n    from pkg import inner as shipped\n",
        "",
    ),
    "one or the other, of others": ("try:\n    import nowhere\nexcept ImportError:\n    import elsewhere\n", ""),
    "a program that the code adds": (
        "image = image.apt_install('wget')\n\n\n@app.function(image=image)\ndef f():\n    os.system('wget x')\n",
        "",
    ),
    "a stub": ("try:\n    import shipped\nexcept ImportError:\n    shipped = None\n", "IS609"),
    "a plain message": (
        "try:\n    import shipped\nexcept ImportError as error:\n"
        "    raise SystemExit('run it from the root') from error\n",
        "",
    ),
    "at the start": ("import nowhere\n", "IS602"),
}


@pytest.mark.parametrize(("text", "code"), AROUND.values(), ids=AROUND)
def test_around_functions(found: Found, text: str, code: str) -> None:
    text = f"{HEAD}\n\n{text}{RUN}    return 1\n"
    assert [d.code for d in found({**FILES, "app.py": text}, SPEC)] == ([code] if code else [])


STARTS = {
    "import yaml\nimport torch\n": ["IS605"],
    "import torch.nn\nfrom torch import optim\n": ["IS605"],
    "with image.imports():\n    import torch\n": [],
    "try:\n    import torch\nexcept ImportError:\n    torch = None\n": [],
    "if not modal.is_local():\n    import torch\n": [],
    "if os.environ.get('X'):\n    import torch\n": [],
    "class A:\n    import torch\n": ["IS605"],
    "import torchvision\n": ["IS605"],
    "import fastapi\nfrom PIL import Image\n": ["IS615"],
    "import fastapi\nimport torch\n": ["IS605"],
    "import models\n": ["IS605"],
    "from models import Net\n": ["IS605"],
    "with image.imports():\n    import models\n": [],
    "def f():\n    import models\n": [],
}


@pytest.mark.parametrize(("text", "codes"), STARTS.items(), ids=STARTS)
def test_at_the_start(found: Found, text: str, codes: list[str]) -> None:
    files = {"models.py": "import torch\n\nNet = torch.nn.Module\n", "app.py": f"{HEAD}{text}{RUN}    return 1\n"}
    packages = "torch==2.5.1, torchvision==0.20.1, fastapi==0.115.5, pyyaml==6.0.2"
    said = found(files, f"apps: [app.py]\npython: [{packages}]\nsource: [{{package: models}}]\n")
    assert [d.code for d in said] == codes
    named = text.replace("\n", " ").replace(".", " ").split()
    for diagnostic in said:
        wanted = [each for each in ("fastapi", "PIL", "torch", "torchvision") if each in named] or ["torch"]
        assert all(f"`{each}`" in diagnostic.message for each in wanted)


@pytest.mark.parametrize("edit", ["'src'", "str(Path(__file__).parent / 'src')", "os.path.abspath('src')"])
def test_own_modules_at_the_start(found: Found, edit: str) -> None:
    """What the app finds by its own `sys.path` is no package, and what it imports in turn has to be there."""
    text = f"{HEAD}sys.path.append({edit})\nimport lib\n{RUN}    return lib\n"
    spec = "apps: [app.py]\npython: [torch==2.5.1]\nsource: [{dir: src, to: /root/src}]\n"
    (one,) = found({"app.py": text, "src/lib.py": "import torch\n"}, spec)
    assert (one.code, one.span.source.path.name) == ("IS605", "lib.py")


SRC = {
    "source: [{dir: src, to: /root/src}]": ("`lib` is in the image, in `/root/src`, and not looked for there", None),
    "source: [{dir: src/lib, to: /root/code/lib}]": (
        "`lib` is in the image, in `/root/code`, and not looked for there",
        None,
    ),
    "": ("`lib` is not in the image", Add(("source",), {"dir": "src/lib", "to": "/root/lib"})),
}


@pytest.mark.parametrize(("source", "said"), SRC.items(), ids=SRC)
def test_a_module_below_src(found: Found, source: str, said: tuple[str, Add | None]) -> None:
    files = {"app.py": f"{HEAD}{RUN}    import lib\n", "src/lib/__init__.py": "", "src/lib/loop.py": ""}
    (one,) = found(files, f"apps: [app.py]\n{source}\n")
    assert (one.code, one.message, one.fix) == ("IS601", said[0], (said[1],) if said[1] else ())


def test_a_module_of_a_package_is_no_other(found: Found) -> None:
    """`proj.yaml` is not what `import yaml` means."""
    files = {"app.py": f"{HEAD}{RUN}    import yaml\n", "proj/__init__.py": "", "proj/yaml.py": ""}
    (one,) = found(files, "apps: [app.py]\nsource: [{package: proj}]\n")
    assert one.code == "IS602"


@pytest.mark.parametrize(("name", "codes"), [("_C", []), ("b", ["IS609"])])
def test_an_optional_part_of_a_package(found: Found, name: str, codes: list[str]) -> None:
    init = f"try:\n    from mypkg import {name}\nexcept ImportError:\n    {name} = None\n"
    files = {"app.py": f"{HEAD}{RUN}    import mypkg\n", "mypkg/__init__.py": init, "mypkg/b.py": ""}
    assert [d.code for d in found(files, "apps: [app.py]\nsource: [{package: mypkg}]\n")] == codes


@pytest.mark.parametrize(("command", "programs"), [("sudo apt-get update", {"sudo"}), ("apt-get update", set())])
def test_sudo_in_a_build(found: Found, command: str, programs: set[str]) -> None:
    said = found({"app.py": f"{HEAD}{RUN}    return 1\n"}, f"apps: [app.py]\nrun: [{command}]\n")
    assert {d.message for d in said} == {f"nothing in the image brings `{name}`" for name in programs}


def test_the_same_thing_is_said_once(found: Found) -> None:
    body = "    import helper\n    from helper import go\n    import nowhere\n    import nowhere.x\n    return go\n"
    text = HEAD + RUN + body
    said = found({**FILES, "app.py": text}, SPEC)
    assert [(d.code, d.span.line) for d in said] == [("IS601", 16), ("IS602", 18), ("IS602", 19)]


@pytest.mark.parametrize(
    "source", ["file: gone.py, to: /root/gone.py", "dir: nowhere, to: /root/gone", "package: gone", "package: gone.x"]
)
def test_what_a_missing_source_would_bring(found: Found, tmp_path: Path, source: str) -> None:
    """That it is missing is said once, at its line; another module that is missing is another matter."""
    text = f"{HEAD}{RUN}    import gone\n    import helper\n"
    spec = f"apps: [app.py]\nsource: [{{{source}}}]\n"
    others = [] if source.startswith("dir") else ["IS601"]
    assert [d.code for d in found({**FILES, "app.py": text}, spec)] == others
    assert [d.code for d in check(tmp_path / "spec.yaml") if d.code.startswith("IS21")] == [
        "IS212" if source.startswith("package") else "IS211"
    ]


def test_fixing_derives_the_source(found: Found, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    body = "    import helper, pkg.other\n    os.system('sh tool.sh')\n    open('conf/a.json')\n"
    script = {"tool.sh": "wget -q https://example.com\n"}
    assert found({**FILES, **script, "app.py": HEAD + RUN + body}, "apps: [app.py]  # ours\n")
    with pytest.raises(SystemExit):
        cli.main(["check", "spec.yaml", "--fix"], standalone_mode=False)
    assert of_code(tmp_path / "spec.yaml") == []
    spec = (tmp_path / "spec.yaml").read_text()
    assert "apps: [app.py]  # ours\n" in spec
    assert yaml.safe_load(spec) == {
        "base": {"debian_slim": "3.12.10"},
        "apps": ["app.py"],
        "apt": ["wget"],
        "source": [
            {"package": "helper"},
            {"package": "pkg"},
            {"file": "tool.sh", "to": "/root/tool.sh"},
            {"file": "conf/a.json", "to": "/root/conf/a.json"},
        ],
    }


def test_a_fix_adds_what_is_missing(found: Found, tmp_path: Path) -> None:
    text = f"{HEAD}{RUN}    import helper\n    subprocess.run(['bash', 'tool.sh'])\n    os.system('wget x')\n"
    said = found({**FILES, "app.py": text}, SPEC)
    assert [d.fix for d in said] == [
        (Add(("source",), {"package": "helper"}),),
        (Add(("source",), {"file": "tool.sh", "to": "/root/tool.sh"}),),
        (Add(("apt",), "wget"),),
    ]


IN_PACKAGE = {
    "proj/__init__.py": "",
    "proj/cfg.py": "",
    "proj/main.py": f"{HEAD}{RUN}    from proj import cfg\n    import proj.cfg\n",
}


def test_an_app_in_its_package(found: Found) -> None:
    """Run by its path, it is alone in the image; what it is called there is no package that lies elsewhere."""
    said = found(IN_PACKAGE, "apps: [proj/main.py]\n")
    assert [(d.code, d.message) for d in said] == [
        ("IS601", "`proj` is not in the image"),
        ("IS601", "`proj.cfg` is not in the image"),
    ]
    assert said[0].fix == (Add(("source",), {"package": "proj"}),)
    assert "`modal run -m proj.main` ships it" in said[0].hint


@pytest.mark.parametrize(
    ("name", "text", "count"),
    [
        ("Makefile", "train:\n\tmodal run -m proj.main\n", 0),
        ("README.md", "    MODAL_PROFILE=x modal deploy --env y -m proj.main\n", 0),
        ("scripts/train.sh", "exec modal run --detach -m proj.main::run --x 1\n", 0),
        ("Makefile", "train:\n\tmodal run proj/main.py\n\tpython -m proj.main\n", 2),
        ("Makefile", "train:\n\tmodal run -m proj.mainly\n", 2),
    ],
)
def test_how_an_app_is_run(found: Found, name: str, text: str, count: int) -> None:
    assert len(found({**IN_PACKAGE, name: text}, "apps: [proj/main.py]\n")) == count


OTHERS = {
    "utils.py": "def plot(x):\n    import nowhere\n\n\ndef prep(x): ...\n",
    "more/__init__.py": "",
    "more/utils.py": "def run(x):\n    import nowhere\n",
}
CALLS = {
    "import utils\n    utils.prep(1)\n    Hist().plot()": 0,
    "from more import utils\n    subprocess.run(['ls'])": 0,
    "import yaml\n    from more import utils\n    yaml.utils.run(['ls'])": 0,
    "import utils\n    class Own:\n        def plot(self): return self.plot": 0,
    "import utils\n    utils.plot(1)": 1,
    "import utils as u\n    u . plot(1)": 1,
    "from utils import plot\n    plot(1)": 1,
    "from utils import plot as p\n    p(1)": 1,
    "from utils import prep, plot\n    [prep, plot][flag](1)": 1,
    "import more.utils\n    more.utils.run(1)": 1,
    "from more import utils\n    (utils).run(1)\n    getattr(utils, name)()": 1,
    "import utils\n    getattr(utils, 'plot')(1)": 1,
    "import importlib\n    importlib.import_module('utils').plot(1)": 1,
    "import utils\n    lib = utils\n    lib.plot(1)": 1,
}


@pytest.mark.parametrize(("body", "count"), CALLS.items(), ids=CALLS)
def test_what_wakes_a_function_of_another_module(found: Found, body: str, count: int) -> None:
    text = f"{HEAD}\n\nclass Hist:\n    def plot(self): ...\n{RUN}    {body}\n"
    spec = "apps: [app.py]\npython: [pyyaml==6.0.2]\nsource: [{package: utils}, {package: more}]\n"
    assert [d.code for d in found({**OTHERS, "app.py": text}, spec)] == ["IS603"] * count


def test_what_a_function_elsewhere_imports_by_name(found: Found) -> None:
    lib = "import importlib\nimport utils\n\n\ndef load(name):\n    return importlib.import_module(name)\n"
    text = f"{HEAD}{RUN}    from lib import load\n    load(name).plot(1)\n"
    spec = "apps: [app.py]\nsource: [{package: utils}, {package: lib}]\n"
    assert [d.code for d in found({**OTHERS, "lib.py": lib, "app.py": text}, spec)] == ["IS602"]


MOUNTS = {
    'volumes={"/raw": modal.Volume.from_name("raw")}': 0,
    "volumes=settings.VOLUMES": 0,
    "**settings": 0,
    "timeout=3": 1,
}


@pytest.mark.parametrize(("given_", "count"), MOUNTS.items(), ids=MOUNTS)
def test_volumes_of_another_module(found: Found, given_: str, count: int) -> None:
    step = (
        f"{HEAD.replace('app = ', 'step = ')}\n\n@step.function(image=image, {given_})\ndef go():\n    open('/raw/x')\n"
    )
    files = {"steps.py": step, "app.py": f"{HEAD}{RUN}    import steps\n    steps.go.local()\n"}
    said = found(files, "apps: [app.py]\nsource: [{package: steps}]\n")
    assert [d.code for d in said] == ["IS608"] * count


LINES = [
    *IN_FUNCTION,
    *[
        "try:",
        "except ImportError:",
        "if flag:",
        "else:",
        "with image.imports():",
        "def f(x):",
        "class A:",
        "x = (",
        '"""',
        "\\",
    ],
]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.tuples(st.integers(0, 3), st.sampled_from(LINES) | st.text(max_size=20)), max_size=12))
def test_no_app_makes_a_traceback(found: Found, lines: list[tuple[int, str]]) -> None:
    """Whatever an app says: every finding has a place inside of its file."""
    text = HEAD + RUN + "".join(f"{'    ' * depth}{line}\n" for depth, line in lines)
    for diagnostic in found({**FILES, "app.py": text.encode("utf-8", "surrogatepass")}, SPEC):
        span = diagnostic.span
        every = split_lines(span.source.text)
        assert 1 <= span.line <= span.end_line <= len(every)
        assert 1 <= span.column <= len(every[span.line - 1]) + 1
        assert 1 <= span.end_column <= len(every[span.end_line - 1]) + 1
