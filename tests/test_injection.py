"""Text of a spec that tries to become a command: refused at its line, or handed on as the text that it is.

Each field of the language that ends up in a Dockerfile or in a shell is tried with each way to break out of there. What
`check` does not refuse is compiled; then the lines that the real client sends to Modal, and those of our own
Dockerfile, must be as many and of the same kinds as for a harmless text, and what they run is run, where every program
writes down its arguments and none but `touch` does anything.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from imagespec.compiler import check, compile_all
from imagespec.diagnostic import CompileError
from imagespec.emit import dockerfile, modal, python
from tests.oracle import Oracle

PAYLOADS = {
    "a command": "x; touch canary",
    "a command at once": ";touch${IFS}canary;",
    "two commands": "x && touch canary",
    "another command": "x; false || touch canary",
    "a pipe": "x | touch canary",
    "the background": "x & touch canary",
    "a substitution": "x$(touch canary)",
    "backquotes": "x`touch canary`",
    "a redirection": "x > canary",
    "out of single quotes": "x'; touch canary; '",
    "out of double quotes": 'x"; touch canary; "',
    "an instruction": "x\nRUN touch canary",
    "an instruction after a return": "x\rRUN touch canary",
    "a continued line": "x \\\n RUN touch canary",
    "after a comment": "x # \n touch canary",
    "a line separator": "x\u2028RUN touch canary",
    "a next line": "x\x85RUN touch canary",
    "a NUL character": "x\0; touch canary",
    "an option": "--canary",
    "a variable": "$HOME",
    "a variable in braces": "${NONE:-`touch canary`}",
    "a home": "~root",
    "a glob": "*",
    "braces": "{x,canary}",
    "Python": '"""; open("canary", "w"); """',
    "a bracket": "x]\n; touch canary",
    "spaces": "a b",
}
"""Ways out of a place, each of which leaves a file called `canary` where it works and where it can."""


@dataclass(frozen=True)
class Field:
    """A place in a spec, and a text that is right there. `quoted`: the text comes back whole from what is run."""

    spec: str
    harmless: str
    quoted: bool = False
    file: bool = False


BASE = 'base: {debian_slim: "3.12.10"}\n'
CONDA = 'base: {micromamba: "3.12.10"}\n'
DIGEST = "@sha256:" + "0" * 64
COMMIT = "0123456789" * 4
PRIVATE = f"{BASE}python: {{private: {{repositories: [%s], git_user: %s}}, secrets: [%s]}}"

FIELDS = {
    "debian_slim": Field("base: {debian_slim: %s}", "3.12"),
    "micromamba": Field("base: {micromamba: %s}", "3.12"),
    "registry": Field("base: {registry: %s}", f"ubuntu:24.04{DIGEST}"),
    "registry, python": Field(f"base: {{registry: {{image: 'ubuntu{DIGEST}', add_python: %s}}}}", "3.12"),
    "registry, secret": Field(f"base: {{registry: {{image: 'ubuntu{DIGEST}', secret: %s}}}}", "registry"),
    "published": Field("base: {published: %s}", "image:v1"),
    "id": Field("base: {id: %s}", "im-1"),
    "dockerfile": Field("base: {dockerfile: %s}", "Dockerfile", file=True),
    "dockerfile, python": Field("base: {dockerfile: {path: Dockerfile, add_python: %s}}", "3.12"),
    "dockerfile, name": Field("base: {dockerfile: {path: Dockerfile, build_args: {%s: '1'}}}", "A"),
    "dockerfile, value": Field("base: {dockerfile: {path: Dockerfile, build_args: {A: %s}}}", "1"),
    "dockerfile, secret": Field("base: {dockerfile: {path: Dockerfile, secret: %s}}", "registry"),
    "apt": Field(BASE + "apt: [%s]", "git", quoted=True),
    "conda": Field(CONDA + "conda: [%s]", "numpy=2.1.3", quoted=True),
    "conda, channel": Field(CONDA + "conda: {packages: [a=1], channels: [%s]}", "conda-forge"),
    "conda, file": Field(CONDA + "conda: {file: %s}", "environment.yml", file=True),
    "packages": Field(BASE + "python: [%s]", "six==1.17.0", quoted=True),
    "packages, address": Field(BASE + "python: [%s]", "six @ https://h/a.whl", quoted=True),
    "packages by pip": Field(BASE + "python: {installer: pip, packages: [%s]}", "six==1.17.0", quoted=True),
    "requirements": Field(BASE + "python: {requirements: [%s]}", "options.txt", file=True),
    "uv": Field(BASE + "python: {packages: [six], uv: %s}", "0.9.10"),
    "index": Field(BASE + "python: {packages: [six], index_url: %s}", "https://h/simple", quoted=True),
    "extra index": Field(BASE + "python: {packages: [six], extra_index_url: %s}", "https://h/simple", quoted=True),
    "links": Field(BASE + "python: {packages: [six], find_links: %s}", "https://h/links", quoted=True),
    "index for pip": Field(BASE + "python: {installer: pip, packages: [six], index_url: %s}", "https://h", quoted=True),
    "project, extra": Field(BASE + "python: {project: {path: project, extras: [%s]}}", "train"),
    "project, group": Field(BASE + "python: {project: {path: project, groups: [%s]}}", "dev"),
    "pyproject, extra": Field(BASE + "python: {pyproject: {path: project/pyproject.toml, extras: [%s]}}", "train"),
    "poetry, version": Field(BASE + "python: {poetry: {path: poetry/pyproject.toml, version: %s}}", "1.8.5"),
    "poetry, with": Field(BASE + "python: {poetry: {path: poetry/pyproject.toml, with: [%s]}}", "dev"),
    "poetry, without": Field(BASE + "python: {poetry: {path: poetry/pyproject.toml, without: [%s]}}", "dev"),
    "poetry, only": Field(BASE + "python: {poetry: {path: poetry/pyproject.toml, only: [%s]}}", "dev"),
    "private, repository": Field(PRIVATE % ("%s", "me", "token"), f"github.com/a/b@{COMMIT}"),
    "private, user": Field(PRIVATE % ("github.com/a/b", "%s", "token"), "me"),
    "private, secret": Field(PRIVATE % ("github.com/a/b", "me", "%s"), "token"),
    "packages, name": Field(BASE + "python: {packages: [six], env: {%s: '1'}}", "A"),
    "packages, value": Field(BASE + "python: {packages: [six], env: {A: %s}}", "1"),
    "packages, secret": Field(BASE + "python: {packages: [six], secrets: [%s]}", "token"),
    "commands, name": Field(BASE + "run: {commands: [x], env: {%s: '1'}}", "A"),
    "commands, value": Field(BASE + "run: {commands: [x], env: {A: %s}}", "1"),
    "commands, secret": Field(BASE + "run: {commands: [x], secrets: [%s]}", "token"),
    "commands, place": Field(BASE + "run: {commands: [x], volumes: {%s: data}}", "/data"),
    "commands, volume": Field(BASE + "run: {commands: [x], volumes: {/data: %s}}", "data"),
    "commands, GPU": Field(BASE + "run: {commands: [x], gpu: %s}", "T4"),
    "env, name": Field(BASE + "env: {%s: '1'}", "A"),
    "env, value": Field(BASE + "env: {A: %s}", "1", quoted=True),
    "env, name with a reference": Field(BASE + "env: {%s: $PATH}", "A"),
    "workdir": Field(BASE + "workdir: %s", "/app", quoted=True),
    "shell": Field(BASE + "shell: [%s]", "sh", quoted=True),
    "entrypoint": Field(BASE + "entrypoint: [a, %s]", "b", quoted=True),
    "cmd": Field(BASE + "cmd: [a, %s]", "b", quoted=True),
    "source, package": Field(BASE + "source: [{package: %s, copy: true}]", "pkg"),
    "source, file": Field(BASE + "source: [{file: %s, to: /a, copy: true}]", "data.txt", file=True),
    "source, place": Field(BASE + "source: [{file: data.txt, to: %s, copy: true}]", "/a"),
    "source, folder": Field(BASE + "source: [{dir: %s, to: /a, copy: true}]", "other", file=True),
    "source, pattern": Field(BASE + "source: [{dir: other, to: /a, copy: true, ignore: [%s]}]", "*.pyc"),
    "function": Field(BASE + "function: %s", "pkg.tools:prepare"),
    "step apt_install": Field(BASE + "steps: [{apt_install: [%s]}]", "git", quoted=True),
    "step pip_install": Field(BASE + "steps: [{pip_install: [%s]}]", "six==1.17.0", quoted=True),
    "step pip_install, links": Field(
        BASE + "steps: [{pip_install: {packages: [six], find_links: %s}}]", "https://h", quoted=True
    ),
    "step pip_install_from_requirements": Field(
        BASE + "steps: [{pip_install_from_requirements: {requirements_txt: options.txt, find_links: %s}}]", "https://h"
    ),
    "step uv_pip_install": Field(BASE + "steps: [{uv_pip_install: {packages: [six], uv_version: %s}}]", "0.9.10"),
    "step uv_pip_install, file": Field(
        BASE + "steps: [{uv_pip_install: {requirements: [%s]}}]", "options.txt", file=True
    ),
    "step uv_sync": Field(BASE + "steps: [{uv_sync: {uv_project_dir: project, groups: [%s]}}]", "dev"),
    "step micromamba_install": Field(CONDA + "steps: [{micromamba_install: [%s]}]", "a=1", quoted=True),
    "step env, name": Field(BASE + "steps: [{env: {%s: '1'}}]", "A"),
    "step env, value": Field(BASE + "steps: [{env: {A: %s}}]", "1", quoted=True),
    "step workdir": Field(BASE + "steps: [{workdir: %s}]", "/app", quoted=True),
    "step cmd": Field(BASE + "steps: [{cmd: [%s]}]", "a", quoted=True),
    "step add_local_file": Field(
        BASE + "steps: [{add_local_file: {local_path: data.txt, remote_path: %s, copy: true}}]", "/a"
    ),
    "step run_commands": Field(BASE + "steps: [{run_commands: {commands: [x], secrets: [%s]}}]", "token"),
}
REFERENCE = Field(BASE + "env: {A: %s}", "$PATH:x")
"""A value that the builder is meant to expand, before the hostile text."""

FILES = {
    "Dockerfile": f"FROM python:3.12{DIGEST}\n",
    "data.txt": "",
    "other/data.txt": "",
    "options.txt": "--index-url https://h\nsix==1.17.0\n",
    "environment.yml": "",
    "pkg/__init__.py": "",
    "pkg/tools.py": "def prepare(): ...\n",
    "project/pyproject.toml": '[project]\nname = "x"\nversion = "1"\ndependencies = ["six"]\n'
    "[project.optional-dependencies]\ntrain = []\n[dependency-groups]\ndev = []\n",
    "poetry/pyproject.toml": "[tool.poetry]\n",
    "poetry/poetry.lock": "",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def write(folder: Path, field: Field, text: str) -> Path:
    spec = folder / "spec.yaml"
    spec.write_text(field.spec % json.dumps(text), encoding="utf-8")
    if field.file and "\0" not in text:
        original, named = folder / field.harmless, folder / text
        if named == original:
            pass
        elif original.is_dir():
            shutil.copytree(original, named, dirs_exist_ok=True)
        elif not named.exists():
            shutil.copyfile(original, named)
    return spec


def compiled(oracle: Oracle, spec: Path) -> tuple[str, str]:
    """What the client sends to Modal as lines of a Dockerfile, and our own Dockerfile; empty where there is none."""
    [target], _ = compile_all([spec], digest=False)
    requests = oracle.requests(modal.emit(target.image), builder="2025.06")
    sent = "\n".join(line for layer in requests for line in layer.get("image", {}).get("dockerfile_commands", ()))
    compile(python.emit(target.image), "spec.py", "exec")
    try:
        ours = dockerfile.emit(target.image, target.parsed.tree.span, "2025.06", spec.parent)
    except CompileError:
        ours = ""
    return sent, ours


def instructions(text: str) -> list[tuple[str, str]]:
    """Keyword and arguments of each instruction as a builder reads them: lines end at line feeds and nowhere else."""
    code = "\n".join(line for line in text.split("\n") if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\[ \t]*\n", " ", code)
    words = [line.strip(" \t\r").split(" ", 1) for line in joined.split("\n") if line.strip(" \t\r")]
    return [(keyword, rest[0] if rest else "") for keyword, *rest in words]


def kinds(text: str) -> Counter[str]:
    return Counter(keyword for keyword, _ in instructions(text))


PROGRAMS = ("apt-get", "micromamba", "pip", "poetry", "python", "python3", "uv", "x")


@pytest.fixture
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every program writes down its arguments, and `touch` makes a file."""
    folder = tmp_path_factory.mktemp("sandbox")
    (folder / "bin").mkdir()
    for name in PROGRAMS:
        program = folder / "bin" / name
        program.write_text('#!/bin/sh\nprintf "%s\\0" "$@" >> "$SANDBOX/arguments"\n')
        program.chmod(0o755)
    (folder / "bin" / "touch").write_text('#!/bin/sh\n: > "$SANDBOX/canary"\n')
    (folder / "bin" / "touch").chmod(0o755)
    (folder / "bin" / "bash").symlink_to("/bin/bash")
    return folder


