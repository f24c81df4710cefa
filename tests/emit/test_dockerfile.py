"""The Dockerfile of an image: instruction for instruction what Modal's client sends, file for file what it ships."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import posixpath
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from imagespec.compiler import compile_all
from imagespec.diagnostic import CompileError
from imagespec.emit import dockerfile
from imagespec.emit.instructions.writer import BUILDERS
from tests.conformance import CASES
from tests.conformance.case import Case
from tests.conformance.contexts import CONTEXTS
from tests.oracle import Oracle

pytestmark = pytest.mark.filterwarnings("ignore:.*NetworkFileSystem.* is deprecated")

HOLDABLE = {name: case for name, case in CASES.items() if not case.refused}
REFUSED = {name: case for name, case in CASES.items() if case.refused}


def emitted(case: Case, folder: Path, builder: str = BUILDERS[-1]) -> str:
    (target,), _ = compile_all([case.written(folder)])
    return dockerfile.emit(target.image, target.parsed.tree.span, builder, folder)


def instructions(text: str) -> list[str]:
    """Without comments and blank lines."""
    return [line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")]


def sent(requests: list[dict[str, Any]]) -> list[str]:
    """What the client sends for all layers, in a row; the base that each of them names is the one before it."""
    layers = [layer["image"]["dockerfile_commands"] for layer in requests if "image" in layer]
    return [line for layer in layers for line in instructions("\n".join(layer)) if line != "FROM base"]


SECRET = re.compile(
    r"--mount=type=secret,id=\S+ "
    r"|set -a && \. /run/secrets/\S+ && set \+a && "
    r"""|(?:export|unset) \w+(?:=(?:'[^']*'|"[^"]*"|[^\s'"])*)? && """
)
"""What stands here for the variables and secrets that travel beside Modal's request."""

STANDALONE = re.compile(
    r"COPY /python/\. .*|RUN ln -s \S+/python3 \S+|ENV TERMINFO_DIRS=.*|RUN /\.uv/uv python install .*"
)
"""Modal mounts a standalone Python; the Dockerfile has uv bring it."""

TOKEN = re.compile(r'RUN bash -c "\[\[ -v GIT(?:HUB|LAB)_TOKEN \]\].*')
"""Modal looks whether a token is there; without one the install that follows fails all the same."""


def comparable(lines: list[str]) -> Iterator[str]:
    """Lines without the documented differences; files that are copied are compared by themselves."""
    for index, line in enumerate(lines):
        uv_for_python = line.startswith("COPY --from=ghcr.io/") and any(
            map(STANDALONE.fullmatch, lines[index + 1 : index + 2])
        )
        if not (STANDALONE.fullmatch(line) or TOKEN.fullmatch(line) or uv_for_python or is_local_copy(line)):
            yield SECRET.sub("", line)


def is_local_copy(line: str) -> bool:
    return line.startswith("COPY ") and "--from=ghcr.io/" not in line


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize("case", HOLDABLE.values(), ids=HOLDABLE)
def test_instructions_are_those_that_the_client_sends(oracle: Oracle, project: Path, case: Case, builder: str) -> None:
    with case.on(oracle):
        requests = oracle.requests(case.chain(), builder=builder)
    assert list(comparable(instructions(emitted(case, project, builder)))) == list(comparable(sent(requests)))


@pytest.mark.parametrize("case", HOLDABLE.values(), ids=HOLDABLE)
def test_files_are_those_that_the_client_ships(oracle: Oracle, project: Path, case: Case) -> None:
    with case.on(oracle):
        requests = oracle.requests(case.chain())
    text = emitted(case, project)
    contexts = {name: on_disk(Path(folder)) for name, folder in named_contexts(text).items()}
    assert copied(instructions(text), contexts) == shipped(requests)


Files: TypeAlias = dict[str, str]
"""Path to the hash of the content."""


def on_disk(folder: Path) -> Files:
    return {
        path.relative_to(folder).as_posix(): sha256(path.read_bytes()) for path in folder.rglob("*") if path.is_file()
    }


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def named_contexts(text: str) -> dict[str, str]:
    """The folders that the command in the header names; the main one under no name."""
    (command,) = (shlex.split(line.lstrip("# ")) for line in text.split("\n") if line.startswith("#   docker build"))
    more = (command[at + 1].partition("=") for at, word in enumerate(command) if word == "--build-context")
    return {"": command[-1]} | {name: folder for name, _, folder in more}


def shipped(requests: list[dict[str, Any]]) -> Files:
    """Where the files end up that the client sends: inline, in the context of a layer, or mounted at start."""
    found: Files = {}
    for request in requests:
        found |= listed(request.get("mounted", ()))
        image = request.get("image", {})
        mount = image.get("context_mount_id", {})
        context = listed(mount.get("files", ())) if "files" in mount else {}
        for inline in image.get("context_files", ()):
            context |= {name: sha256("".join(text).encode()) for name, text in inline.items()}
        commands = instructions("\n".join(image.get("dockerfile_commands", ())))
        commands = [line for line in commands if not STANDALONE.fullmatch(line)]
        found |= copied(commands, {"": {name.lstrip("/"): digest for name, digest in context.items()}})
    return found


def listed(files: Iterable[str]) -> Files:
    return {name: digest for name, _, digest in (line.rsplit(" ", 2) for line in files)}


