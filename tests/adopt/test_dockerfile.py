"""Every Dockerfile of `tests/adopt/dockerfiles`, and what is read from it: operations in their order, and findings."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagespec.adopt.dockerfile.image import drafts
from imagespec.adopt.spec.sections import adopted
from imagespec.compiler import check_all
from imagespec.spec import operations as ops
from tests.adopt.steps import text_of, well_placed

HERE = Path(__file__).parent / "dockerfiles"
CASES = sorted(path.stem for path in HERE.glob("*.Dockerfile"))


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HERE)


@pytest.mark.parametrize("case", CASES)
def test_what_is_read(case: str, update: bool) -> None:
    said, golden = text_of(drafts(Path(f"{case}.Dockerfile"))), HERE / f"{case}.txt"
    if update:
        golden.write_text(said, encoding="utf-8")
    assert said == golden.read_text(encoding="utf-8")
    well_placed(drafts(Path(f"{case}.Dockerfile")))


def test_every_golden_text_has_a_dockerfile() -> None:
    assert sorted(path.stem for path in HERE.glob("*.txt") if path.stem not in ("requirements", "nested")) == CASES


KNOWN = {
    "conda": ["IS216"],
    "copies-as-written": ["IS216"],
    "copies-expanded": ["IS216"] * 3,
    "adds": ["IS216"] * 2,
    "args-unknown": ["IS104"],
}
"""What `check` finds wrong with some: a file is not there, a base is not known."""


@pytest.mark.parametrize("case", [case for case in CASES if not case.startswith("bad-")])
def test_the_adopted_spec_is_one_that_can_be_compiled(case: str, tmp_path: Path) -> None:
    (draft,) = drafts(Path(f"{case}.Dockerfile"))
    spec = adopted(draft, tmp_path)
    assert spec.findings == tuple(draft.findings())
    (tmp_path / "spec.yaml").write_text(spec.text, encoding="utf-8")
    found = check_all([tmp_path / "spec.yaml"])
    assert [finding.code for finding in found if finding.severity == "error"] == KNOWN.get(case, [])


def test_a_usual_dockerfile_becomes_sections(tmp_path: Path) -> None:
    (draft,) = drafts(Path("typical.Dockerfile"))
    keys = yaml.safe_load(adopted(draft, tmp_path).text)
    assert list(keys) == ["root", "base", "apt", "python", "env", "workdir", "source", "cmd"]
    assert keys["python"] == {"installer": "pip", "requirements": ["requirements.txt"], "options": "--no-cache-dir"}


def test_what_is_no_reference_is_escaped(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text("FROM python:3.12\nENV A=1\nRUN true\nENV A=\\$HOME B='$A \"' C=c\n")
    (draft,) = drafts(path)
    (tmp_path / "spec.yaml").write_text(adopted(draft, tmp_path).text)
    (step,) = yaml.safe_load((tmp_path / "spec.yaml").read_text())["steps"]
    assert step == {"dockerfile_commands": ['ENV A="\\$HOME"', 'ENV B="\\$A \\""', 'ENV C="c"']}
    assert "IS223" not in {finding.code for finding in check_all([tmp_path / "spec.yaml"])}


def test_arguments_that_are_given(tmp_path: Path) -> None:
    (draft,) = drafts(Path("args-unknown.Dockerfile"), build_args={"BASE": "python:3.12", "TOKEN": "t"})
    assert [written.operation for written in draft.operations] == [
        ops.FromRegistry(tag="python:3.12"),
        ops.RunCommands(commands=("echo $TOKEN",), env={"TOKEN": "t"}),
        ops.Env(vars={"T": "t"}),
        ops.RunCommands(commands=("echo $TOKEN again",), env={"TOKEN": "t"}),
    ]
    assert list(draft.findings()) == []
    (whole,) = drafts(Path("stages-copied.Dockerfile"), build_args={"TOKEN": "t"})
    assert [finding.code for finding in whole.findings()] == ["IS955"]


def test_a_context_that_is_given(tmp_path: Path) -> None:
    (tmp_path / "docker").mkdir()
    (tmp_path / "main.py").write_text("")
    (tmp_path / "docker" / "Dockerfile").write_text("FROM python:3.12\nCOPY main.py /app/\n")
    (draft,) = drafts(tmp_path / "docker" / "Dockerfile", context=tmp_path)
    copied = ops.AddLocalFile(local_path=tmp_path / "main.py", remote_path="/app/main.py", copy=True)
    assert (draft.name, draft.root) == ("docker", tmp_path)
    assert [written.operation for written in draft.operations[1:]] == [copied]


@pytest.mark.parametrize(
    ("file", "name"),
    [
        *(("Dockerfile.gpu", "gpu"), ("gpu.dockerfile", "gpu"), ("Dockerfile", "p"), ("Containerfile", "p")),
        *(
            ("Dockerfile-gpu", "gpu"),
            ("dockerfile", "p"),
            ("my.Dockerfile.gpu", "my.gpu"),
            ("Dockerfiles", "Dockerfiles"),
        ),
    ],
)
def test_what_a_draft_is_called(file: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / "p" / file
    path.parent.mkdir()
    path.write_text("FROM python:3.12\n")
    (draft,) = drafts(path)
    assert draft.name == name


def test_without_the_parser_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "e2b_dockerfile_utils", None)
    (finding,) = drafts(Path("plain.Dockerfile"))
    assert (finding.code, finding.hint) == ("IS951", "pip install 'imagespec[adopt]'")  # type: ignore[union-attr]


HOSTILE = {
    "a long line": "FROM x\nRUN " + "a" * 1_000_000 + "\n",
    "a long line of spaces": "FROM x\nRUN a" + " " * 1_000_000 + "b\n",
    "a long line of quotes": "FROM x\nRUN " + "'\"" * 200_000 + "\n",
    "many lines": "FROM x\n" + "RUN a\n" * 10_000,
    "a long continuation": "FROM x\nRUN a" + " \\\n b" * 100_000 + "\n",
    "deep lists": "FROM x\nCMD " + "[" * 100_000 + "\n",
    "deep words": "FROM x\nENV A=" + "${A:-" * 10_000 + "\n",
    "many variables": "FROM x\n" + "ENV A=$A$A\n" * 60,
    "many stages": "".join(f"FROM s{n} AS s{n + 1}\n" for n in range(2_000)),
    "a circle of stages": "FROM b AS a\nFROM a AS b\nFROM b\n",
    "many heredocs": "FROM x\nRUN " + "<<A " * 1000 + "\n" + "A\n" * 1000,
    "a heredoc without end": "FROM x\nRUN <<A\n" + "line\n" * 100_000,
    "unusual line ends": "FROM x\rRUN a\u2028b\x85c\nRUN d\n",
    "only a continuation": "\\",
    "only an escape": "# escape=\n",
    "two escapes": "# escape=`\n# escape=\\\nFROM x\n",
    "the name of a stage twice": "FROM x AS a\nFROM y AS a\nFROM a\n",
    "odd copies": "FROM x\nCOPY ../.. /a\nCOPY / /\nCOPY /etc/passwd .\nCOPY a* [ /\nCOPY '' ''\nADD // //\n",
    "odd names": 'FROM x\nENV "A B"=1 =2\nARG =3\nARG 1 2 3\nENV ${A}=3\n',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_read_or_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text(HOSTILE[name], encoding="utf-8", newline="")
    read = drafts(path)
    well_placed(read)
    if isinstance(read, tuple):
        assert [finding.code for finding in read] == ["IS951"]


PIECES = [
    *("FROM x", "FROM a AS b", "RUN ", "COPY ", "ENV ", "ARG ", "WORKDIR ", "SHELL ", "CMD ", "ADD ", "LABEL "),
    *("USER ", "apt-get install -y git", "pip install six", "--no-install-recommends", "-r requirements.txt"),
    *("--from=b ", "&& ", "<<EOF", "EOF", "\n", "\n", "\n", " \\\n", "=", "'", '"', "$", "{A", "}", ":-", "[", "]"),
    *(",", "#", "A", "/", "."),
]  # fmt: skip


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=80) | st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_no_text_makes_a_traceback(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    for each in (text, f"FROM python:3.12\n{text}"):
        path = tmp_path_factory.mktemp("any") / "Dockerfile"
        path.write_text(each, encoding="utf-8", newline="")
        well_placed(drafts(path))
