"""What makes edits cost more than they have to, and its twin that does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagespec.compiler import check
from imagespec.diagnostic import Add, Edit, Remove, Rename, render_text
from imagespec.image import shipped
from imagespec.image.layers import Layer
from imagespec.spec.operations import AddLocalDir

from .conftest import BASE, Check

SPECS = {
    "pip": ("python: {installer: pip, packages: [six==1.17.0]}", [("IS501", 2, 10)]),
    "uv by its name": ("python: {uv: '1.0.0', installer: uv, packages: [six==1.17.0]}", []),
    "pip in a step": ("steps: [{pip_install: [six==1.17.0]}]", [("IS501", 2, 10)]),
    "uv in a step": ("steps: [{uv_pip_install: {packages: [six==1.17.0], uv_version: '1.0.0'}}]", []),
    "copied last": ("source: [{dir: other, to: /a, copy: true}]", [("IS502", 2, 37)]),
    "copied before settings": ("source: [{dir: other, to: /a, copy: true}]\ncmd: [a]", [("IS502", 2, 37)]),
    "copied and used": (
        "steps: [{add_local_dir: {local_path: other, remote_path: /a, copy: true}}, {run_commands: [make]}]",
        [],
    ),
    "mounted": ("source: [{dir: other, to: /a}]", []),
    "torch and others": ("python: {uv: '1.0.0', packages: [six==1.17.0, torch==2.5.1]}", [("IS503", 2, 47)]),
    "torch alone": ("python: {uv: '1.0.0', packages: [torch==2.5.1]}", []),
    "others alone": ("python: {uv: '1.0.0', packages: [six==1.17.0, tqdm==4.67.1]}", []),
    "torch in a step of its own": (
        "python: {uv: '1.0.0', packages: [six==1.17.0]}\n"
        "steps: [{uv_pip_install: {packages: [torch==2.5.1], uv_version: '1.0.0'}}]",
        [],
    ),
}


@pytest.mark.parametrize(("spec", "expected"), SPECS.values(), ids=SPECS)
def test_cost(found: Check, spec: str, expected: list[tuple[str, int, int]]) -> None:
    assert found(spec) == expected


MOUNT = "they are mounted then"
ADVICE = {
    "steps: [{env: {A: x}}, %s]": f"remove `copy: true`: {MOUNT}",
    "steps: [%s, {env: {A: x}}, {workdir: /root}]": f"move it behind `workdir`, without `copy: true`: {MOUNT}",
    "steps: [%s]\ncmd: [a]": f"add them under `source`, without `copy: true`: {MOUNT}",
}


@pytest.mark.parametrize(("spec", "hint"), ADVICE.items())
def test_advice_on_copies_leads_to_no_error(project: Path, spec: str, hint: str) -> None:
    """No step may follow what is mounted: one that is not the last has to be moved too."""
    (project / "spec.yaml").write_text(BASE + spec % COPIED)
    (one,) = [d for d in check(project / "spec.yaml") if d.code == "IS502"]
    assert one.hint == hint
    assert bool(one.fix) == hint.startswith("remove")
    (project / "spec.yaml").write_text(BASE + spec % COPIED.replace(", copy: true", ""))
    assert ("IS221" in {d.code for d in check(project / "spec.yaml")}) != hint.startswith("remove")


def test_copies_of_an_unfinished_spec_may_be_needed(found: Check) -> None:
    spec = "steps:\n  - {add_local_dir: {local_path: other, remote_path: /a, copy: true}}\n%s"
    assert [code for code, _, _ in found(spec % "")] == ["IS502"]
    assert [code for code, _, _ in found(spec % "  # TODO app.py:1: `run_commands` is left out\n")] == ["IS117"]


@pytest.fixture
def said(found: Check) -> Check:
    """What is found of this family alone, but for what is said about heavy beside light and about pip."""
    return lambda text: [p for p in found(text) if p[0].startswith("IS5") and p[0] not in ("IS501", "IS503")]


TORCH = "{uv_pip_install: {packages: [torch==2.5.1], uv_version: '1.0.0'}}"
ENV = "{env: {HF_HOME: /x}}"
COPIED = "{add_local_dir: {local_path: other, remote_path: /root/x, copy: true}}"
USED = "{run_commands: [python /root/x/y.py]}"
FIRST = [("IS504", 2, 16)]

ORDERS: dict[str, tuple[list[str], list[tuple[str, int, int]]]] = {
    "a variable": ([ENV, TORCH], FIRST),
    "a variable behind": ([TORCH, ENV], []),
    "a variable of the app": (["{env: {MY_MODE: train}}", TORCH], FIRST),
    "a variable among those of installs": (["{env: {CUDA_HOME: /x, HF_HOME: /x}}", TORCH], [("IS504", 2, 31)]),
    "what installs read": (["{env: {CUDA_HOME: /x, MAX_JOBS: '4', PIP_NO_CACHE_DIR: '1', CC: gcc}}", TORCH], []),
    "what a proxy needs": (["{env: {https_proxy: 'http://h', SSL_CERT_FILE: /x, REQUESTS_CA_BUNDLE: /x}}", TORCH], []),
    "a variable that a build may read": (
        ["{env: {MY_MODE: a}}", "{pip_install: {packages: [torch==2.5.1, flash-attn==2.7.2]}}"],
        [],
    ),
    "a variable that no build reads": ([ENV, "{pip_install: {packages: [torch==2.5.1, flash-attn==2.7.2]}}"], FIRST),
    "a variable, light packages": ([ENV, "{pip_install: [six==1.17.0]}"], []),
    "over other steps": (
        [ENV, "{apt_install: [git]}", "{workdir: /x}", "{run_commands: [mkdir -p /m]}", TORCH],
        [*FIRST, ("IS504", 2, 69)],
    ),
    "a command between": ([ENV, "{run_commands: [python x.py]}", TORCH], []),
    "a function between": ([ENV, "{run_function: 'pkg.tools:prepare'}", TORCH], []),
    "lines between": ([ENV, "{dockerfile_commands: [RUN x]}", TORCH], []),
    "set again": ([ENV, ENV, TORCH], [("IS504", 2, 38)]),
    "pip": ([ENV, "{pip_install: [torch==2.5.1]}"], FIRST),
    "what brings torch": ([ENV, "{pip_install: [vllm==0.6.6]}"], FIRST),
    "a command that installs": (
        [ENV, "{run_commands: [pip install torch==2.5.1 && rm -rf /var/lib/apt/lists/*]}"],
        FIRST,
    ),
    "a command that does more": ([ENV, "{run_commands: [pip install torch==2.5.1 && python x.py]}"], []),
    "a file of requirements": ([ENV, "{pip_install_from_requirements: heavy.txt}"], FIRST),
    "a file that names paths": ([ENV, "{pip_install_from_requirements: paths.txt}"], []),
    "heavy for apt": (["{env: {WANDB_MODE: a}}", "{apt_install: [texlive-full]}"], FIRST),
    "copied": ([COPIED, TORCH, USED], [("IS504", 2, 10)]),
    "copied behind": ([TORCH, COPIED, USED], []),
    "copied and installed": ([COPIED, "{run_commands: [pip install -e /root/x]}", TORCH], []),
    "copied and named": ([COPIED, "{run_commands: [pip install torch==2.5.1 /root/x]}", USED], []),
    "copied and read": ([COPIED, "{run_commands: [pip install -r /root/x/y.txt torch==2.5.1]}", USED], []),
    "copied and looked into": (
        [COPIED, "{pip_install: {packages: [torch==2.5.1], extra_options: --find-links /root/x}}", USED],
        [],
    ),
    "copied and a project": ([COPIED, "{uv_sync: project}", TORCH, USED], []),
    "copied into itself": (
        [COPIED, "{add_local_file: {local_path: data.txt, remote_path: /root/x/y, copy: true}}", TORCH, USED],
        [("IS504", 2, 82)],
    ),
    "requirements copied": (
        [
            "{add_local_file: {local_path: requirements.txt, remote_path: /root/requirements.txt, copy: true}}",
            "{run_commands: [pip install torch==2.5.1]}",
            USED,
        ],
        [],
    ),
    "settings copied": (
        ["{add_local_file: {local_path: data.txt, remote_path: /etc/pip.conf, copy: true}}", TORCH, USED],
        [],
    ),
    "hidden settings copied": (
        ["{add_local_file: {local_path: data.txt, remote_path: /root/.condarc, copy: true}}", TORCH, USED],
        [],
    ),
    "a package copied": (
        ["{add_local_python_source: {modules: [pkg], copy: true}}", TORCH, USED],
        [("IS504", 2, 10)],
    ),
    "folders made": (["{run_commands: [mkdir -p /a /b]}", TORCH], [("IS504", 2, 10)]),
    "folders of a variable": (["{run_commands: [mkdir -p $A]}", TORCH], []),
    "whatever else": (["{run_commands: [make]}", TORCH], []),
}


@pytest.mark.parametrize("case", ORDERS)
def test_order(project: Path, said: Check, case: str) -> None:
    (project / "heavy.txt").write_text("torch==2.5.1\n")
    (project / "paths.txt").write_text("-e .\ntorch==2.5.1\n")
    written, expected = ORDERS[case]
    assert said(f"steps: [{', '.join(written)}]") == expected


def test_conda_in_order(said: Check) -> None:
    steps = f"steps: [{ENV}, {{micromamba_install: [conda-forge::pytorch=2.5.1]}}]"
    assert said(f"base: {{micromamba: '3.12.10'}}\n{steps}") == FIRST


def test_sections_are_in_order(said: Check) -> None:
    assert said("env: {HF_TOKEN_PATH: /x}\npython: {uv: '1.0.0', packages: [torch==2.5.1]}\nrun: [mkdir -p /x]") == []


def test_force(said: Check) -> None:
    assert said("steps: [{run_commands: {commands: [make], force_build: true}}]") == [("IS505", 2, 43)]
    assert said("base: {debian_slim: {python: '3.12.10', force_build: true}}") == [("IS505", 1, 41)]
    assert said("steps: [{run_commands: {commands: [make], force_build: false}}]") == []


def write(folder: Path, name: str, size: int) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        file.truncate(size)


WEIGHTS = {
    ".git/objects/x": (1, ".git", True),
    ".venv/lib/x.py": (1, ".venv", True),
    "node_modules/x": (1, "node_modules", True),
    "web/node_modules/x": (1, "**/node_modules", True),
    ".imagespec/x": (20_000_000, ".imagespec", True),
    "a/__pycache__/b.pyc": (20_000_000, "**/__pycache__", True),
    "wandb/run/x": (20_000_000, "wandb", False),
    "runs/x": (20_000_000, "runs", False),
    "a/model.ckpt": (200_000_000, "**/*.ckpt", False),
    "x.tar.gz": (200_000_000, "**/*.tar.gz", False),
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_what_a_folder_brings(project: Path, said: Check, name: str) -> None:
    size, pattern, tools = WEIGHTS[name]
    write(project / "code", name, size)
    write(project / "code", "main.py", 10)
    assert said("source: [{dir: code, to: /a}]") == [("IS506", 2, 11)]
    assert said("steps: [{add_local_dir: {local_path: code, remote_path: /a}}]") == [("IS506", 2, 26)]
    (finding,) = check(project / "spec.yaml")
    assert finding.fix == ((Add(("steps", 0, "add_local_dir", "ignore"), pattern),) if tools else ())
    assert repr(pattern) in finding.hint
    assert said(f"source: [{{dir: code, to: /a, ignore: ['{pattern}']}}]") == []


SMALL = {
    "a/__pycache__/b.pyc": 1000,
    "wandb/x": 1000,
    "runs/__init__.py": 10,
    "model.pt": 1000,
    "data.bin": 200_000_000,
    ".github/workflows/x.yaml": 10,
    "venv.py": 10,
    "lib/datasets/x.bin": 200_000_000,
}


@pytest.mark.parametrize("name", SMALL)
def test_what_a_folder_may_bring(project: Path, said: Check, name: str) -> None:
    write(project / "code", name, SMALL[name])
    assert said("source: [{dir: code, to: /a}]") == []


def test_packages_bring_their_source_alone(project: Path, said: Check) -> None:
    write(project / "pkg", "node_modules/x", 20_000_000)
    assert said("source: [{package: pkg}]") == []
    assert said("source: [{package: pkg, ignore: [x]}]") == [("IS506", 2, 10)]


def test_the_heaviest_come_first(project: Path) -> None:
    for n, name in enumerate((".git", ".venv", "node_modules", "wandb", "runs", "mlruns")):
        write(project / "code", f"{name}/x", 20_000_000 + n * 1_000_000)
    (project / "spec.yaml").write_text(BASE + "source: [{dir: code, to: /a}]")
    (finding,) = check(project / "spec.yaml")
    assert finding.message == (
        "an image does not need `mlruns` (25.0 MB), `runs` (24.0 MB), `wandb` (23.0 MB), `node_modules` (22.0 MB)"
        " and 2 more"
    )


def test_a_large_folder_is_looked_at_in_part(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "MOST", 4)
    for n in range(10):
        write(project / "code", f"deep/{n}/x", 1)
    write(project / "code", ".git/x", 1)
    layer = Layer(operation=AddLocalDir(local_path=project / "code", remote_path="/a"), origin=("source", 0))
    assert [file.name for file in shipped.shipped(layer, project)] == [".git/x"]


HUB = {
    "env: {HF_XET_HIGH_PERFORMANCE: '1'}": [("IS507", 2, 7)],
    "env: {TRANSFORMERS_CACHE: /x, HUGGINGFACE_HUB_CACHE: /y}": [("IS507", 2, 7), ("IS507", 2, 31)],
    "steps: [{env: {HF_HOME: /x}}]": [("IS507", 2, 16)],
    "env: {HFX: '1', OMP_NUM_THREADS: '1', HF_MY_OWN: a}": [],
    "env: {HF_HOME: /x}\npython: {uv: '1.0.0', packages: [transformers==4.46.3]}": [],
    "env: {HF_HOME: /x}\npython: {uv: '1.0.0', packages: [unheard-of==1.0]}": [],
    "env: {HF_HOME: /x}\nrun: [pip install a]": [],
    "env: {HF_HOME: /x}\nrun: [mkdir -p $HF_HOME]": [],
    "base: {id: im-123}\nenv: {HF_HOME: /x}": [],
    "env: {HF_HUB_ENABLE_HF_TRANSFER: '1'}\npython: {uv: '1.0.0', packages: [huggingface-hub==1.2.0]}": [
        ("IS507", 2, 7)
    ],
    "env: {HF_HUB_ENABLE_HF_TRANSFER: '1'}\npython: {uv: '1.0.0', packages: [huggingface-hub==0.26.2]}": [],
    "env: {HF_HUB_ENABLE_HF_TRANSFER: '1'}\npython: {uv: '1.0.0', packages: [huggingface-hub]}": [],
}


@pytest.mark.parametrize("spec", HUB)
def test_variables_of_the_hub(said: Check, spec: str) -> None:
    assert said(spec) == HUB[spec]


CLIENT = {
    "python: {uv: '1.0.0', packages: [modal==1.6.4, six==1.17.0]}": [("IS508", 2, 34)],
    "steps: [{pip_install: [Modal==1.6.4]}]": [("IS508", 2, 24)],
    "python: {uv: '1.0.0', packages: [modal-client==1.0, modality==1.0]}": [],
}


@pytest.mark.parametrize("spec", CLIENT)
def test_the_client_in_the_image(said: Check, spec: str) -> None:
    assert said(spec) == CLIENT[spec]


def test_fixes_of_useless_lines(project: Path) -> None:
    def fixes(text: str) -> list[Edit]:
        (project / "spec.yaml").write_text(BASE + text)
        return [edit for d in check(project / "spec.yaml") if d.code in ("IS507", "IS508") for edit in d.fix]

    assert fixes("env: {HF_HOME: /x}") == [Remove(("env", "HF_HOME"))]
    assert fixes("python: [six==1.17.0, modal==1.6.4]") == [Remove(("python", "packages", 1))]
    old, new = ("env", "HF_HUB_ENABLE_HF_TRANSFER"), "HF_XET_HIGH_PERFORMANCE"
    client = "python: [huggingface-hub==1.2.0]"
    assert fixes(f"env: {{{old[1]}: '1'}}\n{client}") == [Rename(old, new)]
    assert fixes(f"env: {{{old[1]}: '1', {new}: '1'}}\n{client}") == [Remove(old)]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=20), st.text(max_size=40))
def test_any_step_is_read(project: Path, name: str, text: str) -> None:
    steps = [{"env": {name: text}}, {"run_commands": [text]}, {"pip_install": ["torch==2.5.1", text]}]
    (project / "spec.yaml").write_text(BASE + f"steps: {json.dumps(steps)}\n")
    assert isinstance(render_text(check(project / "spec.yaml")), str)
