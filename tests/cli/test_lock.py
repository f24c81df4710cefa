"""`lock` as it is typed: what makes a lock stale, `--check`, `--frozen`, `--upgrade`, and what kills leave behind."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from imagespec.lock.lockfile import File, dump
from tests.build.project import until
from tests.lock.index import Index
from tests.lock.workshop import Workshop

KILLS = int(os.environ.get("IMAGESPEC_KILLS", "15"))
"""A second each; 500 of them when the way a lock is written changes."""


@pytest.fixture
def index() -> Iterator[Index]:
    with Index() as served:
        for name in ("a", "b", "c"):
            served.add(name, "1.0")
        yield served


@pytest.fixture
def workshop(tmp_path: Path, index: Index, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    return Workshop(tmp_path, index, monkeypatch)


# ------------------------------------------------------------------------------------------ fresh and stale

SPEC = """\
description: one
apt: [curl]
python:
  packages:
    - a==1.0
    - b
  requirements: [r.txt, options.txt]
  options: --index-strategy=first-index
env: {X: "1"}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a lock, once for all that only look at it."""
    folder = tmp_path_factory.mktemp("made")
    with Index() as index, pytest.MonkeyPatch.context() as patch:
        for name in ("a", "b", "c"):
            index.add(name, "1.0")
        workshop = Workshop(folder, index, patch)
        workshop.file("r.txt", "c # why\n")
        workshop.file("options.txt", "--prefer-binary\n# why\na>0.5\n")
        workshop.spec("one", SPEC)
        workshop.lock()
    return folder


@pytest.fixture
def locked(workshop: Workshop, made: Path) -> Workshop:
    shutil.copytree(made, workshop.folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("uv-cache"))
    return workshop


def test_locking_twice_gives_the_same_bytes(locked: Workshop) -> None:
    before = locked.path("one").read_bytes()
    assert locked.lock() == "specs/one.lock.yaml: fresh, 3 packages\n"
    locked.path("one").unlink()
    locked.lock()
    assert locked.path("one").read_bytes() == before
    locked.lock("--upgrade")
    assert locked.path("one").read_bytes() == before


UNTOUCHED: dict[str, Callable[[str], str]] = {
    "a comment": lambda text: text.replace("a==1.0", "a==1.0  # exactly"),
    "the order": lambda text: text.replace("    - a==1.0\n    - b\n", "    - b\n    - a==1.0\n"),
    "the order of keys": lambda text: 'env: {X: "1"}\n' + text.replace('env: {X: "1"}\n', ""),
    "the spelling": lambda text: text.replace("a==1.0", '"A == 1.0"'),
    "twice the same": lambda text: text.replace("    - b\n", "    - b\n    - b\n"),
    "a variable": lambda text: text.replace('X: "1"', 'X: "2", Y: "3"'),
    "apt": lambda text: text.replace("curl", "git"),
    "a command": lambda text: text + "run: [echo]\n",
    "a description": lambda text: text.replace("description: one", "description: another"),
    "the install's own variables": lambda text: text.replace("  options:", '  env: {A: "1"}\n  options:'),
}


@pytest.mark.parametrize("change", UNTOUCHED)
def test_what_leaves_a_lock_fresh(locked: Workshop, change: str) -> None:
    assert UNTOUCHED[change](SPEC) != SPEC
    locked.spec("one", UNTOUCHED[change](SPEC))
    assert locked.run("lock", "--check") == (0, "specs/one.lock.yaml: fresh, 3 packages\n", "")


def test_comments_and_places_of_files_leave_a_lock_fresh(locked: Workshop) -> None:
    locked.file("r.txt", "# another\nc\n")
    locked.file("deeper/options.txt", "--prefer-binary\n\na>0.5  # another\n")
    locked.spec("one", SPEC.replace("options.txt", "deeper/options.txt"))
    assert locked.run("lock", "--check")[0] == 0


def with_key(text: str, line: str) -> str:
    """One more line in the section `python`."""
    return text.replace("  options:", f"  {line}\n  options:")


STALE: dict[str, tuple[Callable[[str], str], str, int]] = {
    "a pin": (lambda text: text.replace("a==1.0", "a==2.0"), "`a==2.0` was `a==1.0`", 7),
    "a range": (lambda text: text.replace("- b", "- b>0"), "`b>0` was `b`", 8),
    "an extra": (lambda text: text.replace("- b", "- b[x]"), "`b[x]` was `b`", 8),
    "one more": (lambda text: text.replace("- b", "- b\n    - d"), "`d` is new", 9),
    "one less": (lambda text: text.replace("    - b\n", ""), "`b` is gone", 5),
    "a file less": (lambda text: text.replace("r.txt, ", ""), "`c` is gone", 5),
    "uv": (lambda text: with_key(text, "uv: 0.9.1"), "uv is 0.9.1 now, and was ", 10),
    "prereleases": (lambda text: with_key(text, "prerelease: true"), "an index, an option", 5),
    "an index": (lambda text: with_key(text, "index_url: https://index.example"), "an index, an option", 5),
    "one more index": (lambda text: with_key(text, "extra_index_url: https://index.example"), "an index", 5),
    "links": (lambda text: with_key(text, "find_links: https://index.example"), "an index, an option", 5),
    "options": (lambda text: text.replace("first-index", "unsafe-best-match"), "an index, an option", 5),
}


@pytest.mark.parametrize("change", STALE)
def test_what_makes_a_lock_stale(locked: Workshop, change: str) -> None:
    edit, why, line = STALE[change]
    locked.spec("one", edit(SPEC))
    before = locked.lock_files()
    code, out, err = locked.run("lock", "--check")
    assert (code, out) == (3, "specs/one.lock.yaml: stale\n")
    assert f"warning[IS402]: the lock is stale: {why}" in err
    assert f"--> specs/one.yaml:{line}:" in err
    code, _, err = locked.run("build", "--on", "local", "--frozen")
    assert code == 3
    assert f"the lock is stale: {why}" in err
    assert "--frozen builds from fresh locks only; nothing was built" in err
    assert not locked.home.exists()
    assert locked.lock_files() == before


def test_a_line_of_a_file_makes_a_lock_stale(locked: Workshop) -> None:
    locked.file("r.txt", "\nc<2\n")
    _, _, err = locked.run("lock", "--check")
    assert "the lock is stale: `c<2` was `c`" in err
    assert "--> r.txt:2:1" in err
    locked.file("r.txt", "c\n")
    locked.file("options.txt", "--prefer-binary\na>0.6\n")
    _, _, err = locked.run("lock", "--check")
    assert "an index, an option or a file that it was made from has changed" in err


def test_another_base_makes_a_lock_stale(workshop: Workshop) -> None:
    workshop.spec("one", "python: [a]", base='debian_slim: "3.12"')
    workshop.lock()
    workshop.spec("one", "python: [a]", base='debian_slim: "3.11"')
    code, _, err = workshop.run("lock", "--check")
    assert (code, "the lock is stale: Python is 3.11 now, and was 3.12" in err) == (3, True)
    assert "--> specs/one.yaml:2:" in err
    workshop.spec("one", "python: [a]", base='registry: "python:3.12@sha256:' + "a" * 64 + '"')
    _, _, err = workshop.run("lock", "--check")
    assert "the platform of the base is x86_64-manylinux_2_28 now, and was x86_64-manylinux_2_36" in err


def test_another_uv(workshop: Workshop) -> None:
    workshop.spec("one", 'python: {packages: [a], uv: "0.9.10"}')
    workshop.lock()
    workshop.spec("one", 'python: {packages: [a], uv: "0.9.11"}')
    assert workshop.lock() == "specs/one.lock.yaml: written, 1 package\n  uv itself 0.9.10 -> 0.9.11\n"


def test_a_lock_that_is_missing(workshop: Workshop) -> None:
    workshop.spec("one", "python: [a]")
    workshop.spec("two", "apt: [curl]")
    code, out, err = workshop.run("lock", "--check")
    assert (code, out) == (3, "specs/one.lock.yaml: missing\nspecs/two.yaml: nothing to lock\n")
    assert "IS401" in err
    code, _, err = workshop.run("build", "one", "--on", "local", "--frozen")
    assert (code, "not locked: what its packages need has no version" in err) == (3, True)
    assert workshop.lock_files() == {}
    workshop.lock("one")
    assert workshop.run("build", "one", "--on", "local", "--frozen")[0] == 0


def test_wrong_usage(workshop: Workshop) -> None:
    workshop.spec("one", "python: [a]")
    for arguments, said in (
        (["--check", "--upgrade"], "--check writes nothing"),
        (["--exclude-newer", "yesterday"], "--exclude-newer takes a date, 2026-01-31, not `yesterday`"),
        (["--exclude-newer", "2026-01-31T00:00:00"], "--exclude-newer takes a date"),
        (["two"], "no spec `two` in `specs`"),
        (["--upgrade", "two"], "no spec and no package `two` in one"),
        (["--upgrade", "?"], "`?` is no spec, and no package can be called so"),
    ):
        code, _, err = workshop.run("lock", *arguments)
        assert (code, said in err) == (2, True), err
    assert workshop.lock_files() == {}


def test_a_spec_with_errors_is_not_locked(workshop: Workshop) -> None:
    workshop.spec("one", "pythn: [a]")
    assert "unknown key `pythn`" in workshop.refused()
    assert "unknown key `pythn`" in workshop.refused("--upgrade", "a")


def test_as_json(workshop: Workshop, index: Index) -> None:
    workshop.spec("one", "python: [a]")
    _, out, _ = workshop.run("lock", "--format", "json")
    changed = [{"name": "a", "from": "", "to": "1.0"}]
    lock = {"spec": "one", "lock": "specs/one.lock.yaml", "pins": [], "held": []}
    assert json.loads(out) == [{**lock, "state": "written", "changes": changed}]
    _, out, _ = workshop.run("lock", "--check", "--format", "json")
    assert json.loads(out) == [{**lock, "state": "fresh", "changes": []}]


# ------------------------------------------------------------------------------------------- edited by hand


def test_a_flipped_digit_is_found_before_anything_is_built(locked: Workshop) -> None:
    text = locked.path("one").read_text()
    (file,) = next(package.files for package in locked.locked().packages if package.name == "b")
    flipped = ("0" if file.sha256[0] != "0" else "1") + file.sha256[1:]
    locked.path("one").write_text(text.replace(file.sha256, flipped))
    for arguments in (("build", "--on", "local"), ("build", "--on", "local", "--frozen"), ("check",)):
        code, _, err = locked.run(*arguments)
        assert code in (1, 3), err
    code, out, err = locked.run("build", "--on", "local")
    line = text[: text.index('name: "b"')].count("\n") + 1
    assert "error[IS404]: the lock was edited by hand: what it says of `b` is not what was locked" in out + err
    assert f"--> specs/one.lock.yaml:{line}:" in out + err
    assert not locked.home.exists()
    locked.lock()  # writes it anew
    assert locked.path("one").read_text() == text


def test_a_wrong_hash_fails_at_the_package(workshop: Workshop) -> None:
    """With the digests of the lock made to fit: the installer finds it."""
    workshop.spec("one", "python:\n  - a\n  - b\n")
    workshop.lock()
    lock = workshop.locked()
    packages = tuple(
        dataclasses.replace(each, files=tuple(File(f.name, f.size, f"{'0' * 63}1") for f in each.files))
        if each.name == "b"
        else each
        for each in lock.packages
    )
    workshop.path("one").write_text(dump(dataclasses.replace(lock, packages=packages)))
    code, _, err = workshop.run("build", "--on", "local")
    assert code == 4
    assert "error[IS901]" in err
    assert "Hash mismatch for `b==1.0`" in err
    assert "--> specs/one.yaml:5:5" in err


def test_a_merge_conflict_is_locked_away(locked: Workshop) -> None:
    text = locked.path("one").read_text()
    locked.path("one").write_text(f"<<<<<<< HEAD\n{text}=======\n{text}>>>>>>> other\n")
    code, out, err = locked.run("check")
    assert (code, "git left a merge conflict in the lock" in out + err) == (1, True)
    locked.lock()
    assert locked.path("one").read_text() == text


# --------------------------------------------------------------------------------------------- at the same time


def test_two_at_the_same_time(workshop: Workshop) -> None:
    workshop.spec("one", "python: [a, b, c]")
    both = [workshop.start("lock") for _ in range(2)]
    for process in both:
        _, err = process.communicate()
        assert process.returncode == 0, err
    assert workshop.versions() == {"a": "1.0", "b": "1.0", "c": "1.0"}
    assert list(workshop.lock_files()) == ["one.lock.yaml"]


def test_kills_at_random_moments(workshop: Workshop, index: Index) -> None:
    """Afterwards the lock is the old one or the new one. `IMAGESPEC_KILLS=500` tries it longer."""
    index.add("a", "2.0")
    texts, seconds = {}, 0.0
    for version in ("1.0", "2.0"):
        workshop.spec("one", f"python: [a=={version}, b, c]")
        begun = time.monotonic()
        assert workshop.cli("lock")[0] == 0
        seconds = time.monotonic() - begun
        texts[version] = workshop.path("one").read_bytes()
    chance = random.Random(1)
    killed = written = attempt = 0
    while killed < KILLS:
        version = ("1.0", "2.0")[attempt % 2]
        attempt += 1
        before = workshop.path("one").read_bytes()
        workshop.spec("one", f"python: [a=={version}, b, c]")
        with workshop.start("lock") as process:
            time.sleep(chance.uniform(0.4, 1) * seconds)
            late = process.poll() is not None
            process.kill()
        killed += not late
        seconds *= 0.9 if late else 1.01  # the machine is now faster, now slower
        after = workshop.path("one").read_bytes()
        assert after in (before, texts[version])
        written += not late and after == texts[version]
        assert workshop.run("lock", "--check")[0] in (0, 3)
    workshop.lock()
    assert workshop.path("one").read_bytes() == texts[version]
    for left in (workshop.folder / "specs").glob(".one.lock.yaml.*"):
        os.utime(left, (0, 0))
    workshop.spec("one", "python: [a, b]")
    workshop.lock()
    assert list(workshop.lock_files()) == ["one.lock.yaml"]
    print(f"{killed} kills, {written} of them after the lock was written; {attempt - killed} too late", file=sys.stderr)


def test_a_kill_between_pin_and_lock_leaves_a_stale_lock(workshop: Workshop, index: Index) -> None:
    """Which is safe: nothing is built from it, and the next `lock` is what the upgrade would have written."""
    index.add("a", "2.0")
    path = workshop.spec("one", "python: [a==1.0, b]")
    workshop.lock()
    states = set()
    chance = random.Random(2)
    for _ in range(2):
        path.write_text(path.read_text().replace("a==2.0", "a==1.0"))
        workshop.lock()
        with workshop.start("lock", "--upgrade", "a") as process:
            while process.poll() is None and "a==2.0" not in path.read_text():
                time.sleep(0.001)
            time.sleep(chance.uniform(0, 0.01))
            process.send_signal(signal.SIGKILL)
        assert "a==2.0" in path.read_text()
        states.add(workshop.run("lock", "--check")[0])
        workshop.lock()
        assert workshop.versions() == {"a": "2.0", "b": "1.0"}
    assert states <= {0, 3}


# ----------------------------------------------------------------------------------------------------- upgrade


def add_torch(index: Index) -> None:
    """torch and torchvision, which go together in pairs."""
    for torch, vision, cuda in (("2.5.1", "0.20.1", "12.4"), ("2.6.0", "0.21.0", "12.6")):
        index.add("torch", torch, requires=["filelock", f"cuda=={cuda}"])
        index.add("torchvision", vision, requires=[f"torch=={torch}"])
        index.add("cuda", cuda)
    index.add("filelock", "3.0")
    index.add("tqdm", "4.67.1")


BASE = """\
root: ..
base: {debian_slim: "3.12"}
python:
  uv: "0.9.10"
  packages:
    - "torch==2.5.1"  # CUDA 12.4
    - torchvision == 0.20.1
