"""The local backend: real environments, made by the real uv."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from imagespec.build.failure import BuildFailed
from imagespec.build.local.backend import LocalBackend
from imagespec.build.local.contents import contents
from imagespec.build.local.installs import pip_of
from tests.build.project import SERIES, Project, Seen, alive, states, until

SIX = "8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254"
INICONFIG = "b6a85871a79d2e3b22d2d1b94ac2824226a63c6b741c88f7ae975f18b6778374"
POETRY_HASH = "0ec262d6dfe6506d418ada5b73a5bed3f5dbaca20b57390cf8fd84eaf1e224fd"
"""What Poetry computes of the `pyproject.toml` that the test writes."""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def run(project: Project, name: str, *command: str, seen: Seen | None = None) -> tuple[int, str]:
    """Exit code and standard output of a command in the environment."""
    out = project.folder / "printed"
    script = f'exec > "{out}"; "$@"'
    backend = LocalBackend(project.home, project.environ)
    code = backend.run(project.target(name), ["sh", "-c", script, "sh", *command], seen or Seen(), {"GIVEN": "here"})
    return code, out.read_text()


# ------------------------------------------------------------------------------------------------ layers


def test_first_and_second_build(project: Project) -> None:
    project.spec("one", "python: [six==1.16.0]\nchecks: {imports: [six], commands: [python -V]}")
    result, seen = project.one("one")
    assert result.error is None
    assert states(result) == [("debian_slim", "rebuilt"), ("uv_pip_install", "rebuilt")]
    assert [layer.digest for layer in result.layers] == list(project.target("one").digests)
    assert all(layer.seconds > 0 for layer in result.layers)
    assert [(check.command, check.ok, check.recorded) for check in result.checks] == [
        ("import six", True, False),
        ("python -V", True, False),
    ]
    assert seen.started_ops == ["debian_slim", "uv_pip_install"]
    assert " + six==1.16.0" in seen.lines

    again, seen = project.one("one")
    assert again.ok
    assert {layer.state for layer in again.layers} == {"kept"}
    assert {layer.seconds for layer in again.layers} == {0.0}
    assert (seen.started_ops, seen.lines) == ([], [])
    assert [check.recorded for check in again.checks] == [True, True]
    assert [check.output for check in again.checks] == [check.output for check in result.checks]


def test_a_second_build_starts_nothing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.spec("one", "python: [six==1.16.0]\nchecks: {imports: [six]}")
    project.one("one")

    def start(*args: object, **kwargs: object) -> None:
        raise AssertionError(f"started {args}")

    monkeypatch.setattr(subprocess.Popen, "__init__", start)
    assert project.one("one")[0].ok


def test_an_edit_costs_the_layers_after_it(project: Project) -> None:
    first = "steps:\n  - uv_pip_install: [iniconfig==2.0.0]\n  - env: {A: a}\n"
    project.spec("one", first + "  - uv_pip_install: [six==1.16.0]\n")
    project.one("one")
    project.spec("one", first + "  - uv_pip_install: [six==1.15.0]\nchecks: {imports: [six, iniconfig]}")
    result, _ = project.one("one")
    assert result.ok
    assert [state for _, state in states(result)] == ["kept", "kept", "kept", "rebuilt"]
    assert run(project, "one", "python", "-c", "import six; print(six.__version__)") == (0, "1.15.0\n")


def test_an_edited_variable_installs_nothing(project: Project) -> None:
    project.spec("one", "python: [six==1.16.0]\nenv: {A: a}")
    project.one("one")
    project.spec("one", "python: [six==1.16.0]\nenv: {A: b}")
    result, seen = project.one("one")
    assert states(result) == [("debian_slim", "kept"), ("uv_pip_install", "kept"), ("env", "rebuilt")]
    assert seen.lines == []


def test_a_variable_before_an_installation_is_seen_by_it(project: Project) -> None:
    text = "steps:\n  - env: {{A: {0}}}\n  - uv_pip_install: [six==1.16.0]\n"
    project.spec("one", text.format("a"))
    project.spec("two", text.format("b"))
    one, two = contents(project.target("one").image), contents(project.target("two").image)
    assert one.key != two.key


def test_specs_share_what_is_equal(project: Project) -> None:
    project.spec("one", "python: [six==1.16.0]\nenv: {A: a}")
    project.spec("two", "python: [six==1.16.0]\nsteps:\n  - pip_install: [iniconfig==2.0.0]\n")
    results, seen = project.build("one", "two")
    assert all(result.ok for result in results)
    assert sorted(seen.started_ops) == ["debian_slim", "pip_install", "uv_pip_install"]
    assert len(project.environments()) == 3


def test_layers_share_their_files(project: Project) -> None:
    project.spec("one", "steps:\n  - uv_pip_install: [six==1.16.0]\n  - uv_pip_install: [iniconfig==2.0.0]\n")
    project.one("one")
    keys = [step.key for step in contents(project.target("one").image).steps]
    paths = [
        project.home / "local" / "environments" / key / "lib" / f"python{SERIES}" / "site-packages" for key in keys
    ]
    assert not (paths[0] / "six.py").exists()
    assert (paths[1] / "six.py").stat().st_ino == (paths[2] / "six.py").stat().st_ino
    assert not (paths[1] / "iniconfig").exists()


def test_force_builds_all_once(project: Project) -> None:
    for name in ("one", "two"):
        project.spec(name, f"python: [six==1.16.0]\nenv: {{NAME: {name}}}\nchecks: {{imports: [six]}}")
    project.build("one", "two")
    results, seen = project.build("one", "two", force=True)
    assert all(result.ok for result in results)
    assert sorted(seen.started_ops) == ["debian_slim", "uv_pip_install"]
    assert not any(check.recorded for result in results for check in result.checks)
    assert project.making() == []


def test_force_build_of_a_layer(project: Project) -> None:
    project.spec("one", "steps:\n  - uv_pip_install: {packages: [six==1.16.0], force_build: true}\n")
    project.one("one")
    assert [state for _, state in states(project.one("one")[0])] == ["kept", "rebuilt"]


def test_a_python_that_went_away_is_found_anew(project: Project) -> None:
    project.spec("one", "python: [six==1.16.0]\nchecks: {imports: [six]}")
    project.one("one")
    for key in project.environments():
        python = project.home / "local" / "environments" / key / "bin" / "python"
        python.unlink()
        python.symlink_to("/nowhere/python")
    result, _ = project.one("one")
    assert result.ok
    assert {layer.state for layer in result.layers} == {"rebuilt"}
    assert not result.checks[0].recorded


def test_scripts_work_where_they_end_up(project: Project) -> None:
    project.spec("one", "python: [pyproject-hooks==1.2.0, wheel==0.45.1]\nchecks: {commands: [wheel version]}")
    result, _ = project.one("one")
    assert result.error is None
    assert result.checks[0].output == "wheel 0.45.1"


def test_pip_is_there_where_python_brings_it(project: Project) -> None:
    project.spec("one", "")
    project.one("one")
    (key,) = project.environments()
    environment = project.home / "local" / "environments" / key
    brought = pip_of((environment / "bin" / "python").resolve()) is not None
    assert (run(project, "one", "pip", "--version")[1].find(str(environment)) > 0) == brought


# ------------------------------------------------------------------------------------ ways to install


def test_files_of_requirements(project: Project) -> None:
    project.file("requirements.txt", "--prefer-binary\n# why\nsix==1.16.0\n")
    project.spec("one", "python: {requirements: [requirements.txt]}\nchecks: {imports: [six]}")
    assert project.one("one")[0].ok
    project.file("requirements.txt", "--prefer-binary\n# why\nsix==1.15.0\n")
    assert states(project.one("one")[0])[-1] == ("uv_pip_install", "rebuilt")
    assert run(project, "one", "python", "-c", "import six; print(six.__version__)") == (0, "1.15.0\n")


def test_pip_from_files(project: Project) -> None:
    project.file("requirements.txt", "six==1.16.0\n")
    project.file("pyproject.toml", """
        [project]
        name = "x"
        version = "1"
        dependencies = ["iniconfig==2.0.0"]
        optional-dependencies = {more = ["toml==0.10.2"]}
    """)  # fmt: skip
    project.spec("one", """
        steps:
          - pip_install_from_requirements:
              requirements_txt: requirements.txt
              extra_options: --root-user-action=ignore
          - pip_install_from_pyproject: {pyproject_toml: pyproject.toml, optional_dependencies: [more]}
        checks: {imports: [six, iniconfig, toml]}
    """)  # fmt: skip
    result, _ = project.one("one")
    assert result.error is None


def test_a_uv_project(project: Project) -> None:
    project.file(
        "app/pyproject.toml",
        f'[project]\nname = "x"\nversion = "1"\nrequires-python = ">={SERIES}"\ndependencies = ["six==1.16.0"]\n',
    )
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or "uv"
    subprocess.run(
        [uv, "lock", "--quiet", "--project", str(project.folder / "app"), "--python", sys.executable], check=True
    )
    locked = (project.folder / "app" / "uv.lock").read_bytes()
    project.spec("one", "python: {project: app}\nchecks: {imports: [six]}")
    result, _ = project.one("one")
    assert result.error is None
    assert sorted(path.name for path in (project.folder / "app").iterdir()) == ["pyproject.toml", "uv.lock"]
    assert (project.folder / "app" / "uv.lock").read_bytes() == locked
    project.file("app/README.md", "nothing to do with packages")
    assert {layer.state for layer in project.one("one")[0].layers} == {"kept"}


def test_settings_of_the_project_are_not_those_of_the_image(project: Project) -> None:
    project.file(
        "pyproject.toml", '[project]\nname = "x"\nversion = "1"\n[tool.uv]\nconstraint-dependencies = ["six==1.10.0"]\n'
    )
    project.spec("one", "python: [six==1.16.0]")
    assert project.one("one")[0].ok


def test_variables_of_an_installation(project: Project) -> None:
    project.spec("one", 'python: {packages: [six==1.16.0], env: {UV_OFFLINE: "1", UV_NO_CACHE: "1"}}')
    result, _ = project.one("one")
    assert not result.ok
    assert result.error is not None
    assert "network was disabled" in result.error.hint


def test_a_poetry_project(project: Project) -> None:
    wheels = {"six": ("1.16.0", "py2.py3", SIX), "iniconfig": ("2.0.0", "py3", INICONFIG)}
    packages = "".join(
        f'[[package]]\nname = "{name}"\nversion = "{version}"\noptional = false\npython-versions = "*"\n'
        f'groups = ["{"main" if name == "six" else "more"}"]\n'
        f'files = [{{file = "{name}-{version}-{tag}-none-any.whl", hash = "sha256:{hash_}"}}]\n\n'
        for name, (version, tag, hash_) in wheels.items()
    )
    project.file("app/pyproject.toml", """
        [tool.poetry]
        package-mode = false
        [tool.poetry.dependencies]
        python = "*"
        six = "1.16.0"
        [tool.poetry.group.more.dependencies]
        iniconfig = "2.0.0"
    """)  # fmt: skip
    metadata = f'[metadata]\nlock-version = "2.1"\npython-versions = "*"\ncontent-hash = "{POETRY_HASH}"\n'
    project.file("app/poetry.lock", packages + metadata)
    project.spec(
        "one", "python: {poetry: {path: app/pyproject.toml, version: '2.2.1'}}\nchecks: {imports: [six, iniconfig]}"
    )
    result, _ = project.one("one")
    assert result.error is None
    project.spec(
        "one",
        "python: {poetry: {path: app/pyproject.toml, version: '2.2.1', without: [more]}}\nchecks: {imports: [six]}",
    )
    assert project.one("one")[0].ok
    assert run(project, "one", "python", "-c", "import iniconfig")[0] == 1


# --------------------------------------------------------------------------------------------- failures


def test_a_version_that_does_not_exist(project: Project) -> None:
    path = project.spec("one", "python:\n  - iniconfig==2.0.0\n  - six==99.0\n")
    result, _ = project.one("one")
    assert not result.ok
    assert states(result) == [("debian_slim", "rebuilt")]
    assert result.error is not None
    assert result.error.code == "IS901"
    assert (result.error.span.source.path, result.error.span.line, result.error.span.column) == (path, 5, 5)
    assert result.error.message.startswith("`six==99.0` cannot be installed: ")
    assert "no version of six==99.0" in result.error.hint
    assert project.making() == []


def test_no_network(project: Project) -> None:
    project.spec("one", "python: [six==1.16.0]\nchecks: {imports: [six]}")
    project.one("one")
    before = project.environments()

    project.spec("one", "python:\n  index_url: http://127.0.0.1:9/simple\n  packages:\n    - six==1.15.0\n")
    result, _ = project.one("one")
    assert result.error is not None
    assert result.error.message == "`six==1.15.0` cannot be fetched: connection refused (os error 111)"
    assert result.error.span.line == 6
    assert project.environments() == before

    seen = Seen()
    assert run(project, "one", "python", "-c", "import six; print(six.__version__)", seen=seen) == (0, "1.16.0\n")
    assert any("runs in the environment of the last good build" in note for note in seen.notes)

    project.spec("one", "python: [six==1.16.0]\nchecks: {imports: [six]}")
    assert {layer.state for layer in project.one("one")[0].layers} == {"kept"}


def test_run_does_not_hide_what_is_wrong_with_the_spec(project: Project) -> None:
    project.spec("one", "python: [six==1.16.0]")
    project.one("one")
    project.spec("one", "python: [six==99.0]")
    with pytest.raises(BuildFailed, match=r"six==99\.0"):
        run(project, "one", "true")


def test_an_index_of_the_shell_does_not_serve_a_spec_with_its_own(project: Project) -> None:
    with an_index(project.folder / "index", "shelved") as url:
        project.environ["UV_INDEX"] = url
        project.spec("one", "python: [shelved==1.0]")
        assert project.one("one")[0].ok
        project.spec("one", 'python: {packages: [shelved==1.0], index_url: "http://127.0.0.1:9/simple"}')
        assert not project.one("one")[0].ok


@contextmanager
def an_index(folder: Path, name: str) -> Iterator[str]:
    """A package index on this machine that has one package, of one empty module."""
    wheel = f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    (folder / name).mkdir(parents=True)
    with zipfile.ZipFile(folder / name / wheel, "w") as archive:
        archive.writestr(f"{name}.py", "")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    (folder / name / "index.html").write_text(f'<a href="{wheel}">{wheel}</a>')
    handler = partial(SimpleHTTPRequestHandler, directory=os.fspath(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_options_that_are_none(project: Project) -> None:
    project.spec("one", 'steps:\n  - uv_pip_install: {packages: [six==1.16.0], extra_options: "--index-url \'x"}\n')
    result, _ = project.one("one")
    assert result.error is not None
    assert "cannot be split into words" in result.error.message


def test_options_reach_no_shell(project: Project) -> None:
    project.spec(
        "one",
        f"steps:\n  - uv_pip_install: {{packages: [six==1.16.0], extra_options: '; touch {project.folder}/touched'}}\n",
    )
    assert not project.one("one")[0].ok
    assert not (project.folder / "touched").exists()


def test_no_such_python(project: Project) -> None:
    path = project.spec("one", "python: [six==1.16.0]", base="registry: 'python:3.99-slim'")
    result, seen = project.one("one")
    assert result.error is not None
    assert result.error.code == "IS903"
    assert result.error.message.startswith("no Python 3.99 on this machine, and uv could not download it: ")
    assert "pyenv install 3.99" in result.error.hint
    assert SERIES in result.error.hint
    assert (result.error.span.source.path, result.error.span.line) == (path, 2)
    assert "no Python 3.99 here; uv downloads one" in seen.notes


def test_one_failure_does_not_stop_the_others(project: Project) -> None:
    project.spec("one", "python: [six==99.0]")
    project.spec("two", "python: [six==1.16.0]")
    results, _ = project.build("one", "two")
    assert [result.ok for result in results] == [False, True]


def test_what_failed_for_one_is_not_asked_again_for_another(project: Project) -> None:
    for name in ("one", "two"):
        project.spec(name, "python: [six==99.0]")
    results, seen = project.build("one", "two")
    assert [result.error is None for result in results] == [False, False]
    assert seen.started_ops.count("uv_pip_install") == 1
    assert [result.error.span.source.path.stem for result in results if result.error] == ["one", "two"]


def test_a_folder_that_cannot_be_written(project: Project) -> None:
    project.spec("one", "python: [six==1.16.0]")
    project.file(".imagespec", "a file")
    with pytest.raises(OSError, match=r"\.imagespec"):
        project.one("one")


# ----------------------------------------------------------------------------------------------- checks


def test_checks_that_fail(project: Project) -> None:
    path = project.spec("one", """
        python: [six==1.16.0]
        apt: [curl]
        checks:
          imports: [six, nowhere]
          commands:
            - "true"
            - echo out; echo err >&2; exit 3
    """)  # fmt: skip
    result, _ = project.one("one")
    assert not result.ok
    assert [(check.command, check.ok) for check in result.checks] == [
        ("import six", True),
        ("import nowhere", False),
        ("true", True),
        ("echo out; echo err >&2; exit 3", False),
    ]
    assert "ModuleNotFoundError: No module named 'nowhere'" in result.checks[1].output
    assert result.checks[3].output == "out\nerr\nexit code 3"
    assert result.error is not None
    assert result.error.code == "IS902"
    assert (result.error.span.source.path, result.error.span.line, result.error.span.column) == (path, 7, 18)
    assert "`apt` (curl)" in result.error.hint

    again, _ = project.one("one")
    assert [(check.ok, check.recorded) for check in again.checks] == [
        (True, True),
        (False, False),
        (True, True),
        (False, False),
    ]


def test_what_a_check_leaves_in_the_background_ends_with_it(project: Project) -> None:
    project.spec("one", "checks: {commands: ['sleep 3600 & echo $! > pid; echo said']}")
    result, _ = project.one("one")
    assert [(check.ok, check.output) for check in result.checks] == [(True, "said")]
    (pid,) = [int(path.read_text()) for path in project.home.rglob("pid")]
    until(lambda: not alive(pid), "its end")


def test_a_path_without_programs_is_no_matter_of_the_shell(project: Project) -> None:
    project.spec("one", "env: {PATH: /nowhere}\nchecks: {commands: ['true']}")
    assert project.one("one")[0].ok


def test_a_new_check_runs_alone(project: Project) -> None:
    project.spec("one", "python: [six==1.16.0]\nchecks: {imports: [six]}")
    project.one("one")
    project.spec("one", "python: [six==1.16.0]\nchecks: {imports: [six, json]}")
    assert [check.recorded for check in project.one("one")[0].checks] == [True, False]


def test_an_import_that_ends_python(project: Project) -> None:
    project.file("crash/__init__.py", "import os\nprint('before', flush=True)\nos.kill(os.getpid(), 11)\n")
    project.spec("one", "source: [{package: crash}]\nchecks: {imports: [json, crash, csv]}")
    result, _ = project.one("one")
    assert [(check.command, check.ok) for check in result.checks] == [
        ("import json", True),
        ("import crash", False),
        ("import csv", True),
    ]
    assert result.checks[1].output == "before\nPython ended here: killed by signal 11"


def test_what_an_import_prints_is_its_own(project: Project) -> None:
    for name in ("first", "second"):
        project.file(f"{name}/__init__.py", f"import sys\nprint('{name}')\nprint('{name} too', file=sys.stderr)\n")
    project.spec("one", "source: [{package: first}, {package: second}]\nchecks: {imports: [first, second]}")
    result, _ = project.one("one")
    assert [sorted(check.output.splitlines()) for check in result.checks] == [
        ["first", "first too"],
        ["second", "second too"],
    ]


def test_only_what_the_image_has_is_importable(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.file("mine/__init__.py", "")
    project.file("mine/data.json", "{}")
    project.file("other/__init__.py", "")
    project.environ["PYTHONPATH"] = str(project.folder)
    project.spec("one", """
        source: [{package: mine}]
        checks: {imports: [mine, other], commands: [test ! -e mine/data.json]}
    """)  # fmt: skip
    monkeypatch.chdir(project.folder)
    result, _ = project.one("one")
    assert [check.ok for check in result.checks] == [True, False, True]


# ----------------------------------------------------------------------------------------------- inside


def test_variables_and_working_directory(project: Project) -> None:
    project.environ["SECRET_OF_THE_SHELL"] = "leaked"
    project.file("data.txt", "data\n")
    project.spec("one", """
        env: {PLAIN: "1", BOTH: "${PLAIN} and $OTHER", OTHER: two, DOLLAR: '\\$PLAIN', PYTHONPATH: /app/lib}
        workdir: /app
        source:
          - {file: data.txt, to: /app/}
          - {dir: lib, to: /app/lib}
        checks:
          imports: [inner]
          commands:
            - test "$PLAIN" = 1
            - test "$BOTH" = "1 and two"
            - test "$DOLLAR" = '$PLAIN'
            - test "$(cat data.txt)" = data
            - test -z "$SECRET_OF_THE_SHELL"
            - test -n "$HOME" -a -n "$PATH"
            - 'case $(command -v python) in "$VIRTUAL_ENV"/bin/python) ;; *) exit 1;; esac'
    """)  # fmt: skip
    project.file("lib/inner.py", "")
    result, seen = project.one("one")
    assert [check.command for check in result.checks if not check.ok] == []
    assert any(note.startswith("`/app` is `") for note in seen.notes)


def test_lines_of_a_dockerfile(project: Project) -> None:
    project.spec("one", """
        steps:
          - dockerfile_commands: ["ENV A=1 B=\\"$A 2\\" C='$A'", "WORKDIR /srv", "WORKDIR sub", "RUN x", "LABEL a=b"]
        checks: {commands: ['test "$A|$B|$C" = "1|1 2|\\$A"', 'case $PWD in */srv/sub) ;; *) exit 1;; esac']}
    """)  # fmt: skip
    result, seen = project.one("one")
    assert result.error is None
    assert any("`dockerfile_commands` (RUN, LABEL)" in note for note in seen.notes)


def test_no_command_of_the_image_runs_here(project: Project) -> None:
    mark = project.folder / "ran"
    project.file("tools.py", f"def make():\n    open({str(mark)!r}, 'w')\n")
    project.spec("one", f"""
        run: [touch {mark}]
        function: tools:make
        entrypoint: [touch, {mark}]
        steps:
          - dockerfile_commands: [RUN touch {mark}]
        checks: {{commands: ["true"]}}
    """)  # fmt: skip
    result, seen = project.one("one")
    assert result.ok
    assert not mark.exists()
    (note,) = [note for note in seen.notes if "leaves out" in note]
    assert note == (
        "an environment on this machine leaves out: the system of `debian_slim`, `run` (1 command), "
        "`function` (tools:make), `dockerfile_commands` (RUN), `entrypoint`"
    )


def test_links_follow_the_sources(project: Project) -> None:
    project.file("app/a.txt", "a")
    project.file("app/skip.log", "log")
    project.spec("one", "source: [{dir: app, to: /root/app, ignore: ['*.log']}]")
    files = ["sh", "-c", "cd app; ls"]
    assert run(project, "one", *files) == (0, "a.txt\n")
    (project.folder / "app" / "a.txt").rename(project.folder / "app" / "b.txt")
    assert run(project, "one", *files) == (0, "b.txt\n")


def test_the_whole_project_as_a_source(project: Project) -> None:
    project.file("main.py", "print('ran')")
    project.spec("one", "workdir: /app\nsource: [{dir: ., to: /app}]")
    for _ in range(2):
        assert run(project, "one", "python", "main.py") == (0, "ran\n")
        assert run(project, "one", "sh", "-c", "ls -A") == (0, "main.py\nprinted\nspecs\n")


def test_run(project: Project) -> None:
    project.spec("one", "python: [six==1.16.0]\nenv: {A: a}")
    seen = Seen()
    assert run(project, "one", "sh", "-c", "echo $A $GIVEN; exit 5", seen=seen) == (5, "a here\n")
    assert "not built yet: builds it first" in seen.notes
    seen = Seen()
    assert run(project, "one", "sh", "-c", "kill -9 $$", seen=seen) == (137, "")
    assert seen.started_ops == []


def test_run_of_what_is_no_command(project: Project) -> None:
    project.spec("one", "")
    seen = Seen()
    assert LocalBackend(project.home, project.environ).run(project.target("one"), ["no-such-command"], seen, {}) == 127
    assert "`no-such-command` cannot be run: No such file or directory" in seen.notes


# ------------------------------------------------------------------------------------------------ bases


@pytest.mark.parametrize(
    ("base", "note"),
    [
        (f"registry: {{image: 'ubuntu:24.04', add_python: '{SERIES}'}}", None),
        (f"registry: 'python:{SERIES}-slim'", None),
        ("registry: 'ubuntu:24.04'", f"`ubuntu:24.04` does not say which Python it has: {SERIES} is taken"),
        (
            "published: 'mine:1'",
            f"the image `mine:1`, which is on Modal only, does not say which Python it has: {SERIES}",
        ),
        ("id: im-123", "the image `im-123`, which is on Modal only,"),
        ("scratch: true", "an image from scratch does not say which Python it has"),
        (f"micromamba: '{SERIES}'", None),
        ("dockerfile: Dockerfile", None),
    ],
)
def test_the_python_of_a_base(project: Project, base: str, note: str | None) -> None:
    project.file("Dockerfile", f"FROM ubuntu AS build\nRUN true\nFROM docker.io/library/python:{SERIES}-slim\n")
    project.spec("one", "", base=base)
    held = contents(project.target("one").image)
    assert held.python == SERIES
    if note is None:
        assert held.notes == ()
    else:
        assert held.notes[0].startswith(note)


def test_the_folder_ignores_itself(project: Project) -> None:
    project.spec("one", "")
    project.one("one")
    assert (project.home / ".gitignore").read_text() == "*\n"
    for key in project.environments():
        marker = json.loads((project.home / "local" / "environments" / key / "imagespec.json").read_text())
        assert marker["op"] == "debian_slim"
    assert os.listdir(project.home / "local" / "making") == []
