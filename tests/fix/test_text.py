"""Every kind of edit in every style of YAML: the text before, the text after, and nothing else changed."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from imagespec.diagnostic import Add, Edit, Remove, Rename, Replace, Source
from imagespec.fix.layout import Written
from imagespec.fix.place import follow
from imagespec.fix.text import rewritten
from imagespec.fix.values import Map, Refused, edited, value_of
from imagespec.spec.source import compose


def apply(text: str, edit: Edit) -> str:
    """The text with an edit, which must read back as the value with that edit."""
    top = compose(Source(Path("spec.yaml"), text))
    assert isinstance(top, yaml.MappingNode)
    path, rest = follow(top, edit.route)
    assert not rest or isinstance(edit, Add)
    after = rewritten(Written(text, top), path, edit, rest)
    again = compose(Source(Path("spec.yaml"), after))
    assert isinstance(again, yaml.MappingNode)
    assert value_of(again) == edited(value_of(top), path, edit, rest)
    return after


CASES: dict[str, tuple[Edit, str, str]] = {
    # ---------------------------------------------------------------------------------------- remove
    "a section": (Remove(("a",)), "a: 1\nb: 2\n", "b: 2\n"),
    "the last section, no newline": (Remove(("b",)), "a: 1\nb: 2", "a: 1\n"),
    "its own comment goes": (Remove(("b",)), "a: 1\n# above\nb: 2 # beside\n# below\n", "a: 1\n# above\n# below\n"),
    "a key": (Remove(("a", "y")), "a:\n  x: 1\n  y: 2\nb: 3\n", "a:\n  x: 1\nb: 3\n"),
    "the only key": (Remove(("a", "x")), "a:\n  x: 1\nb: 3\n", "b: 3\n"),
    "the only key of an item": (Remove(("a", 0, "x")), "a:\n  - x: 1\n  - y: 1\n", "a:\n  - y: 1\n"),
    "a block below it": (Remove(("a",)), "a:\n  - 1 # one\n  - x: |\n      t\n\nb: 3\n", "\nb: 3\n"),
    "an item": (Remove(("a", 1)), "a:\n- 1\n- 2\n- 3\n", "a:\n- 1\n- 3\n"),
    "an item of several lines": (Remove(("a", 0)), "a:\n  - x: 1\n\n    y: 2\n  - z: 3\n", "a:\n  - z: 3\n"),
    "an item below its dash": (Remove(("a", 1)), "a:\n  - 1\n  -\n    x: 1\n", "a:\n  - 1\n"),
    "the first key of an item": (Remove(("a", 0, "x")), "a:\n  - x: 1\n    y: 2\n", "a:\n  - y: 2\n"),
    "the first key, a comment below": (
        Remove(("a", 0, "x")),
        "a:\n  - x: 1 # one\n    # two\n    y: 2\n",
        "a:\n  -\n    # two\n    y: 2\n",
    ),
    "the first key, no comment": (Remove(("a", 0, "x")), "a:\n- x: '#'\n  y: 2\n", "a:\n- y: 2\n"),
    "a text in a block": (Remove(("a",)), "a: |\n  x\n  y\n# c\nb: 1\n", "# c\nb: 1\n"),
    "a comment inside stays": (
        Remove(("a", "x")),
        "a:\n  x: # key\n    # under\n    1 # value\n  y: |\n    # text\n",
        "a:\n    # under\n  y: |\n    # text\n",
    ),
    "a text that looks like a comment goes": (
        Remove(("a",)),
        "a:\n  - |\n    # text\n  # c\n  - 1\nb: 1\n",
        "  # c\nb: 1\n",
    ),
    "a key with CRLF": (Remove(("a", "x")), "a:\r\n  x: 1 # c\r\n  y: 2\r\n", "a:\r\n  y: 2\r\n"),
    "in brackets, the first": (Remove(("a", 0)), "a: [1, 2, 3]\n", "a: [2, 3]\n"),
    "in brackets, the middle": (Remove(("a", 1)), "a: [1, 2, 3] # c\n", "a: [1, 3] # c\n"),
    "in brackets, the last": (Remove(("a", 2)), "a: [1, 2, 3]\n", "a: [1, 2]\n"),
    "in brackets, the last, a comma": (Remove(("a", 1)), "a: [1, 2, ]\n", "a: [1, ]\n"),
    "in brackets, the only one": (Remove(("a", 0)), "a: [1]\nb: 1\n", "b: 1\n"),
    "in brackets over lines": (
        Remove(("a", 1)),
        "a: [\n  1, # one\n  2, # two, 2\n  3 # three\n]\n",
        "a: [\n  1, # one\n  3 # three\n]\n",
    ),
    "in brackets over lines, the last": (Remove(("a", 1)), "a: [\n  1, # one\n  2\n]\n", "a: [\n  1, # one\n]\n"),
    "in brackets, the last below": (Remove(("a", 1)), "a: [1,\n    2]\n", "a: [1]\n"),
    "in brackets, a comment kept": (Remove(("a", 1)), "a: [1, # one\n    2]\n", "a: [1 # one\n    ]\n"),
    "in brackets, end of a line": (Remove(("a", 1)), "a: [1, 2,\n    3]\n", "a: [1,\n    3]\n"),
    "in braces": (Remove(("a", "y")), "a: {x: 1, y: [2, 3], z: 4}\n", "a: {x: 1, z: 4}\n"),
    "in braces, quoted": (Remove(("a", "y")), 'a: {"x": 1, "y": "},"}\n', 'a: {"x": 1}\n'),
    "in braces in brackets": (Remove(("a", 0, "y")), "a: [{x: 1, y: 2}, {y: 2}]\n", "a: [{x: 1}, {y: 2}]\n"),
    "wide characters before it": (Remove(("a", 1)), "a: ['日本', 🎉, é]\n", "a: ['日本', é]\n"),
    "of a list in short": (Remove(("python", "packages", 0)), "python: [a, b]\n", "python: [b]\n"),
    "all of a scalar in short": (Remove(("run", "commands", 0)), "run: x\nb: 1\n", "b: 1\n"),
    # --------------------------------------------------------------------------------------- replace
    "plain": (Replace(("a",), "w"), "a: x # c\n", "a: w # c\n"),
    "plain that needs quotes": (Replace(("a",), "3.10"), "a: 3.10 # c\n", 'a: "3.10" # c\n'),
    "quotes stay": (Replace(("a",), "it's"), "a: 'x'\n", "a: 'it''s'\n"),
    "double quotes stay": (Replace(("a",), 'a "b" \\'), 'a: "x"\n', 'a: "a \\"b\\" \\\\"\n'),
    "truth": (Replace(("a",), True), 'a: "yes"\n', "a: true\n"),
    "a number": (Replace(("a", "b"), 60), 'a: {b: "60"}\n', "a: {b: 60}\n"),
    "text for a list": (Replace(("a",), ["x"]), "a: x\n", "a: [x]\n"),
    "a list for text": (Replace(("a",), "x"), "a:\n  - x\nb: 1\n", "a: x\nb: 1\n"),
    "a list in brackets": (Replace(("a",), "x"), "a: [x]\n", "a: x\n"),
    "in brackets": (Replace(("a", 1), "no"), "a: [git, no]\n", 'a: [git, "no"]\n'),
    "a block of text": (Replace(("a",), "x"), "a: |\n  y\n\nb: 1\n", "a: x\n\nb: 1\n"),
    # ---------------------------------------------------------------------------------------- rename
    "a key for another": (Rename(("a",), "b"), "a: # c\n  x: 1\n", "b: # c\n  x: 1\n"),
    "a key in quotes": (Rename(("a", "x"), "y"), 'a: {"x": 1}\n', 'a: {"y": 1}\n'),
    "a key that needs quotes": (Rename(("a", "1"), "1"), "a:\n  1: x\n", 'a:\n  "1": x\n'),
    "the key of a step": (Rename(("s", 0, "a"), "b"), "s:\n  - a: [1]\n", "s:\n  - b: [1]\n"),
    # ------------------------------------------------------------------------------------------- add
    "an item to a block": (Add(("a",), "w"), "a:\n  - x\nb: 1\n", "a:\n  - x\n  - w\nb: 1\n"),
    "an item as its neighbours": (Add(("a",), "w"), 'a:\n- "x"\n', 'a:\n- "x"\n- "w"\n'),
    "an item, no newline": (Add(("a",), "w"), "a:\n  - x", "a:\n  - x\n  - w"),
    "an item, a comment beside": (Add(("a",), "w"), "a:\n  - x # c\n  # d\n", "a:\n  - x # c\n  - w\n  # d\n"),
    "an item with CRLF": (Add(("a",), "w"), "a:\r\n  - x\r\n", "a:\r\n  - x\r\n  - w\r\n"),
    "an item that is a map": (
        Add(("a",), {"file": "x", "to": "/x"}),
        "a:\n  - package: p\n    copy: true\n",
        "a:\n  - package: p\n    copy: true\n  - file: x\n    to: /x\n",
    ),
    "a map beside maps in braces": (Add(("a",), {"x": "w"}), "a:\n  - {x: z}\n", "a:\n  - {x: z}\n  - {x: w}\n"),
    "to brackets": (Add(("a",), "w"), "a: [x] # c\n", "a: [x, w] # c\n"),
    "to brackets, a comma": (Add(("a",), "w"), "a: [x,]\n", "a: [x, w,]\n"),
    "to empty brackets": (Add(("a",), "w"), "a: []\n", "a: [w]\n"),
    "to brackets over lines": (Add(("a",), "w"), "a: [\n  x # c\n]\n", "a: [\n  x, # c\n  w\n]\n"),
    "to brackets over lines, a comma": (Add(("a",), "w"), "a: [\n  x, # c\n]\n", "a: [\n  x, # c\n  w,\n]\n"),
    "to a list in short": (Add(("python", "packages"), "b==1"), "python: [a]\n", "python: [a, b==1]\n"),
    "a key more": (Add(("env",), "1", "B"), "env:\n  A: x\n", 'env:\n  A: x\n  B: "1"\n'),
    "a key in braces": (Add(("env",), "1", "B"), "env: {A: x}\n", 'env: {A: x, B: "1"}\n'),
    "a key of an item": (
        Add(("source", 0, "ignore"), "*.pt"),
        "source:\n  - dir: x\n", 'source:\n  - dir: x\n    ignore: ["*.pt"]\n',
    ),
    "a section more": (Add(("apt",), "wget"), "base: x\nenv:\n  A: x\n", "base: x\napt: [wget]\nenv:\n  A: x\n"),
    "a section of maps": (
        Add(("source",), {"package": "training"}),
        "base: x\n",
        "base: x\nsource:\n  - package: training\n",
    ),
    "a section below its comment": (
        Add(("apt",), "wget"),
        "base:\n  x: 1\n  # c\n\nenv: {}\n",
        "base:\n  x: 1\n  # c\napt: [wget]\n\nenv: {}\n",
    ),
    "a section with its key": (
        Add(("python", "packages"), "a==1"),
        "base: x",
        "base: x\npython:\n  packages: [a==1]",
    ),
    "below an anchor": (
        Add(("a",), {"x": "w"}),
        "a: &a # c\n  - &b {x: z}\n",
        "a: &a # c\n  - &b {x: z}\n  - {x: w}\n",
    ),
    "a key below an anchor": (Add(("a",), "1", "B"), "a: &a\n  &k x: z\n", 'a: &a\n  &k x: z\n  B: "1"\n'),
    "a key beside an anchor": (Add(("a",), "w", "b"), "a:\n  &k x: z\n", "a:\n  &k x: z\n  b: w\n"),
    "to JSON": (
        Add(("a",), {"x": "é", "y": [True]}),
        '{"a": [{"x": "z"}]}',
        '{"a": [{"x": "z"}, {"x": "é", "y": [true]}]}',
    ),
    "a section of JSON": (Add(("apt",), "wget"), '{\n  "base": "x"\n}\n', '{\n  "base": "x",\n  "apt": ["wget"]\n}\n'),
    "JSON for JSON": (Replace(("a",), "w"), '{"a": ["x"]}', '{"a": "w"}'),
    "a section in braces": (Add(("apt",), "wget"), "{base: x}\n", "{base: x, apt: [wget]}\n"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_edit(case: str) -> None:
    edit, before, after = CASES[case]
    assert apply(before, edit) == after


NOT_POSSIBLE = {
    "nothing left": (Remove(("a",)), "a: 1\n"),
    "two dashes": (Remove(("a", 0, 0)), "a:\n  - - 1\n    - 2\n"),
    "scalar for a list": (Add(("a",), "w"), "a: x\n"),
    "section in short": (Add(("python",), "1", "uv"), "python: [a]\n"),
    "comment inside": (Replace(("a",), "x"), "a:\n  - x # c\n  - y\n"),
    "key is there": (Rename(("a",), "b"), "a: 1\nb: 2\n"),
    "a comment of its own in brackets": (Remove(("a", "x")), "a: {x: [1,\n    # c\n    2], y: 1}\n"),
    "a comment of its own behind a dash": (Remove(("a", 0, "x")), "a:\n  - x: # c\n      # d\n      1\n    y: 2\n"),
    "no list": (Add(("a",), "w"), "a:\n"),
}


@pytest.mark.parametrize("case", NOT_POSSIBLE)
def test_refused(case: str) -> None:
    edit, text = NOT_POSSIBLE[case]
    with pytest.raises(Refused):
        apply(text, edit)


def test_a_block_of_text_without_a_line_end_says_why() -> None:
    with pytest.raises(Refused, match="end its last line"):
        apply("base: x\nenv:\n  A: |\n    x", Add(("source",), "w"))


def test_maps_are_equal_in_any_order() -> None:
    one, other = (value_of(yaml.compose(text)) for text in ("{a: 1, b: [1, 2]}", "{b: [1, 2], a: 1}"))
    assert isinstance(one, Map)
    assert one == other
    assert hash(one) == hash(other)
    assert one != value_of(yaml.compose("{b: [2, 1], a: 1}"))
    assert one != value_of(yaml.compose("{b: [1, 2], a: '1'}"))