"""


@pytest.fixture(scope="module")
def made_torch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two specs that share their pins, and one apart, with their locks."""
    folder = tmp_path_factory.mktemp("torch")
    with Index() as index, pytest.MonkeyPatch.context() as patch:
        add_torch(index)
        workshop = Workshop(folder, index, patch)
        workshop.file("specs/_base.yaml", BASE)
        workshop.file("specs/one.yaml", "extends: _base.yaml\npython: [tqdm==4.67.1]\n")
        workshop.file("specs/two.yaml", "extends: _base.yaml\n")
        workshop.file("specs/apart.yaml", 'base: {debian_slim: "3.12"}\npython: [torch==2.5.1]\n')
        workshop.lock()
    return folder


@pytest.fixture
def torch(workshop: Workshop, index: Index, made_torch: Path) -> Workshop:
    """The locks of `made_torch`, and newer versions since."""
    shutil.copytree(made_torch, workshop.folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("uv-cache"))
    add_torch(index)
    index.add("filelock", "4.0")
    index.add("tqdm", "4.67.2")
    return workshop


def test_upgrade_of_what_is_open(torch: Workshop) -> None:
    """Pins stay, and it says which of them could move."""
    before = torch.locked("one")
    code, out, err = torch.run("lock", "--upgrade", "one")
    assert (code, out) == (0, "specs/one.lock.yaml: written, 5 packages\n  filelock 3.0 -> 4.0\n")
    assert (
        "one: exact versions that could move too: torch 2.5.1 -> 2.6.0, torchvision 0.20.1 -> 0.21.0, "
        "tqdm 4.67.1 -> 4.67.2\n  imagespec lock --upgrade torch torchvision tqdm" in err
    )
    assert torch.locked("one").requirements == before.requirements
    assert torch.versions("two")["filelock"] == "3.0"
    torch.lock("--upgrade")
    assert torch.versions("two")["filelock"] == "4.0"


