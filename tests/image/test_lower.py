"""Spec -> layers: their order, their canonical form, and where each value was written."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from imagespec.diagnostic import Span
from imagespec.image.layers import Image, Layer
from imagespec.image.lower import ORDER, expand, in_dependency_order, lower, references
from imagespec.spec import operations as ops
from imagespec.spec.parse import Parsed, parse


def lowered(text: str, folder: Path, name: str = "spec") -> Image:
    path = folder / f"{name}.yaml"
    path.write_text(text)
    parsed = parse(path)
    assert isinstance(parsed, Parsed), parsed
    return lower(parsed)


EVERYTHING = """
source: [{package: a}, {file: f, to: /f, copy: true}]
cmd: [c]
entrypoint: [e]
steps: [{workdir: /s}, {env: {S: "1"}}]
function: "m:f"
run: [r]
shell: [s]
workdir: /w
env: {A: "1", B: $A}
python: {packages: [p], project: ., poetry: p.toml, private: {repositories: [github.com/a/b], git_user: u}}
conda: [c]
apt: [a]
base: {scratch: true}
"""


def test_sections_come_in_the_documented_order(tmp_path: Path) -> None:
    image = lowered(EVERYTHING, tmp_path)
    sections = [section(layer) for layer in image.layers]
    assert sections == sorted(sections, key=list(ORDER).index)
    assert set(sections) == set(ORDER)
    assert [layer.operation.method for layer in image.layers] == [
        "from_scratch",
        "apt_install",
        "micromamba_install",
        "uv_sync",
        "poetry_install_from_file",
        "uv_pip_install",
        "pip_install_private_repos",
        "env",
        "dockerfile_commands",
        "workdir",
        "shell",
        "run_commands",
        "run_function",
        "workdir",
        "env",
        "add_local_file",
        "entrypoint",
        "cmd",
        "add_local_python_source",
    ]


def section(layer: Layer) -> str:
    name = str(layer.origin[0])
    return name if name != "source" else "source, mounted" if layer.mounted else "source, copied"


BASES: dict[str, ops.Operation] = {
    'debian_slim: "3.12"': ops.DebianSlim(python_version="3.12"),
    'debian_slim: {python: "3.12", force_build: true}': ops.DebianSlim(python_version="3.12", force_build=True),
    'micromamba: "3.12"': ops.Micromamba(python_version="3.12"),
    "registry: ubuntu": ops.FromRegistry(tag="ubuntu"),
    "registry: {image: i, auth: aws, secret: s}": ops.FromAwsEcr(tag="i", secret="s"),
    "registry: {image: i, auth: gcp, secret: s}": ops.FromGcpArtifactRegistry(tag="i", secret="s"),
    "dockerfile: /D": ops.FromDockerfile(path=Path("/D"), context_dir=Path("ROOT")),
    "dockerfile: {path: /D, context: /c}": ops.FromDockerfile(path=Path("/D"), context_dir=Path("/c")),
    "scratch: true": ops.FromScratch(),
    'published: "name:tag"': ops.FromName(name="name:tag"),
    "id: im-1": ops.FromId(image_id="im-1"),
}


@pytest.mark.parametrize("base", BASES)
def test_every_form_of_base_has_its_constructor(tmp_path: Path, base: str) -> None:
    (layer,) = lowered(f"base: {{{base}}}", tmp_path).layers
    expected = BASES[base]
    if isinstance(expected, ops.FromDockerfile) and expected.context_dir == Path("ROOT"):
        expected = ops.FromDockerfile(path=expected.path, context_dir=tmp_path)
    assert layer.operation == expected


def test_every_constructor_has_a_form_of_base() -> None:
    assert {operation.method for operation in BASES.values()} == set(ops.BASES)


def test_an_image_keeps_what_it_is_held_against(tmp_path: Path) -> None:
    text = "base: {scratch: true}\ngpus: [T4]\napps: [a.py]\nchecks: {imports: [os], commands: [ls]}\n"
    image = lowered(text, tmp_path, "name")
    assert (image.name, image.root, image.gpus, image.apps) == ("name", tmp_path, ("T4",), (tmp_path / "a.py",))
    assert (image.checks.imports, image.checks.commands) == (("os",), ("ls",))


PLACES: dict[str, tuple[str, str, int | str | None, tuple[str | int, ...]]] = {
    "sorted packages": ("apt: [git, curl]", "packages", 0, ("apt", 1)),
    "requirements": ("python: [torch, Attrs]", "packages", 0, ("python", "packages", 1)),
    "another name": ("python: {packages: [a], prerelease: true}", "pre", None, ("python", "prerelease")),
    "a variable": ("env: {B: '1', A: '2'}", "vars", "A", ("env", "A")),
    "an expanding variable": ("env: {B: $A}", "dockerfile_commands", 0, ("env", "B")),
    "a command": ("run: [a, b]", "commands", 1, ("run", "commands", 1)),
    "a source": ("source: [{file: f, to: /f}]", "remote_path", None, ("source", 0, "to")),
    "a step": ("steps: [{apt_install: [git, curl]}]", "packages", 1, ("steps", 0, "apt_install", "packages", 1)),
    "a function": ("function: [{call: 'm:f'}]", "raw_f", None, ("function", 0, "call")),
    "a single value": ("workdir: /w", "path", None, ("workdir",)),
}


@pytest.mark.parametrize(("text", "name", "item", "place"), PLACES.values(), ids=PLACES)
def test_a_value_knows_where_it_was_written(
    tmp_path: Path, text: str, name: str, item: int | str | None, place: tuple[str | int, ...]
) -> None:
    assert lowered(text, tmp_path, "_partial").layers[0].place(name, item) == place


def test_a_requirement_of_a_file_knows_its_line(tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_text("# comment\n  six==1.17.0  # more\n")
    (layer,) = lowered("python: {requirements: [r.txt]}", tmp_path, "_partial").layers
    place = layer.place("packages", 0)
    assert isinstance(place, Span)
    assert (place.source.path, place.line, place.column, place.end_column) == (tmp_path / "r.txt", 2, 3, 14)


EXPANDED = {
    "$HOME/bin:$PATH": "/root/bin:/base/bin",
    "${HOME}bin": "/rootbin",
    "$HOMEbin": "",
    "\\$HOME": "$HOME",
    "\\\\$HOME": "\\/root",
    '"$HOME"': '"/root"',
    "'$HOME'": "'/root'",
    "5$": "5$",
    "$5": "$5",
    "\\n": "\\n",
    "${HOME:-there}": "/root",
    "${NOWHERE:-there}": "there",
    "${HOME:+there}": "there",
    "${NOWHERE:+there}": "",
    "${HOME:?there}": "${HOME:?there}",
    "$(true)": "$(true)",
}
"""What values of `env` mean; that builders agree is in `tests/emit/test_built.py`."""


@pytest.mark.parametrize(("value", "meaning"), EXPANDED.items())
def test_what_values_mean(value: str, meaning: str) -> None:
    assert expand(value, {"HOME": "/root", "PATH": "/base/bin"}) == meaning


LINES = {
    "$A": 'ENV X="$A"',
    "${A}b": 'ENV X="${A}b"',
    '$A "b" \\c': 'ENV X="$A \\"b\\" \\\\c"',
    "$A costs 5$": 'ENV X="$A costs 5\\$"',
    "\\$A$A": 'ENV X="\\$A$A"',
    "$A ends with \\": 'ENV X="$A ends with \\\\"',
    "$A $(b) `c` #d": 'ENV X="$A \\$(b) `c` #d"',
}


@pytest.mark.parametrize(("value", "line"), LINES.items())
def test_a_value_with_references_is_quoted_for_the_builder(tmp_path: Path, value: str, line: str) -> None:
    (layer,) = lowered(yaml.safe_dump({"env": {"X": value}}), tmp_path, "_partial").layers
    assert layer.operation == ops.DockerfileCommands(dockerfile_commands=(line,))


REFERENCES = {
    "$A": ("A",),
    "${A}": ("A",),
    "$A$B ${C_1}": ("A", "B", "C_1"),
    "\\$A": (),
    "\\\\$A": ("A",),
    "$1": (),
    "a$": (),
}


@pytest.mark.parametrize(("value", "names"), REFERENCES.items())
def test_what_values_refer_to(value: str, names: tuple[str, ...]) -> None:
    assert references(value) == names


DEPENDING: dict[str, tuple[dict[str, str], list[str]]] = {
    "in the order of names": ({"A": "$X", "B": "$X"}, ["A", "B"]),
    "after those they refer to": ({"A": "$C", "B": "$A", "C": "$X"}, ["C", "A", "B"]),
    "referring to itself": ({"PATH": "$PATH:$A", "A": "$X"}, ["A", "PATH"]),
    "in a circle": ({"A": "$B", "B": "$A"}, ["B", "A"]),
}


@pytest.mark.parametrize(("variables", "order"), DEPENDING.values(), ids=DEPENDING)
def test_variables_come_after_those_they_refer_to(variables: dict[str, str], order: list[str]) -> None:
    assert in_dependency_order(variables) == order
