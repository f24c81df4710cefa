"""What changed from one image to another: the exact words for each kind of change, and laws for all of them."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import yaml
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from imagespec.image.diff import changes, kept, likeness
from imagespec.image.lower import lower
from imagespec.image.made import Made, made
from imagespec.spec.parse import Parsed, parse
from tests.strategies import SECTIONS, SPEC, leaves, replaced

Layers: TypeAlias = tuple[Made, ...]
Write: TypeAlias = Callable[[str], Layers]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """The layers of a spec, written below a base of its own unless it has one."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "__init__.py").touch()
    (tmp_path / "training" / "loop.py").write_text("print(1)\n")
    (tmp_path / "alone.py").write_text("print(1)\n")
    (tmp_path / "requirements.txt").write_text("--quiet\nsix\n")
    (tmp_path / "Dockerfile").write_text("FROM debian\nCOPY alone.py /\n")

    def write(text: str) -> Layers:
        base = "" if "base:" in text else 'base: {debian_slim: "3.12"}\n'
        path = tmp_path / "spec.yaml"
        path.write_text(base + textwrap.dedent(text))
        parsed = parse(path)
        assert isinstance(parsed, Parsed), parsed
        assert parsed.whole, parsed.diagnostics
        return made(lower(parsed))

    return write


def told(old: Sequence[Made], new: Sequence[Made]) -> list[str]:
    """Every change, each with the position of its layer and the place in it."""
    return [
        f"{position} {change.text}" + ("" if change.layer == position else f" @{change.layer}")
        for position, found in enumerate(changes(old, new))
        for change in found
    ]


