"""Dockerfiles, built for real: what lands in the image, and what its variables expand to."""

from __future__ import annotations

import json
import os
import random
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from imagespec.compiler import compile_all
from imagespec.emit import dockerfile
from imagespec.image.lower import expand, in_dependency_order, references
from tests import bases
from tests.conformance import case

pytestmark = [
    pytest.mark.buildah,
    pytest.mark.skipif(shutil.which("buildah") is None, reason="buildah is not installed: apt-get install buildah"),
]


@dataclass(frozen=True, slots=True)
class Built:
    """An image: its configuration, and its files as path to mode and content."""

    config: Mapping[str, Any]
    files: Mapping[str, tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Buildah:
    """The real thing, with a storage of its own: `environ` says which."""

    environ: Mapping[str, str]

    def run(self, *arguments: str, cwd: Path | None = None) -> str:
        done = subprocess.run(
            ["buildah", *arguments], cwd=cwd, env=self.environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def build(self, text: str, folder: Path) -> Built:
        """Build a Dockerfile with the very command that stands in its header."""
        (folder / "Dockerfile").write_text(text)
        (command,) = (line.lstrip("# ") for line in text.split("\n") if line.startswith("#   docker build"))
        image = self.run("bud", "--isolation", "chroot", "-q", *shlex.split(command)[2:], cwd=folder)
        config = json.loads(self.run("inspect", "--type", "image", image))["OCIv1"]["config"]
        container = self.run("from", image)
        root = Path(self.run("mount", container))
        files = {f"/{path.relative_to(root)}": path for path in root.rglob("*") if path.is_file()}
        contents = {name: (path.stat().st_mode & 0o777, path.read_text()) for name, path in files.items()}
        self.run("rm", container)
        return Built(config, contents)


@pytest.fixture
def own_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in project that the test may write into."""
    case.write(case.FILES, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.syspath_prepend(str(tmp_path / "project"))
    return tmp_path / "project"


@pytest.fixture(scope="module")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildah]:
    with bases.storage(tmp_path_factory.mktemp("buildah")) as variables:
        yield Buildah({**os.environ, **variables})


def built(spec: str, buildah: Buildah, folder: Path) -> Built:
    path = folder / "built.yaml"
    path.write_text(spec)
    (target,), _ = compile_all([path])
    return buildah.build(dockerfile.emit(target.image, target.parsed.tree.span, "2026.10", Path.cwd()), Path.cwd())


SOURCES = """
base: {scratch: true}
source:
  - {file: notes.txt, to: /copied/renamed.txt, copy: true}
  - {file: with space.txt, to: /with space/, copy: true}
  - {dir: data, to: /data, ignore: ["**/*.log"]}
  - {dir: data, to: /all/}
  - {package: standin}
  - {package: standin.deep, ignore: []}
  - {package: alone}
  - {file: ../outside.txt, to: /outside/}
  - {dir: ../elsewhere, to: /elsewhere}
steps:
  - dockerfile_commands:
      dockerfile_commands: [COPY deep /context/deep, COPY . /context/all, COPY given /given/]
      context_files: {given: notes.txt}
      context_dir: data
      ignore: ["*.log"]
workdir: /with space
entrypoint: [tini, "--", 'é "quoted"']
cmd: [serve]
"""


def test_sources_land_where_modal_puts_them(buildah: Buildah, own_project: Path) -> None:
    (own_project.parent / "outside.txt").write_text("outside\n")
    (own_project.parent / "elsewhere").mkdir()
    (own_project.parent / "elsewhere" / "a.txt").write_text("elsewhere\n")
    image = built(SOURCES, buildah, own_project)
    text = dict(case.FILES)
    assert {name: content for name, (_, content) in image.files.items()} == {
        "/copied/renamed.txt": text["notes.txt"],
        "/with space/with space.txt": text["with space.txt"],
        "/data/a.txt": text["data/a.txt"],
        "/data/deep/b.csv": text["data/deep/b.csv"],
        "/all/a.txt": text["data/a.txt"],
        "/all/deep/b.csv": text["data/deep/b.csv"],
        "/all/left.log": text["data/left.log"],
        "/context/deep/b.csv": text["data/deep/b.csv"],
        "/context/all/a.txt": text["data/a.txt"],
        "/context/all/deep/b.csv": text["data/deep/b.csv"],
        "/given/given": text["notes.txt"],
        **{f"/root/{name}": text[name] for name in text if name.startswith("standin") and name.endswith(".py")},
        "/root/alone.py": text["alone.py"],
        "/outside/outside.txt": "outside\n",
        "/elsewhere/a.txt": "elsewhere\n",
    }
    modes = {name: mode for name, (mode, _) in image.files.items()}
    assert {name for name, mode in modes.items() if mode == 0o755} == {"/copied/renamed.txt", "/given/given"}
    assert image.config["WorkingDir"] == "/with space"
    assert image.config["Entrypoint"] == ["tini", "--", 'é "quoted"']
    assert image.config["Cmd"] == ["serve"]


VALUES = [
    "",
    "plain",
    "with space",
    "  spaces around  ",
    "it's",
    '"quoted"',
    "back\\slash",
    "ends with \\",
    "#no comment",
    "a=b",
    "tab\there",
    "é ☃",
    "$HOME",
    "${HOME}",
    "$HOME/bin:$PATH",
    "${HOME}bin",
    "$HOMEbin",
    "$NOWHERE",
    "a${NOWHERE}b",
    "\\$HOME",
    "\\${HOME}",
    "\\\\$HOME",
    "\\\\\\$HOME",
    "\\\\",
    "\\n",
    "cost: 5$",
    "$5",
    "$$",
    "$$HOME",
    "${}",
    "${HOME",
    "${HOME:-there}",
    "$(echo no)",
    "`echo no`",
    "'$HOME'",
    '"$HOME"',
    "'\\$HOME'",
    "%HOME% !HOME!",
    "$V1 and ${V2}",
    '\\"',
    "'\\''",
    "\\'$HOME\\'",
    "${V1:-x}",
    "${NOT_SET:-a word}/y",
    "${NOT_SET:-}",
    "${V1:+set}",
    "${NOT_SET:+set}/$V1",
    "\\${NOT_SET:-x}",
    "${HOME:-/x}:${NOT_SET:+/y}",
]
PIECES = [*"$\\\"'{} a:/#é_0", "HOME", "$HOME", "${HOME}", "$V1", "\\$", "\\\\", "${V2}", "$NOWHERE", "\t"]


def test_variables_expand_as_the_builder_expands_them(buildah: Buildah, own_project: Path) -> None:
    drawn = random.Random(0)
    values = VALUES + ["".join(drawn.choices(PIECES, k=drawn.randint(1, 8))) for _ in range(400)]
    base = {"HOME": "/root", "PATH": "/base/bin"}
    (own_project / "Base.Dockerfile").write_text(
        "".join(["FROM scratch\n", *(f"ENV {k}={v}\n" for k, v in base.items())])
    )
    written = {f"V{number}": value for number, value in enumerate(values)} | {"PATH": "$V1/bin:$PATH"}
    spec = {"base": {"dockerfile": "Base.Dockerfile"}, "env": written}

    image = built(yaml.safe_dump(spec, allow_unicode=True), buildah, own_project)

    expected = dict(base) | {name: expand(value, {}) for name, value in written.items() if not references(value)}
    for name in in_dependency_order({name: value for name, value in written.items() if references(value)}):
        expected[name] = expand(written[name], expected)
    assert dict(pair.split("=", 1) for pair in image.config["Env"]) == expected
    assert expected["PATH"] == "plain/bin:/base/bin"