def test_upgrade_of_one_package_that_others_need(torch: Workshop) -> None:
    out = torch.lock("--upgrade", "two", "Filelock")
    assert out == "specs/two.lock.yaml: written, 4 packages\n  filelock 3.0 -> 4.0\n"
    assert torch.versions("one")["filelock"] == "3.0"
    assert torch.run("lock", "--check")[0] == 0


def test_upgrade_writes_the_pin_and_the_lock(torch: Workshop) -> None:
    out = torch.lock("--upgrade", "one", "tqdm")
    assert out == (
        "specs/one.yaml:2: tqdm 4.67.1 -> 4.67.2\nspecs/one.lock.yaml: written, 5 packages\n  tqdm 4.67.1 -> 4.67.2\n"
    )
    assert (torch.folder / "specs/one.yaml").read_text() == "extends: _base.yaml\npython: [tqdm==4.67.2]\n"
    before = torch.path("one").read_bytes()
    assert torch.run("lock", "--check")[0] == 0
    torch.path("one").unlink()
    torch.lock("one")
    assert torch.path("one").read_bytes() == before  # as if the pin had been edited by hand


def test_upgrade_of_a_pin_that_specs_share(torch: Workshop) -> None:
    """All of them move; the spec that has its own pin does not."""
    base = (torch.folder / "specs/_base.yaml").read_bytes()
    out = torch.lock("--upgrade", "one", "torch", "torchvision")
    moved = "  cuda 12.4 -> 12.6\n  torch 2.5.1 -> 2.6.0\n  torchvision 0.20.1 -> 0.21.0\n"
    assert out == (
        "specs/_base.yaml:6: torch 2.5.1 -> 2.6.0\n"
        "specs/_base.yaml:7: torchvision 0.20.1 -> 0.21.0\n"
        f"specs/one.lock.yaml: written, 5 packages\n{moved}"
        f"specs/two.lock.yaml: written, 4 packages\n{moved}"
    )
    expected = base.replace(b"2.5.1", b"2.6.0").replace(b"0.20.1", b"0.21.0")
    assert (torch.folder / "specs/_base.yaml").read_bytes() == expected
    assert torch.versions("apart")["torch"] == "2.5.1"
    assert torch.run("lock", "--check")[0] == 0
    assert torch.versions("one")["filelock"] == "3.0"  # nobody asked for it