def run(sandbox: Path, command: str) -> list[str]:
    """The arguments that programs were given by a command."""
    (sandbox / "arguments").unlink(missing_ok=True)
    subprocess.run(
        ["/bin/sh", "-c", command.replace("/.uv/uv", "uv")],
        cwd=sandbox,
        env={"PATH": str(sandbox / "bin"), "SANDBOX": str(sandbox), "HOME": str(sandbox)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=10,
        check=False,
    )
    arguments = sandbox / "arguments"
    return arguments.read_bytes().decode().split("\0") if arguments.exists() else []


def words(sandbox: Path, text: str, known: str) -> Iterator[str]:
    """Every word that the instructions of a Dockerfile hand on, but for those of another one."""
    for keyword, rest in instructions(text):
        if (keyword, rest) in instructions(known):
            continue
        if keyword == "RUN":
            yield from run(sandbox, re.sub(r"^(--mount=\S+ )+", "", rest))
        elif keyword in ("CMD", "ENTRYPOINT", "SHELL"):
            yield from json.loads(rest)
        elif keyword in ("ENV", "WORKDIR"):
            for word in shlex.split(rest):
                yield from (word, word.partition("=")[2])


@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
def test_no_text_becomes_a_command(oracle: Oracle, folder: Path, sandbox: Path, field: Field) -> None:
    line = field.spec.count("\n") + 1
    harmless = write(folder, field, field.harmless)
    assert [d.message for d in check(harmless) if d.severity == "error"] == []
    twins = compiled(oracle, harmless)
    for name, text in PAYLOADS.items():
        if field.file and text == "~root":
            continue  # a folder of this machine, by a name that it has
        spec = write(folder, field, text)
        errors = [d for d in check(spec) if d.severity == "error"]
        if errors:
            assert {d.span.line for d in errors if d.span.source.path == spec} == {line}, name
            continue
        for twin, lines in zip(twins, compiled(oracle, spec), strict=True):
            assert kinds(lines) <= kinds(twin), (name, lines)  # fewer, where a pattern leaves every file out
            handed_on = list(words(sandbox, lines, twin))
            assert not (sandbox / "canary").exists(), (name, lines)
            if field.quoted and lines:
                assert text in handed_on or (os.path.join("/", text) in handed_on), (name, lines)


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_a_value_that_expands_is_quoted_all_the_same(oracle: Oracle, folder: Path, payload: str) -> None:
    spec = write(folder, REFERENCE, f"$PATH:{payload}")
    errors = [d for d in check(spec) if d.severity == "error"]
    if errors:
        assert {d.span.line for d in errors} == {2}
        return
    for lines in compiled(oracle, spec):
        [rest] = [rest for keyword, rest in instructions(lines) if keyword == "ENV"]
        name, equals, value = rest.partition("=")
        assert (name, equals, value[0], value[-1]) == ("A", "=", '"', '"')
        assert re.fullmatch(r'(?:[^"\\]|\\.)*', value[1:-1])
        assert value[1:-1].startswith("$PATH:")


OPTIONS = {
    "packages": "python: {packages: [six], options: %s}",
    "a project": "python: {project: project, options: %s}",
    "a step": "steps: [{uv_pip_install: {packages: [six], extra_options: %s}}]",
    "a step of uv": "steps: [{uv_sync: {uv_project_dir: project, extra_options: %s}}]",
}


@pytest.mark.parametrize("spec", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("text", ["--a\nRUN touch canary", "--a\rRUN touch canary", "--a\0"])
def test_options_go_to_the_shell_but_stay_on_their_line(folder: Path, spec: str, text: str) -> None:
    found = check(write(folder, Field(BASE + spec, ""), text))
    assert [(d.code, d.span.line) for d in found if d.severity == "error"] == [("IS204", 2)]


HOSTILE_LINES = [
    "six==1.17.0\\\n; touch canary",
    "six; touch canary",
    "--index-url $(touch canary)\n-r other",
    "$(touch canary)",
]


@pytest.mark.parametrize("line", HOSTILE_LINES)
def test_requirements_files_are_no_commands(folder: Path, line: str) -> None:
    (folder / "requirements.txt").write_text(line)
    found = check(write(folder, Field(BASE + "python: {requirements: [%s]}", ""), "requirements.txt"))
    assert [d.span.source.path.name for d in found if d.severity == "error"] == ["requirements.txt"]


def test_project_files_are_no_commands(folder: Path) -> None:
    text = (folder / "project/pyproject.toml").read_text()
    for package in ("--index-url=https://h", "six; touch canary", "$(touch canary)"):
        (folder / "project/pyproject.toml").write_text(text.replace('"six"', f'"{package}"'))
        found = check(write(folder, Field(BASE + "python: {pyproject: %s}", ""), "project/pyproject.toml"))
        assert [(d.code, d.span.line) for d in found if d.severity == "error"] == [("IS201", 2)]


@pytest.mark.parametrize("payload", [p for p in PAYLOADS.values() if "\0" not in p])
def test_the_name_of_a_spec_is_no_code(oracle: Oracle, folder: Path, payload: str) -> None:
    spec = folder / f"{payload}.yaml"
    spec.write_text(BASE)
    if any(d.code == "IS116" for d in check(spec)):
        assert compile_all([spec])[0] == []
    else:
        assert payload == "a b"
        assert len(compiled(oracle, spec)[1].splitlines()) > 3


def test_the_sandbox_notices(sandbox: Path) -> None:
    """Where they are pasted in, these leave their file behind; quoted they do not."""
    pasted = {name: f"pip {PAYLOADS[name]}" for name in SHELL}
    pasted["out of single quotes"] = f"pip '{PAYLOADS['out of single quotes']}'"
    pasted["out of double quotes"] = f'pip "{PAYLOADS["out of double quotes"]}"'
    for name, command in pasted.items():
        run(sandbox, command)
        assert (sandbox / "canary").exists(), name
        (sandbox / "canary").unlink()
        assert run(sandbox, f"pip {shlex.quote(PAYLOADS[name])}") == [PAYLOADS[name], ""]
        assert not (sandbox / "canary").exists()


SHELL = ["a command", "a command at once", "two commands", "another command", "a pipe", "the background"]
SHELL += ["a substitution", "backquotes", "a variable in braces", "a redirection"]
