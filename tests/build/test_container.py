"""The container backend: real images, built by the real buildah on stand-in bases, and the logs of all engines."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagespec.build.container import engines
from imagespec.build.container.context import lay_out
from imagespec.build.container.engines import Buildah, Config, Docker, Order, Podman, Run
from imagespec.build.container.log import BuildahLog, BuildKitLog, Event, Log, steps
from imagespec.build.failure import BuildFailed
from imagespec.emit.dockerfile import compose
from imagespec.emit.instructions.writer import BUILDERS
from imagespec.lock.lockfile import File, Lock, Package, dump, path_of
from tests import bases
from tests.build.containers import Containers
from tests.build.project import Seen, alive, states, until


@pytest.fixture
def project(tmp_path: Path, storage: dict[str, str]) -> Iterator[Containers]:
    project = Containers(tmp_path, storage)
    yield project
    assert project.containers() == []
    assert [path.name for path in (project.home / "container").glob("*") if path.name != "lock"] == []


def text_of(error: object) -> str:
    return f"{getattr(error, 'message', '')}\n{getattr(error, 'hint', '')}"


# ------------------------------------------------------------------------------------------------ layers


def test_a_spec_like_those_that_are_shipped(project: Containers) -> None:
    project.file("standin/__init__.py", "")
    project.file("standin/train.py", "print('trains')")
    text = """
        apt: [tree]
        python: {{uv: "0.9.10", packages: [six==1.16.0, iniconfig==2.0.0]}}
        env: {{A: "{0}"}}
        run: ["tree --version && echo $A > /said"]
        source: [{{package: standin}}]
        checks: {{imports: [six, iniconfig, standin.train], commands: ["test $(cat /said) = $A"]}}
    """
    project.spec("one", text.format("a"), base='debian_slim: "3.12"')
    result, seen = project.one("one")
    assert result.error is None, text_of(result.error)
    assert states(result) == [
        ("debian_slim", "rebuilt"),
        ("apt_install", "rebuilt"),
        ("uv_pip_install", "rebuilt"),
        ("env", "rebuilt"),
        ("run_commands", "rebuilt"),
        ("add_local_python_source", "rebuilt"),
    ]
    assert [layer.digest for layer in result.layers] == list(project.target("one").digests)
    assert all(layer.seconds > 0 for layer in result.layers)
    assert [(check.command, check.output) for check in result.checks] == [
        ("import six", ""),
        ("import iniconfig", ""),
        ("import standin.train", "trains"),
        ("test $(cat /said) = $A", ""),
    ]
    assert any("six==1.16.0" in line for line in seen.lines)
    assert seen.notes == ["buildah has it as `imagespec/one:latest`"]

    again, seen = project.one("one")
    assert {(layer.state, layer.seconds) for layer in again.layers} == {("kept", 0.0)}
    assert [check.recorded for check in again.checks] == [True] * 4
    assert seen.lines == []

    project.spec("one", text.format("b"), base='debian_slim: "3.12"')
    edited, seen = project.one("one")
    assert edited.error is None, text_of(edited.error)
    assert [state for _, state in states(edited)] == ["kept", "kept", "kept", "rebuilt", "rebuilt", "rebuilt"]
    assert not any(check.recorded for check in edited.checks)


SOURCES = """
    env: {A: "1"}
    steps:
      - add_local_dir: {local_path: data, remote_path: /data, copy: true}
      - dockerfile_commands: ["COPY app /app/", "RUN echo done > /done"]
    source: [{file: notes.txt, to: /root/}, {dir: lib, to: /lib/mine, ignore: ["*.log"]}]