def copied(lines: list[str], contexts: Mapping[str, Files]) -> Files:
    """What the `COPY` lines take from the contexts, and where it ends up."""
    found: Files = {}
    joined = "\n".join(lines).replace("\\\n", " ").split("\n")
    for line in filter(is_local_copy, joined):
        words = json.loads(line[line.index("[") :]) if line.endswith("]") else shlex.split(line)[1:]
        context = contexts["".join(re.findall(r"--from=(\S+)", line))]
        *sources, to = [word for word in words if not word.startswith("--")]
        for source in sources:
            taken = {name: digest for name, digest in context.items() if (rest := below(name, source)) is not None}
            assert taken, f"`{source}` is not in the context"
            for name, digest in taken.items():
                rest = below(name, source) or (name.rpartition("/")[2] if to.endswith("/") else "")
                found[posixpath.join(to, rest) if rest else to] = digest
    return found


def below(name: str, source: str) -> str | None:
    """The path of a file below what a source of a `COPY` names; empty where it is the file itself."""
    parts, pattern = name.split("/"), [part for part in source.split("/") if part not in ("", ".")]
    if len(parts) < len(pattern) or not all(map(fnmatch.fnmatchcase, parts, pattern)):
        return None
    return "/".join(parts[len(pattern) :])


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_what_no_dockerfile_can_hold_is_refused_at_its_line(project: Path, case: Case) -> None:
    with pytest.raises(CompileError) as raised:
        emitted(case, project)
    assert [(d.code, d.span.line) for d in raised.value.diagnostics] == [("IS908", line) for line in case.refused]


@pytest.mark.parametrize("case", CONTEXTS.values(), ids=CONTEXTS)
def test_contexts_hold_what_they_hold_for_modal(oracle: Oracle, context: Path, case: Case) -> None:
    text = emitted(case, context)
    assert copied(instructions(text), {"": on_disk(context)}) == shipped(oracle.requests(case.chain()))


def test_a_dockerignore_of_the_context_is_left_to_the_engine(context: Path) -> None:
    (context / ".dockerignore").write_text("**/*.log\n")
    assert "COPY . /all" in emitted(CONTEXTS["as it is"], context)


@pytest.mark.parametrize("base", ["registry: {image: 'ubuntu:22.04',", "dockerfile: {path: Dockerfile,"])
def test_a_python_that_the_builder_does_not_have(project: Path, base: str) -> None:
    (project / "Dockerfile").write_text("FROM ubuntu:22.04\n")
    (project / "old.yaml").write_text(f'base:\n  {base} add_python: "3.10"}}\n')
    (target,), _ = compile_all([project / "old.yaml"])
    with pytest.raises(CompileError) as raised:
        dockerfile.emit(target.image, target.parsed.tree.span, "2026.10", project)
    (found,) = raised.value.diagnostics
    assert (found.code, found.span.line) == ("IS908", 2)
    assert found.message == "Modal's image builder 2026.10 has no Python 3.10 to add"
    assert found.hint == "compile it with `--builder 2025.06`"
    assert "3.10.13" in dockerfile.emit(target.image, target.parsed.tree.span, "2025.06", project)


def test_what_a_step_adds_keeps_its_place(project: Path) -> None:
    (project / "more.tar").write_bytes(b"")
    step = """\
  - dockerfile_commands:
      dockerfile_commands: [ADD data/more.tar /unpacked/, ADD other.tar /unpacked/, ADD alone /as/]
      context_files: {data/more.tar: more.tar, other.tar: more.tar, alone: alone.py}
      context_dir: data
"""
    text = emitted(Case(f'base: {{debian_slim: "3.12"}}\nsteps:\n{step}', lambda: None), project)
    assert instructions(text)[-3:] == ["ADD more.tar /unpacked/", "ADD more.tar /unpacked/", "COPY alone.py /as/alone"]


def test_files_of_another_folder(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Only `COPY` takes files from other contexts, and only `ADD` unpacks."""
    away = tmp_path_factory.mktemp("away")
    for name in ("plain.txt", "more.tar"):
        (away / name).write_bytes(b"")
    spec = """\
base: {{debian_slim: "3.12"}}
steps:
  - dockerfile_commands: {{dockerfile_commands: [ADD one /x/], context_files: {{one: {}}}}}
"""
    text = emitted(Case(spec.format(away / "plain.txt"), lambda: None), project)
    assert instructions(text)[-1] == "COPY --from=local-0 plain.txt /x/one"
    with pytest.raises(
        CompileError, match=r"unpacking `more\.tar`, which lies outside of .*, cannot be part of a Docker"
    ):
        emitted(Case(spec.format(away / "more.tar"), lambda: None), project)


def test_a_copy_of_nothing_stays(project: Path) -> None:
    step = "  - dockerfile_commands: {dockerfile_commands: [COPY --chown=1:1 *.none /x/], context_dir: data}\n"
    text = emitted(Case(f'base: {{debian_slim: "3.12"}}\nsteps:\n{step}', lambda: None), project)
    assert instructions(text)[-1] == "COPY --chown=1:1 *.none /x/"


def test_another_escape_becomes_a_backslash_or_is_refused(project: Path) -> None:
    case = Case("base: {dockerfile: Dockerfile}", lambda: None)
    (project / "Dockerfile").write_text("# escape=`\nFROM ubuntu\nRUN a && `\n  b\nCOPY notes.txt `\n  /x/\n")
    assert instructions(emitted(case, project)) == ["FROM ubuntu", "RUN a && \\", "  b", "COPY notes.txt \\", "  /x/"]
    (project / "Dockerfile").write_text("# escape=`\nFROM ubuntu\nRUN a && `\n  echo '\\'\n")
    with pytest.raises(CompileError, match="IS908"):
        emitted(case, project)
