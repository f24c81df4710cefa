"""`plan` as it is typed: what it says, in each format, against builds, files and revisions."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from markdown_it import MarkdownIt

from imagespec.build.record import Record, remembered
from imagespec.compiler import compile_all, examine
from imagespec.lock.lockfile import File, Lock, dump, load, path_of
from tests.cli.conftest import Run

ROOT = Path(__file__).parent.parent.parent
Write: TypeAlias = Callable[..., Path]
Plan: TypeAlias = Callable[..., list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def no_login(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MODAL_TOKEN_ID", raising=False)
    monkeypatch.setenv("MODAL_CONFIG_PATH", str(tmp_path / "no-modal.toml"))
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def write(folder: Path) -> Write:
    """Write a spec into `specs`, on a base of its own."""

    def write(text: str, name: str = "one") -> Path:
        path = folder / "specs" / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text('root: ..\nbase: {debian_slim: "3.12.10"}\n' + text)
        return path

    return write


@pytest.fixture
def plan(run: Run) -> Plan:
    """The plans, as a program reads them."""

    def plan(*arguments: str) -> list[dict[str, Any]]:
        code, out, err = run("plan", "--format", "json", *arguments)
        assert code == 0, err
        found: list[dict[str, Any]] = json.loads(out)
        keys = {"op", "digest", "state", "cause", "file", "line", "seconds", "bytes", "estimated"}
        assert all(layer.keys() == keys for each in found for layer in each["layers"])
        return found

    return plan


def built(folder: Path, *paths: Path, backend: str = "modal", seconds: float | None = 10.0) -> None:
    """Put a build into the record, as a backend does."""
    record = Record(folder / ".imagespec")
    targets, diagnostics = compile_all(paths)
    assert len(targets) == len(paths), diagnostics
    for target in targets:
        for layer, digest in zip(target.image.layers, target.digests, strict=True):
            if backend == "container" or not layer.mounted:
                record.add_layer(backend, digest, layer.operation.method, seconds)
        record.add_build(backend, str(target.parsed.path), target.digests[-1], "", remembered(target))


def told(plans: list[dict[str, Any]]) -> list[str]:
    """The layers of the first plan, a line each."""
    return [
        layer["op"] + (f": {layer['cause']}, {layer['file']}:{layer['line']}" if layer["state"] == "rebuilt" else "")
        for layer in plans[0]["layers"]
    ]


# --------------------------------------------------------------------------------------- against a build

SPEC = "apt: [curl]\npython: [six==1.16.0]\nenv:\n  A: x\n  B: y\nsource: [{package: training}]\n"


@pytest.fixture
def spec(folder: Path, write: Write) -> Path:
    (folder / "training").mkdir()
    (folder / "training" / "__init__.py").write_text("x = 1\n")
    return write(SPEC)


def test_never_built(plan: Plan, spec: Path) -> None:
    assert told(plan("--on", "modal")) == [
        "debian_slim: never built, specs/one.yaml:2",
        "apt_install: never built, specs/one.yaml:3",
        "uv_pip_install: never built, specs/one.yaml:4",
        "env: never built, specs/one.yaml:5",
        "add_local_python_source",
    ]


def test_nothing_changed(plan: Plan, run: Run, folder: Path, spec: Path) -> None:
    built(folder, spec)
    (one,) = plan("--on", "modal")
    assert [(each["state"], each["seconds"], each["bytes"]) for each in one["layers"]] == [("kept", 0.0, 0)] * 5
    assert run("plan", "--on", "modal")[1] == (
        "one  against its last build on modal\n"
        "  kept   debian_slim\n"
        "  kept   apt_install\n"
        "  kept   uv_pip_install\n"
        "  kept   env\n"
        "  aside  add_local_python_source  mounted at start\n"
        "  nothing is rebuilt\n"
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("A: x", "A: z", ["env: A changed, specs/one.yaml:6"]),
        ("  B: y\n", "", ["env: B removed, specs/one.yaml:5"]),
        ("1.16", "1.17", ["uv_pip_install: six 1.16.0 -> 1.17.0, specs/one.yaml:4",
                          "env: follows from: six 1.16.0 -> 1.17.0, specs/one.yaml:4"]),
        ("[curl]", "[curl, jq, vim]", ["apt_install: apt: jq added and 1 more, specs/one.yaml:3",
                                       "uv_pip_install: follows from: apt: jq added and 1 more, specs/one.yaml:3",
                                       "env: follows from: apt: jq added and 1 more, specs/one.yaml:3"]),
        ("package: training", "package: training, copy: true", [
            "add_local_python_source: copy true added, specs/one.yaml:8"]),
    ],
)  # fmt: skip
def test_an_edit(plan: Plan, folder: Path, spec: Path, old: str, new: str, expected: list[str]) -> None:
    built(folder, spec)
    spec.write_text(spec.read_text().replace(old, new))
    assert [line for line in told(plan("--on", "modal")) if ":" in line] == expected


def test_mounted_source_is_a_layer_of_a_container(plan: Plan, folder: Path, spec: Path) -> None:
    built(folder, spec)
    built(folder, spec, backend="container")
    (folder / "training" / "loop.py").touch()
    assert told(plan("--on", "modal"))[-1] == "add_local_python_source"
    assert told(plan("--on", "container"))[-1] == ("add_local_python_source: training/loop.py added, specs/one.yaml:8")


def test_a_layer_that_another_spec_has_is_kept(plan: Plan, folder: Path, spec: Path, write: Write) -> None:
    two = write(SPEC.replace("A: x", "A: other"), "two")
    built(folder, two)
    assert told(plan("one", "--on", "modal"))[:4] == [
        "debian_slim",
        "apt_install",
        "uv_pip_install",
        "env: never built, specs/one.yaml:5",
    ]
    built(folder, spec)
    spec.write_text(spec.read_text().replace("A: x", "A: other"))
    assert told(plan("one", "--on", "modal")) == [
        "debian_slim", "apt_install", "uv_pip_install", "env", "add_local_python_source",
    ]  # fmt: skip


def test_a_layer_that_is_forced(plan: Plan, folder: Path, write: Write) -> None:
    path = write("steps:\n  - workdir: /a\n  - run_commands: {commands: [x], force_build: true}\n  - workdir: /b\n")
    built(folder, path)
    assert told(plan("--on", "modal"))[1:] == [
        "workdir",
        "run_commands: force_build is set, specs/one.yaml:5",
        "workdir: follows from: force_build is set, specs/one.yaml:5",
    ]


def test_a_build_that_left_no_layers(plan: Plan, folder: Path, spec: Path) -> None:
    Record(folder / ".imagespec").add_build("modal", str(spec), "of an earlier version")
    assert told(plan("--on", "modal"))[0] == (
        "debian_slim: the record does not tell what its last build was, specs/one.yaml:2"
    )


def test_what_a_machine_leaves_out(run: Run, spec: Path) -> None:
    code, out, _ = run("plan")
    assert code == 0
    assert [" ".join(line.split()) for line in out.splitlines()] == [
        "one against local, where it was never built",
        "rebuilt ? ? debian_slim never built, specs/one.yaml:2",
        "aside apt_install left out here",
        "rebuilt ? ? uv_pip_install never built, specs/one.yaml:4",
        "rebuilt ? 0 B env never built, specs/one.yaml:5",
        "aside add_local_python_source linked into its place",
        "3 of 3 layers rebuilt: seconds unknown, bytes unknown",
    ]


# --------------------------------------------------------------------------------------------- the costs


def test_seconds(plan: Plan, folder: Path, spec: Path) -> None:
    def seconds() -> list[object]:
        (one,) = plan("--on", "modal")
        return [(layer["seconds"], layer["estimated"]) for layer in one["layers"] if layer["state"] == "rebuilt"]

    assert seconds() == [(None, False)] * 4
    built(folder, spec, seconds=4.0)
    before = spec.read_text()
    spec.write_text(before.replace("1.16", "1.17"))
    assert seconds() == [(4.0, True), (4.0, True)]  # as the same package in another version, and the same variables
    spec.write_text(before.replace("six==1.16.0", "tqdm"))
    assert seconds() == [(None, False), (4.0, True)]  # nothing like it was built
    built(folder, spec, seconds=None)
    assert seconds() == []


def test_seconds_of_the_very_layer(plan: Plan, folder: Path, spec: Path, write: Write) -> None:
    other = write(SPEC.replace("A: x", "A: changed"), "two")
    built(folder, spec, seconds=4.0)
    (one,) = plan("one", "--on", "modal", "--against", str(other))
    assert [(layer["state"], layer["seconds"], layer["estimated"]) for layer in one["layers"]][3:] == [
        ("rebuilt", 4.0, False),
        ("kept", 0.0, False),
    ]


def test_bytes_of_local_files(plan: Plan, folder: Path, write: Write) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "one").write_bytes(b"1" * 1000)
    (folder / "data" / "two").write_bytes(b"2" * 500)
    write("source: [{dir: data, to: /data, copy: true}, {file: data/one, to: /one, copy: true}]\n")
    (one,) = plan("--on", "modal")
    assert [layer["bytes"] for layer in one["layers"]] == [None, 1500, 1000]


# ----------------------------------------------------------------------------------------- shipped specs


@pytest.fixture
def shipped(folder: Path) -> Path:
    """The specs of this repository, with the code that they name."""
    shutil.copytree(ROOT / "specs", folder / "specs")
    shutil.copytree(ROOT / "training", folder / "training", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def relocked(spec: Path, **versions: str) -> None:
    """A fresh lock of the spec as it is now, with other versions (and so other files) of some packages."""
    old, made_from = load(path_of(spec)), examine(spec).held.made_from
    assert isinstance(old, Lock)
    assert made_from is not None
    packages = [
        dataclasses.replace(
            package,
            version=versions[package.name],
            files=tuple(File(each.name, each.size, each.sha256[::-1]) for each in package.files),
        )
        if package.name in versions
        else package
        for package in old.packages
    ]
    lock = dataclasses.replace(
        old, packages=tuple(packages), inputs=made_from.digest, requirements=made_from.requirements
    )
    path_of(spec).write_text(dump(lock))
    assert examine(spec).held.fresh


def older(shipped: Path, *edits: tuple[str, str], **versions: str) -> Path:
    """The classifier in a folder `before`, edited and locked."""
    shutil.copytree(shipped / "specs", shipped / "before")
    text = (shipped / "before" / "_base.yaml").read_text()
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    (shipped / "before" / "_base.yaml").write_text(text)
    relocked(shipped / "before" / "classifier.yaml", **versions)
    return shipped / "before" / "classifier.yaml"


LIBRARIES, TORCH, OTHERS = "uv_pip_install", "uv_pip_install", "uv_pip_install"


def test_a_patch_of_torch_keeps_the_libraries(plan: Plan, shipped: Path) -> None:
    before = older(shipped, ("torch==2.5.1", "torch==2.5.0"), torch="2.5.0")
    plans = plan("classifier", "--on", "modal", "--against", str(before))
    cause = "torch 2.5.0 -> 2.5.1, specs/_base.yaml:11"
    assert told(plans) == [
        "debian_slim",
        LIBRARIES,
        f"{TORCH}: {cause}",
        f"{OTHERS}: follows from: {cause}",
        f"apt_install: follows from: {cause}",
        f"{OTHERS}: follows from: {cause}",
        f"env: follows from: {cause}",
        "add_local_python_source",
    ]
    lock = load(path_of(shipped / "specs" / "classifier.yaml"))
    assert isinstance(lock, Lock)
    torch = lock.package("torch")
    assert torch is not None
    wheel = next(each for each in torch.files if "cp312-cp312-manylinux" in each.name and "x86_64" in each.name)
    assert plans[0]["layers"][2]["bytes"] == wheel.size
    assert (plans[0]["layers"][2]["seconds"], plans[0]["layers"][2]["estimated"]) == (
        round((wheel.size or 0) / 20_000_000, 3),
        True,
    )


def test_a_progress_bar_keeps_torch(plan: Plan, shipped: Path) -> None:
    before = older(shipped, ("tqdm==4.67.1", "tqdm==4.66.0"), tqdm="4.66.0")
    cause = "tqdm 4.66.0 -> 4.67.1, specs/_base.yaml:14"
    assert told(plan("classifier", "--on", "modal", "--against", str(before)))[5:7] == [
        f"{OTHERS}: {cause}",
        f"env: follows from: {cause}",
    ]


def test_what_only_the_lock_names_stands_in_the_lock(plan: Plan, shipped: Path) -> None:
    before = older(shipped, filelock="4.0.0")
    line = path_of(shipped / "specs" / "classifier.yaml").read_text().split("\n").index('  - name: "filelock"') + 1
    cause = told(plan("classifier", "--on", "modal", "--against", str(before)))[3]
    assert cause == f"{OTHERS}: filelock 4.0.0 -> 4.2.12, specs/classifier.lock.yaml:{line}"


def test_other_files_of_the_same_version(plan: Plan, shipped: Path) -> None:
    before = older(shipped, torch="2.5.1")
    cause = told(plan("classifier", "--on", "modal", "--against", str(before)))[2]
    assert cause == f"{TORCH}: torch's sha256 changed, specs/_base.yaml:11"


def test_two_layers_each_with_a_cause_of_its_own(plan: Plan, shipped: Path) -> None:
    before = older(shipped, ("tqdm==4.67.1", "tqdm==4.66.0"), tqdm="4.66.0", filelock="4.0.0")
    causes = told(plan("classifier", "--on", "modal", "--against", str(before)))
    assert causes[3].startswith(f"{OTHERS}: filelock 4.0.0 -> 4.2.12, specs/classifier.lock.yaml:")
    assert causes[5] == f"{OTHERS}: tqdm 4.66.0 -> 4.67.1, specs/_base.yaml:14"


def test_shared_layers_are_counted_once(run: Run, shipped: Path) -> None:
    _, out, _ = run("plan", "--on", "container")
    classifier, dit, together, legend = out.split("\n\n")
    size = classifier.splitlines()[-1].partition(": ")[2]
    assert classifier.splitlines()[-1].startswith("  8 of 8 layers rebuilt: > ~")
    assert dit.splitlines()[-1].partition(": ")[2] == size
    assert together.splitlines() == [
        "in all",
        f"  8 layers rebuilt: {size}",
        "  8 of them shared by classifier, dit, counted once",
    ]
    assert legend == "~ is what a layer like it took, or else a guess from its bytes\n"


def test_explain(run: Run, plan: Plan, shipped: Path) -> None:
    _, out, _ = run("plan", "classifier", "--on", "modal", "--explain")
    lines = out.splitlines()
    libraries = next(n for n, line in enumerate(lines) if "uv_pip_install" in line)
    assert lines[libraries + 1].strip().startswith("the CUDA libraries: gigabytes")
    assert lines[libraries + 3].strip().startswith("torch and its like: heavy")
    assert lines[-4].strip() == "no layer at all: Modal mounts the files when a container starts"
    code, out, _ = run("plan", "classifier", "--on", "modal", "--explain", "--format", "json")
    assert code == 0
    assert [layer["reason"].partition(":")[0] for layer in json.loads(out)[0]["layers"]] == [
        "everything stands on it",
        "the CUDA libraries",
        "torch and its like",
        "what the named packages need in turn, and other wheels of 20 MB and more",
        "a package that has no wheel is compiled with what apt brings",
        "the light packages that the spec names, which are bumped most often, and what is built from source",
        "tuning a variable must not reinstall packages, and commands and functions see it",
        "no layer at all",
    ]


# ------------------------------------------------------------------------------------------------ formats


def edited(folder: Path, spec: Path) -> None:
    """Build it, then change a package of apt, a variable and the source."""
    built(folder, spec, seconds=12.5)
    (folder / "training" / "__init__.py").write_text("x = 2\n")
    text = spec.read_text().replace("[curl]", "[curl, jq]").replace("A: x", "A: z")
    spec.write_text(text.replace("training}", "training, copy: true}"))


def test_text(run: Run, folder: Path, spec: Path) -> None:
    edited(folder, spec)
    assert run("plan", "--on", "modal") == (
        0,
        "one  against its last build on modal\n"
        "  kept                   debian_slim\n"
        "  rebuilt  ~12.5 s    ?  apt_install              apt: jq added, specs/one.yaml:3\n"
        "  rebuilt  ~12.5 s    ?  uv_pip_install           follows from: apt: jq added\n"
        "  rebuilt  ~12.5 s  0 B  env                      A changed, specs/one.yaml:6\n"
        "  rebuilt        ?  6 B  add_local_python_source  training/__init__.py changed and 1 more,"
        " specs/one.yaml:8\n"
        "  4 of 5 layers rebuilt: > ~37.5 s, > 6 B\n"
        "\n"
        "~ is what a layer like it took, or else a guess from its bytes\n",
        run("plan", "--on", "modal")[2],
    )


def test_github(run: Run, folder: Path, spec: Path) -> None:
    edited(folder, spec)
    assert run("plan", "--on", "modal", "--format", "github")[1] == (
        "### <code>one</code>: 4 of 5 layers rebuilt: > &#126;37.5 s, > 6 B\n"
        "\n"
        "Against its last build on modal.\n"
        "\n"
        "|  | layer | why | seconds | bytes |\n"
        "|---|---|---|--:|--:|\n"
        "| rebuilt | <code>apt&#95;install</code> | <code>apt: jq added</code>, <code>specs/one.yaml&#58;3</code>"
        " | &#126;12.5 s | ? |\n"
        "| rebuilt | <code>uv&#95;pip&#95;install</code> | <code>follows from: apt: jq added</code>"
        " | &#126;12.5 s | ? |\n"
        "| rebuilt | <code>env</code> | <code>A changed</code>, <code>specs/one.yaml&#58;6</code>"
        " | &#126;12.5 s | 0 B |\n"
        "| rebuilt | <code>add&#95;local&#95;python&#95;source</code>"
        " | <code>training/&#95;&#95;init&#95;&#95;.py changed and 1 more</code>,"
        " <code>specs/one.yaml&#58;8</code> | ? | 6 B |\n"
        "\n"
        "<sub>&#126; is what a layer like it took, or else a guess from its bytes</sub>\n"
    )


@pytest.mark.parametrize(
    "nasty",
    [
        "</code>|`@me` [x](http://y) ![x](z) www.z.de <b>",
        "*a*_b_~~c~~ :tada: &amp; \\| # \x1b[1m <!-- <script> -->",
    ],
)
def test_a_spec_cannot_write_markup_or_steer_a_terminal(run: Run, write: Write, folder: Path, nasty: str) -> None:
    path = write("run: [a]\n")
    built(folder, path)
    path.write_text(path.read_text().replace("[a]", json.dumps([nasty])))
    assert "\x1b" not in run("plan", "--on", "modal")[1]
    _, out, _ = run("plan", "--on", "modal", "--format", "github", "--explain")
    html = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(out)
    assert set(re.findall(r"</?(\w+)", html)) == {"h3", "p", "code", "table", "thead", "tbody", "tr", "th", "td"}
    cells = [unescape(cell) for cell in re.findall(r"<td[^>]*>(.*)</td>", html)]
    shown = nasty.replace("\x1b", "\N{REPLACEMENT CHARACTER}")
    assert cells[8] == f"<code>`{shown}` was `a`</code>, <code>specs/one.yaml:3</code>"
    assert not any(each in out for each in ("`", "@", "://", "www.", ":tada:", "\x1b"))


# --------------------------------------------------------------------------------------------------- git


def git(folder: Path, *arguments: str) -> str:
    environ = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    name = ["-c", "user.name=Someone", "-c", "user.email=someone@localhost", "-c", "init.defaultBranch=main"]
    command = ["git", "-C", str(folder), *name, *arguments]
    return subprocess.run(command, env=environ, check=True, capture_output=True, text=True).stdout


def committed(folder: Path) -> None:
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "first")


def test_a_revision(plan: Plan, run: Run, shipped: Path) -> None:
    committed(shipped)
    same = plan("--against", "HEAD", "--on", "container")
    assert {layer["state"] for each in same for layer in each["layers"]} == {"kept"}
    (shipped / "training" / "__init__.py").write_text("x = 1\n")
    base = shipped / "specs" / "_base.yaml"
    base.write_text(base.read_text().replace("max_split_size_mb:512", "max_split_size_mb:256"))
    before = git(shipped, "status", "--porcelain", "--untracked-files=all")
    changed = [line for line in told(plan("classifier", "--against", "HEAD", "--on", "container")) if ":" in line]
    assert changed == [
        "env: PYTORCH_CUDA_ALLOC_CONF changed, specs/_base.yaml:19",
        "add_local_python_source: training/__init__.py changed, specs/classifier.yaml:5",
    ]
    assert run("plan", "classifier", "--against", "main")[1].startswith("classifier  against main\n")
    assert git(shipped, "status", "--porcelain", "--untracked-files=all") == before
    assert git(shipped, "worktree", "list").count("\n") == 1


def test_a_revision_has_its_own_lock(plan: Plan, shipped: Path) -> None:
    committed(shipped)
    spec = shipped / "specs" / "classifier.yaml"
    base = shipped / "specs" / "_base.yaml"
    base.write_text(base.read_text().replace("torch==2.5.1", "torch==2.5.1.post1"))
    relocked(spec, torch="2.5.1.post1")
    assert told(plan("classifier", "--against", "HEAD", "--on", "modal"))[2] == (
        f"{TORCH}: torch 2.5.1 -> 2.5.1.post1, specs/_base.yaml:11"
    )


def test_a_revision_has_its_own_modules(
    plan: Plan, folder: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not there then is not found in the working directory, which is where Python looks."""
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    write("source: [{package: made_later}]\n")
    committed(folder)
    (folder / "made_later.py").touch()
    before = list(sys.path)
    assert told(plan("--against", "HEAD", "--on", "container")) == [
        "debian_slim",
        "add_local_python_source: made_later.py added, specs/one.yaml:3",
    ]
    assert sys.path == before


