"""`plan` foretells what the container backend builds anew: by digests for many edits, and for some by building them."""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import MISSING
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from imagespec.build.container.context import context_of, lay_out
from imagespec.build.plan import since_last
from imagespec.build.record import Record, remembered
from imagespec.build.result import Target
from imagespec.diagnostic import CompileError
from imagespec.emit.dockerfile import compose
from imagespec.emit.instructions.writer import BUILDERS
from imagespec.image.digest import digests
from imagespec.image.lower import lower
from imagespec.lock.held import NOTHING
from imagespec.spec.operations import STEPS
from imagespec.spec.parse import Parsed, parse
from tests import bases
from tests.build.containers import Containers
from tests.conformance import case
from tests.strategies import BASE, SECTIONS, leaves, replaced, some, step

Edit = Callable[[random.Random, dict[str, Any]], None]

# --------------------------------------------------------------------------------------------- by digests


HELD = {name: value for name, value in SECTIONS.items() if name not in ("function", "steps")}
SPECS = st.fixed_dictionaries(
    {"base": BASE},
    optional=HELD | {"steps": some(st.one_of([step(each) for each in STEPS if each not in ("run_function", "pipe")]))},
)
"""Specs without Python functions, which no Dockerfile holds."""


def compiled(spec: Any, folder: Path) -> Target:
    """What is wrong with the spec is nothing to a plan, as long as it has a shape."""
    path = folder / "spec.yaml"
    path.write_text(json.dumps(spec))
    parsed = parse(path)
    assume(isinstance(parsed, Parsed) and parsed.whole)
    assert isinstance(parsed, Parsed)
    image = lower(parsed)
    return Target(image, digests(image), parsed, NOTHING)


def instructions(target: Target, folder: Path) -> list[tuple[Any, ...]]:
    """What an engine caches by: of each layer the lines, and the files that they copy."""
    try:
        dockerfile = compose(target.image, target.parsed.tree.span, BUILDERS[-1], target.image.root)
    except CompileError:
        assume(False)
    folder.mkdir()
    lay_out(dockerfile, target.image, folder)
    by_name = {(context, name): context_of(folder, context) / name for context, name, _ in dockerfile.files}
    found = []
    for block in dockerfile.blocks:
        lines = [line for line in block if not line.startswith("#")]
        copied = [
            (name, content(path))
            for (context, name), path in sorted(by_name.items())
            if any(
                line.startswith(("COPY", "ADD")) and (name in line or name == ".") and context in line for line in lines
            )
        ]
        found.append((tuple(lines), tuple(copied), tuple(sorted(dockerfile.build_args.items()))))
    return found


def content(path: Path) -> tuple[Any, ...]:
    files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
    return tuple(
        (os.path.relpath(each, path), each.stat().st_mode & 0o777, hashlib.sha256(each.read_bytes()).hexdigest())
        for each in files
    )


