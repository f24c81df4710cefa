"""Builds on Modal: Modal's own client, its requests, and what a person is told."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import modal
import pytest

from imagespec.build.failure import BuildFailed
from imagespec.build.modal.backend import ModalBackend
from imagespec.build.modal.trouble import LayerFailed, NoModal, layer_failed, no_modal, not_found
from imagespec.build.record import Record
from imagespec.build.result import BuildResult, CheckResult, LayerResult, Target
from imagespec.compiler import compile_all
from imagespec.diagnostic import render_text
from imagespec.emit.calls import Named
from imagespec.emit.modal import emit
from tests.oracle import Oracle
from tests.oracle.contents import spelled

ROOT = Path(__file__).resolve().parent.parent.parent

BASE = 'base:\n  debian_slim: "3.12.10"\n'
"""Two lines at the top of most specs here."""


class Watcher:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, Any]] = []

    def note(self, spec: str, text: str) -> None:
        self.told.append((spec, "note", text))

    def started(self, spec: str, op: str, position: int, of: int) -> None:
        self.told.append((spec, "started", f"{position}/{of} {op}"))

    def log(self, spec: str, line: str) -> None:
        self.told.append((spec, "log", line))

    def finished(self, spec: str, layer: LayerResult) -> None:
        self.told.append((spec, "finished", f"{layer.state} {layer.op}"))

    def checking(self, spec: str, count: int) -> None:
        self.told.append((spec, "checking", count))

    def checked(self, spec: str, check: CheckResult) -> None:
        self.told.append((spec, "checked", check))

    def of(self, kind: str, spec: str = "one") -> list[Any]:
        return [what for name, each, what in self.told if (name, each) == (spec, kind)]


@pytest.fixture
def backend(on_oracle: Oracle, tmp_path: Path) -> ModalBackend:
    return ModalBackend(Record(tmp_path / ".imagespec"))


@pytest.fixture
def watcher() -> Watcher:
    return Watcher()


@pytest.fixture
def compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Target]]:
    """Targets of specs given by name, read from a folder that is also the working directory."""
    monkeypatch.chdir(tmp_path)

    def compiled(**specs: str) -> list[Target]:
        for name, text in specs.items():
            (tmp_path / f"{name}.yaml").write_text(text)
        targets, diagnostics = compile_all([tmp_path / f"{name}.yaml" for name in specs])
        assert len(targets) == len(specs), render_text(diagnostics)
        return targets

    return compiled


@pytest.fixture
def importable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """Modules beside the specs, forgotten afterwards; so is what a build appends to `sys.path`."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    names: list[str] = []

    def write(name: str, text: str) -> None:
        names.append(name)
        (tmp_path / f"{name}.py").write_text(text)

    yield write
    for name in names:
        sys.modules.pop(name, None)


def states(result: BuildResult) -> list[str]:
    return [f"{layer.state} {layer.op}" for layer in result.layers]


def error(result: BuildResult) -> str:
    assert result.error is not None
    assert not result.ok
    return render_text([result.error])


def imported(**errors: str) -> str:
    """What the process that imports modules prints."""
    return "".join(f"\nimagespec-import:{json.dumps([module, error])}\n" for module, error in errors.items())


# ------------------------------------------------------------------------------------------------- requests

EVERYTHING = f"""{BASE}apt: [git, curl]
python: [six==1.17.0]
env:
  NAME: value
  PATH: /opt:$PATH
workdir: /app
run:
  commands: ["echo one", "echo two"]
  secrets: [token]
  volumes:
    /data: data
function:
  - call: prepare:main
steps:
  - pip_install: [attrs==24.2.0]
source:
  - file: data.txt
    to: /copied.txt
    copy: true
  - file: data.txt
    to: /mounted.txt
  - package: prepare
entrypoint: [sh, -c, 'exec "$@"', sh]
cmd: [sleep, infinity]
"""


def image_requests(calls: Any) -> list[Any]:
    """What is said about each layer that is asked for; an id of the run's own app, and of the function that runs a
    build function, is new each time."""
    return [spelled(message, without={"app_id", "build_function_id"}) for message in calls.messages("ImageGetOrCreate")]


