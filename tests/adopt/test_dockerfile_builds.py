"""Dockerfiles and the specs that are adopted from them, both built for real: the same files, the same configuration."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import stat
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from imagespec.adopt.dockerfile.image import drafts
from imagespec.adopt.spec.sections import adopted
from imagespec.compiler import compile_all
from imagespec.emit import dockerfile
from tests import bases

BASE = bases.PYTHONS[0]

FILES = {
    "requirements.txt": "six==1.16.0\n",
    "main.py": "import six\nprint(six.__version__)\n",
    "lib/a.py": "A = 1\n",
    "lib/deep/b.txt": "b\n",
    "lib/left.log": "log\n",
    "with space.txt": "space\n",
    "run.sh": '#!/bin/sh\nexec "$@"\n',
}

DOCKERFILES = {
    "typical": """
        FROM {base}
        ENV PYTHONUNBUFFERED=1 MODE="a b"
        WORKDIR /app
        RUN apt-get update && apt-get install -y --no-install-recommends tree \\
            && rm -rf /var/lib/apt/lists/*
        COPY requirements.txt .
        RUN pip install --no-cache-dir -r requirements.txt
        COPY . .
        CMD ["python", "main.py"]
    """,
    "arguments": """
        ARG TAG={base}
        ARG SIX=1.16.0
        FROM $TAG
        ARG SIX
        ARG GREETING="hello 'w' \\"d\\" \\$HOME"
        ARG PLACE=/data
        RUN pip install six==$SIX && echo done
        RUN echo "$GREETING from $PLACE" > /said
        ENV SAID="${{GREETING}}!" AT=$PLACE/x PATH=$PLACE/bin:$PATH LITERAL='$HOME' BOTH="\\$X ${{PATH}}"
        WORKDIR $PLACE
        WORKDIR deeper
        COPY main.py $PLACE/
    """,
    "copies": """
        FROM {base}
        WORKDIR /app
        COPY main.py renamed.py
        COPY main.py run.sh scripts/
        COPY lib lib
        COPY lib/*.py globbed/
        COPY ["with space.txt", "/a b/"]
        COPY --chmod=700 run.sh /usr/local/bin/
        COPY main.py /tmp
        ADD lib/deep /deep
        ADD packed.tar.gz /unpacked
        ADD --chmod=600 main.py /private/
        RUN sh /app/scripts/run.sh ls /deep > /listed
    """,
    "adds": """
        FROM {base}
        ARG NAME=main
        ENV FOLDER=lib
        ADD packed.tar.gz run.sh /mixed/
        ADD *.gz ${{NAME}}.py /globbed/
        ADD ma*.py /plain/
        COPY --chown=7:7 ${{NAME}}.py $FOLDER /owned/
        RUN X="$(printf '%s' "a  b")" && echo "$X" > /x
        ENV LITERAL='$HOME' OTHER="a"
        RUN test "$LITERAL" = '$HOME'
        ENV LITERAL='$A' OTHER=\\$B
        ENTRYPOINT []
        CMD []
    """,
    "shells": """
        FROM {base}
        SHELL ["/bin/sh", "-e", "-c"]
        RUN ["python", "-c", "open('/out', 'w').write('exec')"]
        RUN echo 'kept    spaces'   and   "more   'of'  them" > /spaces \\
            # a comment

            && echo "line" >> /spaces
        LABEL one=1 two="2 3"
        EXPOSE 80
        ENTRYPOINT ["/app/run.sh"]
        CMD ["serve", "a b"]
        COPY run.sh /app/
        USER nobody
        WORKDIR /home/x
    """,
    "commands": """
        FROM {base}
        CMD ["first"]
        ENTRYPOINT exec "$0" 'x'
        RUN exit 0
        CMD serve "a b"
    """,
    "stages": """
        FROM {base} AS builder
        ENV FROM_BASE=1
        RUN echo base > /base
        CMD ["lost"]
        FROM builder
        RUN echo last >> /base
        ENTRYPOINT ["/bin/sh"]
    """,
    "stages-copied": """
        FROM {base} AS build
        RUN mkdir /made && echo made > /made/file
        FROM {base}
        COPY --from=build /made /made
        COPY main.py /app/
        ENV X=1
    """,
    "installs": """
        FROM {base}
        ENV PIP_NO_CACHE_DIR=1 LANG=C.UTF-8
        ARG DEBIAN_FRONTEND=noninteractive
        RUN set -eux; apt-get update; apt-get install -y --no-install-recommends tree; rm -rf /var/lib/apt/lists/*
        RUN echo $DEBIAN_FRONTEND > /quiet
        COPY requirements.txt /tmp/requirements.txt
        RUN python -m pip install -U -r /tmp/requirements.txt
        RUN pip install --no-deps "iniconfig>=2,<2.1"
    """,
    "ignored": """
        FROM {base}
        COPY . /all
        COPY lib /lib2/lib
        COPY lib/deep /deep
    """,
}
IGNORED = "*.log\nlib/*.log\n.dockerignore\nwith*\n# comment\n\nlib/deep/none\n"


@dataclass(frozen=True, slots=True)
class Built:
    """An image: what its configuration says, and its files and folders as path to kind, mode and content."""

    config: Mapping[str, Any]
    files: Mapping[str, str]


class Buildah:
    """The real thing, with a storage of its own."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.environ = {**os.environ, **variables}

    def run(self, *arguments: str, cwd: Path | None = None) -> str:
        done = subprocess.run(
            ["buildah", *arguments], cwd=cwd, env=self.environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout.strip()

    def build(self, folder: Path, *arguments: str) -> Built:
        image = self.run("bud", "--isolation", "chroot", "-q", *arguments, cwd=folder).splitlines()[-1]
        config = json.loads(self.run("inspect", "--type", "image", image))["OCIv1"]["config"]
        container = self.run("from", image)
        root = Path(self.run("mount", container))
        try:
            return Built({**config, "Env": sorted(config.get("Env", ()))}, dict(_files(root)))
        finally:
            self.run("rm", container)


OF_NO_MEANING = re.compile(
    r"/(var/(cache|log|lib/apt)|root/\.cache|proc|sys|dev|run)/.*|.*/__pycache__(/.*)?|/etc/ld\.so\.cache"
    r"|/\.requirements\.txt|/etc/apt/apt\.conf\.d/90-no-recommends|/etc/(hosts|resolv\.conf)"
)
"""Caches, logs, and what is written where another file was: not what an image is for."""


