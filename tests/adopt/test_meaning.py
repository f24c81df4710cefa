"""Random programs: what is read of one is what Python makes of it, or said to be unknown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from imagespec.adopt.modal.images import drafts
from imagespec.spec import operations as ops

EXPRESSION = st.recursive(
    st.sampled_from(
        ["'p'", "'q'", "x", "y", "n", "f'{x}-{n}'", "unknown", "'b' if flag else 'c'", "g(x)", "x[0]", "h()"]
    ),
    lambda inner: (
        st.builds("{} + {}".format, inner, inner)
        | st.builds("({} or {})".format, inner, inner)
        | st.builds("({} if n > 1 else {})".format, inner, inner)
    ),
    max_leaves=3,
)
LIST = st.sampled_from(["l", "[*l, x]", "[c for c in 'ab']", "sorted(l)", "l[:1]", "list(d)", "[*d.values()]"])
SIMPLE = st.one_of(
    st.builds("{} = {}".format, st.sampled_from("xy"), EXPRESSION),
    st.builds("l.append({})".format, EXPRESSION),
    st.builds("l = {}".format, LIST),
    st.builds("l += {}".format, LIST),
    st.builds("d[{}] = {}".format, EXPRESSION, EXPRESSION),
    st.builds("image.add({})".format, EXPRESSION).map(lambda text: text.replace(".add(", ".pip_install(", 1)),
    st.builds("image = image.pip_install({})".format, EXPRESSION),
    st.builds("image = image.pip_install(*{})".format, LIST),
    st.builds("image = k(image, {})".format, EXPRESSION),
    st.sampled_from(["n += 1", "x, y = y, x", "l, m = m, l", "m = l", "n = len(l)", "bump()"]),
)
WITH_BODY = [
    "if flag:",
    "if not flag:",
    "if n > 1:",
    "if x == 'p':",
    "for x in ['1', '2']:",
    "for y in l[:3]:",
    "for _ in unknowns:",
]


def _indented(body: list[str]) -> str:
    return "\n".join(f"    {line}" for each in body for line in each.split("\n"))


STATEMENT = st.recursive(
    SIMPLE,
    lambda inner: st.builds(
        lambda head, body, other, end: (
            f"{head}\n{_indented(body)}{end if head[0] == 'f' else ''}"
            + (f"\nelse:\n{_indented(other)}" if other else "")
        ),
        st.sampled_from(WITH_BODY),
        st.lists(inner, min_size=1, max_size=3),
        st.lists(inner, max_size=2),
        st.sampled_from(
            ["", "\n    if flag: break", "\n    if n > 1: continue\n    n += 1", "\n    if x == '1': break"]
        ),
    ),
    max_leaves=4,
)

START = """\
import modal
from somewhere import flag, unknown, unknowns

n, x, y, l, m, d = 1, "s", "t", ["i", "j"], [], {"k": "v"}


def g(a, b=x):
    if flag:
        return a + "1"
    return b + "2"


def h():
    return x


def k(i, p):
    for c in (p, "z"):
        if c == "q":
            return i
        i = i.pip_install(c)
    return i


def bump():
    global n
    n += 1


image = modal.Image.debian_slim("3.12")
"""


class Image:
    """What each call of a chain was given."""

    def __init__(self, *calls: tuple[str, ...]) -> None:
        self.calls = calls

    def pip_install(self, *packages: str) -> Image:
        return Image(*self.calls, packages)


def executed(program: str, flag: bool) -> Any:
    """The calls that Python makes, where the unknown is known; nothing where it raises."""
    names: dict[str, Any] = {"flag": flag, "unknown": "u", "unknowns": ["1"] if flag else []}
    names["modal"] = type("modal", (), {"Image": type("Image", (), {"debian_slim": staticmethod(lambda _: Image())})})
    source = "\n".join(line for line in program.splitlines() if not line.startswith(("import", "from")))
    try:
        exec(source, names)
    except Exception:
        return None
    return names["image"].calls


@settings(deadline=None, max_examples=400)
@given(body=st.lists(STATEMENT, min_size=1, max_size=6))
def test_what_is_read_is_what_python_does(tmp_path_factory: Any, body: list[str]) -> None:
    program = START + "\n".join(body) + "\n"
    path: Path = tmp_path_factory.getbasetemp() / "program.py"
    path.write_text(program)
    found = drafts(path)
    assert isinstance(found, list)
    (draft,) = found
    truth = [calls for calls in (executed(program, True), executed(program, False)) if calls is not None]
    if not truth or list(draft.findings()):
        return
    read = [each.operation.packages for each in draft.operations if isinstance(each.operation, ops.PipInstall)]
    for calls in truth:
        assert list(calls) == read
