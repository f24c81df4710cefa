"""What a case of the suite is, and the project whose files all cases use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import modal

from tests.oracle import Oracle

Chain: TypeAlias = Callable[[], modal.Image]


@dataclass(frozen=True, slots=True)
class Case:
    """A spec, and the chain that someone would write by hand for it.

    `secrets` are the keys that named secrets have. `refused` are the lines of the spec, counted from 1, that no
    Dockerfile can hold.
    """

    spec: str
    chain: Chain
    secrets: Mapping[str, Sequence[str]] = field(default_factory=dict)
    refused: tuple[int, ...] = ()

    def written(self, folder: Path) -> Path:
        """The file of the spec."""
        path = folder / "spec.yaml"
        path.write_text(self.spec.lstrip("\n"))
        return path

    @contextmanager
    def on(self, oracle: Oracle) -> Iterator[None]:
        """The oracle with the secrets of this case."""
        with ExitStack() as stack:
            for name, keys in self.secrets.items():
                stack.enter_context(oracle.secret(name, *keys))
            yield


def slim() -> modal.Image:
    """The base of every case that is about what comes after it."""
    return modal.Image.debian_slim("3.12")


def secret(name: str) -> modal.Secret:
    return modal.Secret.from_name(name)


def volume(name: str) -> modal.Volume:
    return modal.Volume.from_name(name)


FILES = {
    "requirements.txt": "# comments and order are nothing\nsix==1.17.0\nTorch == 2.5.1  # spacing neither\n",
    "more/requirements.txt": "--no-binary :all:\nattrs==25.3.0\n",
    "pyproject.toml": """\
[project]
name = "stand-in"
version = "1"
dependencies = ["modal", "six==1.17.0"]
[project.optional-dependencies]
train = ["Attrs == 25.3.0"]
eval = ["tqdm==4.67.1"]
[dependency-groups]
dev = ["pytest==8.3.4"]
lint = ["ruff==0.8.4"]
""",
    "uv.lock": "version = 1\n",
    "poetry/pyproject.toml": '[tool.poetry.dependencies]\npython = "^3.12"\n',
    "poetry/poetry.lock": "package = []\n",
    "poetry/other.lock": "package = [1]\n",
    "environment.txt": "numpy=2.1.3\n",
    "Dockerfile": """\
# a comment
ARG TAG=3.12
FROM python:3.12-slim

ARG GREETING
COPY data /data
RUN echo $GREETING
""",
    "plain.Dockerfile": """\
# a comment
FROM ubuntu:24.04
RUN apt-get update \\
    && apt-get install -y curl
COPY notes.txt /notes/
""",
    "data/a.txt": "a\n",
    "data/deep/b.csv": "1,2\n",
    "data/left.log": "out\n",
    "notes.txt": "notes\n",
    "with space.txt": "space\n",
    "standin/__init__.py": "",
    "standin/train.py": "EPOCHS = 1\n",
    "standin/deep/__init__.py": "",
    "standin/deep/layers.py": "WIDTH = 2\n",
    "standin/weights.json": "{}\n",
    "standin/.hidden/notes.py": "HIDDEN = True\n",
    "alone.py": "ALONE = True\n",
    "setup_steps.py": """\
def download(name, *, revision="main"):
    print(name, revision)


class Cache:
    @staticmethod
    def warm():
        print("warm")


def with_tools(image, *tools, shell="bash"):
    return image.apt_install(*tools).shell([f"/bin/{shell}", "-c"])
""",
}
"""Path to content, of the folder that the specs lie in."""


def write(files: Mapping[str, str], folder: Path) -> None:
    """Make the files, with modes that do not depend on who runs the tests."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755 if path.name == "notes.txt" else 0o644)
