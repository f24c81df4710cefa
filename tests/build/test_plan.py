"""Plans: what a build then does, and laws for every spec."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from imagespec.build.modal.backend import ModalBackend
from imagespec.build.plan import Plan, since, since_last
from imagespec.build.record import Record
from imagespec.build.result import Target
from imagespec.cli.planned import FORMATS
from imagespec.compiler import compile_all
from imagespec.diagnostic import lines
from imagespec.image.diff import kept
from imagespec.image.lower import lower
from imagespec.image.made import made
from imagespec.lock.held import NOTHING
from imagespec.spec.parse import Parsed, parse
from tests.build.project import Project, Seen
from tests.oracle import Oracle
from tests.strategies import SECTIONS, SPEC, leaves, replaced

# ------------------------------------------------------------------------------------- what a build does


def planned(plan: Plan) -> list[tuple[str, str]]:
    return [(layer.op, layer.state) for layer in plan.layers if not layer.aside]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


LOCAL = "apt: [curl]\npython: [six==1.16.0]\nenv: {A: x}\nworkdir: /a\nsource: [{dir: code, to: /a, copy: true}]\n"
EDITS = [("A: x", "A: y"), ("curl", "jq"), ("1.16", "1.17"), ("/a\nsource", "/b\nsource"), ("to: /a", "to: /c")]


def test_a_build_on_this_machine_does_what_the_plan_says(project: Project) -> None:
    project.file("code/one.py")
    text = LOCAL
    for old, new in [("", ""), *EDITS]:
        text = text.replace(old, new)
        project.spec("one", text)
        plan = since_last(project.target("one"), "local", project.record, project.home)
        result, _ = project.one("one")
        assert result.ok
        assert planned(plan) == [(layer.op, layer.state) for layer in result.layers]
        again = since_last(project.target("one"), "local", project.record, project.home)
        assert {state for _, state in planned(again)} == {"kept"}


def test_a_lost_environment_is_built_again(project: Project) -> None:
    project.spec("one", "env: {A: x}")
    project.one("one")
    (key,) = project.environments()
    (project.home / "local" / "environments" / key / "imagespec.json").unlink()
    base, env = since_last(project.target("one"), "local", project.record, project.home).layers
    assert (base.state, str(base.cause), env.state) == ("rebuilt", "built before, and there no more", "kept")


MODAL = "apt: [git]\nenv: {A: x}\nworkdir: /a\nrun: [make]\nsource: [{file: notes.txt, to: /notes}]\n"


def test_a_build_on_modal_does_what_the_plan_says(on_oracle: Oracle, project: Project) -> None:
    project.file("notes.txt")
    backend, text = ModalBackend(project.record), MODAL
    for old, new in [("", ""), ("git", "git, jq"), ("A: x", "A: y"), ("make", "make all"), ("/a", "/b")]:
        text = text.replace(old, new)
        project.spec("one", text)
        target = project.target("one")
        plan = since_last(target, "modal", project.record, project.home)
        (result,) = backend.build([target], Seen(), force=False)
        assert result.ok
        assert planned(plan) == [(layer.op, layer.state) for layer in result.layers]


def test_what_modal_had_before_the_record_began(on_oracle: Oracle, project: Project) -> None:
    project.file("notes.txt")
    project.spec("one", MODAL)
    target = project.target("one")
    ModalBackend(Record(project.folder / "elsewhere")).build([target], Seen(), force=False)
    ModalBackend(project.record).build([target], Seen(), force=False)
    plan = since_last(target, "modal", project.record, project.home)
    assert {state for _, state in planned(plan)} == {"kept"}
    known = project.record.layer("modal", plan.layers[1].digest)
    assert known is not None
    assert known.seconds is None


# -------------------------------------------------------------------------------------------------- laws


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


def target_of(spec: Any, name: str) -> Target:
    path = Path(f"{name}.yaml").absolute()
    path.write_text(yaml.safe_dump(spec, allow_unicode=True, sort_keys=False), "utf-8")
    parsed = parse(path)
    assert isinstance(parsed, Parsed)
    return Target(lower(parsed), (), parsed, NOTHING)


@law(120)
@given(spec=SPEC, data=st.data())
def test_against_another_spec(spec: Any, data: st.DataObject, in_project: None) -> None:
    section = str(data.draw(st.sampled_from(leaves(spec)))[0])
    changed = data.draw(SECTIONS[section] if section != "base" else SPEC.map(lambda each: each["base"]))
    old, new = target_of(spec, "planned_before"), target_of(replaced(spec, (section,), changed), "planned")
    before, after = made(old.image), made(new.image)
    plan = since(new, before, "the other", "container", Record(Path("no-record")))
    same = kept(before, after)
    assert [layer.state for layer in plan.layers] == ["kept"] * same + ["rebuilt"] * (len(after) - same)
    for position, layer in enumerate(plan.layers):
        assert (layer.cause is None) == (layer.state == "kept")
        if layer.cause is not None:
            assert 1 <= layer.cause.span.line <= len(lines(layer.cause.span.source.text))
            assert layer.cause.text
            assert not (layer.cause.follows and position == same)
        assert layer.reason
    for on in ("modal", "local"):
        aside = since(new, before, "the other", on, Record(Path("no-record")))
        both = zip(aside.layers, plan.layers, strict=True)
        assert all(here.aside or (here.state, here.cause) == (there.state, there.cause) for here, there in both)
    told = json.loads(FORMATS["json"]([plan], explain=False))
    assert [each["digest"] for each in told[0]["layers"]] == [each.digest for each in after]
    for format_ in ("text", "github"):
        assert FORMATS[format_]([plan, plan], explain=True).replace("\n", "").isprintable()


@law(80)
@given(spec=SPEC)
def test_against_itself(spec: Any, in_project: None) -> None:
    target = target_of(spec, "planned")
    plan = since(target, made(target.image), "itself", "container", Record(Path("no-record")))
    assert {layer.state for layer in plan.layers} <= {"kept"}
    assert all(layer.seconds == layer.bytes == 0 for layer in plan.layers)


@law(60)
@given(spec=SPEC)
def test_what_was_never_built(spec: Any, in_project: None) -> None:
    target = target_of(spec, "planned")
    plan = since_last(target, "container", Record(Path("no-record")), Path("no-record"))
    assert all(layer.state == "rebuilt" for layer in plan.layers)
    causes = {layer.cause.text for layer in plan.layers if layer.cause is not None}
    assert causes
    assert causes <= {"never built", "force_build is set"}


def test_the_shipped_specs_have_a_reason_for_every_layer() -> None:
    root = Path(__file__).parent.parent.parent
    targets, _ = compile_all(sorted((root / "specs").glob("[!_]*[a-z].yaml")), digest=False)
    plans = [
        since(target, (), "nothing", "modal", Record(root / "no-record")) for target in targets if target.held.fresh
    ]
    assert plans
    assert all(layer.reason for plan in plans for layer in plan.layers)
    assert all(sum(layer.bytes or 0 for layer in plan.layers) > 1e9 for plan in plans)
