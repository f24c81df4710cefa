"""The proof: what it finds, and what code may not do while it is imported."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest

from imagespec.adopt.proof import prove as module
from imagespec.adopt.proof.prove import Equal, prove
from imagespec.adopt.readers import drafts
from imagespec.adopt.spec.sections import adopted
from imagespec.diagnostic import Diagnostic

SLIM = 'import modal\nimage = modal.Image.debian_slim("3.12").pip_install("six")\n'
SPAWN = "import multiprocessing as m; m"
HERE_AS = "import os; here = os.open('.', os.O_RDONLY)"
REFUSED = "PermissionError: not in the sandbox"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def proof(text: str, spec: str | None = None) -> Equal | Diagnostic:
    Path("app.py").write_text(text)
    found = drafts(Path("app.py"))
    assert isinstance(found, list)
    path = Path("image.yaml")
    path.write_text(spec or adopted(found[0], Path.cwd()).text)
    (result,) = prove(found[:1], [path])
    return result


def why(text: str) -> str:
    result = proof(text)
    assert isinstance(result, Diagnostic)
    assert result.code == "IS958"
    return result.message


def test_equal() -> None:
    assert proof(SLIM) == Equal(2)


@pytest.mark.parametrize(
    ("spec", "shown"),
    [
        ('base: {debian_slim: "3.12"}\npython: {installer: pip, packages: [six==1.17.0]}\n', "six==1.17.0"),
        ('base: {debian_slim: "3.12"}\n', 'only the code sends: ["FROM base", '),
        ('base: {debian_slim: "3.11"}\npython: {installer: pip, packages: [six]}\n', "3.11"),
        ('base: {debian_slim: "3.12"}\npython: [six]\n', "uv pip install"),
    ],
)
def test_what_is_not_equal_is_shown(spec: str, shown: str) -> None:
    result = proof(SLIM, spec)
    assert isinstance(result, Diagnostic)
    assert (result.code, result.message) == ("IS957", "`image.yaml` does not send what the code sends")
    assert shown in result.hint


def test_a_wrong_lowering_of_ours_would_be_found() -> None:
    """The file changes what it builds behind the reader's back: only the proof can tell."""
    result = proof(f'{SLIM}globals()["image"] = image.env({{"HIDDEN": "1"}})\n')
    assert isinstance(result, Diagnostic)
    assert "HIDDEN" in result.hint


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("import nowhere_to_be_found", "ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("import subprocess; subprocess.run(['true'])", "PermissionError: no other programs: subprocess.Popen"),
        ("import os; os.system('true')", "PermissionError: no other programs: os.system"),
        ("import os; os.fork()", "PermissionError: no other programs: os.fork"),
        ("import os; os.kill(1, 0)", "PermissionError: no other programs: os.kill"),
        ("import os; os.forkpty()", "PermissionError: no other programs: os.forkpty"),
        ("import os; os.execv('/bin/true', ['true'])", "PermissionError: no other programs: os.exec"),
        ("import os; os.posix_spawn('/bin/true', ['true'], {})", "PermissionError: no other programs: os.posix_spawn"),
        ("import os; os.spawnv(os.P_WAIT, '/bin/true', ['true'])", "PermissionError: no other programs: os.fork"),
        ("import os; os.popen('true')", "PermissionError: no other programs: subprocess.Popen"),
        ("import pty; pty.spawn('true')", "PermissionError: no other programs: pty.spawn"),
        (
            f"{SPAWN}.get_context('spawn').Process(target=print).start()",
            "PermissionError: not in the sandbox: fork_exec",
        ),
        (f"{SPAWN}.get_context('fork').Process(target=print).start()", "PermissionError: no other programs: os.fork"),
        (f"{SPAWN}.get_context('forkserver').Process(target=print).start()", f"{REFUSED}: fork_exec"),
        ("from subprocess import _fork_exec; _fork_exec()", f"{REFUSED}: fork_exec"),
        ("open('made', 'w')", "PermissionError: no writing outside of the sandbox: 'made'"),
        ("import os; os.mkfifo('made')", f"{REFUSED}: mkfifo"),
        ("import os; os.mknod('made')", f"{REFUSED}: mknod"),
        ("import posix; posix.mkfifo('made')", f"{REFUSED}: mkfifo"),
        ("import sqlite3; sqlite3.connect('made')", f"{REFUSED}: sqlite3.connect"),
        (
            "import sqlite3; sqlite3.connect(':memory:').execute('attach \\'made\\' as made')",
            f"{REFUSED}: sqlite3.connect",
        ),
        ("import syslog; syslog.syslog('made')", f"{REFUSED}: syslog.syslog"),
        ("import _tkinter", "ModuleNotFoundError: import of _tkinter halted; None in sys.modules"),
        ("import _gdbm", "ModuleNotFoundError: import of _gdbm halted; None in sys.modules"),
        ("from multiprocessing import shared_memory as s; s.SharedMemory('made', True, 1)", f"{REFUSED}: shm_open"),
        (f"{HERE_AS}; os.mkdir('made', dir_fd=here)", "PermissionError: no changes outside of the sandbox: 'made'"),
        (
            f"{HERE_AS}; os.chdir(os.environ['HOME']); os.open('made', os.O_CREAT | os.O_WRONLY, dir_fd=here)",
            "PermissionError: no writing outside of the sandbox: 'made'",
        ),
        (
            f"{HERE_AS}; os.chdir(os.environ['HOME']); os.mkdir('made', dir_fd=here)",
            "PermissionError: no changes outside of the sandbox: 'made'",
        ),
        (
            "import os; os.link('app.py', os.environ['HOME'] + '/app')",
            "PermissionError: no changes outside of the sandbox: 'app.py'",
        ),
        (
            "import ssl; ssl.create_default_context().keylog_filename = 'made'",
            "PermissionError: no writing outside of the sandbox: 'made'",
        ),
        ("import os; os.remove('/dev/null')", "PermissionError: no changes outside of the sandbox: '/dev/null'"),
        ("import os; os.mkdir('made')", "PermissionError: no changes outside of the sandbox: 'made'"),
        ("import os; os.remove('app.py')", "PermissionError: no changes outside of the sandbox: 'app.py'"),
        ("import socket; socket.create_connection(('127.0.0.1', 9))", "PermissionError: no network: ('127.0.0.1', 9)"),
        ("import socket; socket.getaddrinfo('example.com', 80)", "PermissionError: no network: example.com"),
        ("x = bytearray(6 << 30)", "MemoryError"),
        ("import os; os._exit(7)", "exit code 7"),
    ],
)
def test_what_code_may_not_do(code: str, said: str) -> None:
    assert why(f"{SLIM}{code}\n") == f"`image` is not proven: importing the code ended with {said}"
    assert not Path("made").exists()
    assert not Path("/dev/shm/made").exists()
    assert Path("/dev/null").exists()


