"""IS95x: what adopting existing code can find, explained."""

from __future__ import annotations

from imagespec.diagnostic import Code

UNREADABLE = Code(
    "IS951",
    "error",
    """The file cannot be adopted.

    It does not exist, is no text in UTF-8, is too large, or is not the language that its name says it is.

    Use instead: a Python file that Python itself accepts, a Dockerfile, a requirements.txt, an environment.yml, a
    cog.yaml or a pyproject.toml.
    """,
)
NO_IMAGE = Code(
    "IS952",
    "error",
    """No image was found in the file.

    Images are found where they begin: `modal.Image.debian_slim(…)` and its siblings, also as an argument of
    `@app.function(image=…)`, in functions and classes, and through helper functions of the same project. An image that
    another library makes is not followed.

    Use instead: the file in which the chain is written.
    """,
)
TODO = Code(
    "IS953",
    "warning",
    """Something is known only when the code runs.

    The code was read, never run. A variable of the environment, what a function of another library returns, the content
    of a file: adopting does not guess them. What is known of the image stands in the spec, and a comment that begins
    with `TODO` where something is left out.

    Use instead: write the value into the spec by hand, and remove the comment.
    """,
)
CONDITION = Code(
    "IS954",
    "warning",
    """A part of the image depends on a condition that is known only when the code runs.

    A spec describes one image. What all branches have in common is in it; where they part, a comment that begins with
    `TODO` stands.

    Use instead: one spec for each image that there can be, with what they share in a partial spec that they extend.
    """,
)
NO_COUNTERPART = Code(
    "IS955",
    "warning",
    """Something in the code has no counterpart in a spec.

    A secret made of values in the code, a function that decides which files are left out, a client of its own: a spec
    names things, and holds no code.

    Use instead: what the hint says, or build this image in code, on top of `imagespec.load(…)`.
    """,
)
EXISTS = Code(
    "IS956",
    "error",
    """A spec of this name is there already, or two of the images would have it.

    Nothing is overwritten unless it is asked for; and where one spec cannot be written, none is.

    Use instead: another folder with `--out`, or `--force` to overwrite it.
    """,
)
NOT_EQUAL = Code(
    "IS957",
    "error",
    """The adopted spec does not send the requests of the original chain.

    `--prove` imported the file, had Modal's own client say what it would request for its image, did the same with the
    spec, and found a difference, which is shown.

    Use instead: what is marked `TODO` in the spec first; without such a comment, this is a bug of imagespec.
    """,
)
NOT_PROVEN = Code(
    "IS958",
    "warning",
    """The spec could not be compared with the original chain.

    `--prove` imports the file in a process without network, without tokens, with a limit on time and memory, in which
    nothing can be written outside of a temporary folder. Code that needs one of these at its top level, or a package
    that is not installed here, cannot be imported there; and an image that is made inside of a function is made only
    when somebody calls it.

    Use instead: run it where the packages of the file are installed; or compare by hand, with
    `imagespec compile --to python`.
    """,
)
TIDIED = Code(
    "IS959",
    "note",
    """With `--tidy`, a layer is requested differently than the original code does.

    Sections put layers into their best order and make canonical what nobody means: the order of packages and variables,
    the spelling of requirements. What would see other variables or files there, or be lost, stays in `steps`. Installs
    that are joined are resolved together, and apt's packages are there before the Python packages. Modal's cache sees
    another image, and builds it once.

    Use instead: without `--tidy`, what differs is written as steps, which are sent exactly as they stand in the code.
    """,
)
BY_DEFAULT = Code(
    "IS960",
    "note",
    """A variable of the environment decides, and its default is taken.

    `os.environ.get("TORCH", "2.6.0")` says itself what holds where nobody says otherwise, and that is in the spec. A
    condition on it is not decided: there, both branches could be meant.

    Use instead: another value by hand, where the app is deployed with one.
    """,
)
CHOSEN = Code(
    "IS961",
    "note",
    """A file allows several versions of Python, and one of them is taken.

    `requires-python = ">=3.10"` says what a project can run on, not what it runs on. `--python` chooses, or a
    `.python-version` beside the file; without either, it is the lowest version that Modal has, as everything that the
    project names has to work there. Where the file names one version, that is taken, whatever `--python` says.

    Use instead: the version that you deploy with.
    """,
)
ADOPT = (
    *(UNREADABLE, NO_IMAGE, TODO, CONDITION, NO_COUNTERPART, EXISTS, NOT_EQUAL, NOT_PROVEN, TIDIED, BY_DEFAULT),
    CHOSEN,
)
