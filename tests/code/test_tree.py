"""Ways in which a module gets into an image, and ways that do not bring it."""

from __future__ import annotations

import pytest

from tests.code.conftest import Found

APP = """\
import modal

import imagespec

app = modal.App("app", image=imagespec.load("spec"))


@app.function()
def run():
    import helper

    return helper
"""
FILES = {
    "apps/app.py": APP,
    "src/helper.py": "",
    "src/keep/other.py": "",
    "Dockerfile": "FROM python:3.12-slim\nWORKDIR /root\nCOPY src/helper.py .\n",
    "empty.Dockerfile": "FROM python:3.12-slim\nRUN echo\n",
    "stages.Dockerfile": "FROM python:3.12 AS build\nRUN echo\nFROM somebody/else\nCOPY --from=build /x /y\n",
}
DIGEST = "@sha256:" + "0" * 64

BRINGS = {
    "a file": "source: [{file: src/helper.py, to: /root/helper.py}]",
    "a file into a folder": "source: [{file: src/helper.py, to: /root/}]",
    "a folder": "source: [{dir: src, to: /root}]",
    "a folder, copied": "source: [{dir: src, to: /root, copy: true}]",
    "a folder elsewhere, on PYTHONPATH": "env: {PYTHONPATH: '/usr/lib:/app'}\nsource: [{dir: src, to: /app}]",
    "a folder that is the working directory": "workdir: /app\nsource: [{dir: src, to: /app}]",
    "a package of another root": "root: src\nsource: [{package: helper}]\napps: [../apps/app.py]",
    "a step": "steps: [{add_local_file: {local_path: src/helper.py, remote_path: /root/helper.py}}]",
    "COPY of a file": "steps: [{dockerfile_commands: ['COPY src/helper.py /root/']}]",
    "COPY of a folder": "steps: [{dockerfile_commands: ['COPY src /root']}]",
    "COPY of a pattern": "steps: [{dockerfile_commands: ['COPY src/*.py /root/']}]",
    "ENV in a step": "steps: [{dockerfile_commands: ['COPY src /app', 'ENV PYTHONPATH=/app']}]",
    "a Dockerfile": "base: {dockerfile: {path: Dockerfile, add_python: '3.12'}}",
}
LACKS = {
    "nothing": "",
    "another folder": "source: [{dir: src, to: /app}]",
    "a folder below": "source: [{dir: src/keep, to: /root}]",
    "a pattern that leaves it out": "source: [{dir: src, to: /root, ignore: ['*.py']}]",
    "COPY to elsewhere": "steps: [{dockerfile_commands: ['COPY src/helper.py /srv/']}]",
    "a base that is known": f"base: {{registry: {{image: 'nvidia/cuda:12.4.1-base{DIGEST}', add_python: '3.12'}}}}",
}
UNKNOWN = {
    "a published base": "base: {published: 'mine:1'}",
    "a base by its id": "base: {id: im-123}",
    "somebody's base": f"base: {{registry: {{image: 'mine/trainer:1{DIGEST}', add_python: '3.12'}}}}",
    "a repository that is cloned": "apt: [git]\nrun: [git clone https://example.com/x /root/x]",
    "other stages": "base: {dockerfile: {path: stages.Dockerfile, add_python: '3.12'}}",
}


def spec(text: str) -> str:
    return text if "apps:" in text else f"apps: [apps/app.py]\n{text}\n"


@pytest.mark.parametrize("text", BRINGS.values(), ids=BRINGS)
def test_what_brings_it(found: Found, text: str) -> None:
    assert found(FILES, spec(text)) == []


@pytest.mark.parametrize("text", LACKS.values(), ids=LACKS)
def test_what_does_not(found: Found, text: str) -> None:
    files = {**FILES, "apps/app.py": APP.replace("    import", "    import sys\n    sys.path.append('src'); import")}
    said = [d for d in found(files, spec(text)) if d.code == "IS601"]
    assert [(d.message.partition(",")[0], d.span.line) for d in said] in (
        [("`helper` is not in the image", 11)],
        [("`helper` is in the image", 11)],
    )


def test_what_is_in_another_folder(found: Found) -> None:
    files = {
        **FILES,
        "src/models/unet.py": "",
        "src/keep/other.py": "import helper\nimport models.unet\n",
        "apps/app.py": APP.replace("import helper", "import sys; sys.path.append('src/keep'); import other as helper"),
    }
    said = found(
        {**files, "src/keep/helper.py": ""}, spec("source: [{dir: src/keep, to: /srv/keep}, {dir: src, to: /srv}]")
    )
    assert [(d.code, d.message, d.hint) for d in said] == [
        (
            "IS601",
            "`other` is in the image, in `/srv/keep`, and not looked for there",
            "add to spec.yaml: env: {PYTHONPATH: /srv/keep}",
        )
    ]


def test_a_relative_folder_on_the_path(found: Found) -> None:
    files = {**FILES, "apps/app.py": APP.replace("    import", "    import sys\n    sys.path.append('src'); import")}
    assert found(files, spec("source: [{dir: src, to: /root/src}]")) == []


@pytest.mark.parametrize("text", UNKNOWN.values(), ids=UNKNOWN)
def test_what_may_bring_it(found: Found, text: str) -> None:
    assert found(FILES, spec(text)) == []


def test_a_dockerfile_that_copies_nothing_of_it(found: Found) -> None:
    files = {**FILES, "apps/helper.py": ""}
    (one,) = found(files, spec("base: {dockerfile: {path: empty.Dockerfile, add_python: '3.12'}}"))
    assert one.code == "IS601"
    assert one.hint == "add to spec.yaml: source: [{file: apps/helper.py, to: /root/helper.py}]"


def test_compiled_modules_count(found: Found) -> None:
    files = {**FILES, "lib/helper.cpython-312-x86_64-linux-gnu.so": ""}
    assert found(files, spec("source: [{dir: lib, to: /root}]")) == []


def test_a_folder_of_data_is_no_module(found: Found) -> None:
    files = {**FILES, "data/helper/x.txt": ""}
    (one,) = found(files, spec("source: [{dir: data, to: /root}]"))
    assert (one.code, one.message) == ("IS601", "`helper` is not in the image")  # what holds only data is none
