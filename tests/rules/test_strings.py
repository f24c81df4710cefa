"""Text that would break out of its place, and its twin that does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import COMMIT, DIGEST, Check

HASH = "#sha256=" + "0" * 64

IS201 = {
    "a single equals sign": ("six=1.17.0", "six==1.17.0"),
    "an at sign": ("six@1.17.0", "six===1.17.0"),
    "a space": ("six 1.17.0", "six == 1.17.0"),
    "an option": ("--no-deps", "no-deps==1"),
    "a file": ("-r requirements.txt", "requirements==1"),
    "a marker without its end": ("six==1; python_version > '3", "six==1.17.0; python_version > '3'"),
    "a comment": ("six==1 # x", "six[a,b]==1"),
    "a command": ("git+https://h/a; reboot", f"a @ git+https://h/a@{COMMIT}"),
    "a substitution": ("https://h/$(id)", f"https://h/a.whl{HASH}"),
    "a path with a space": ("/opt/a b.whl", "/opt/a-b.whl"),
    "nothing": ("", "a-1==1!1.0.post1+cu124"),
}


@pytest.mark.parametrize(("bad", "good"), IS201.values(), ids=IS201)
def test_requirements(found: Check, bad: str, good: str) -> None:
    spec = 'python:\n  uv: "0.9.10"\n  packages:\n  - "%s"'
    assert found(spec % bad) == [("IS201", 5, 5)]
    assert found(spec % good) == []


IS202 = {
    "upper case": ("Git", "git"),
    "two": ("git curl", "libstdc++6"),
    "two equals signs": ("git==1", "git=1:2.39-1~deb12+u1"),
    "an option": ("-y", "y-z"),
    "a release of another kind": ("git/$x", "git/bookworm-backports"),
    "an architecture": ("git:x y", "git:amd64"),
    "a glob": ("python3*", "python3.12"),
}


@pytest.mark.parametrize(("bad", "good"), IS202.values(), ids=IS202)
def test_debian_packages(found: Check, bad: str, good: str) -> None:
    assert found(f"apt: ['{bad}']") == [("IS202", 2, 7)]
    assert found(f"apt: ['{good}']") == []


CONDA = {
    "an option": ("--yes", "yes=1.0"),
    "a substitution": ("$(id)=1", "_libgcc_mutex=0.1"),
    "words": ("a b c=1", "conda-forge::numpy=2.1.3"),
    "a command": ("numpy=1;id", "numpy=2.1.3=py312_0"),
    "an option after its channel": ("--a::numpy=1", "pytorch[build=cuda*]=2.5.1"),
}


@pytest.mark.parametrize(("bad", "good"), CONDA.values(), ids=CONDA)
def test_conda_packages(found: Check, bad: str, good: str) -> None:
    base = 'base: {micromamba: "3.12.10"}\n'
    assert found(f"{base}conda: ['{bad}']") == [("IS202", 2, 9)]
    assert found(f"{base}conda: ['{good}']") == []


NAMES = ["A B", "A-B", "1A", "", "A=B", "A\\nRUN id", "Ä", "A$B", "A'B", "A;B"]
PLACES = {
    "env": "env: {%s: '1'}",
    "env with references": "env: {%s: $HOME}",
    "a step": "steps: [{env: {%s: '1'}}]",
    "of a build step": "run: {commands: ['true'], env: {%s: '1'}}",
    "of packages": "python: {uv: '1.0.0', packages: [six==1.17.0], env: {%s: '1'}}",
    "build arguments": "base: {dockerfile: {path: Dockerfile, build_args: {%s: '1'}}}",
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("name", NAMES)
def test_names_of_variables(found: Check, place: str, name: str) -> None:
    line = 1 if place.startswith("base") else 2
    assert found(place % f'"{name}"') == [("IS203", line, place.index("%s") + 1)]
    assert found(place % '"_A1"') == []


LINES = {
    "a variable": ('env: {A: "a\\nRUN id"}', 'env: {A: "a RUN id"}', 10),
    "a variable with a reference": ('env: {A: "$HOME\\nRUN id"}', 'env: {A: "$HOME RUN id"}', 10),
    "a carriage return": ('env: {A: "a\\rb"}', "env: {A: ab}", 10),
    "a NUL character": ('env: {A: "a\\0b"}', "env: {A: ab}", 10),
    "a folder": ('workdir: "/a\\nRUN id"', "workdir: /a b", 10),
    "an index": (
        'python: {uv: "1.0.0", packages: [six==1.17.0], index_url: "https://a\\nRUN id"}',
        'python: {uv: "1.0.0", packages: [six==1.17.0], index_url: "https://a"}',
        59,
    ),
    "options": (
        'python: {uv: "1.0.0", packages: [six==1.17.0], options: "--a\\nRUN id"}',
        'python: {uv: "1.0.0", packages: [six==1.17.0], options: "--no-deps"}',
        57,
    ),
    "a place": ('source: [{file: data.txt, to: "/a\\nb"}]', "source: [{file: data.txt, to: /a}]", 31),
    "a command": ('run: ["cd /a\\nmake"]', 'run: ["cd /a && \\\\\\nmake"]', 7),
    "a heredoc and more": ('run: ["cat <<E\\na\\nE\\nmake"]', 'run: ["cat <<E\\na\\nE\\n"]', 7),
    "a heredoc without its end": ("run: [\"cat <<'E'\\na\"]", "run: [\"cat <<-'E'\\na\\n\\tE\"]", 7),
    "a string that is none": ('run: ["cat <<<E\\na"]', 'run: ["cat <<<E"]', 7),
    "comments between lines": ('run: ["a\\n# b\\nc"]', 'run: ["a && \\\\\\n# b\\nc"]', 7),
}


@pytest.mark.parametrize(("bad", "good", "column"), LINES.values(), ids=LINES)
def test_line_breaks(found: Check, bad: str, good: str, column: int) -> None:
    assert found(bad) == [("IS204", 2, column)]
    assert found(good) == []


@pytest.mark.parametrize("key", ["cmd", "entrypoint", "shell"])
def test_what_travels_as_json_may_have_line_breaks(found: Check, key: str) -> None:
    assert found(f'{key}: [python, -c, "a\\nb"]') == []


UV = "python: {packages: [six==1.17.0], uv: %s}"
POETRY = "python: {poetry: {path: poetry/pyproject.toml, version: %s}}"
GROUPS = "python: {poetry: {path: poetry/pyproject.toml, version: '1.8', with: [%s]}}"
SYNC = "steps: [{uv_sync: {uv_project_dir: project, uv_version: '1.0.0', groups: [%s]}}]"
CHANNEL = "base: {micromamba: '3.12.10'}\nconda: {packages: [a=1], channels: [%s]}"
REPOSITORY = "python: {secrets: [s], private: {git_user: me, repositories: [%s]}}"
USER = f"python: {{secrets: [s], private: {{repositories: [github.com/a/b@{COMMIT}], git_user: %s}}}}"
LINKS = "steps: [{pip_install_from_requirements: {requirements_txt: requirements.txt, find_links: %s}}]"

PASTED = {
    "uv": (UV, "0.9; id", "0.9.10"),
    "uv, an option": (UV, "-1", "0.9.10"),
    "Poetry": (POETRY, "1.8 && id", "1.8.5"),
    "a group": (GROUPS, "a$(id)", "dev"),
    "a group of a project": (SYNC, "a`id`", "dev"),
    "a channel": (CHANNEL, "a|sh", "conda-forge"),
    "a channel with an address": (CHANNEL, "https://h/a b", "https://h/a"),
    "a repository": (REPOSITORY, "github.com/a/b;id", f"github.com/a/b@{COMMIT}"),
    "a repository elsewhere": (REPOSITORY, "h.org/a/b", f"gitlab.com/a/b/c@{COMMIT}#subdirectory=d"),
    "a user": (USER, "me' id", "me"),
    "a user and a password": (USER, "me:$(id)", "some-one"),
    "a page of files": (LINKS, "https://h/a; id", "https://h/a"),
}


@pytest.mark.parametrize(("place", "bad", "good"), PASTED.values(), ids=PASTED)
def test_what_is_pasted_into_a_command(found: Check, place: str, bad: str, good: str) -> None:
    column = place.splitlines()[-1].index("%s") + 1
    assert [each for each in found(place % f'"{bad}"') if each[0] != "IS501"] == [("IS205", 2, column)]
    assert [each for each in found(place % f'"{good}"') if each[0] != "IS501"] == []


@pytest.mark.parametrize("name", ["a b.txt", "a;b.txt", "$(id).txt", "a'b.txt", "[a].txt", "a*.txt"])
def test_names_of_requirements_files(found: Check, project: Path, name: str) -> None:
    for each in (name, "fine.txt"):
        (project / each).write_text("--index-url https://h\nsix==1.17.0\n")
    spec = 'python:\n  uv: "1.0.0"\n  requirements:\n  - "%s"'
    assert found(spec % name) == [("IS205", 5, 5)]
    assert found(spec % "fine.txt") == []


REFERENCES = {
    "upper case": (f"registry: Ubuntu:24.04{DIGEST}", f"registry: ubuntu:24.04{DIGEST}"),
    "half a digest": ("registry: ubuntu@sha256:01", f"registry: ubuntu{DIGEST}"),
    "an option": (f'registry: "--platform=x ubuntu{DIGEST}"', f"registry: ghcr.io/a/b{DIGEST}"),
    "a variable": (f"registry: $BASE{DIGEST}", f"registry: localhost:5000/a/b:c{DIGEST}"),
    "odd characters": (f'registry: "a;b{DIGEST}"', f"registry: a__b/c-d.e:F_1.2-3{DIGEST}"),
    "a published image": ("published: a b:v1", "published: team/a:v1"),
    "a published image by id": ("published: im-1:v1", "published: image:v1"),
    "an id": ("id: image", "id: im-0aZ"),
}


@pytest.mark.parametrize(("bad", "good"), REFERENCES.values(), ids=REFERENCES)
def test_references(found: Check, bad: str, good: str) -> None:
    form = bad.partition(":")[0]
    assert found(f"base: {{{bad}}}") == [("IS206", 1, 10 + len(form))]
    assert found(f"base: {{{good}}}") == []


@pytest.mark.parametrize("bad", ["a b", "a/b", "a$b", "", "a" * 65, "ü"])
def test_names_of_modals_objects(found: Check, bad: str) -> None:
    spec = 'run:\n  commands: ["true"]\n  secrets: ["%s"]\n  volumes: {/data: "%s"}'
    assert {code for code, *_ in found(spec % (bad, "data"))} == {"IS206"}
    assert {code for code, *_ in found(spec % ("secret", bad))} == {"IS206"}
    assert found(spec % ("my-secret_1.x", "data")) == []


@pytest.mark.parametrize("bad", ["a", "./a", "", "~/a"])
def test_places_in_the_container(found: Check, bad: str) -> None:
    for source in ("file: data.txt", "dir: other"):
        assert [code for code, *_ in found(f'source: [{{{source}, to: "{bad}"}}]')] == ["IS207"]
        assert found(f"source: [{{{source}, to: /a}}]") == []


@pytest.mark.parametrize("bad", ["data", "/", "/a/../b", "/a//b", "/a/", "./a"])
def test_places_of_volumes(found: Check, bad: str) -> None:
    spec = 'run: {commands: ["true"], volumes: {"%s": data}}'
    assert found(spec % bad) == [("IS207", 2, 37)]
    assert found(spec % "/a/b") == []