def _files(root: Path) -> Iterator[tuple[str, str]]:
    for folder, folders, names in os.walk(root):
        for name in (*folders, *names):
            path = Path(folder, name)
            place = f"/{path.relative_to(root)}"
            if OF_NO_MEANING.fullmatch(place):
                continue
            status = path.lstat()
            what = stat.filemode(status.st_mode)
            if path.is_symlink():
                what += f" -> {os.readlink(path)}"
            elif stat.S_ISREG(status.st_mode):
                content = path.read_bytes()
                if path.name == "RECORD":  # pip lists the compiled files there, in the order of its threads
                    content = b"\n".join(sorted(x for x in content.splitlines() if b".pyc" not in x))
                what += f" {hashlib.sha256(content).hexdigest()[:16]}"
            yield place, what


@pytest.fixture(scope="module")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildah]:
    if missing := bases.missing():
        pytest.skip(f"not installed: apt-get install {' '.join(missing)}")
    with bases.storage(tmp_path_factory.mktemp("adopted"), images=[bases.made()]) as variables:
        yield Buildah(variables)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755 if path.suffix == ".sh" else 0o644)
    with tarfile.open(folder / "packed.tar.gz", "w:gz") as archive:
        archive.add(folder / "lib", "packed")
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("name", DOCKERFILES)
def test_the_adopted_spec_builds_the_same(name: str, buildah: Buildah, project: Path, tmp_path: Path) -> None:
    text = "\n".join(line[8:] for line in DOCKERFILES[name].strip("\n").split("\n")).format(base=BASE)
    (tmp_path / "Dockerfile").write_text(text)
    if name == "ignored":
        (project / ".dockerignore").write_text(IGNORED)
    original = buildah.build(project, "-f", str(tmp_path / "Dockerfile"), ".")

    read = drafts(tmp_path / "Dockerfile", context=project)
    assert isinstance(read, list)
    spec = adopted(read[0], tmp_path)
    (tmp_path / "spec.yaml").write_text(spec.text)
    (target,), findings = compile_all([tmp_path / "spec.yaml"])
    assert [finding for finding in findings if finding.severity == "error"] == []
    compiled = dockerfile.emit(target.image, target.parsed.tree.span, "2026.10", project)
    (tmp_path / "Compiled").write_text(compiled)
    (command,) = (line.lstrip("# ") for line in compiled.split("\n") if line.startswith("#   docker build"))
    arguments = [word.replace("Dockerfile", str(tmp_path / "Compiled")) for word in shlex.split(command)[2:]]
    built = buildah.build(project, *arguments)

    assert {p: w for p, w in built.files.items() if original.files.get(p) != w} == {}
    assert {p: w for p, w in original.files.items() if built.files.get(p) != w} == {}
    assert built.config == original.config
