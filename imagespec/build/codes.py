"""IS9xx: what can go wrong while an image is built, explained."""

from __future__ import annotations

from imagespec.diagnostic import Code

LAYER_FAILED = Code(
    "IS901",
    "error",
    """A layer could not be built.

    What the installer, the compiler or the cloud said stands below the finding. Layers that were built before it are
    kept, and so is what an earlier build made.

    Use instead: a version that exists, packages that go together, a network that reaches the package index; the finding
    points at the line that the message is about, where it names one.
    """,
)
CHECK_FAILED = Code(
    "IS902",
    "error",
    """A check of the spec failed inside the built image.

    The image is built, but something that must hold in it does not: a module does not import, a command fails. The same
    would happen in the cloud, minutes later.

    Use instead: add what is missing to the spec, or correct the check. What a check printed stands below the finding.
    """,
)
NO_PYTHON = Code(
    "IS903",
    "error",
    """The Python that the image has is not on this machine.

    A local build needs a Python of the same series. It is looked for where uv looks (the `PATH`, uv's own Pythons),
    then among pyenv's, and then uv is asked to download it.

    Use instead: install it with `uv python install 3.12` or `pyenv install 3.12`, choose a series that is here, or
    build on Modal.
    """,
)

NO_MODAL = Code(
    "IS904",
    "error",
    """Modal cannot be used from here.

    There is no login on this machine, Modal does not accept it, or Modal cannot be reached. Nothing was built.

    Use instead: `modal setup`, or a token in `MODAL_TOKEN_ID` and `MODAL_TOKEN_SECRET`; a build on this machine, with
    `--on local`, needs neither account nor connection to Modal.
    """,
)
NOT_ON_MODAL = Code(
    "IS905",
    "error",
    """Something that a build step is given by name does not exist on Modal.

    A secret or a volume belongs to one environment of a workspace. It is looked for before anything is built, so that
    it does not end a build that has run for minutes.

    Use instead: create it, correct its name, or build in the environment that has it (`MODAL_ENVIRONMENT`).
    """,
)
NO_ENGINE = Code(
    "IS906",
    "error",
    """There is nothing here that builds containers.

    Docker, podman and buildah are asked in this order, and the first that works is taken. Docker needs its daemon,
    which the user has to be allowed to use, and its plugin buildx.

    Use instead: install one of them (`apt-get install buildah` needs no daemon), start the one that is there, or build
    on this machine without containers, with `--on local`.
    """,
)
NO_SECRET = Code(
    "IS907",
    "error",
    """A secret that a build step asks for is not here.

    Modal keeps secrets and tells them to nobody. A build in a container takes each from a file of its name, `NAME.env`,
    with lines of NAME='value', beside the spec, in its `root` or in the working directory.

    Use instead: write that file, keep it out of the repository, or build on Modal.
    """,
)

BUILD = (LAYER_FAILED, CHECK_FAILED, NO_PYTHON, NO_MODAL, NOT_ON_MODAL, NO_ENGINE, NO_SECRET)
