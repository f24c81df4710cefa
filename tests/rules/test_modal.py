"""What Modal refuses late or does otherwise, and its twin that works."""

from __future__ import annotations

import pytest

from .conftest import COMMIT, DIGEST, Check

MOUNT = "{add_local_file: {local_path: data.txt, remote_path: /a%s}}"


def test_steps_after_a_mount(found: Check) -> None:
    assert found(f"steps: [{MOUNT % ''}, {{run_commands: [a]}}, {{workdir: /a}}]") == [
        ("IS221", 2, 69),
        ("IS221", 2, 90),
    ]
    assert found(f"steps: [{MOUNT % ', copy: true'}, {{run_commands: [a]}}, {{workdir: /a}}]") == []
    assert found(f"steps: [{{run_commands: [a]}}, {{workdir: /a}}, {MOUNT % ''}]") == []
    assert found(f"cmd: [a]\nsteps: [{MOUNT % ''}]") == [("IS221", 2, 1)]
    assert found("cmd: [a]\nsource: [{file: data.txt, to: /a}]\nrun: [a]") == []


FULL = f"registry: {{image: 'ubuntu{DIGEST}', add_python: %s}}"
PYTHONS = {
    "debian_slim: %s": (["3.9", "3.99", "4.0", "latest", "3", "3.12.10.1", "3.14t", "3.१२"], ["3.12.10", "3.15.0"]),
    "micromamba: %s": (["3.8", "x", "3.13.1t"], ["3.11.1"]),
    FULL: (["3.12.10", "3.9", "python3.12"], ["3.12", "3.14t"]),
    "dockerfile: {path: Dockerfile, add_python: %s}": (["3.9"], ["3.12"]),
}


@pytest.mark.parametrize("base", PYTHONS)
def test_versions_of_python(found: Check, base: str) -> None:
    bad, good = PYTHONS[base]
    place = ("IS222", 1, 8 + base.index("%s"))
    assert {version: found(f"base: {{{base % repr(version)}}}") for version in bad} == {v: [place] for v in bad}
    assert {version: found(f"base: {{{base % repr(version)}}}") for version in good} == {v: [] for v in good}


@pytest.mark.parametrize("version", ["3.10", "3.10.17"])
def test_versions_of_python_that_are_on_their_way_out(found: Check, version: str) -> None:
    assert ("IS238", 1, 21) in found(f"base: {{debian_slim: '{version}'}}")
    assert "IS238" not in {code for code, *_ in found("base: {debian_slim: '3.11'}")}


def test_references_that_stay_as_they_are(found: Check) -> None:
    assert found("steps: [{env: {A: /a:$PATH, B: '${B}', C: \\$C, D: a$, E: $1}}]") == [
        ("IS223", 2, 19),
        ("IS223", 2, 32),
    ]
    assert found("env: {A: /a:$PATH, B: '${B}'}") == []


CIRCLES = {
    "env: {A: $B, B: $A}": [("IS224", 2, 10)],
    "env: {A: $B, B: $C, C: $A, D: $A}": [("IS224", 2, 10)],
    "env: {B: $A, C: $D, A: $B, D: $C}": [("IS224", 2, 24), ("IS224", 2, 17)][::-1],
    "env: {A: $A, B: $A, C: $B$A}": [],
    "env: {A: \\$B, B: $A}": [],
    "env: {PATH: /a:$PATH, A: $PATH}": [],
}


@pytest.mark.parametrize("spec", CIRCLES)
def test_circles_of_references(found: Check, spec: str) -> None:
    assert found(spec) == CIRCLES[spec]


PINS = {
    "six==1.17.0, six==1.16.0": [("IS225", 4, 14)],
    "six==1.17.0, Six == 1.17": [],
    "six==1.17.0, 'six>=1.17'": [],
    "six==1.17.0, 'six>1.17'": [("IS225", 4, 27)],
    "six==1.17.0, \"six==1.16.0; python_version < '3'\"": [],
    "torch==2.5.1, torch==2.5.1+cu124": [],
    "six==1.17.0, six==1.16.0, six==1.15.0": [("IS225", 4, 14), ("IS225", 4, 27)],
    "a-b==1, a_b==2": [("IS225", 4, 22)],
}