def test_modes_that_git_does_not_keep(plan: Plan, folder: Path, spec: Path) -> None:
    committed(folder)
    os.chmod(folder / "training" / "__init__.py", 0o600)
    assert ":" not in told(plan("--against", "HEAD", "--on", "container"))[-1]
    os.chmod(folder / "training" / "__init__.py", 0o700)
    assert "training/__init__.py: mode 6" in told(plan("--against", "HEAD", "--on", "container"))[-1]


def test_a_folder_below_the_top(
    run: Run, plan: Plan, folder: Path, spec: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed(folder)
    spec.write_text(spec.read_text().replace("A: x", "A: z"))
    monkeypatch.chdir(folder / "specs")
    assert told(plan("one", "--against", "HEAD", "--on", "modal"))[3] == "env: A changed, one.yaml:6"
    link = folder.parent / "link"
    link.symlink_to(folder)
    assert told(plan(str(link / "specs" / "one.yaml"), "--against", "HEAD", "--on", "modal"))[3].startswith("env: A")


def test_in_a_hook_of_git(plan: Plan, folder: Path, spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    committed(folder)
    spec.write_text(spec.read_text().replace("A: x", "A: z"))
    git(folder, "add", "-A")
    before = git(folder, "status", "--porcelain")
    monkeypatch.setenv("GIT_DIR", ".git")
    monkeypatch.setenv("GIT_INDEX_FILE", ".git/index")
    assert told(plan("--against", "HEAD", "--on", "modal"))[3] == "env: A changed, specs/one.yaml:6"
    monkeypatch.undo()
    assert git(folder, "status", "--porcelain") == before


def test_a_spec_that_was_not_there(run: Run, folder: Path, spec: Path, write: Write) -> None:
    committed(folder)
    write(SPEC, "two")
    code, out, err = run("plan", "--against", "HEAD", "--on", "modal", "--format", "json")
    assert (code, [each["spec"] for each in json.loads(out)]) == (1, ["one"])
    assert "error: `specs/two.yaml` did not exist at `HEAD`\n" in err


def test_a_spec_that_had_errors(run: Run, folder: Path, spec: Path) -> None:
    now = spec.read_text()
    spec.write_text("aptt: [x]\n" + now)
    committed(folder)
    spec.write_text(now)
    code, out, err = run("plan", "--against", "HEAD", "--on", "modal")
    assert (code, out) == (1, "")
    assert "error: `specs/one.yaml` had errors at `HEAD`: unknown key `aptt` (specs/one.yaml:1)\n" in err


@pytest.mark.parametrize("revision", ["nowhere", "--help", "HEAD~7", "specs", "a b", "", "-", "HEAD^{tree}"])
def test_a_bad_revision(run: Run, folder: Path, spec: Path, revision: str) -> None:
    committed(folder)
    code, out, err = run("plan", f"--against={revision}", "--on", "modal")
    assert out == ""
    if revision == "specs":
        assert (code, "a folder, not a file" in err) == (1, True)
    else:
        assert code == 2
        assert f"there is no file `{revision}`, and git knows no revision of that name" in err


def test_a_shallow_clone(run: Run, folder: Path, spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    committed(folder)
    git(folder, "commit", "-q", "--allow-empty", "-m", "second")
    git(folder, "clone", "-q", "--depth", "1", folder.as_uri(), str(folder / "clone"))
    monkeypatch.chdir(folder / "clone")
    code, out, err = run("plan", "--against", "HEAD~1", "--on", "modal")
    assert (code, out) == (2, "")
    assert "git knows no revision `HEAD~1` here; the clone is shallow, and may lack it: git fetch --unshallow" in err


def test_no_repository(run: Run, spec: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, err = run("plan", "--against", "HEAD", "--on", "modal")
    assert (code, out) == (2, "")
    assert "this is no git repository, so there is no revision to compare with" in err
    monkeypatch.setenv("PATH", str(folder))
    assert "there is no `git` on this machine" in run("plan", "--against", "HEAD", "--on", "modal")[2]


def test_a_file_wins_over_a_revision(plan: Plan, folder: Path, spec: Path) -> None:
    committed(folder)
    (folder / "main").write_text(spec.read_text().replace("root: ..", "root: .").replace("A: x", "A: z"))
    assert told(plan("--against", "main", "--on", "modal"))[3] == "env: A changed, specs/one.yaml:6"


# ------------------------------------------------------------------------------------------------ wrong use


def test_a_spec_with_errors(run: Run, spec: Path, write: Write) -> None:
    write("aptt: [x]\n", "two")
    code, out, err = run("plan", "--on", "modal", "--format", "json")
    assert (code, [each["spec"] for each in json.loads(out)]) == (1, ["one"])
    assert "unknown key `aptt`" in err
    assert "1 error; a spec with errors has no plan" in err


def test_a_file_with_errors(run: Run, folder: Path, spec: Path) -> None:
    (folder / "other.yaml").write_text("aptt: [x]\n")
    code, out, err = run("plan", "--on", "modal", "--against", "other.yaml")
    assert (code, out) == (1, "")
    assert "unknown key `aptt`" in err
    assert err.endswith("error: `other.yaml` has errors, and nothing can be held against it\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere",), "no spec `nowhere`"),
        (("--on", "mars"), "'mars' is not one of"),
        (("--format", "sarif"), "'sarif' is not one of"),
        (("--against",), "requires an argument"),
    ],
)
def test_wrong_usage(run: Run, spec: Path, arguments: tuple[str, ...], message: str) -> None:
    code, out, err = run("plan", *arguments)
    assert (code, out) == (2, "")
    assert message in err


def test_a_damaged_record(run: Run, folder: Path, spec: Path) -> None:
    (folder / ".imagespec").mkdir()
    (folder / ".imagespec" / "record.sqlite").write_bytes(b"no database at all" * 100)
    code, out, err = run("plan", "--on", "modal")
    assert (code, out) == (1, "")
    assert "is damaged" in err


def test_a_stale_lock_is_told(run: Run, plan: Plan, shipped: Path) -> None:
    shutil.copytree(shipped / "specs", shipped / "before")
    base = shipped / "specs" / "_base.yaml"
    base.write_text(base.read_text().replace("tqdm==4.67.1", "tqdm==4.66.0"))
    code, _, err = run("plan", "classifier", "--on", "modal")
    assert code == 0
    cause = "packages are not fixed by a lock any more, specs/_base.yaml:8"
    assert told(plan("classifier", "--on", "modal", "--against", "before/classifier.yaml"))[1:] == [
        f"apt_install: {cause}",
        f"uv_pip_install: {cause}",
        f"env: follows from: {cause}",
        "add_local_python_source",
    ]
    assert "the lock is stale: `tqdm==4.66.0` was `tqdm==4.67.1`" in err