def test_each_layer_is_requested_once_and_as_in_the_whole_chain(
    backend: ModalBackend,
    compiled: Callable[..., list[Target]],
    importable: Callable[[str, str], None],
    on_oracle: Oracle,
    watcher: Watcher,
    tmp_path: Path,
) -> None:
    importable("prepare", "def main() -> None:\n    pass\n")
    (tmp_path / "data.txt").write_text("data")
    targets = compiled(one=EVERYTHING)
    with on_oracle.recording() as calls:
        (result,) = backend.build(targets, watcher, force=False)
    assert result.ok, result.error
    on_oracle.forget()
    with on_oracle.recording() as whole, modal.App("whole").run() as app:
        emit(targets[0].image).build(app)
    assert image_requests(calls) == image_requests(whole)
    assert len(result.layers) == len(list(targets[0].image.built())) > 10
    rpcs = [call.rpc for call in calls]
    assert rpcs.count("AppCreate") == rpcs.count("AppClientDisconnect") == 1
    # beyond the whole chain's: one look-up of the layer below for each layer, secrets and volumes ahead of all
    assert rpcs.count("ImageFromId") == len(result.layers)
    assert rpcs.index("SecretGetOrCreate") < rpcs.index("ImageGetOrCreate") > rpcs.index("VolumeGetOrCreate")


def test_building_longer_and_longer_chains_would_request_layers_again(on_oracle: Oracle) -> None:
    """Why a layer is built on the id of the one below. Should Modal keep a built image, it need not be any more."""
    base = modal.Image.debian_slim("3.12.10")
    chain = [base, base.env({"A": "1"}), base.env({"A": "1"}).workdir("/app")]
    with on_oracle.recording() as calls, modal.App("chain").run() as app:
        for image in chain:
            image.build(app)
    assert len(calls.messages("ImageGetOrCreate")) > len(chain)