@pytest.fixture
def own_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    case.write(case.FILES, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


@settings(max_examples=200, suppress_health_check=list(HealthCheck), deadline=None)
@given(before=SPECS, data=st.data())
def test_what_is_kept_is_nothing_new_to_an_engine(
    own_project: Path, tmp_path_factory: pytest.TempPathFactory, before: Any, data: st.DataObject
) -> None:
    """A layer that a plan keeps has the same instructions and files as before, and so have all layers below it."""
    folder = tmp_path_factory.mktemp("edit")
    routes = leaves(before)
    name = data.draw(st.sampled_from(sorted(HELD)))
    edits = [HELD[name].map(lambda value: {**before, name: value}), st.just(before)]
    if below := [route for route in routes if len(route) > 1 and route[0] != "base"]:
        route = data.draw(st.sampled_from(below))
        edits.append(st.sampled_from([replaced(before, route, "/other"), replaced(before, route, MISSING)]))
    after = data.draw(st.one_of(edits))
    old = compiled(before, own_project)
    seen = instructions(old, folder / "old")
    record = Record(folder / "record")
    for layer, digest in zip(old.image.layers, old.digests, strict=True):
        record.add_layer("container", digest, layer.operation.method, 1.0)
    record.add_build("container", str(old.parsed.path), old.digests[-1], layers=remembered(old))

    new = compiled(after, own_project)
    now = instructions(new, folder / "new")
    plan = since_last(new, "container", record, folder)

    kept = [layer.state == "kept" for layer in plan.layers]
    first = next((position for position, stays in enumerate(kept) if not stays), len(kept))
    assert not any(kept[first:])
    assert now[:first] == seen[:first]
    assert all(layer.cause for layer in plan.layers[first:])


# --------------------------------------------------------------------------------------------- by building

FILES = {"train.py": "print(1)\n", "lib/a.txt": "a\n", "lib/deep/b.txt": "b\n", "notes.txt": "notes\n"}
START: dict[str, Any] = {
    "env": {"A": "1", "B": "two words"},
    "workdir": "/work",
    "run": ["echo $A > /a", "echo b > /b"],
    "steps": [
        {"run_commands": ["echo step > /c"]},
        {"add_local_file": {"local_path": "notes.txt", "remote_path": "/notes/", "copy": True}},
        {"dockerfile_commands": ["COPY lib /context/lib", "ENV D=$A"]},
    ],
    "source": [{"dir": "lib", "to": "/lib/mine", "copy": True}, {"file": "train.py", "to": "/root/train.py"}],
    "cmd": ["true"],
}


def _variable(drawn: random.Random, spec: dict[str, Any]) -> None:
    spec["env"][drawn.choice(["A", "B", "E"])] = str(drawn.randint(1, 3))


def _command(drawn: random.Random, spec: dict[str, Any]) -> None:
    spec["run"] = [f"echo {drawn.randint(1, 3)} > /a", *spec["run"][1:]]


def _step(drawn: random.Random, spec: dict[str, Any]) -> None:
    spec["steps"][0] = {"run_commands": [f"echo {drawn.randint(1, 3)} > /c"]}


def _order(drawn: random.Random, spec: dict[str, Any]) -> None:
    drawn.shuffle(spec["steps"])


def _workdir(drawn: random.Random, spec: dict[str, Any]) -> None:
    spec["workdir"] = drawn.choice(["/work", "/other", "/with space"])


def _source(drawn: random.Random, spec: dict[str, Any]) -> None:
    spec["source"][0]["copy"] = drawn.choice([True, False])


def _words(drawn: random.Random, spec: dict[str, Any]) -> None:
    spec["cmd"] = [drawn.choice(["true", "false"])]


def _comment(drawn: random.Random, spec: dict[str, Any]) -> None:
    spec["description"] = str(drawn.random())


EDITS: tuple[Edit, ...] = (_variable, _command, _step, _order, _workdir, _source, _words, _comment)


def _file(drawn: random.Random, folder: Path) -> None:
    path = folder / drawn.choice(list(FILES))
    match drawn.randint(0, 3):
        case 0:
            path.write_text(f"{drawn.randint(1, 3)}\n")
        case 1:
            path.chmod(drawn.choice([0o644, 0o755]))
        case 2:
            os.utime(path, (drawn.randint(1, 10**9),) * 2)
        case _:
            (folder / "lib" / f"{drawn.randint(1, 3)}.txt").write_text("more\n")


def walk(drawn: random.Random, folder: Path, count: int) -> Iterator[dict[str, Any]]:
    """A spec, then `count` edits of it and of the files, one on top of the other; some lead back to where it was."""
    spec: dict[str, Any] = json.loads(json.dumps(START))
    yield spec
    for _ in range(count):
        if drawn.random() < 0.3:
            _file(drawn, folder)
        else:
            drawn.choice(EDITS)(drawn, spec)
        yield spec


def test_twenty_edits_built_for_real(tmp_path: Path, storage: dict[str, str]) -> None:
    project = Containers(tmp_path, storage)
    for name, text in FILES.items():
        project.file(name, text)
    drawn = random.Random(4)
    predicted, built = [], []
    for spec in walk(drawn, tmp_path, 20):
        whole = {"root": "..", "base": {"registry": bases.PYTHONS[0]}, **spec}
        (tmp_path / "specs" / "walked.yaml").write_text(json.dumps(whole))
        target = project.target("walked")
        predicted.append(
            [layer.state for layer in since_last(target, "container", project.record, project.home).layers]
        )
        result, _ = project.one("walked")
        assert result.error is None, result.error
        built.append([layer.state for layer in result.layers])
    assert built == predicted
    states = [state for each in built[1:] for state in each]
    assert states.count("kept") > 20
    assert states.count("rebuilt") > 20