def test_upgrade_of_a_pin_that_a_spec_below_shares(torch: Workshop) -> None:
    torch.file("specs/examples/three.yaml", "extends: ../_base.yaml\n")
    torch.lock("specs/examples/three.yaml")
    torch.lock("--upgrade", "two", "torch", "torchvision")
    assert torch.run("lock", "--check", "one", "two", "specs/examples/three.yaml")[0] == 0


def test_upgrade_of_what_another_pin_holds_back(torch: Workshop) -> None:
    before = torch.lock_files()
    out = torch.lock("--upgrade", "two", "torch")
    assert "torch stays at 2.5.1, though there is 2.6.0: torchvision 0.20.1 needs it" in out
    assert "; to move both, name torch and torchvision\n" in out
    assert torch.lock_files() == before
    _, out, _ = torch.run("lock", "--upgrade", "two", "torch", "--format", "json")
    held = {"name": "torch", "version": "2.5.1", "newest": "2.6.0", "by": "torchvision 0.20.1"}
    assert [each["held"] for each in json.loads(out)] == [[held], [held]]


def test_upgrade_of_what_is_the_newest(torch: Workshop) -> None:
    out = torch.lock("--upgrade", "apart", "torch")
    assert "specs/apart.yaml:2: torch 2.5.1 -> 2.6.0" in out
    out = torch.lock("--upgrade", "apart", "torch")
    assert "torch stays at 2.6.0: there is no newer one for this image" in out