REGISTRY = "base: {{registry: {{image: 'ubuntu:24.04{}', add_python: '3.12'}}}}"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        # packages
        ("python: [torch==2.5.1]", "python: [torch==2.6.0]", ["1 torch 2.5.1 -> 2.6.0"]),
        ("python: [torch==2.5.1]", "python: [torch>=2]", ["1 torch==2.5.1 -> torch>=2"]),
        ("python: [six]", "python: [six, tqdm==4.67.1]", ["1 tqdm 4.67.1 added"]),
        ("python: [six, tqdm]", "python: [six]", ["1 tqdm removed"]),
        ("python: ['six @ https://me:secret@a/six-1.whl']", "python: ['six @ https://me:other@a/six-1.whl']",
         ["1 six's source changed"]),
        ("python: ['six @ https://me:secret@a/six-1.whl']", "python: [six]", ["1 six's source changed"]),
        ("python: {packages: [six], uv: 0.9.10}", "python: {packages: [six], uv: 0.9.11}", ["1 uv 0.9.10 -> 0.9.11"]),
        ("python: [six]", "python: {packages: [six], uv: 0.9.11}", ["1 uv 0.9.11 added"]),
        ("python: {packages: [six], index_url: 'https://me:secret@a'}", "python: [six]", ["1 index_url removed"]),
        ("python: {packages: [six], options: --a}", "python: {packages: [six], options: --b}", ["1 options changed"]),
        ("python: {packages: [six], secrets: [a]}", "python: {packages: [six], secrets: [a, b]}",
         ["1 secrets: b added"]),
        # apt and conda
        ("apt: [curl]", "apt: [curl, jq]", ["1 apt: jq added"]),
        ("apt: [curl, jq]", "apt: [curl]", ["1 apt: jq removed"]),
        ("apt: [wget=1.2]", "apt: [wget=1.3]", ["1 apt: wget 1.2 -> 1.3"]),
        ("apt: [wget]", "apt: [wget=1.3]", ["1 apt: wget any version -> 1.3"]),
        ("base: {micromamba: '3.12'}\nconda: [numpy=2.1.3]", "base: {micromamba: '3.12'}\nconda: [numpy=2.1.4, pip]",
         ["1 conda: numpy 2.1.3 -> 2.1.4", "1 conda: pip added"]),
        # variables
        ("env: {A: secret}", "env: {A: other}", ["1 A changed"]),
        ("env: {A: '1'}", "env: {A: '1', B: '1'}", ["1 B added"]),
        ("env: {A: '1', B: '1'}", "env: {B: '1'}", ["1 A removed"]),
        ("env: {A: '$HOME/a'}", "env: {A: '$HOME/b', B: '$HOME'}", ["1 A changed", "1 B added"]),
        ("steps: [env: {A: '1', B: '2'}]", "steps: [env: {B: '2', A: '1'}]", ["1 the order of variables changed"]),
        ("run: {commands: [x], env: {A: '1'}}", "run: {commands: [x], env: {A: '2'}}", ["1 A changed"]),
        # commands
        ("run: [make]", "run: [make all]", ["1 `make all` was `make`"]),
        ("run: [a, c]", "run: [a, b, c]", ["1 `b` added"]),
        ("run: [a, b, c]", "run: [a, c]", ["1 `b` removed"]),
        ("run: [a, b]", "run: [b, a]", ["1 `b` added", "1 `b` removed"]),
        ("run: ['a\nb']", "run: ['a\nc']", ["1 `a c` was `a b`"]),
        ("run: {commands: [a], gpu: T4}", "run: {commands: [a], gpu: A10G}", ["1 gpu T4 -> A10G"]),
        ("steps: [dockerfile_commands: [USER root]]", "steps: [dockerfile_commands: [USER me]]",
         ["1 `USER me` was `USER root`"]),
        # the base, and what only sets something
        ("base: {debian_slim: '3.12'}", "base: {debian_slim: '3.13'}", ["0 Python 3.12 -> 3.13"]),
        ("base: {debian_slim: '3.12'}", "base: {micromamba: '3.12'}", ["0 base debian_slim -> micromamba"]),
        (REGISTRY.format(""), REGISTRY.format("-slim"), ["0 base ubuntu:24.04 -> ubuntu:24.04-slim"]),
        (REGISTRY.format("@sha256:" + "a" * 64), REGISTRY.format("@sha256:" + "b" * 64),
         ["0 base ubuntu:24.04: digest changed"]),
        ("workdir: /a", "workdir: /b", ["1 path /a -> /b"]),
        ("entrypoint: [a]", "entrypoint: [b]", ["1 entrypoint changed"]),
        # layers that are new, gone or moved
        ("env: {A: '1'}", "apt: [jq]\nenv: {A: '1'}", ["1 apt: jq added"]),
        ("apt: [jq]\nenv: {A: '1'}", "env: {A: '1'}", ["1 apt: jq removed"]),
        ("workdir: /a\nrun: [make]", "workdir: /a", []),
        ("workdir: /a", "workdir: /a\nrun: [make]", ["2 `make` added"]),
        ("workdir: /a\nrun: [make]", "run: [make]", ["1 workdir removed"]),
        ("steps: [run_commands: [a], run_commands: [b], run_commands: [c]]",
         "steps: [run_commands: [b], run_commands: [c], run_commands: [a]]",
         ["1 `a` moved, it stood after debian_slim @3", "3 `a` moved, it stood after debian_slim"]),
        ("steps: [run_commands: [a], workdir: /b]", "steps: [workdir: /b, run_commands: [a]]",
         ["1 workdir moved, it stood after `a`"]),
        ("steps: [run_commands: [a], run_commands: [c]]", "steps: [run_commands: [a], workdir: /, run_commands: [c]]",
         ["2 workdir added"]),
        # several at once
        ("apt: [curl]\npython: [six==1.16.0]\nenv: {A: '1'}", "apt: [jq]\npython: [six==1.17.0]\nenv: {A: '1'}",
         ["1 apt: jq added", "1 apt: curl removed", "2 six 1.16.0 -> 1.17.0"]),
    ],
)  # fmt: skip
def test_causes(write: Write, before: str, after: str, expected: list[str]) -> None:
    found = told(write(before), write(after))
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize(
    ("spec", "edit", "expected"),
    [
        ("source: [{package: training, copy: true}]", "training/loop.py", "training/loop.py changed"),
        ("source: [{package: training}]", "training/loop.py", "training/loop.py changed"),
        ("source: [{package: training, copy: true}]", "training/new.py", "training/new.py added"),
        ("source: [{package: alone, copy: true}]", "alone.py", "alone.py changed"),
        ("source: [{file: alone.py, to: /opt/x.py, copy: true}]", "alone.py", "/opt/x.py changed"),
        ("source: [{file: alone.py, to: /opt/, copy: true}]", "alone.py", "/opt/alone.py changed"),
        ("source: [{dir: training, to: /opt/t, copy: true}]", "training/loop.py", "/opt/t/loop.py changed"),
        ("python: {requirements: [requirements.txt]}", "requirements.txt", "requirements.txt changed"),
        ("base: {dockerfile: Dockerfile}", "alone.py", "alone.py changed"),
        ("base: {dockerfile: Dockerfile}", "Dockerfile", "the Dockerfile changed"),
        ("steps: [dockerfile_commands: [COPY alone.py /]]", "alone.py", "alone.py changed"),
        ("function: [{call: 'training.loop:main'}]", "training/loop.py", "training/loop.py changed"),
    ],
)
def test_a_changed_file(write: Write, tmp_path: Path, spec: str, edit: str, expected: str) -> None:
    before = write(spec)
    with open(tmp_path / edit, "a") as file:
        file.write("COPY training /\n" if edit == "Dockerfile" else "--pre\n" if edit.endswith("txt") else "print(2)\n")
    after = write(spec)
    assert [text.partition(" ")[2] for text in told(before, after)][:1] == [expected]


