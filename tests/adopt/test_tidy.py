"""`--tidy`: sections wherever they can be, and no command, install or container that sees another image for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagespec.adopt.draft import Draft, Written
from imagespec.adopt.readers import drafts
from imagespec.adopt.spec.sections import adopted
from imagespec.compiler import check_all
from imagespec.diagnostic import Source, Span
from imagespec.image.lower import lower
from imagespec.spec import operations as ops
from imagespec.spec.parse import Parsed, parse

SPAN = Span(Source(Path("app.py")))


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text(name)
    return tmp_path


def written(chain: str) -> str:
    """What a chain is tidied to, without the lines above its base."""
    Path("app.py").write_text(f'import modal\nimage = modal.Image.debian_slim("3.12"){chain}\n')
    found = drafts(Path("app.py"))
    assert isinstance(found, list)
    text = adopted(found[0], Path(), tidy=True).text
    return text.partition('debian_slim: "3.12"\n')[2]


TIDIED = {
    "a variable that a command saw": (
        '.env({"A": "1"}).run_commands("a").env({"A": "2"})',
        'env:\n  A: "1"\nrun: [a]\nsteps:\n  - env: {A: "2"}\n',
    ),
    "variables that nobody saw": (
        '.env({"A": "1"}).env({"B": "2"}).pip_install("six").env({"HF_HOME": "/m"})',
        'env:\n  A: "1"\n  B: "2"\n  HF_HOME: /m\nsteps:\n  - pip_install: [six]\n',
    ),
    "variables that no install reads": (
        '.env({"HF_HOME": "/m"}).pip_install("six")',
        "python:\n  installer: pip\n  packages: [six]\nenv:\n  HF_HOME: /m\n",
    ),
    "a working directory that is made on the way": (
        '.workdir("/a").workdir("/b")',
        "workdir: /a\nsteps:\n  - workdir: /b\n",
    ),
    "apt after its repository": (
        '.run_commands("add").apt_install("x")',
        "run: [add]\nsteps:\n  - apt_install: [x]\n",
    ),
    "apt after packages": (
        '.pip_install("six").apt_install("git")',
        "apt: [git]\npython:\n  installer: pip\n  packages: [six]\n",
    ),
    "packages after apt": (
        '.run_commands("add").apt_install("git").pip_install("six")',
        "run: [add]\nsteps:\n  - apt_install: [git]\n  - pip_install: [six]\n",
    ),
    "packages of two installs": (
        '.pip_install("six").pip_install("tqdm")',
        "python:\n  installer: pip\n  packages: [six, tqdm]\n",
    ),
    "one package twice": (
        '.pip_install("six==1.16").pip_install("Six==1.17")',
        "python:\n  installer: pip\n  packages: [six==1.16]\nsteps:\n  - pip_install: [Six==1.17]\n",
    ),
    "a command that uses a copied file": (
        '.add_local_file("a.py", "/x", copy=True).run_commands("python /x").pip_install("six")',
        "steps:\n  - add_local_file: {local_path: a.py, remote_path: /x, copy: true}\n"
        "  - run_commands: [python /x]\n  - pip_install: [six]\n",
    ),
    "a copy that an install does not see": (
        '.add_local_file("a.py", "/x/a.py", copy=True).pip_install("six")',
        "python:\n  installer: pip\n  packages: [six]\nsource:\n  - {file: a.py, to: /x/a.py, copy: true}\n",
    ),
    "an entrypoint that takes the command away": (
        '.cmd(["c"]).entrypoint(["e"])',
        "steps:\n  - cmd: [c]\n  - entrypoint: [e]\n",
    ),
    "the frontend of apt": (
        '.env({"DEBIAN_FRONTEND": "noninteractive"}).apt_install("x")',
        "env:\n  DEBIAN_FRONTEND: noninteractive\nsteps:\n  - apt_install: [x]\n",
    ),
    "two files to one place": (
        '.add_local_file("a.py", "/x", copy=True).add_local_file("b.py", "/x", copy=True).entrypoint(["e"])',
        "steps:\n  - add_local_file: {local_path: a.py, remote_path: /x, copy: true}\n"
        "  - add_local_file: {local_path: b.py, remote_path: /x, copy: true}\nentrypoint: [e]\n",
    ),
    "two files into one folder": (
        '.add_local_file("a.py", "/x/", copy=True).add_local_file("b.py", "/x/", copy=True)',
        "source:\n  - {file: a.py, to: /x/, copy: true}\n  - {file: b.py, to: /x/, copy: true}\n",
    ),
}


@pytest.mark.parametrize(("chain", "text"), TIDIED.values(), ids=TIDIED)
def test_what_goes_into_sections(chain: str, text: str) -> None:
    assert written(chain) == text


def test_two_files_at_one_place_are_no_error_that_was_not_there(project: Path) -> None:
    (project / "spec.yaml").write_text('base: {debian_slim: "3.12"}\n' + written(TIDIED["two files to one place"][0]))
    assert "IS232" not in {finding.code for finding in check_all([project / "spec.yaml"])}


def test_a_dockerfile_keeps_its_order(project: Path) -> None:
    lines = "RUN apt-get update && apt-get install -y curl\nRUN add-repository\n"
    (project / "Dockerfile").write_text(
        f"FROM python:3.12\n{lines}RUN apt-get update && apt-get install -y xtool\nCOPY a.py /x/\nRUN python /x/a.py\n"
    )
    (draft,) = drafts(project / "Dockerfile")
    tidied = adopted(draft, project, tidy=True)
    assert tidied == adopted(draft, project)
    assert tidied.text.endswith(
        "apt: [curl]\nrun: [add-repository]\nsteps:\n  - apt_install: [xtool]\n"
        "  - add_local_file: {local_path: a.py, remote_path: /x/a.py, copy: true}\n  - run_commands: [python /x/a.py]\n"
    )


# ------------------------------------------------------------------------------------------ random chains


@dataclass
class Machine:
    """What a build has made so far, and what each of its steps saw of it."""

    env: dict[str, str] = field(default_factory=dict)
    folders: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    installed: set[str] = field(default_factory=set)
    commands: tuple[str, ...] = ()
    start: tuple[Any, Any] = (None, None)
    saw: dict[str, Any] = field(default_factory=dict)

    def does(self, operation: ops.AnyOperation) -> None:
        match operation:
            case ops.Env(vars=variables):
                self.env |= variables
            case ops.Workdir(path=path):
                self.folders += (path,)
            case ops.AddLocalFile(local_path=path, remote_path=to):
                self.files[to] = path.name
            case ops.AptInstall(packages=names) | ops.PipInstall(packages=names):
                variables = {name: value for name, value in self.env.items() if name != "HF_HOME"}
                for name in names:
                    self.saw[name] = (variables, self.commands)
                self.installed |= set(names)
            case ops.RunCommands(commands=commands):
                for command in commands:
                    self.saw[command] = (dict(self.env), self.folders, dict(self.files), set(self.installed))
                    self.commands += (command,)
            case ops.Entrypoint(entrypoint_commands=words):
                self.start = (words, None)
            case ops.Cmd(cmd=words):
                self.start = (self.start[0], words)
            case _:
                raise AssertionError(operation)


def built(operations: Iterable[ops.AnyOperation]) -> Machine:
    machine = Machine()
    for operation in operations:
        machine.does(operation)
    return machine


KIND = st.sampled_from(["env", "hf", "workdir", "file", "apt", "pip", "run", "run", "entrypoint", "cmd"])


def operation(kind: str, number: int, few: int, root: Path) -> ops.AnyOperation:
    """One whose effect no other has; `few` repeats, so that they replace one another."""
    match kind:
        case "env":
            return ops.Env(vars={f"A{few}": str(number)})
        case "hf":
            return ops.Env(vars={"HF_HOME": str(number)})
        case "workdir":
            return ops.Workdir(path=f"/w{number}")
        case "file":
            return ops.AddLocalFile(local_path=root / f"{'ab'[number % 2]}.py", remote_path=f"/x/{few}", copy=True)
        case "apt":
            return ops.AptInstall(packages=(f"apt{number}",))
        case "pip":
            return ops.PipInstall(packages=(f"pip{number}",))
        case "run":
            return ops.RunCommands(commands=(f"run {number}",))
        case "entrypoint":
            return ops.Entrypoint(entrypoint_commands=(f"e{number}",))
        case _:
            return ops.Cmd(cmd=(f"c{number}",))


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kinds=st.lists(st.tuples(KIND, st.integers(0, 2)), max_size=9))
def test_nothing_sees_another_image(project: Path, kinds: list[tuple[str, int]]) -> None:
    chain = [operation(kind, number, few, project) for number, (kind, few) in enumerate(kinds)]
    base = ops.DebianSlim(python_version="3.12")
    draft = Draft(name="image", operations=tuple(Written(each, SPAN) for each in (base, *chain)), root=project)
    path = project / "tidied.yaml"
    path.write_text(adopted(draft, project, tidy=True).text)
    parsed = parse(path)
    assert isinstance(parsed, Parsed)
    assert built(layer.operation for layer in lower(parsed).layers[1:]) == built(chain)