def test_upgrade_to_a_version(torch: Workshop, index: Index) -> None:
    index.add("tqdm", "4.68.0")
    torch.lock("--upgrade", "one", "tqdm<4.68")
    assert torch.versions("one")["tqdm"] == "4.67.2"
    torch.lock("--upgrade", "one", "tqdm==4.67.1")  # back, too
    assert torch.versions("one")["tqdm"] == "4.67.1"
    assert "tqdm==4.67.1" in (torch.folder / "specs/one.yaml").read_text()
    said = torch.refused("--upgrade", "one", "tqdm==9.9")
    assert "`tqdm==4.67.1` cannot be locked" in said or "`tqdm` cannot be locked" in said
    assert "--> specs/one.yaml:2:10" in said


def test_specs_that_share_a_pin_agree(torch: Workshop, index: Index) -> None:
    """One of them can have less than the other: both get what both can have."""
    index.add("torch", "2.7.0", requires=["filelock", "cuda==12.6"])
    index.add("torchvision", "0.22.0", requires=["torch==2.7.0"])
    index.add("holds", "1.0", requires=["torch<2.7"])
    torch.file("specs/two.yaml", "extends: _base.yaml\npython: [holds]\n")
    torch.lock("two")
    torch.lock("--upgrade", "one", "torch", "torchvision")
    for name in ("one", "two"):
        versions = torch.versions(name)
        assert (versions["torch"], versions["torchvision"]) == ("2.6.0", "0.21.0")
    assert torch.run("lock", "--check")[0] == 0


