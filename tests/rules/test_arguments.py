"""Arguments that Modal refuses without naming them, and their twins that it takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagespec.rules.arguments import GPUS

from .conftest import DIGEST, Check


@pytest.mark.parametrize("gpu", ["A1000", "RTX4090", ":2", ""])
def test_gpus(found: Check, gpu: str) -> None:
    assert found(f"gpus: ['{gpu}']") == [("IS226", 2, 8)]
    assert found(f"function: {{call: 'pkg.tools:prepare', gpu: [T4, '{gpu}']}}") == [("IS226", 2, 49)]


@pytest.mark.parametrize("gpu", ["T4:0", "T4:9", "T4:²", "T4:", "T4:x", "T4:1:1", "T4: 1"])
def test_numbers_of_gpus(found: Check, gpu: str) -> None:
    assert found(f"gpus: ['{gpu}']") == [("IS233", 2, 8)]
    assert found(f"run: {{commands: [a], gpu: '{gpu}'}}") == [("IS233", 2, 27)]


def test_gpus_that_modal_has(found: Check) -> None:
    assert found(f"gpus: {[*GPUS, 't4', 'h100:8']}") == []
    assert found("function: {call: 'pkg.tools:prepare', gpu: [T4, any]}") == []


@pytest.mark.parametrize("key", ["run: {commands: [a]", "function: {call: 'pkg.tools:prepare'"])
def test_a_volume_at_two_places(found: Check, key: str) -> None:
    assert found(f"{key}, volumes: {{/a: data, /b: data}}}}") == [("IS234", 2, len(key) + 23)]
    assert found(f"{key}, volumes: {{/a: data, /b: other}}}}") == []


NUMBERS = {"cpu": (["0", "-1", "1.0e+9"], ["0.5", "8"]), "memory": (["0", "-1", "10000000000"], ["128"])}
NUMBERS |= {"timeout": (["0", "-1", "86401", "9" * 30], ["1", "86400"])}


@pytest.mark.parametrize("field", NUMBERS)
def test_numbers(found: Check, field: str) -> None:
    bad, good = NUMBERS[field]
    spec = f"function: {{call: 'pkg.tools:prepare', {field}: %s}}"
    assert {number: found(spec % number) for number in bad} == {n: [("IS235", 2, 41 + len(field))] for n in bad}
    assert {number: found(spec % number) for number in good} == {n: [] for n in good}


BAD = ["[", "a[b", "[z-a]", "!", " ! ", "[a", "[]"]
GOOD = ["*.pyc", "**/x", "!a", "[a-z]", "\\\\[", "a(b", "a+b", "{a}", "^$", "", "a\\\\"]


def test_patterns(found: Check) -> None:
    for sources in ('source: [{dir: other, to: /a, ignore: ["%s"]}]', 'source: [{package: pkg, ignore: ["%s"]}]'):
        place = ("IS236", 2, sources.index('"%s"') + 1)
        assert {pattern: found(sources % pattern) for pattern in BAD} == {pattern: [place] for pattern in BAD}
        assert {pattern: found(sources % pattern) for pattern in GOOD} == {pattern: [] for pattern in GOOD}


def test_patterns_are_those_of_modal() -> None:
    from modal.file_pattern_matcher import FilePatternMatcher

    for pattern in BAD:
        with pytest.raises(ValueError, match="pattern"):
            FilePatternMatcher(pattern)(Path("x"))
    for pattern in GOOD:
        FilePatternMatcher(pattern.replace("\\\\", "\\"))(Path("x"))


INSTRUCTIONS = {
    "apt-get update": "`RUN apt-get …` runs a command",
    "RUNN make": "did you mean `RUN`?",
    "- x": "`RUN - …` runs a command",
    "run make": None,
    "RUN make \\\\\n  make": None,
    "# apt-get": None,
    "RUN <<EOF\nmake\nEOF": None,
    "ENV A=b": None,
}


@pytest.mark.parametrize("line", INSTRUCTIONS)
def test_instructions(project: Path, found: Check, line: str) -> None:
    wrong = INSTRUCTIONS[line] is not None
    assert found(f"steps: [{{dockerfile_commands: [USER a, {line!r}]}}]".replace("\\n", "\n\n  ")) == (
        [("IS237", 2, 40)] if wrong else []
    )
    setup = f"base: {{registry: {{image: 'ubuntu{DIGEST}', setup: [{line!r}]}}}}".replace("\\n", "\n\n  ")
    assert [code for code, *_ in found(setup)] == (["IS237"] if wrong else [])
    (project / "Dockerfile").write_text(f"FROM ubuntu{DIGEST}\n\n{line.replace(chr(92) * 2, chr(92))}\n")
    assert found("base: {dockerfile: Dockerfile}") == ([("IS237", 3, 1)] if wrong else [])


@pytest.mark.parametrize("command", ["", "  ", "\\n"])
def test_empty_commands(found: Check, command: str) -> None:
    assert found(f'run: [a, "{command}"]') == [("IS237", 2, 10)]
    assert found('run: [a, "b"]') == []