"""


@pytest.fixture
def sources(project: Containers) -> Containers:
    for name in ("data/a.txt", "data/deep/b.txt", "app/main.py", "notes.txt", "lib/c.py"):
        project.file(name, name)
    project.small("one", SOURCES)
    result, _ = project.one("one")
    assert result.error is None, text_of(result.error)
    return project


def touch(project: Containers) -> None:
    for path in [*project.folder.glob("data/**/*"), project.folder / "notes.txt"]:
        os.utime(path, (1, 1))


def change_folders(project: Containers) -> None:
    (project.folder / "data" / "empty").mkdir()
    (project.folder / "data" / "deep").chmod(0o700)
    (project.folder / "data" / "elsewhere").symlink_to("deep")


def ignore(project: Containers) -> None:
    project.file(".dockerignore", "notes.txt\n*.md\n")


def log(project: Containers) -> None:
    project.file("lib/left.log")


def comment(project: Containers) -> None:
    project.small("one", f"{SOURCES}    # a comment\n")


@pytest.mark.parametrize("edit", [touch, change_folders, ignore, log, comment])
def test_what_changes_no_digest_is_kept(sources: Containers, edit: object) -> None:
    before = sources.target("one").digests
    assert callable(edit)
    edit(sources)
    assert sources.target("one").digests == before
    result, _ = sources.one("one")
    assert {layer.state for layer in result.layers} == {"kept"}, states(result)


def test_a_project_that_was_moved_is_kept(sources: Containers, tmp_path: Path) -> None:
    other = tmp_path / "moved"
    other.mkdir()
    for name in ("data", "app", "lib", "specs", ".imagespec"):
        shutil.copytree(sources.folder / name, other / name)
    shutil.copy(sources.folder / "notes.txt", other)
    sources.folder, sources.home = other, other / ".imagespec"
    result, _ = sources.one("one")
    assert {layer.state for layer in result.layers} == {"kept"}


@pytest.mark.parametrize(
    ("name", "mode", "kept"),
    [
        ("data/deep/b.txt", None, 2),
        ("data/deep/b.txt", 0o755, 2),
        ("data/new.txt", None, 2),
        ("app/main.py", None, 3),
        ("notes.txt", 0o755, 4),
        ("lib/c.py", None, 5),
    ],
)
def test_what_changes_a_digest_is_rebuilt_with_all_after_it(
    sources: Containers, name: str, mode: int | None, kept: int
) -> None:
    before = sources.target("one").digests
    path = sources.folder / name
    if mode is None:
        sources.file(name, "new")
    else:
        path.chmod(mode)
    after = sources.target("one").digests
    assert [old == new for old, new in zip(before, after, strict=True)] == [True] * kept + [False] * (len(after) - kept)
    result, _ = sources.one("one")
    assert [layer.state for layer in result.layers] == ["kept"] * kept + ["rebuilt"] * (len(after) - kept)
    assert all(layer.seconds > 0 for layer in result.layers[kept:])


def test_an_edit_that_is_taken_back_is_kept(sources: Containers) -> None:
    sources.small("one", SOURCES.replace('A: "1"', 'A: "2"'))
    assert sources.one("one")[0].layers[1].state == "rebuilt"
    sources.small("one", SOURCES)
    assert {layer.state for layer in sources.one("one")[0].layers} == {"kept"}


def test_what_only_modal_sees_counts_as_rebuilt_and_takes_no_time(project: Containers) -> None:
    spec = "steps:\n  - run_commands: {{commands: [echo one], gpu: {0}}}\n"
    project.small("one", spec.format("T4"))
    project.one("one")
    project.small("one", spec.format("A10G"))
    result, _ = project.one("one")
    assert [(layer.state, layer.seconds) for layer in result.layers] == [("kept", 0.0), ("rebuilt", 0.0)]


def test_specs_share_what_is_equal(project: Containers) -> None:
    for name in ("one", "two"):
        project.small(name, f"steps:\n  - run_commands: [echo shared by both]\n  - env: {{NAME: {name}}}\n")
    results, seen = project.build("one", "two")
    assert [[state for _, state in states(result)] for result in results] == [
        ["rebuilt", "rebuilt", "rebuilt"],
        ["kept", "kept", "rebuilt"],
    ]
    assert seen.lines == ["shared by both"]


def test_force(project: Containers) -> None:
    project.small("one", "run: [echo forced]\nchecks: {commands: ['true']}")
    project.one("one")
    result, seen = project.one("one", force=True)
    assert states(result)[1] == ("run_commands", "rebuilt")
    assert seen.lines == ["forced", "runs 1"]
    assert not result.checks[0].recorded


def test_force_build_of_a_layer(project: Containers) -> None:
    project.small(
        "one", "steps:\n  - run_commands: [echo a]\n  - run_commands: {commands: [echo b], force_build: true}"
    )
    project.one("one")
    assert [state for _, state in states(project.one("one")[0])] == ["kept", "kept", "rebuilt"]


def test_the_record_knows_where_layers_are(project: Containers) -> None:
    path = project.small("one", "env: {PLACE: here}\nrun: [echo in its place]")
    project.one("one")
    digests = project.target("one").digests
    build = project.record.build("container", str(path))
    assert build is not None
    assert build.image == digests[-1]
    every = project.buildah("images", "--all", "--quiet", "--no-trunc").replace("sha256:", "").split()
    assert build.place in every
    for digest in digests[1:]:
        layer = project.record.layer("container", digest)
        assert layer is not None
        assert layer.seconds > 0
        assert any(image.startswith(layer.place) for image in every)


# ------------------------------------------------------------------------------------------- in the image


def test_files_land_as_they_are(sources: Containers) -> None:
    name = "a $HOME *b? 'c'.txt"
    sources.file(f"data/{name}", "special")
    sources.file("data/plain.txt").chmod(0o755)
    sources.small("one", f"""
        source:
          - {{file: "data/{name}", to: "/x/{name}"}}
          - {{dir: data, to: /d}}
    """)  # fmt: skip
    printed = sources.seen_by(
        "one", "sh", "-c", "cat \"/x/a \\$HOME *b? 'c'.txt\"; cd /d; find . -type f | sort; stat -c %a plain.txt"
    )
    assert printed.split("\n")[:-1] == ["special" + f"./{name}", "./a.txt", "./deep/b.txt", "./plain.txt", "755"]


def test_the_whole_project_as_a_source(project: Containers) -> None:
    project.file("main.py", "print('ran')")
    project.small("one", "workdir: /app\nsource: [{dir: ., to: /app}]")
    for _ in range(2):
        assert project.seen_by("one", "sh", "-c", "python main.py; ls -A") == "ran\nbin\nmain.py\nspecs\n"


def test_what_lies_outside_of_the_root_is_kept_too(project: Containers) -> None:
    for folder in ("a", "b"):
        project.file(f"{folder}/file.txt", folder)
    spec = "root: ../a\nbase: {registry: 'docker.io/library/python:3.12-slim-trixie'}\n"
    (project.folder / "specs" / "one.yaml").write_text(
        f"{spec}source: [{{file: file.txt, to: /a.txt}}, {{file: ../b/file.txt, to: /b.txt}}]\n"
    )
    assert project.one("one")[0].ok
    assert {layer.state for layer in project.one("one")[0].layers} == {"kept"}
    assert project.seen_by("one", "cat", "/a.txt", "/b.txt") == "ab"


def test_secrets(project: Containers) -> None:
    path = project.small("one", """
        run:
          commands:
            - test ${#TOKEN} = 3 && test $PLAIN = 1
          secrets: [mine]
          env: {PLAIN: "1"}
    """)  # fmt: skip
    result, _ = project.one("one")
    assert result.error is not None
    assert (result.error.code, result.error.span.source.path, result.error.span.line) == ("IS907", path, 7)
    assert result.error.message == "the secret `mine` is not here: there is no `mine.env`"
    assert "specs/mine.env" in result.error.hint
    project.file("mine.env", "TOKEN='a b'\n")
    result, _ = project.one("one")
    assert result.error is None, text_of(result.error)
    assert "a b" not in project.buildah("inspect", "--type=image", "imagespec/one")


def test_variables_and_working_directory(project: Containers) -> None:
    project.small(
        "one", 'env: {A: a b}\nchecks: {commands: [\'test "$A" = "a b"\', test $PWD = /root, test $PYTHONPATH = /root]}'
    )
    project.small("two", "workdir: /app\nentrypoint: [env, B=b]\nchecks: {commands: [test $PWD = /app, test $B = b]}")
    results, _ = project.build("one", "two")
    assert [check.command for result in results for check in result.checks if not check.ok] == []


# ----------------------------------------------------------------------------------------------- failures


def failing(project: Containers, spec: str, base: str = f"registry: '{bases.PYTHONS[0]}'") -> tuple[str, int, str, str]:
    path = project.spec("one", spec, base=base)
    result, _ = project.one("one")
    assert result.error is not None
    assert result.error.span.source.path == path
    return result.error.code, result.error.span.line, result.error.message, result.error.hint


def test_a_command_that_fails(project: Containers) -> None:
    code, line, message, hint = failing(project, "run:\n  - echo one\n  - echo two; exit 3\n")
    assert (code, line, message, hint) == ("IS901", 5, "`echo two; exit 3` cannot be built: exit code 3", "two")
    project.small("one", "run: [echo one]\n")
    assert states(project.one("one")[0])[0] == ("from_registry", "kept")


@pytest.mark.parametrize("step", ["uv_pip_install", "pip_install"])
def test_a_version_that_does_not_exist(project: Containers, step: str) -> None:
    spec = f"steps:\n  - {step}:\n      - iniconfig==2.0.0\n      - six==99.0\n"
    code, line, message, hint = failing(project, spec)
    assert (code, line) == ("IS901", 6)
    assert message.startswith("`six==99.0` cannot be installed: ")
    assert "six==99.0" in hint


def test_a_package_with_another_hash_than_the_lock_says(project: Containers) -> None:
    """Of a lock whose own digests agree, too: it is the installer that looks at the file."""
    spec = 'python:\n  uv: "0.9.10"\n  packages:\n    - iniconfig==2.0.0\n    - six==1.16.0\n'
    path = project.spec("one", spec, base='debian_slim: "3.12"')
    made_from = project.target("one").held.made_from
    assert made_from is not None
    wheels = {"iniconfig": "iniconfig-2.0.0-py3-none-any.whl", "six": "six-1.16.0-py2.py3-none-any.whl"}
    hashes = {"iniconfig": "b6a85871a79d2e3b22d2d1b94ac2824226a63c6b741c88f7ae975f18b6778374", "six": "0" * 64}
    lock = Lock(
        inputs=made_from.digest,
        requirements=made_from.requirements,
        python=made_from.python,
        platform=made_from.platform,
        uv=made_from.uv,
        packages=tuple(
            Package(name, wheel.split("-")[1], files=(File(wheel, 1, hashes[name]),)) for name, wheel in wheels.items()
        ),
    )
    path_of(path).write_text(dump(lock))
    assert project.target("one").image.locked
    result, _ = project.one("one")
    assert result.error is not None
    assert (result.error.code, result.error.span.source.path, result.error.span.line) == ("IS901", path, 7)
    assert "`six==1.16.0` cannot be installed" in result.error.message
    assert "Hash mismatch" in result.error.hint


def test_an_apt_package_that_does_not_exist(project: Containers) -> None:
    code, line, message, hint = failing(project, "apt:\n  - tree\n  - no-such-package\n")
    assert (code, line) == ("IS901", 5)
    assert message == "`no-such-package` cannot be built: exit code 100"
    assert "Unable to locate package no-such-package" in hint


def test_a_base_that_is_nowhere(project: Containers) -> None:
    code, line, message, _ = failing(project, "", base="registry: '127.0.0.1:9/nowhere:1'")
    assert (code, line) == ("IS901", 2)
    assert message.startswith("`127.0.0.1:9/nowhere:1` cannot be had: ")
    assert "connection refused" in message


def test_what_no_dockerfile_holds(project: Containers) -> None:
    project.file("tools.py", "def make():\n    pass\n")
    assert failing(project, "function: tools:make\n")[:2] == ("IS908", 3)


def test_one_failure_does_not_stop_the_others(project: Containers) -> None:
    project.small("one", "run: [exit 1]")
    project.small("two", "run: [exit 0]")
    results, _ = project.build("one", "two")
    assert [result.ok for result in results] == [False, True]


def test_no_engine(project: Containers) -> None:
    """A docker without its daemon, as its client says it, and nothing else."""
    for path in (project.folder / "bin").iterdir():
        path.unlink()
    docker = project.file("bin/docker", "#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2\nexit 1\n")
    docker.chmod(0o755)
    project.small("one", "")
    project.small("two", "")
    seen = Seen()
    targets = [project.target(name) for name in ("one", "two")]
    results = project.backend().build(targets, seen, force=False)
    (error,) = {result.error for result in results}
    assert error is not None
    assert error.code == "IS906"
    assert error.hint.splitlines() == [
        "docker: Cannot connect to the Docker daemon",
        "podman is not installed",
        "buildah is not installed",
        "install one: apt-get install buildah",
        "or build without containers: --on local",
    ]
    with pytest.raises(BuildFailed, match="none of them works here"):
        project.backend().run(targets[0], ["true"], seen, {})
    (project.folder / "bin" / "buildah").symlink_to(shutil.which("buildah") or "")


# ------------------------------------------------------------------------------------------------- checks


def test_checks_that_fail(project: Containers) -> None:
    path = project.small("one", """
        checks:
          imports: [json, nowhere]
          commands:
            - "true"
            - echo out; echo err >&2; exit 3
            - kill -9 $$
    """)  # fmt: skip
    result, _ = project.one("one")
    assert not result.ok
    assert [(check.command, check.ok) for check in result.checks] == [
        ("import json", True),
        ("import nowhere", False),
        ("true", True),
        ("echo out; echo err >&2; exit 3", False),
        ("kill -9 $$", False),
    ]
    assert "ModuleNotFoundError: No module named 'nowhere'" in result.checks[1].output
    assert result.checks[3].output == "out\nerr\nexit code 3"
    assert result.checks[4].output.endswith("exit code 137")
    assert result.error is not None
    assert (result.error.code, result.error.span.source.path, result.error.span.line) == ("IS902", path, 5)
    again, _ = project.one("one")
    assert [check.recorded for check in again.checks] == [True, False, True, False, False]


def test_an_import_that_ends_python(project: Containers) -> None:
    project.file("crash/__init__.py", "import os\nprint('before', flush=True)\nos.kill(os.getpid(), 11)\n")
    project.small("one", "source: [{package: crash}]\nchecks: {imports: [json, crash, csv]}")
    result, _ = project.one("one")
    assert [(check.command, check.ok) for check in result.checks] == [
        ("import json", True),
        ("import crash", False),
        ("import csv", True),
    ]
    assert result.checks[1].output.startswith("before\n")
    assert result.checks[1].output.endswith("Python ended here: exit code 139")


# --------------------------------------------------------------------------------- run, interrupts, many


def test_run(project: Containers) -> None:
    project.small("one", "env: {A: a}")
    with project.start(
        "run", "one", "--on", "container", "-e", "GIVEN=here", "--", "sh", "-c", "echo $A $GIVEN; cat; exit 5"
    ) as process:
        out, err = process.communicate()
    assert (process.returncode, out) == (5, "a here\n")
    assert "exit status" not in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing_half(project: Containers, number: signal.Signals) -> None:
    project.small("one", "run: ['echo begun; exec sleep 1234']")
    with project.start("build", "one", "--on", "container") as process:
        seen: list[str] = []
        assert process.stderr is not None
        reader = threading.Thread(target=seen.extend, args=(process.stderr,))
        reader.start()
        until(lambda: any("begun" in line for line in seen), "the command")
        process.send_signal(number)
        process.wait()
        reader.join()
    assert process.returncode == 128 + number
    assert not [pid for pid in pids() if "1234" in command_line(pid) and alive(pid)]
    project.small("one", "run: [echo begun]")
    assert project.one("one")[0].ok


def pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def command_line(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return []


def test_two_builds_at_once(project: Containers) -> None:
    for name in ("one", "two"):
        project.small(name, f"steps:\n  - run_commands: [sleep 1; echo both at once]\n  - env: {{NAME: {name}}}\n")
    running = [project.start("build", name, "--on", "container", "--format", "json") for name in ("one", "one", "two")]
    for process in running:
        with process:
            out, err = process.communicate()
        assert process.returncode == 0, err
        assert json.loads(out)[0]["ok"]


def test_what_a_killed_build_left_is_removed(project: Containers) -> None:
    left = project.file(".imagespec/container/build-left/lock").parent
    project.small("one", "")
    assert project.one("one")[0].ok
    assert not left.exists()


def test_bases_without_a_registry_are_those_of_docker_hub(project: Containers) -> None:
    lines = [
        "FROM --platform=linux/amd64 python:3.12 AS one",
        "FROM pytorch/pytorch@sha256:0 as two",
        "FROM ghcr.io/astral-sh/uv:1",
        "FROM localhost:5000/mine",
        "FROM One",
        "FROM scratch",
        "FROM $BASE",
    ]
    path = project.file("Dockerfile", "\n".join(lines))
    project.spec("one", "", base=f"dockerfile: {path}")
    target = project.target("one")
    (laid_out := project.folder / "laid out").mkdir()
    lay_out(compose(target.image, target.parsed.tree.span, BUILDERS[-1], target.image.root), target.image, laid_out)
    assert (laid_out / "Dockerfile").read_text().splitlines() == [
        "FROM --platform=linux/amd64 docker.io/library/python:3.12 AS one",
        "FROM docker.io/pytorch/pytorch@sha256:0 as two",
        *lines[2:],
    ]


# --------------------------------------------------------------------------------------------------- logs

BLOCKS = (
    ("ARG VERSION=1", "FROM debian:$VERSION AS first", "RUN make \\\\", "  it", "FROM first", "WORKDIR /app"),
    ("# a comment", "ENV A=1"),
    (),
    ("COPY --from=first /made /made", "RUN <<END", "FROM what is not an instruction", "END"),
    ('CMD ["run"]',),
)


def test_steps() -> None:
    assert [(step.layer, step.stage, step.number, step.word) for step in steps(BLOCKS)] == [
        (0, 1, 1, "FROM"),
        (0, 1, 2, "RUN"),
        (0, 2, 1, "FROM"),
        (0, 2, 2, "WORKDIR"),
        (1, 2, 3, "ENV"),
        (3, 2, 4, "COPY"),
        (3, 2, 5, "RUN"),
        (4, 2, 6, "CMD"),
    ]


def read(log: Log, text: str) -> list[tuple[str, int | None, str]]:
    events: list[Event] = [event for line in text.strip("\n").split("\n") for event in log.read(line)]
    return [(event.kind, event.step, event.text) for event in events]


def test_the_log_of_buildah() -> None:
    """Recorded with buildah 1.28, the words of the commands aside."""
    assert read(
        BuildahLog(steps(BLOCKS)),
        """
[1/2] STEP 1/2: FROM debian:1 AS first
Trying to pull docker.io/library/debian:1...
[1/2] STEP 2/2: RUN make   it
STEP 7/9: RUN is not what comes next
made[2/2] STEP 1/6: FROM d06d6b6c9ea
[2/2] STEP 2/6: WORKDIR /app
--> Using cache 6a496a5a39e029e3a742eeadf3b76e97f17e0644c7c91a4e55df3d1ef1528754
[2/2] STEP 3/6: ENV A=1
no end of line--> 641ee25cea0
[2/2] STEP 4/6: COPY --from=first /made /made
--> 0e20426c096
[2/2] STEP 5/6: RUN <<END
subprocess exited with status 3
subprocess exited with status 3
Error: building at STEP "RUN sleep 1; echo ": "; exit 3": exit status 3
""",
    ) == [
        ("began", 0, ""),
        ("printed", 0, "Trying to pull docker.io/library/debian:1..."),
        ("ended", 0, ""),
        ("began", 1, ""),
        ("printed", 1, "STEP 7/9: RUN is not what comes next"),
        ("printed", 1, "made"),
        ("ended", 1, ""),
        ("began", 2, ""),
        ("ended", 2, ""),
        ("began", 3, ""),
        ("cached", 3, "6a496a5a39e029e3a742eeadf3b76e97f17e0644c7c91a4e55df3d1ef1528754"),
        ("began", 4, ""),
        ("printed", 4, "no end of line"),
        ("ended", 4, "641ee25cea0"),
        ("began", 5, ""),
        ("ended", 5, "0e20426c096"),
        ("began", 6, ""),
        ("failed", 6, "exit status 3"),
    ]


def test_the_log_of_one_stage() -> None:
    every = steps((("FROM deb:1",), ("RUN printf 1; echo 6530 >/x",), ("COPY d /d/",)))
    assert read(
        BuildahLog(every),
        """
STEP 1/3: FROM deb:1
STEP 2/3: RUN printf 1; echo 6530 >/x
1STEP 3/3: COPY d /d/
COMMIT q/q:latest
--> 364a01ca848
[Warning] one or more build args were not consumed: [ZZ]
Successfully tagged localhost/q/q:latest
364a01ca8486e94cec32d99fa2477d90971967d955314b129a39d32600678e3e
""",
    ) == [
        ("began", 0, ""),
        ("ended", 0, ""),
        ("began", 1, ""),
        ("printed", 1, "1"),
        ("ended", 1, ""),
        ("began", 2, ""),
        ("ended", 2, "364a01ca848"),
    ]


def test_the_log_of_buildkit() -> None:
    """As its documentation and its users print it."""
    assert read(
        BuildKitLog(steps(BLOCKS)),
        """
#0 building with "default" instance using docker driver

#1 [internal] load build definition from Dockerfile
#1 transferring dockerfile: 210B done
#1 DONE 0.0s

#4 [first 1/2] FROM docker.io/library/debian:1@sha256:0000
#4 extracting sha256:1111 0.5s done
#4 DONE 1.3s

#6 [stage-1 2/3] COPY --from=first /made /made
#6 CACHED

#5 [first 2/2] RUN make   it
#5 0.312 made
#5 DONE 1.0s

#7 [stage-1 1/3] WORKDIR /app
#7 CACHED

#8 [stage-1 3/3] RUN <<END
#8 0.101 sh: 1: no: not found
#8 ERROR: process "/bin/sh -c no" did not complete successfully: exit code: 127
------
 > [stage-1 3/3] RUN <<END:
0.101 sh: 1: no: not found
------
ERROR: failed to solve: process "/bin/sh -c no" did not complete successfully: exit code: 127
""",
    ) == [
        ("began", 0, ""),
        ("printed", 0, "extracting sha256:1111 0.5s done"),
        ("ended", 0, ""),
        ("began", 5, ""),
        ("cached", 5, ""),
        ("began", 1, ""),
        ("printed", 1, "made"),
        ("ended", 1, ""),
        ("began", 3, ""),
        ("cached", 3, ""),
        ("began", 6, ""),
        ("printed", 6, "sh: 1: no: not found"),
        ("failed", 6, 'process "/bin/sh -c no" did not complete successfully: exit code: 127'),
    ]


def test_a_failure_of_buildkit_that_is_about_no_instruction() -> None:
    log = BuildKitLog(steps((("FROM scratch",),)))
    assert read(log, "ERROR: failed to solve: no space left on device") == [("failed", None, "no space left on device")]


# ------------------------------------------------------------------------------------------------ engines


def order(folder: Path) -> Order:
    return Order(
        dockerfile=folder / "Dockerfile",
        context=folder / "context",
        contexts={"local-0": folder / "local-0"},
        secrets={"mine": folder / "mine.env"},
        build_args={"A": "1"},
        tag="imagespec/one:latest",
        image=folder / "image",
        force=True,
    )


def test_command_lines_that_build() -> None:
    given = [
        "--file=/w/Dockerfile",
        "--tag=imagespec/one:latest",
        "--no-cache",
        "--build-context=local-0=/w/local-0",
        "--secret=id=mine,src=/w/mine.env",
        "--build-arg=A=1",
    ]
    work, environ = order(Path("/w")), {"https_proxy": "http://proxy", "PATH": "/bin", "BUILDAH_ISOLATION": "oci"}
    assert Docker().build(work, environ) == [
        *("docker", "buildx", "build", "--progress=plain", "--load", "--iidfile=/w/image", *given),
        *("--build-arg=https_proxy", "/w/context"),
    ]
    assert Podman().build(work, environ) == ["podman", "build", "--layers", *given, "/w/context"]
    assert Buildah().build(work, environ) == ["buildah", "build", "--layers", "--force-rm", *given, "/w/context"]


@pytest.mark.parametrize("engine", [Docker(), Podman()], ids=["docker", "podman"])
def test_command_lines_that_run(engine: Docker) -> None:
    printed = json.dumps({"Config": {"Env": ["A=b=c"], "WorkingDir": "/app", "Entrypoint": None}})
    config = engine.config(printed)
    assert config == Config({"A": "b=c"}, "/app", ())
    run = Run("imagespec-1", "sha256:1", ["sh", "-c", "true"], config, {"B": "b"}, Path("/told"), terminal=True)
    program = engine.program
    assert engine.run(run, {}) == [
        [
            *(program, "run", "--rm", "--interactive", "--name=imagespec-1", "--workdir=/app", "--tty"),
            *("--env=B=b", "sha256:1", "sh", "-c", "true"),
        ]
    ]
    assert engine.remove("imagespec-1") == [program, "rm", "--force", "imagespec-1"]
    assert run.code(7) == 7


def test_engines_are_asked_in_an_order() -> None:
    assert [engine.program for engine in engines.ENGINES] == ["docker", "podman", "buildah"]
