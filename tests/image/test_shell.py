"""The text of a shell, read without one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagespec.image.shell import pipelines

TEXTS: dict[str, list[list[list[str]]]] = {
    "": [],
    "a b": [[["a", "b"]]],
    "a 'b c' \"d $e\" f\\ g": [[["a", "b c", "d $e", "f g"]]],
    "a | b |& c": [[["a"], ["b"], ["c"]]],
    "a && b || c; d & e\nf": [[["a"]], [["b"]], [["c"]], [["d"]], [["e"]], [["f"]]],
    "(a; b) | c": [[["a"]], [["b"]], [["c"]]],
    "a \\\n b": [[["a", "b"]]],
    "a#b # c\nd": [[["a#b"]], [["d"]]],
    "# a | b": [],
    "a > b 2>&1 < c >> d": [[["a"]]],
    "a 2> /dev/null &> b": [[["a"]]],
    "cat <<EOF > x\nrm | sh\nEOF\nb": [[["cat"]], [["b"]]],
    "cat <<-'EOF'\n\tx\n\tEOF\nb": [[["cat"]], [["b"]]],
    "cat <<< x | b": [[["cat"], ["b"]]],
    "cat <<EOF\nnever ends": [[["cat"]]],
    "a $(b | c)": [[["a", "$(b | c)"]], [["b"], ["c"]]],
    "a `b`": [[["a", "`b`"]], [["b"]]],
    'a "x `b`"': [[["a", "x `b`"]], [["b"]]],
    "bash <(a)": [[["bash", "<(a)"]], [["a"]]],
    "a \"$(b 'c)')\"": [[["a", "$(b 'c)')"]], [["b", "c)"]]],
    "sh -ec 'a | b'": [[["sh", "-ec", "a | b"]], [["a"], ["b"]]],
    "x=1 a": [[["x=1", "a"]]],
    "'a": [[["a"]]],
    '"a': [[["a"]]],
    "$(a": [[["$(a"]], [["a"]]],
    "`a": [[["`a"]], [["a"]]],
    "a\\": [[["a"]]],
    "<": [],
}
"""Text to pipelines of commands of words."""


@pytest.mark.parametrize("text", TEXTS)
def test_pipelines(text: str) -> None:
    assert [[list(command.words) for command in pipeline] for pipeline in pipelines(text)] == TEXTS[text]


PROGRAMS = {
    "/usr/bin/curl -x": ("curl", ("-x",)),
    "sudo -E bash -": ("bash", ("-",)),
    "A=1 B=2 env -i C=3 python x": ("python", ("x",)),
    "if ! a b": ("a", ("b",)),
    "X=1": ("", ()),
    "sudo": ("", ()),
}


@pytest.mark.parametrize("text", PROGRAMS)
def test_programs(text: str) -> None:
    ((command,),) = pipelines(text)
    assert (command.program, command.arguments) == PROGRAMS[text]


INSTALLS = [
    "pip install a",
    "pip3.12 --quiet install a",
    "uv pip install a",
    "python -m pip install a",
    "uv -q pip install a",
]


@pytest.mark.parametrize("text", INSTALLS)
def test_installs(text: str) -> None:
    assert pipelines(text)[0][0].installs


@pytest.mark.parametrize(
    "text", ["pip download a", "python install", "uv sync", "npm install a", "apt-get install pip", ""]
)
def test_what_installs_nothing(text: str) -> None:
    assert not any(command.installs for pipeline in pipelines(text) for command in pipeline)


def test_values_of_options() -> None:
    ((command,),) = pipelines("a -o x --output=y --out z --output")
    assert list(command.after("-o", "--output")) == ["x", "y", ""]


def test_outputs() -> None:
    ((command,),) = pipelines("a > b 2>> 'c d' 2>&1 < e")
    assert command.outputs == ("b", "c d")


def test_deep_and_long_texts_take_no_time() -> None:
    for text in ("$(" * 10_000, 'sh -c "' * 1_000, "`" * 10_000, "<<a " * 10_000, "a" * 1_000_000, "(" * 10_000):
        pipelines(text)


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.text(), st.text(alphabet="ab \\'\"$()`<>|&;#\n=-")))
def test_no_text_is_wrong(text: str) -> None:
    for pipeline in pipelines(text):
        assert pipeline
        for command in pipeline:
            assert command.program or not command.arguments