def test_a_removed_file_and_a_changed_mode(write: Write, tmp_path: Path) -> None:
    spec = "source: [{package: training, copy: true}]"
    os.chmod(tmp_path / "training" / "loop.py", 0o644)
    before = write(spec)
    os.chmod(tmp_path / "training" / "loop.py", 0o755)
    assert told(before, write(spec)) == ["1 training/loop.py: mode 644 -> 755"]
    (tmp_path / "training" / "loop.py").unlink()
    assert told(before, write(spec)) == ["1 training/loop.py removed"]


LINE = "torch=={} ; sys_platform == 'linux' --hash=sha256:{}"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([LINE.format("2.5.1", "aa")], [LINE.format("2.6.0", "bb")], ["0 torch 2.5.1 -> 2.6.0"]),
        ([LINE.format("2.5.1", "aa")], [LINE.format("2.5.1", "bb")], ["0 torch's sha256 changed"]),
        ([LINE.format("2.5.1", "aa")], ["torch==2.5.1 --hash=sha256:aa"], ["0 torch's marker changed"]),
        (["six==1 --hash=sha256:aa"], ["six==1 --hash=sha256:aa", LINE.format("2", "b")], ["0 torch 2 added"]),
        (["x @ https://a/x.whl --hash=sha256:aa"], ["x @ https://b/x.whl --hash=sha256:bb"], ["0 x's source changed"]),
    ],
)
def test_locked_packages(before: list[str], after: list[str], expected: list[str]) -> None:
    assert told(*(_stack(("uv_pip_install", {"lines": lines})) for lines in (before, after))) == expected


def test_a_lock_that_comes_and_goes() -> None:
    """Where the packages stand is all that changes then, but for what is told of other layers."""
    free = _stack(
        ("debian_slim", {}),
        ("apt_install", {"packages": ["git"]}),
        ("uv_pip_install", {"packages": ["torch==2.5.1", "tqdm"]}),
        ("env", {}),
    )
    fixed = _stack(
        ("debian_slim", {}),
        ("uv_pip_install", {"lines": ["nvidia-cublas-cu12==12 --hash=sha256:cc"]}),
        ("uv_pip_install", {"lines": [LINE.format("2.5.1", "aa")]}),
        ("apt_install", {"packages": ["git", "jq"]}),
        ("uv_pip_install", {"lines": ["tqdm==4 --hash=sha256:bb"]}),
        ("env", {}),
    )
    came, went = "packages are fixed by a lock now", "packages are not fixed by a lock any more"
    assert told(free, fixed) == [f"1 {came}", f"2 {came} @1", "3 apt: jq added", f"4 {came} @1"]
    assert told(fixed, free) == ["1 apt: jq removed", f"1 {went} @2", f"2 {went}"]


def test_a_package_that_the_lock_fixes_by_its_hash_and_no_more_by_its_commit() -> None:
    first = "uv_pip_install", {"lines": ["six==1 --hash=sha256:aa"]}
    by_commit = "uv_pip_install", {"packages": ["tqdm @ git+https://a/b@c"]}
    by_hash = "uv_pip_install", {"lines": ["six==1 --hash=sha256:aa", "tqdm==4 --hash=sha256:bb"]}
    assert told(_stack(first, by_commit), _stack(by_hash)) == ["0 tqdm 4 added", "0 tqdm removed"]
    assert told(_stack(first, by_commit), _stack(first, ("uv_pip_install", {"lines": by_hash[1]["lines"][1:]}))) == [
        "1 tqdm is fixed by the lock"
    ]


def test_layers_of_one_method_are_held_against_those_like_them() -> None:
    def install(*names: str) -> tuple[str, dict[str, Any]]:
        return "uv_pip_install", {"lines": [f"{name} --hash=sha256:aa" for name in names]}

    before = _stack(install("tqdm==1", "six==1"))
    after = _stack(install("nvidia==1"), install("torch==2"), install("tqdm==1", "six==2"))
    assert told(before, after) == ["0 nvidia 1 added", "1 torch 2 added", "2 six 1 -> 2"]


def _stack(*layers: tuple[str, dict[str, Any]]) -> Layers:
    """Layers with digests that are chained."""
    return tuple(
        Made(json.dumps(layers[: position + 1]), op, arguments) for position, (op, arguments) in enumerate(layers)
    )


