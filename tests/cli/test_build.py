"""`build` and `run` as they are typed: exit codes, both streams, and what is left when they are interrupted."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.build.project import SERIES, Project, alive, until


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_build_as_text(project: Project) -> None:
    project.spec("one", "python: [six==1.16.0]\nchecks: {imports: [six]}")
    code, out, err = project.cli("build", "--on", "local")
    assert code == 0
    assert [line.split() for line in out.splitlines()][1:] == [
        ["rebuilt", *out.splitlines()[1].split()[1:3], "debian_slim"],
        ["rebuilt", *out.splitlines()[2].split()[1:3], "uv_pip_install"],
        ["passed", "import", "six"],
    ]
    assert out.startswith("one  local  ok  ")
    assert "one | [2/2] uv_pip_install\n" in err
    assert "\x1b" not in out + err

    code, out, err = project.cli("build", "--on", "local")
    assert (code, [line.split() for line in out.splitlines()][1:]) == (
        0,
        [["kept", "debian_slim"], ["kept", "uv_pip_install"], ["recorded", "import", "six"]],
    )


def test_build_as_json(project: Project) -> None:
    project.spec("one", "python: [six==1.16.0]\nchecks: {commands: [echo printed]}")
    project.spec("two", "python: [six==99.0]")
    code, out, _ = project.cli("build", "--on", "local", "--format", "json")
    one, two = json.loads(out)
    assert code == 4
    assert (one["spec"], one["backend"], one["ok"]) == ("one", "local", True)
    assert one["checks"] == [{"command": "echo printed", "ok": True, "output": "printed"}]
    assert [layer["op"] for layer in one["layers"]] == ["debian_slim", "uv_pip_install"]
    assert all(layer.keys() == {"op", "digest", "state", "seconds"} for layer in one["layers"])
    assert (two["spec"], two["ok"], [layer["op"] for layer in two["layers"]]) == ("two", False, ["debian_slim"])


def test_a_failure_is_shown_at_its_line(project: Project) -> None:
    project.spec("one", "python:\n  - six==99.0\n")
    code, out, err = project.cli("build", "one", "--on", "local")
    assert code == 4
    assert "one  local  failed" in out
    assert "error[IS901]: `six==99.0` cannot be installed" in err
    assert "--> specs/one.yaml:4:5" in err
    assert "Traceback" not in err


def test_a_spec_with_errors_is_not_built(project: Project) -> None:
    project.spec("one", "python: [six==1.16.0]")
    project.spec("two", "pythn: [six==1.16.0]")
    for format_, printed in (("text", ""), ("json", "[]\n")):
        code, out, err = project.cli("build", "--on", "local", "--format", format_)
        assert (code, out) == (1, printed)
        assert "unknown key `pythn`" in err
        assert "nothing was built" in err
    assert not project.home.exists()


def test_wrong_usage(project: Project) -> None:
    project.spec("one", "")
    assert project.cli("build", "--on", "mars")[0] == 2
    assert project.cli("build", "on")[0] == 2
    assert project.cli("run", "one", "--on", "local")[0] == 2
    assert project.cli("run", "one", "--env", "NO_SUCH_VARIABLE", "--", "true")[0] == 2


def test_without_a_login_it_is_this_machine(project: Project) -> None:
    project.spec("one", "apt: [curl]")
    code, out, err = project.cli("build")
    assert (code, out.split()[:2]) == (0, ["one", "local"])
    assert err.startswith("no login for Modal (modal setup makes one): builds on this machine")
    assert "one | note: an environment on this machine leaves out: the system of `debian_slim`, `apt` (curl)\n" in err


def test_run(project: Project) -> None:
    project.spec("one", 'env: {A: "1"}')
    project.environ["FROM_HERE"] = "here"
    shown = 'echo "$A $B $FROM_HERE"; exit 9'
    code, out, _ = project.cli("run", "one", "--on", "local", "-e", "B=2", "-e", "FROM_HERE", "--", "sh", "-c", shown)
    assert (code, out) == (9, "1 2 here\n")
    assert project.cli("run", "one", "--on", "local", "no-such-command")[0] == 127


def test_run_where_the_build_fails(project: Project) -> None:
    project.spec("one", "python: [six==99.0]")
    code, out, err = project.cli("run", "one", "--on", "local", "--", "true")
    assert (code, out) == (4, "")
    assert "error[IS901]" in err


def test_run_passes_on_a_signal(project: Project) -> None:
    project.spec("one", "")
    script = f'trap "exit 3" TERM; touch {project.folder}/ready; while :; do sleep 0.1; done'
    with project.start("run", "one", "--on", "local", "--", "sh", "-c", script) as process:
        until((project.folder / "ready").exists, "the command")
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 3


# --------------------------------------------------------------------------------- several at the same time


def test_two_builds_at_the_same_time(project: Project) -> None:
    project.spec("one", f'python: ["{project.slow_package()}"]\nchecks: {{imports: [slow]}}')
    first = project.start("build", "--on", "local", "--format", "json")
    until(project.started, "the first build")
    second = project.start("build", "--on", "local", "--format", "json")
    assert second.stderr is not None
    told = ""
    while "waits for" not in told:
        told = second.stderr.readline()
        assert told
    assert told == f"one | note: waits for `one` (process {first.pid}) to build what both have\n"
    project.go()
    outputs = [json.loads(process.communicate()[0])[0] for process in (first, second)]
    assert [output["ok"] for output in outputs] == [True, True]
    assert [[layer["state"] for layer in output["layers"]] for output in outputs] == [["rebuilt"] * 2, ["kept"] * 2]
    assert len(project.started()) == 1


# ------------------------------------------------------------------------------------------ interruptions


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_ends_everything(project: Project, number: signal.Signals, code: int) -> None:
    project.spec("one", f'python: ["{project.slow_package()}"]\nchecks: {{imports: [slow]}}')
    with project.start("build", "--on", "local") as process:
        until(project.started, "the build")
        process.send_signal(number)
        out, err = process.communicate()
    assert (process.returncode, out) == (code, "")
    assert err.splitlines()[-1] == "interrupted; what is complete is kept, what is not is thrown away"
    assert "Traceback" not in err
    assert not alive(project.started()[0])
    assert project.making() == []
    project.go()
    assert project.cli("build", "--on", "local")[0] == 0


def test_a_working_directory_that_is_gone(project: Project) -> None:
    script = 'mkdir gone && cd gone && rmdir ../gone && exec "$@"'
    done = subprocess.run(
        ["sh", "-c", script, "sh", *project.command("build")],
        cwd=project.folder,
        env={**project.environ, "PYTHONPATH": str(Path(__file__).parent.parent.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (2, "Error: the working directory is gone\n")


def test_a_killed_build_leaves_nothing_that_is_trusted(project: Project) -> None:
    project.spec("one", f'python: ["{project.slow_package()}"]\nchecks: {{imports: [slow]}}')
    with project.start("build", "--on", "local") as process:
        until(project.started, "the build")
        process.kill()
    before = project.environments()
    assert len(project.making()) == 1
    again = project.start("build", "--on", "local", "--format", "json")
    assert again.stderr is not None
    # uv outlives the build that started it, and keeps its lock
    while "waits for" not in (told := again.stderr.readline()):
        assert told
    assert project.environments() == before
    project.go()
    out, _ = again.communicate()
    assert json.loads(out)[0]["ok"]
    assert len(project.environments()) == 2
    assert project.making() == []


def test_kills_at_any_moment(project: Project) -> None:
    project.spec("one", "python: [six==1.16.0, iniconfig==2.0.0]\nchecks: {imports: [six, iniconfig]}")
    moments = random.Random(1)
    for _ in range(8):
        with project.start("build", "--on", "local") as process:
            time.sleep(moments.uniform(0.2, 1.2))
            os.killpg(process.pid, signal.SIGKILL)
        for key in project.environments():  # whatever has its name is whole
            environment = project.home / "local" / "environments" / key
            marker = json.loads((environment / "imagespec.json").read_text())
            imports = "import six, iniconfig" if marker["op"] == "uv_pip_install" else ""
            subprocess.run([environment / "bin" / "python", "-I", "-c", imports], check=True)
        if moments.random() < 0.5:
            shutil.rmtree(project.home / "local" / "environments", ignore_errors=True)
    code, out, _ = project.cli("build", "--on", "local", "--format", "json")
    (result,) = json.loads(out)
    assert (code, result["ok"]) == (0, True)
    assert project.making() == []


# ------------------------------------------------------------------------------------------- on a terminal


def test_on_a_terminal(project: Project) -> None:
    project.environ.pop("NO_COLOR")
    project.environ["TERM"] = "xterm"
    project.spec("one", "python: [six==1.16.0]\nchecks: {imports: [six]}", base=f'debian_slim: "{SERIES}"')
    leader, follower = os.openpty()
    process = subprocess.Popen(
        [*project.command("build", "--on", "local")],
        cwd=project.folder,
        env=project.environ | {"PYTHONPATH": str(Path(__file__).parent.parent.parent)},
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
    )
    os.close(follower)
    shown = b""
    while True:
        try:
            data = os.read(leader, 4096)
        except OSError:  # the terminal of a process that has ended
            break
        shown += data
    os.close(leader)
    assert process.wait() == 0
    assert b"[2/2] uv_pip_install" in shown
    assert b"\x1b[?25h" in shown  # the cursor is back
    assert b"\x1b[1mone\x1b[0m  local  \x1b[1mok\x1b[0m" in shown