def test_upgrade_in_files(workshop: Workshop, index: Index) -> None:
    workshop.file("r.txt", "a == 1.0 # a\n")
    workshop.file("options.txt", "--prefer-binary\nb==1.0\n")
    workshop.file("p/pyproject.toml", '[project]\nname = "p"\nversion = "1"\ndependencies = ["c==1.0"]\n')
    workshop.spec("one", "python: {requirements: [r.txt, options.txt], pyproject: {path: p/pyproject.toml}}")
    workshop.lock()
    for name in ("a", "b", "c"):
        index.add(name, "2.0")
    out = workshop.lock("--upgrade", "a", "b", "c")
    assert "r.txt:1: a 1.0 -> 2.0\n" in out
    assert (workshop.folder / "r.txt").read_text() == "a == 2.0 # a\n"
    assert (workshop.folder / "options.txt").read_text() == "--prefer-binary\nb==2.0\n"
    assert 'dependencies = ["c==2.0"]' in (workshop.folder / "p/pyproject.toml").read_text()
    assert workshop.versions() == {"a": "2.0", "b": "2.0", "c": "2.0"}
    assert workshop.run("lock", "--check")[0] == 0


def test_upgrade_of_a_spec_that_has_no_lock_yet(workshop: Workshop, index: Index) -> None:
    workshop.spec("one", "python: [a==1.0]")
    index.add("a", "2.0")
    assert "a 1.0 -> 2.0" in workshop.lock("--upgrade", "one", "a")
    assert workshop.versions() == {"a": "2.0"}


def test_a_pin_that_cannot_be_edited(workshop: Workshop, index: Index) -> None:
    path = workshop.spec("one", 'python:\n  - "a==1.\\u0030"\n')
    workshop.lock()
    index.add("a", "2.0")
    before = path.read_bytes()
    said = workshop.refused("--upgrade", "a")
    assert "`a==1.0` is written in a way that cannot be edited" in said
    assert "write `a==2.0` there, and run: imagespec lock" in said
    assert "--> specs/one.yaml:4:5" in said
    assert path.read_bytes() == before


def test_a_folder_with_the_name_of_a_package(workshop: Workshop, index: Index) -> None:
    workshop.spec("one", "python: [a==1.0]")
    workshop.lock()
    (workshop.folder / "a").mkdir()
    index.add("a", "2.0")
    workshop.lock("--upgrade", "a")
    assert workshop.versions() == {"a": "2.0"}