@pytest.mark.parametrize("packages", PINS)
def test_contradicting_pins(found: Check, packages: str) -> None:
    places = found(f'python:\n  uv: "1.0.0"\n  packages: [{packages}]')
    assert [place for place in places if place[0] == "IS225"] == PINS[packages]
    assert {code for code, *_ in places} <= {"IS225", "IS301"}


def test_pins_of_different_layers(found: Check) -> None:
    step = "steps: [{uv_pip_install: {packages: [six==%s], uv_version: '1.0.0'}}]"
    spec = f"python: {{uv: '1.0.0', packages: [six==1.17.0]}}\n{step}"
    assert found(spec % "1.16.0") == [("IS225", 3, 38)]
    assert found(spec % "1.17.0") == []


@pytest.mark.parametrize(
    ("bad", "good"),
    [
        ("env: {}", "env: {A: '1'}"),
        ("apt_install: []", "apt_install: [git]"),
        ("run_commands: []", "run_commands: [a]"),
        (
            "uv_pip_install: {uv_version: '1.0.0'}",
            "uv_pip_install: {uv_version: '1.0.0', requirements: [requirements.txt]}",
        ),
        ("add_local_python_source: []", "add_local_python_source: [pkg]"),
        ("dockerfile_commands: []", "dockerfile_commands: [USER a]"),
    ],
)
def test_steps_that_do_nothing(found: Check, bad: str, good: str) -> None:
    assert found(f"steps: [{{{bad}}}]") == [("IS227", 2, 10)]
    assert found(f"steps: [{{{good}}}]") == []


def test_conda_without_micromamba(found: Check) -> None:
    assert found("conda: [a=1]") == [("IS228", 2, 1)]
    assert found("steps: [{micromamba_install: [a=1]}]") == [("IS228", 2, 10)]
    assert found("base: {micromamba: '3.12.10'}\nconda: [a=1]") == []
    assert found(f"base: {{registry: 'a{DIGEST}'}}\nconda: [a=1]") == []


def test_private_repositories_without_a_secret(found: Check) -> None:
    private = f"private: {{repositories: [github.com/a/b@{COMMIT}], git_user: me}}"
    assert found(f"python: {{{private}}}") == [("IS229", 2, 10)]
    assert found(f"python: {{{private}, secrets: [s]}}") == []


def test_a_force_that_is_dropped(found: Check) -> None:
    forced, note = "{run_commands: {commands: [a], force_build: true}}", [("IS505", 2, 40)]
    assert found(f"steps: [{forced}, {{env: {{A: b}}}}, {{apt_install: [git]}}]") == [*note, ("IS230", 2, 53)]
    assert found(f"steps: [{forced}, {{workdir: /a}}, {{apt_install: [git]}}]") == [*note, ("IS230", 2, 53)]
    assert found(f"steps: [{forced}, {{apt_install: [git]}}]") == note
    assert found(f"steps: [{forced}, {{workdir: /a}}]") == note


@pytest.mark.parametrize("key", ["apt: [git]", "run: [a]", "function: pkg.tools:prepare"])
def test_commands_on_nothing(found: Check, key: str) -> None:
    assert [place[:2] for place in found(f"base: {{scratch: true}}\n{key}")] == [("IS231", 2)]
    assert found("base: {scratch: true}\nworkdir: /a\nenv: {A: b}\nsource: [{file: data.txt, to: /a}]") == []


SAME = {
    "{file: data.txt, to: /a}, {file: other/data.txt, to: /a}": 63,
    "{file: data.txt, to: /a/}, {file: other/data.txt, to: /a/data.txt}": 64,
    "{dir: pkg, to: /a}, {dir: other, to: /a/}": 47,
    "{package: pkg}, {package: pkg}": 36,
    "{package: pkg}, {dir: other, to: /root/pkg}": 43,
    "{file: data.txt, to: /a}, {file: other/data.txt, to: /b}": None,
    "{dir: pkg, to: /a}, {file: data.txt, to: /a/b}": None,
    "{package: pkg}, {package: pkg.tools}": None,
}


@pytest.mark.parametrize("sources", SAME)
def test_two_sources_at_one_place(found: Check, sources: str) -> None:
    column = SAME[sources]
    assert found(f"source: [{sources}]") == ([("IS232", 2, column)] if column else [])
