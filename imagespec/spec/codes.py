"""IS1xx: what can be wrong with the shape of a spec, explained."""

from __future__ import annotations

from imagespec.diagnostic import Code

UNKNOWN_KEY = Code(
    "IS101",
    "error",
    """A key that the language does not have.

    A misspelt key would otherwise be left out in silence, and the image would lack what it asked for.

    Use instead: the key that the finding names, or one of those that `imagespec schema` lists.
    """,
    fixable=True,
)
DUPLICATE_KEY = Code(
    "IS102",
    "error",
    """The same key twice in one map.

    YAML readers keep the last one and drop the first without a word, and with it what it asked for.

    Use instead: one key that holds both values.
    """,
    fixable=True,
)
WRONG_TYPE = Code(
    "IS103",
    "error",
    """A value of the wrong type.

    A list stands where text is needed, text where a list is needed, and so on. Nothing is converted in silence.

    Use instead: the form that the finding names.
    """,
    fixable=True,
)
MISSING = Code(
    "IS104",
    "error",
    """Something that is needed is not there.

    Every image needs a base, a Dockerfile needs its path, a file that is added needs a place to go.

    Use instead: add the key that the finding names. A spec that is only there to be extended has a name that begins
    with `_`, and may lack a base.
    """,
)
TRAP = Code(
    "IS105",
    "error",
    """A value that YAML reads as something else than it looks like.

    YAML 1.1 reads `3.10` as the number 3.1, `no` and `off` as false, `1` as a number, `2026-01-01` as a date and
    `1:30` as ninety; typographic quotes are part of the text. An environment variable or a Python version would be
    another than the one written.

    Use instead: straight quotes, `"3.10"`.
    """,
    fixable=True,
)
SYNTAX = Code(
    "IS106",
    "error",
    """The file is not valid YAML.

    Use instead: the finding shows where the reader stopped; the mistake is there or just before. Most often it is the
    indentation, a tab, or a value with `: ` or ` #` in it that needs quotes.
    """,
)
UNREADABLE = Code(
    "IS107",
    "error",
    """A spec, or a file that it extends, cannot be read.

    It, or the folder that `root` names, does not exist; it is a folder, no UTF-8 text, or larger than a spec can be; or
    its permissions forbid it.

    Use instead: what the finding says.
    """,
)
EXTENDS = Code(
    "IS108",
    "error",
    """`extends` leads back to a spec that is being extended.

    Then no spec comes first, and nothing can override anything.

    Use instead: put what the specs share into a partial spec (a name that begins with `_`), and extend that.
    """,
)
ONE_OF = Code(
    "IS109",
    "error",
    """Exactly one key belongs here.

    An image has one base, a step calls one method, a source is a package, a file or a folder.

    Use instead: keep one of the keys; further steps and sources are further items of their lists.
    """,
)
TOO_MUCH = Code(
    "IS110",
    "error",
    """The YAML is nested too deeply, or its aliases multiply into too many values.

    No image needs it, and a file that is made this way exhausts the memory of whoever reads it.

    Use instead: write the values out, or share them through `extends`.
    """,
)
NO_VALUE = Code(
    "IS111",
    "error",
    """A key without a value.

    YAML reads it as null. Whether nothing is wanted, or a value was forgotten, or all lines below were commented out,
    cannot be known.

    Use instead: remove the key, or write `[]`, `{}` or `""`.
    """,
)
UNUSED_IGNORE = Code(
    "IS112",
    "warning",
    """An ignore comment that silences nothing.

    The finding that it was written for is gone, or the code is misspelt. Left there, it would hide the next one.
    `# imagespec: ignore[IS301, IS503]` silences these findings on its line or, where it has a line to itself, on the
    next.

    Use instead: remove the comment, or correct the code. Findings of the shape of a file (IS1xx) cannot be silenced.
    """,
)
YAML_FEATURE = Code(
    "IS113",
    "error",
    """A feature of YAML that the language does not use.

    Tags (`!!set`, `!secret`), merge keys (`<<`) and several documents in a file mean different things to different
    readers.

    Use instead: plain values; `extends` to share them; a file for each spec.
    """,
)
CHOICE = Code(
    "IS114",
    "error",
    """A value that is none of those that may stand here.

    Use instead: one of those that the finding lists.
    """,
)

NO_EFFECT = Code(
    "IS115",
    "warning",
    """A key that has no effect.

    What it belongs to is missing, or does not look at it: a version of uv where pip installs, an index where nothing
    is installed from one. Whoever wrote it expected something of it.

    Use instead: remove it, or add what it belongs to. In a partial spec, which only others complete, it is fine.
    """,
)

NAME = Code(
    "IS116",
    "error",
    """A spec whose file has a name that no image can have.

    The name of the file is the name of the image. It stands in file names, in comments of what `compile` prints, and on
    command lines.

    Use instead: letters, digits, `_`, `-`, `+`, `.` and spaces, the first of them a letter, a digit or `_`.
    """,
)

UNFINISHED = Code(
    "IS117",
    "warning",
    """Something that `imagespec adopt` could not bring into the spec, and nobody has since.

    Where the code that a spec was adopted from does more than the spec can say, a comment that begins with `# TODO`, a
    file and a line stands in its place. Until that is settled, the image is another one than the code makes.

    Use instead: write what is missing into the spec, or decide that it is not needed, and remove the comment.
    """,
)

SHAPE = (
    UNKNOWN_KEY,
    DUPLICATE_KEY,
    WRONG_TYPE,
    MISSING,
    TRAP,
    SYNTAX,
    UNREADABLE,
    EXTENDS,
    ONE_OF,
    TOO_MUCH,
    NO_VALUE,
    UNUSED_IGNORE,
    YAML_FEATURE,
    CHOICE,
    NO_EFFECT,
    NAME,
    UNFINISHED,
)