def test_forced_each_layer_is_built_again_once(
    backend: ModalBackend,
    compiled: Callable[..., list[Target]],
    on_oracle: Oracle,
    watcher: Watcher,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    targets = compiled(one=f"{BASE}apt: [git]\nenv:\n  A: b\nworkdir: /app\n")
    backend.build(targets, watcher, force=False)
    for before in ("0", None):
        if before is None:
            monkeypatch.delenv("MODAL_FORCE_BUILD")
        with on_oracle.recording() as calls:
            (result,) = backend.build(targets, watcher, force=True)
        assert [request.force_build for request in calls.messages("ImageGetOrCreate")] == [True] * 4
        assert {layer.state for layer in result.layers} == {"rebuilt"}
        assert os.environ.get("MODAL_FORCE_BUILD") == before


# ---------------------------------------------------------------------------------------- kept, rebuilt, shared


def test_the_second_time_everything_is_kept(
    backend: ModalBackend,
    compiled: Callable[..., list[Target]],
    importable: Callable[[str, str], None],
    on_oracle: Oracle,
    watcher: Watcher,
    tmp_path: Path,
) -> None:
    importable("prepare", "print('imported')\ndef main() -> None:\n    pass\n")
    (tmp_path / "data.txt").write_text("data")
    targets = compiled(one=f"{EVERYTHING}checks:\n  commands: ['true']\n")
    (first,) = backend.build(targets, watcher, force=False)
    assert {layer.state for layer in first.layers} == {"rebuilt"}
    assert all(layer.seconds > 0 for layer in first.layers)
    sys.modules.pop("prepare")
    again = Watcher()
    with on_oracle.recording() as calls:
        (second,) = backend.build(targets, again, force=False)
    assert [(layer.op, layer.digest) for layer in second.layers] == [(layer.op, layer.digest) for layer in first.layers]
    assert {(layer.state, layer.seconds) for layer in second.layers} == {("kept", 0.0)}
    assert again.of("started") == []
    assert again.of("log") == ["imported"]  # on import, and so no sign of a build
    assert [check.recorded for check in second.checks] == [True]
    rpcs = {call.rpc for call in calls}
    assert not rpcs & {"ImageJoinStreaming", "MountPutFile", "SandboxCreateV2"}


def test_an_edit_rebuilds_from_there_on(
    backend: ModalBackend, compiled: Callable[..., list[Target]], watcher: Watcher
) -> None:
    text = f"{BASE}apt: [git]\nenv:\n  A: b\nworkdir: /app\n"
    backend.build(compiled(one=text), watcher, force=False)
    (result,) = backend.build(compiled(one=text.replace("A: b", "A: c")), watcher, force=False)
    assert states(result) == ["kept debian_slim", "kept apt_install", "rebuilt env", "rebuilt workdir"]


def test_the_record_knows_how_long_a_layer_took_and_what_it_is(
    backend: ModalBackend, compiled: Callable[..., list[Target]], watcher: Watcher, tmp_path: Path
) -> None:
    targets = compiled(one=f"{BASE}apt: [git]\n")
    (first,) = backend.build(targets, watcher, force=False)
    backend.build(targets, watcher, force=False)
    record = Record(tmp_path / ".imagespec")
    for layer in first.layers:
        known = record.layer("modal", layer.digest)
        assert known is not None
        assert (known.op, known.seconds) == (layer.op, layer.seconds)
        assert known.place.startswith("im-")
    build = record.build("modal", str(tmp_path / "one.yaml"))
    assert build is not None
    assert (build.image, build.place) == (targets[0].digests[-1], known.place)


def test_specs_build_what_they_share_once(
    backend: ModalBackend, compiled: Callable[..., list[Target]], on_oracle: Oracle, watcher: Watcher
) -> None:
    shared = f"{BASE}apt: [git]\n"
    targets = compiled(
        one=f"{shared}env:\n  A: one\n", two=f"{shared}env:\n  A: two\n", three=f"{shared}apt: []\n"[:-8]
    )
    with on_oracle.recording() as calls:
        results = backend.build(targets, watcher, force=False)
    assert [result.spec for result in results] == ["one", "two", "three"]
    assert all(result.ok for result in results)
    assert len(calls.messages("ImageGetOrCreate")) == len(calls.messages("ImageJoinStreaming")) == 4
    assert len(calls.messages("AppCreate")) == 1
    for op, built in (("debian_slim", 1), ("apt_install", 1), ("env", 2)):
        of = [layer.state for result in results for layer in result.layers if layer.op == op]
        assert of.count("rebuilt") == built


def test_logs_that_come_at_the_same_time_are_told_apart(
    backend: ModalBackend, compiled: Callable[..., list[Target]], on_oracle: Oracle, watcher: Watcher
) -> None:
    targets = compiled(one=f"{BASE}env:\n  A: one\n", two=f"{BASE}env:\n  A: two\n")
    with ExitStack() as stack:
        for name in ("one", "two"):
            log = [f"{name} {number}" for number in range(50)]
            stack.enter_context(on_oracle.building(f"ENV A={name}", log=log, delay=0.2))
        backend.build(targets, watcher, force=False)
    for name in ("one", "two"):
        lines = [line for line in watcher.of("log", name) if not line.startswith("=>")]
        assert lines == [f"{name} {number}" for number in range(50)]


# ---------------------------------------------------------------------------------------------------- logs


@pytest.mark.parametrize("environ", [{}, {"FORCE_COLOR": "1"}, {"NO_COLOR": "1", "TERM": "dumb"}], ids=str)
def test_the_log_comes_line_by_line_and_plain(
    backend: ModalBackend,
    compiled: Callable[..., list[Target]],
    on_oracle: Oracle,
    watcher: Watcher,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    environ: dict[str, str],
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    log = [
        "\x1b[32mgreen\x1b[0m [bold]no markup[/bold]",
        "",
        "one\ntwo ",
        "x" * 500,
    ]
    with on_oracle.building("ENV A=b", log=log):
        backend.build(compiled(one=f"{BASE}env:\n  A: b\n"), watcher, force=False)
    lines = [line for line in watcher.of("log") if not line.startswith("=>")]
    assert lines == ["green [bold]no markup[/bold]", "one", "two", "x" * 500]
    assert capsys.readouterr() == ("", "")


def test_who_watches_may_print(
    backend: ModalBackend, compiled: Callable[..., list[Target]], capsys: pytest.CaptureFixture[str]
) -> None:
    class Printing(Watcher):
        def log(self, spec: str, line: str) -> None:
            print("told", line)

    backend.build(compiled(one=BASE), Printing(), force=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines
    assert all(line.startswith("told =>") for line in lines)


def command(oracle: Oracle, *arguments: str, cwd: Path, **environ: str) -> subprocess.Popen[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("MODAL_")}
    env |= {"PYTHONPATH": str(ROOT), **oracle.environ, **environ}
    return subprocess.Popen(
        [sys.executable, "-m", "imagespec", *arguments],
        cwd=cwd,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("signal_", [signal.SIGINT, signal.SIGTERM])
def test_specs_are_built_at_the_same_time_with_live_logs_until_interrupted(
    on_oracle: Oracle, tmp_path: Path, signal_: signal.Signals
) -> None:
    """Each layer would take an hour. So the logs of both being here means that neither waits for the other, and that
    none is held back until the layer stands."""
    lines = {name: f"{name} | [2/2] apt_install" for name in ("one", "two")}
    with ExitStack() as stack:
        for name in lines:
            (tmp_path / f"{name}.yaml").write_text(f"{BASE}apt: [lib{name}]\n")
            stack.enter_context(on_oracle.building(f"install -y lib{name}", log=[f"Reading {name}"], delay=3600))
        calls = stack.enter_context(on_oracle.recording())
        process = command(on_oracle, "build", "one.yaml", "two.yaml", "--on", "modal", cwd=tmp_path)
        assert process.stderr is not None
        seen = ""
        while not all(f"{name} |   Reading {name}\n" in seen for name in lines):
            line = process.stderr.readline()
            assert line, seen
            seen += line
        process.send_signal(signal_)
        out, err = process.communicate()
    assert all(line in seen for line in lines.values())
    assert (process.returncode, out) == (128 + signal_, ""), err
    assert "Traceback" not in err
    assert len(calls.messages("AppClientDisconnect")) == 1
    targets, _ = compile_all([tmp_path / "one.yaml"])
    (result,) = ModalBackend(Record(tmp_path / ".imagespec")).build(targets, Watcher(), force=False)
    assert states(result) == ["kept debian_slim", "rebuilt apt_install"]


# ------------------------------------------------------------------------------------------------- failures


@pytest.mark.parametrize(
    ("outcome", "exception", "message"),
    [
        ("failure", "", "`run_commands` failed on Modal"),
        ("failure", "Traceback:\n  File x\nValueError: no", "`run_commands` failed on Modal: ValueError: no"),
        ("timeout", "", "`run_commands` timed out. Please try again with a larger `timeout` parameter"),
        ("terminated", "", "`run_commands` terminated due to external shut-down. Please try again"),
        ("terminated", "out of memory", "`run_commands` failed on Modal: out of memory"),
    ],
)
def test_a_layer_that_fails(
    backend: ModalBackend,
    compiled: Callable[..., list[Target]],
    on_oracle: Oracle,
    watcher: Watcher,
    outcome: Any,
    exception: str,
    message: str,
) -> None:
    targets = compiled(one=f"{BASE}run:\n  - make\n  - make install\nworkdir: /app\n", two=f"{BASE}workdir: /app\n")
    log = ["=> Step 1: RUN make", "=> Step 2: RUN make install", "make: *** No rule to make target"]
    with on_oracle.building("RUN make install", log=log, outcome=outcome, exception=exception):
        one, two = backend.build(targets, watcher, force=False)
    assert two.ok
    assert states(one) == ["rebuilt debian_slim", "rebuilt workdir"]
    shown = error(one)
    assert shown.startswith(
        f"error[IS901]: {message}\n  --> one.yaml:5:5\n   |\n 5 |   - make install\n   |     ^^^^^^^^^^^^\n"
    )
    assert "   = => Step 2: RUN make install\n   = make: *** No rule to make target\n" in shown
    assert "   = the whole log: modal image logs im-" in shown
    assert ("   = Traceback:\n   =   File x\n" in shown) == ("ValueError" in exception)


@pytest.mark.parametrize(
    ("log", "line"),
    [
        (["RUN uv pip install six==1.17.0 torch==9.9.9", "no version of torch==9.9.9"], "5 |     - torch==9.9.9"),
        (["error: failed to build `Six`"], "4 |     - six==1.17.0"),
        (["error: failed to build `six-extra`"], "3 | python:"),
        (["six needs torch"], "3 | python:"),
        ([], "3 | python:"),
    ],
)
def test_a_package_that_the_log_blames(
    backend: ModalBackend,
    compiled: Callable[..., list[Target]],
    on_oracle: Oracle,
    watcher: Watcher,
    log: list[str],
    line: str,
) -> None:
    targets = compiled(one=f"{BASE}python:\n    - six==1.17.0\n    - torch==9.9.9\n")
    with on_oracle.building("torch==9.9.9", log=log or ["no reason"], outcome="failure"):
        (result,) = backend.build(targets, watcher, force=False)
    assert f" {line}\n" in error(result)


def test_a_shared_layer_that_fails_is_shown_for_each_spec(
    backend: ModalBackend, compiled: Callable[..., list[Target]], on_oracle: Oracle, watcher: Watcher
) -> None:
    targets = compiled(one=f"{BASE}apt: [git]\n", two=f"# other lines\n{BASE}apt: [git]\n")
    with on_oracle.building("apt-get install -y git", outcome="failure"):
        one, two = backend.build(targets, watcher, force=False)
    assert "--> one.yaml:3:" in error(one)
    assert "--> two.yaml:4:" in error(two)


def test_a_layer_that_failed_is_built_again(
    backend: ModalBackend, compiled: Callable[..., list[Target]], on_oracle: Oracle, watcher: Watcher
) -> None:
    targets = compiled(one=f"{BASE}apt: [git]\n")
    with on_oracle.building("apt-get install -y git", outcome="failure"):
        backend.build(targets, watcher, force=False)
    (result,) = backend.build(targets, watcher, force=False)
    assert states(result) == ["kept debian_slim", "rebuilt apt_install"]


def test_files_that_went_missing_are_found_though_no_layer_has_them(
    backend: ModalBackend, compiled: Callable[..., list[Target]], watcher: Watcher, tmp_path: Path
) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("")
    sources = "source:\n  - file: a.txt\n    to: /a.txt\n  - file: b.txt\n    to: /b.txt\n"
    targets = compiled(one=BASE + sources, two=BASE + sources.replace("/b.txt", "/b.txt\n    copy: true"))
    (tmp_path / "b.txt").unlink()
    one, two = backend.build(targets, watcher, force=False)
    assert error(one).startswith("error[IS901]: `add_local_file` cannot be built: ")
    assert " --> one.yaml:6:5\n" in error(one)
    assert " --> two.yaml:6:5\n" in error(two)
    assert "b.txt" in error(one).splitlines()[0]


def test_a_build_function_that_cannot_be_imported(
    backend: ModalBackend,
    compiled: Callable[..., list[Target]],
    importable: Callable[[str, str], None],
    watcher: Watcher,
) -> None:
    importable("prepare", "import not_there\ndef main() -> None:\n    pass\n")
    (result,) = backend.build(compiled(one=f"{BASE}function:\n  - call: prepare:main\n"), watcher, force=False)
    assert error(result).startswith(
        "error[IS901]: `run_function` cannot be built: No module named 'not_there'\n  --> one.yaml:4:5\n"
    )


def test_what_modal_does_not_have_by_name(compiled: Callable[..., list[Target]]) -> None:
    (target,) = compiled(one=f"{BASE}run:\n  commands: [make]\n  secrets: [token]\n")
    layer = target.image.layers[1]
    problem = modal.exception.NotFoundError("Secret 'token' not found in environment 'main'")
    finding = not_found(target, layer.place("secrets", 0), Named("Secret", "token"), problem)
    assert render_text([finding]) == (
        "error[IS905]: Modal has no secret `token`: Secret 'token' not found in environment 'main'\n"
        "  --> one.yaml:5:13\n   |\n 5 |   secrets: [token]\n   |             ^^^^^\n"
        "   = create it: modal secret create token\n   = see: imagespec explain IS905\n"
    )


def test_every_error_of_modals_is_a_finding(compiled: Callable[..., list[Target]]) -> None:
    (target,) = compiled(one=BASE)
    kinds = [kind for kind in vars(modal.exception).values() if isinstance(kind, type)]
    errors = [kind for kind in kinds if issubclass(kind, modal.exception.Error)]
    assert len(errors) > 20
    for kind in errors:
        problem = kind("what", "im-1") if kind is modal.exception.ImageBuildError else kind("what\nmore")
        assert layer_failed(target, target.image.layers[0], LayerFailed(problem)).span.line == 2
        assert "what" in str(no_modal(problem))


# ------------------------------------------------------------------------------------------- no way to Modal


def test_without_a_login(on_oracle: Oracle, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(BASE)
    nothing = {"MODAL_TOKEN_ID": "", "MODAL_TOKEN_SECRET": ""}
    process = command(on_oracle, "build", "one.yaml", "two.yaml", "--on", "modal", cwd=tmp_path, **nothing)
    _, err = process.communicate()
    assert process.returncode == 4
    assert "Traceback" not in err
    assert (
        "error[IS904]: no login for Modal on this machine\n --> one.yaml:1:1\n  = log in: modal setup\n"
        "  = or set MODAL_TOKEN_ID and MODAL_TOKEN_SECRET\n"
        "  = or build on this machine, without an account: --on local\n"
    ).replace("\n ", "\n  ") in err
    process = command(on_oracle, "run", "one.yaml", "--on", "modal", "--", "true", cwd=tmp_path, **nothing)
    _, err = process.communicate()
    assert process.returncode == 4
    assert "error[IS904]: no login" in err


def test_without_a_connection() -> None:
    problem = no_modal(modal.exception.ConnectionError("Could not connect to the Modal server."))
    assert isinstance(problem, NoModal)
    assert str(problem) == "Modal cannot be reached: Could not connect to the Modal server."
    assert "--on local" in problem.hint


# --------------------------------------------------------------------------------------------------- checks

CHECKED = f"{BASE}checks:\n  imports: [good, bad]\n  commands:\n    - good --version\n    - bad --version\n"


def test_checks_run_in_sandboxes(
    backend: ModalBackend, compiled: Callable[..., list[Target]], on_oracle: Oracle, watcher: Watcher
) -> None:
    targets = compiled(one=CHECKED)
    with (
        on_oracle.running("importlib", stdout=imported(good="", bad="ImportError: libGL.so.1: not there")),
        on_oracle.running("bad --version", returncode=3, stdout="one\n", stderr="two\n"),
        on_oracle.running("good --version", stdout="1.0\n"),
        on_oracle.recording() as calls,
    ):
        (result,) = backend.build(targets, watcher, force=False)
    expected = [
        CheckResult("import good", True, ""),
        CheckResult("import bad", False, "ImportError: libGL.so.1: not there"),
        CheckResult("good --version", True, "1.0"),
        CheckResult("bad --version", False, "one\ntwo\nexit code 3"),
    ]
    assert list(result.checks) == expected
    assert sorted(map(str, watcher.of("checked"))) == sorted(map(str, expected))
    assert error(result) == (
        "error[IS902]: `import bad` fails in the built image\n  --> one.yaml:4:19\n   |\n"
        " 4 |   imports: [good, bad]\n   |                   ^^^\n   = ImportError: libGL.so.1: not there\n"
        "   = see: imagespec explain IS902\n"
    )
    sandboxes = [request.definition for request in calls.messages("SandboxCreateV2")]
    assert len(sandboxes) == 3
    assert len({sandbox.image_id for sandbox in sandboxes}) == 1
    # what passed is not run again, what failed is
    with on_oracle.running("importlib", stdout=imported(bad="")), on_oracle.recording() as calls:
        (result,) = backend.build(targets, watcher, force=False)
    assert result.ok
    assert [check.recorded for check in result.checks] == [True, False, True, False]
    assert result.checks[2].output == "1.0"
    assert len(calls.messages("SandboxCreateV2")) == 2


def test_forced_every_check_runs_again(
    backend: ModalBackend, compiled: Callable[..., list[Target]], on_oracle: Oracle, watcher: Watcher
) -> None:
    targets = compiled(one=f"{BASE}checks:\n  commands: ['true']\n")
    for force in (False, True):
        (result,) = backend.build(targets, watcher, force=force)
        assert [check.recorded for check in result.checks] == [False]


def test_a_mounted_file_that_changed_is_another_image_to_check(
    backend: ModalBackend, compiled: Callable[..., list[Target]], watcher: Watcher, tmp_path: Path
) -> None:
    (tmp_path / "data.txt").write_text("one")
    text = f"{BASE}source:\n  - file: data.txt\n    to: /data.txt\nchecks:\n  commands: ['true']\n"
    backend.build(compiled(one=text), watcher, force=False)
    (tmp_path / "data.txt").write_text("two")
    (result,) = backend.build(compiled(one=text), watcher, force=False)
    assert states(result) == ["kept debian_slim"]
    assert [check.recorded for check in result.checks] == [False]


def test_a_module_that_ends_python(
    backend: ModalBackend, compiled: Callable[..., list[Target]], on_oracle: Oracle, watcher: Watcher
) -> None:
    """The modules after it are imported in another process."""
    targets = compiled(one=f"{BASE}checks:\n  imports: [a, b, c]\n")
    with (
        on_oracle.running(" c", stdout=imported(c="")),
        on_oracle.running(" a b c", returncode=-11, stdout=imported(a=""), stderr="Fatal Python error"),
    ):
        (result,) = backend.build(targets, watcher, force=False)
    assert [(check.command, check.ok, check.output) for check in result.checks] == [
        ("import a", True, ""),
        ("import b", False, "Fatal Python error\nPython ended here: exit code -11"),
        ("import c", True, ""),
    ]


def test_a_check_that_modal_ends(
    backend: ModalBackend, compiled: Callable[..., list[Target]], on_oracle: Oracle, watcher: Watcher
) -> None:
    targets = compiled(one=f"{BASE}checks:\n  imports: [a]\n  commands: [hang]\n")
    with on_oracle.running("hang", outcome="timeout"), on_oracle.running("importlib", outcome="timeout"):
        (result,) = backend.build(targets, watcher, force=False)
    assert [(check.ok, check.output) for check in result.checks] == [(False, "SandboxTimeoutError")] * 2


def test_what_is_run_in_a_sandbox_does_what_is_said_of_it(
    backend: ModalBackend,
    compiled: Callable[..., list[Target]],
    on_oracle: Oracle,
    watcher: Watcher,
    tmp_path: Path,
) -> None:
    """The oracle runs nothing, so the command that it was sent is run here."""
    targets = compiled(
        one=f"{BASE}checks:\n  imports: [fine, loud, missing, broken, ending]\n  commands: ['echo $PYTHONPATH']\n"
    )
    with on_oracle.recording() as calls:
        backend.build(targets, watcher, force=False)
    arguments = [list(request.definition.entrypoint_args) for request in calls.messages("SandboxCreateV2")]
    imports = next(each for each in arguments if "fine" in each)
    modules = {"fine": "", "loud": "print('noise', end='')", "broken": "1 / 0", "ending": "raise SystemExit"}
    for name, text in modules.items():
        (tmp_path / f"{name}.py").write_text(text)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {"PATH": path, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(imports, env=env, capture_output=True, text=True, check=True)
    with on_oracle.running("importlib", stdout=done.stdout, stderr=done.stderr):
        (result,) = backend.build(targets, watcher, force=False)
    assert [check.output for check in result.checks[:5]] == [
        "",
        "",
        "ModuleNotFoundError: No module named 'missing'",
        "ZeroDivisionError: division by zero",
        "SystemExit",
    ]
    echo = next(each for each in arguments if "echo" in each[-1])
    for variables, expected in (({}, "/root"), ({"PYTHONPATH": "/mine"}, "/mine")):
        done = subprocess.run(echo, env={"PATH": path, **variables}, capture_output=True, text=True, check=True)
        assert done.stdout == f"{expected}\n"


# ------------------------------------------------------------------------------------------------------ run


def test_a_command_in_the_built_image(
    backend: ModalBackend,
    compiled: Callable[..., list[Target]],
    on_oracle: Oracle,
    watcher: Watcher,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (target,) = compiled(one=f"{BASE}apt: [git]\n")
    with (
        on_oracle.running("git status", returncode=3, stdout="out\nöut", stderr="err\n"),
        on_oracle.recording() as calls,
    ):
        code = backend.run(target, ["git", "status"], watcher, {"NAME": "value"})
    assert code == 3
    assert capfd.readouterr() == ("out\nöut", "err\n")
    assert watcher.of("finished") == ["rebuilt debian_slim", "rebuilt apt_install"]
    (request,) = calls.messages("SandboxCreateV2")
    assert list(request.definition.entrypoint_args)[-2:] == ["git", "status"]
    assert "NAME" in str(request)


def test_a_command_in_an_image_that_cannot_be_built(
    backend: ModalBackend, compiled: Callable[..., list[Target]], on_oracle: Oracle, watcher: Watcher
) -> None:
    (target,) = compiled(one=f"{BASE}apt: [git]\n")
    with on_oracle.building("apt-get install -y git", outcome="failure"), pytest.raises(BuildFailed) as caught:
        backend.run(target, ["true"], watcher, {})
    assert caught.value.diagnostic.code == "IS901"


def test_where_a_loop_runs_already(
    backend: ModalBackend, compiled: Callable[..., list[Target]], watcher: Watcher
) -> None:
    targets = compiled(one=BASE)

    async def notebook() -> Sequence[BuildResult]:
        return backend.build(targets, watcher, force=False)

    (result,) = asyncio.run(notebook())
    assert result.ok