def test_the_mode_of_a_file_that_is_open_stays() -> None:
    Path("kept").touch(mode=0o644)
    said = why(f"{SLIM}import os\nos.fchmod(os.open('kept', os.O_RDONLY), 0o777)\n")
    assert "PermissionError: no changes outside of the sandbox: " in said
    assert Path("kept").stat().st_mode & 0o777 == 0o644


def test_a_link_in_the_sandbox_leads_to_nothing_that_can_be_changed() -> None:
    Path("kept").touch(mode=0o644)
    text = f"import os\nos.chdir(os.environ['HOME'])\nos.symlink({str(Path.cwd())!r}, 'out')\n"
    assert "no changes outside" in why(f"{SLIM}{text}os.chmod('out/kept', 0o777)\n")
    assert "no writing outside" in why(f"{SLIM}{text}open(os.environ['HOME'] + '/out/kept', 'a')\n")
    Path("link").symlink_to("/dev/null")
    assert "no changes outside" in why(f"{SLIM}import os\nos.remove('link')\n")
    assert Path("kept").stat().st_mode & 0o777 == 0o644
    assert Path("link").is_symlink()


def test_another_interpreter_is_not_free_either() -> None:
    text = """
try:
    import _interpreters as i
except ImportError:
    import _xxsubinterpreters as i
i.run_string(i.create(), "open('made', 'w')")
"""
    why(SLIM + text)
    assert not Path("made").exists()