def test_nobody_is_told_a_secret(write: Write) -> None:
    spec = "python: {{packages: ['a @ https://u:{0}@h/a-1.whl'], extra_index_url: 'https://u:{0}@h'}}\nenv: {{A: {0}}}"
    assert told(write(spec.format("hunter1")), write(spec.format("hunter2"))) == [
        "1 a's source changed",
        "1 extra_index_url changed",
        "2 A changed",
    ]


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("python: [torch==2.5.1]", "python: [torch==2.6.0]", 1.0),
        ("python: [torch==2.5.1]", "python: {packages: [torch==2.6.0], uv: 0.9.11, prerelease: true}", 1.0),
        ("python: [torch==2.5.1]", "python: [torch==2.6.0, six]", 0.5),
        ("python: {packages: [torch], uv: 0.9.10}", "python: {packages: [six], uv: 0.9.10}", 0.0),
        ("env: {A: x}", "env: {A: y}", 1.0),
        ("workdir: /a", "workdir: /b", 1.0),
        ("run: [make]", "run: [make, ls]", 0.5),
        ("run: [make]", "run: [train]", 0.0),
        ("steps: [run_function: 'a:f']", "steps: [run_function: 'b:f']", 0.0),
    ],
)
def test_likeness(write: Write, one: str, other: str, alike: float) -> None:
    assert likeness(write(one)[-1], write(other)[-1]) == alike


def test_likeness_of_bases(write: Write) -> None:
    bases = [f"base: {{registry: '{tag}'}}" for tag in ("ubuntu:24.04", "ubuntu:22.04", "pytorch/pytorch:2")]
    ubuntu, older, other = (write(base)[0] for base in bases)
    assert (likeness(ubuntu, older), likeness(ubuntu, other)) == (1.0, 0.0)


# --------------------------------------------------------------------------------------------------- laws


def law(examples: int) -> settings:
    phases = tuple(phase for phase in Phase if phase is not Phase.explain)
    return settings(max_examples=examples, deadline=None, derandomize="CI" in os.environ, phases=phases)


@pytest.fixture(scope="module")
def in_project(project_folder: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(project_folder)
        patched.syspath_prepend(str(project_folder))
        patched.setattr(sys, "dont_write_bytecode", True)
        yield


def layers_of(spec: Any) -> Layers:
    path = Path("diffed.yaml").absolute()
    path.write_text(yaml.safe_dump(spec, allow_unicode=True, sort_keys=False), "utf-8")
    parsed = parse(path)
    assert isinstance(parsed, Parsed)
    return made(lower(parsed))


def edited(spec: Any, data: st.DataObject) -> Any:
    """The spec with some other sections, and others left out."""
    for _ in range(data.draw(st.integers(1, 3))):
        section = str(data.draw(st.sampled_from(leaves(spec)))[0])
        if section == "base":
            spec = {**spec, "base": data.draw(SPEC)["base"]}
        else:
            spec = replaced(spec, (section,), data.draw(SECTIONS[section]))
    return spec


@law(150)
@given(spec=SPEC, data=st.data())
def test_the_first_new_layer_has_a_cause_and_kept_ones_have_none(
    spec: Any, data: st.DataObject, in_project: None
) -> None:
    old, new = layers_of(spec), layers_of(edited(spec, data))
    found = changes(old, new)
    first = kept(old, new)
    assert len(found) == len(new)
    assert not any(found[:first])
    assert first == len(new) or found[first]
    assert all(0 <= change.layer < len(new) and change.text.isprintable() for each in found for change in each)


@law(100)
@given(spec=SPEC)
def test_an_image_and_itself(spec: Any, in_project: None) -> None:
    layers = layers_of(spec)
    assert not any(changes(layers, layers))
    assert kept(layers, layers) == len(layers)
    remembered = tuple(Made(each.digest, each.op, json.loads(json.dumps(each.arguments))) for each in layers)
    assert remembered == layers


NAMES = st.lists(st.sampled_from(["a==1", "a==2", "b"]))
SMALL = st.lists(
    st.sampled_from([("run_commands", {"commands": [c]}) for c in "abc"] + [("workdir", {"path": p}) for p in "xy"])
    | NAMES.map(lambda names: ("uv_pip_install", {"packages": names})),
    max_size=6,
)


@law(400)
@given(old=SMALL, new=SMALL)
def test_any_two_stacks(old: Any, new: Any) -> None:
    before, after = _stack(*old), _stack(*new)
    found, first = changes(before, after), kept(before, after)
    assert not any(found[:first])
    assert first == len(after) or found[first]
    same = {each.key for each in before}
    assert all(found[n] for n, each in enumerate(after) if n >= first and each.key not in same)