def test_a_spec_that_is_edited_during_an_upgrade(torch: Workshop, index: Index) -> None:
    """What was found no longer belongs to what the spec says: nothing is written."""
    index.hanging.add("tqdm")
    spec = torch.folder / "specs" / "one.yaml"
    before = torch.lock_files()
    with torch.start("lock", "--upgrade", "one", "filelock", "torch", "torchvision") as process:
        until(lambda: "/simple/tqdm/" in index.requests, "the question of uv")
        spec.write_text(spec.read_text().replace("tqdm==4.67.1", "tqdm==4.67.1, filelock<9"))
        index.hanging.clear()
        _, err = process.communicate()
    assert (process.returncode, "`specs/one.yaml` was edited meanwhile" in err) == (1, True), err
    assert (torch.folder / "specs" / "_base.yaml").read_text() == BASE
    assert torch.lock_files() == before


def test_an_upgrade_that_fails_writes_nothing(torch: Workshop, index: Index) -> None:
    specs = {path: path.read_bytes() for path in (torch.folder / "specs").iterdir()}
    index.answers["torchvision"] = 500
    torch.refused("--upgrade", "one", "torch", "torchvision", "tqdm")
    assert {path: path.read_bytes() for path in (torch.folder / "specs").iterdir()} == specs


# ------------------------------------------------------------------------------------------ what is not lost


def test_a_damaged_lock_is_locked_again_at_its_versions(locked: Workshop) -> None:
    """The remedy that the finding names moves nothing: neither versions nor the cut-off."""
    locked.run("lock", "--exclude-newer", "2100-01-01", "one")
    text = locked.path("one").read_text()
    assert 'exclude-newer: "2100-01-02T00:00:00Z"' in text
    locked.index.add("b", "99.0")
    for damaged in (f"<<<<<<< HEAD\n{text}", text.replace(" b-", " bb-"), text[: text.rindex("digest")]):
        locked.path("one").write_text(damaged)
        code, out, err = locked.run("lock", "one")
        assert code == 0, err
        assert "the old lock could not be trusted" in out
        assert locked.path("one").read_text() == text


def test_an_upgrade_says_that_the_cut_off_ends(locked: Workshop) -> None:
    locked.run("lock", "--exclude-newer", "2100-01-01", "one")
    _, out, _ = locked.run("lock", "--upgrade", "one")
    assert "exclude-newer 2100-01-02T00:00:00Z -> none" in out


ODD = {
    "a key twice": ("version: 1\n", "version: 1\nversion: 1\n"),
    "a size without end": (" 1", f" {'9' * 5000}1"),
    "an anchor": ("platform: ", "platform: &x "),
    "a comment": ("packages:", "packages: # mine"),
}


@pytest.mark.parametrize("name", ODD)
def test_a_lock_is_only_what_imagespec_writes(locked: Workshop, name: str) -> None:
    text = locked.path("one").read_text()
    before, after = ODD[name]
    assert before in text
    locked.path("one").write_text(text.replace(before, after, 1))
    code, out, err = locked.run("build", "--on", "local", "--frozen", "one")
    assert code == 3
    assert "error[IS404]" in out + err


def test_line_ends_are_nothing(locked: Workshop) -> None:
    locked.path("one").write_bytes(locked.path("one").read_bytes().replace(b"\n", b"\r\n"))
    assert locked.run("lock", "--check", "one")[0] == 0


def test_two_specs_that_would_share_a_lock(locked: Workshop) -> None:
    path = locked.path("one").with_name("one.yml")
    path.write_text("base: {scratch: true}\n")
    code, _, err = locked.run("lock", str(path))
    assert code == 2
    assert "would share a lock; rename one of them" in err


def test_a_login_in_an_address_is_not_committed(locked: Workshop) -> None:
    address = "b @ https://bob:hunter2@index.example/b-1.0-py3-none-any.whl"
    locked.spec("two", f'python: ["{address}"]  # imagespec: ignore[IS805]')
    code, _, err = locked.run("lock", "two")
    assert code == 1
    assert "the address of `b` holds a login" in err
    assert not locked.path("two").exists()


def test_what_is_wrong_with_an_app_does_not_keep_it_from_being_locked(locked: Workshop) -> None:
    (locked.folder / "app.py").write_text("from .. import beside\n")
    locked.spec("two", "apps: [app.py]\npython: [b]")
    code, said, _ = locked.run("check", "two")
    assert code == 1
    assert "IS610" in said
    locked.lock("two")
    assert locked.path("two").exists()


@pytest.mark.parametrize("name", [".", "/", "specs", "specs/one.lock.yaml"])
def test_what_is_no_spec(locked: Workshop, name: str) -> None:
    code, _, err = locked.run("lock", name)
    assert code in (1, 2)
    assert "Traceback" not in err