def test_a_lock_between_processes_leaves_nothing(tmp_path: Path) -> None:
    name = f"made-{os.getpid()}-{tmp_path.name}"
    text = f"""import multiprocessing as m
from multiprocessing.synchronize import SemLock
SemLock._make_name = staticmethod(lambda: "/{name}")
with m.get_context("fork").Lock(): pass
try: m.get_context("spawn").Lock()
except PermissionError: pass
"""
    assert proof(SLIM + text) == Equal(2)
    assert not Path("/dev/shm", f"sem.{name}").exists()


def test_code_sees_no_arguments_and_no_input() -> None:
    assert proof(
        f"{SLIM}import argparse, sys\nargparse.ArgumentParser().parse_args()\nassert sys.stdin.read() == ''\n"
    ) == Equal(2)


def test_what_honest_code_does_goes_on() -> None:
    text = """import os, shutil, tempfile, threading
from pathlib import Path
with tempfile.TemporaryDirectory() as folder:
    Path(folder, "sub").mkdir()
    Path(folder, "sub", "a").write_text("a")
    shutil.copy2(Path(folder, "sub", "a"), Path(folder, "b"))
    os.rename(Path(folder, "b"), Path(folder, "c"))
assert not os.path.exists(folder)
with tempfile.TemporaryFile() as file:
    file.write(b"a")
thread = threading.Thread(target=print)
thread.start()
thread.join()
"""
    assert proof(SLIM + text) == Equal(2)


@pytest.mark.parametrize(
    "patch",
    [
        "old = modal.Image.pip_install\nmodal.Image.pip_install = lambda self, *a: old(self, *a, 'more')\n",
        "modal.Image.debian_slim = staticmethod(lambda *_: modal.Image.from_registry('ubuntu:24.04'))\n",
    ],
)
def test_code_that_changes_modal_sends_something_else(patch: str) -> None:
    result = proof(SLIM.replace("\n", f"\n{patch}", 1))
    assert isinstance(result, Diagnostic)
    assert result.code == "IS957"


def test_a_spec_whose_own_code_changes_modal_is_not_proven() -> None:
    code = SLIM.replace("\n", "\nmodal.Image.env = lambda self, _: self\ndef load(): ...\n", 1)
    said = why(f"{code}image = image.run_function(load).env({{'A': '1'}})\n")
    assert said.endswith("as `image.yaml` says it: ValueError: the code that it runs changes `modal.Image.env`")


def test_no_secret_of_the_user_is_in_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    monkeypatch.setenv("MODAL_TOKEN_SECRET", "secret")
    text = f"{SLIM}import os\nfrom pathlib import Path\nassert 'secret' not in os.environ.values()\n"
    assert proof(
        f"{text}assert Path.home() != Path({str(Path.home())!r})\nPath.home().joinpath('x').touch()\n"
    ) == Equal(2)


def test_no_server_but_the_recorder_is_asked() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        asked = threading.Event()

        def accept() -> None:
            try:
                server.accept()
            except OSError:
                return
            asked.set()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        assert "no network" in why(f"{SLIM}import urllib.request\nurllib.request.urlopen({url!r})\n")
        assert not asked.is_set()
        server.close()


def test_code_that_never_ends_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 3.0)
    said = why(f"{SLIM}import time\nif time.time() > 0:\n    time.sleep(600)\n")
    assert said == "`image` is not proven: importing the code had not ended after 3 s"


def test_what_a_file_prints_is_not_in_the_way() -> None:
    assert proof(f"{SLIM}print('{{}}')\nimport sys; sys.stderr.write('x' * 10**6)\n") == Equal(2)


def test_images_that_are_not_made_at_import(tmp_path: Path) -> None:
    inside = "import modal\ndef make():\n    return modal.Image.debian_slim('3.12')\n"
    assert why(inside) == "`make` is not proven: nothing in the code makes this image when it is imported"
    todo = f"import os\n{SLIM}image = image.env({{'A': os.environ['A']}})\n"
    assert why(todo) == "`image` is not proven: parts of it are marked `TODO`"


def test_functions_behind_other_decorators_and_of_one_name() -> None:
    text = """import modal
app = modal.App("a")
def make(version):
    @app.function(image=modal.Image.debian_slim("3.12").pip_install(f"six=={version}"), name=version, serialized=True)
    @modal.concurrent(max_inputs=10)
    @modal.asgi_app()
    def serve(): ...
    return serve
a, b = make("1"), make("2")
@app.server(image=modal.Image.debian_slim("3.12").pip_install("six"), port=8000, unauthenticated=True)
class Server:
    @modal.enter()
    def start(self): ...
"""
    Path("app.py").write_text(text)
    found = drafts(Path("app.py"))
    assert isinstance(found, list)
    paths = [Path(f"{draft.name}.yaml") for draft in found]
    for draft, path in zip(found, paths, strict=True):
        path.write_text(adopted(draft, Path.cwd()).text)
    assert prove(found, paths) == [Equal(2)] * 3


def test_arguments_of_a_build_function_are_compared() -> None:
    code = f"def load(name): ...\n{SLIM}image = image.run_function(load, args=('a',))\n"
    assert proof(code) == Equal(3)
    other = adopted(drafts(Path("app.py"))[0], Path.cwd()).text.replace("args: [a]", "args: [b]")  # type: ignore[arg-type]
    result = proof(code, other)
    assert isinstance(result, Diagnostic)
    assert result.code == "IS957"


@pytest.mark.parametrize("last", [False, True])
def test_modal_reads_paths_where_the_code_ends(last: bool) -> None:
    """What `modal_code` builds on: a change of the working directory counts for the images before it too."""
    Path("sub", "data").mkdir(parents=True)
    Path("sub", "data", "file").touch()
    changed = "import os\nos.chdir('sub')\n"
    code = f"{SLIM}image = image.add_local_dir('data', '/data', copy=True)\n"
    assert proof(code + changed if last else changed + code) == Equal(3)


def test_what_modal_does_not_build() -> None:
    assert "Modal does not build it as the code says it: FileNotFoundError: " in why(
        f"{SLIM}image = image.add_local_file('none', '/x').env({{'A': '1'}})\n"
    )


def test_which_side_modal_does_not_build_is_said() -> None:
    Path("there").touch()
    code = f"{SLIM}image = image.add_local_file('there', '/x', copy=True)\n"
    assert proof(code) == Equal(3)
    spec = adopted(drafts(Path("app.py"))[0], Path.cwd()).text.replace("there", "gone")  # type: ignore[arg-type]
    result = proof(code, spec)
    assert isinstance(result, Diagnostic)
    assert "Modal does not build it as `image.yaml` says it: FileNotFoundError" in result.message


def test_little_is_kept_of_what_a_file_prints() -> None:
    said = why(
        f"{SLIM}import os, sys\nfor _ in range(100): sys.stderr.write('e' * 10**6)\nsys.stderr.flush()\nos._exit(3)"
    )
    assert len(said) < 1000


def test_the_sandbox_is_gone_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    aside = tmp_path / "aside"
    aside.mkdir()
    monkeypatch.setenv("TMPDIR", str(aside))
    monkeypatch.setattr("tempfile.tempdir", None)
    assert proof(SLIM) == Equal(2)
    assert os.listdir(aside) == []
