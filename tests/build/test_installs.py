"""What uv prints when it fails, and the finding that comes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagespec.build.local.installs import failed
from imagespec.diagnostic import Diagnostic
from tests.build.project import Project

CONFLICT = """\
Using Python 3.12.1 environment at: e
error: No solution found when resolving dependencies
  cause: Because torch==2.5.1 depends on typing-extensions>=4.8.0 and you require torch==2.5.1, we can conclude that you
         require typing-extensions>=4.8.0.
         And because you require typing-extensions==4.0, we can conclude that your requirements are unsatisfiable.
"""
UNREACHABLE = """\
error: Request failed after 3 retries in 6.8s
  cause: Failed to fetch: https://index.example/simple/torchvision/
  cause: error sending request for url (https://index.example/simple/torchvision/)
  cause: client error (Connect)
  cause: dns error
  cause: failed to lookup address information: Name or service not known
"""
BUILD = """\
Resolved 1 package in 1.98s
   Building ruamel-yaml==0.1
error: Failed to build `ruamel-yaml==0.1`
  cause: The build backend returned an error
  cause: Call to `setuptools.build_meta:__legacy__.build_wheel` failed (exit status: 1)
         [stderr]
"""
OLDER = """\
  × No solution found when resolving dependencies:
  ╰─▶ Because there is no version of torch==2.5.1 and you require torch==2.5.1, we can conclude that your
      requirements are unsatisfiable.
"""
OLDER_UNREACHABLE = """\
error: Request failed after 3 retries
  Caused by: Failed to fetch: `http://127.0.0.1:9/simple/torch/`
  Caused by: error sending request for url (http://127.0.0.1:9/simple/torch/)
  Caused by: Connection refused (os error 111)
"""
OF_ANOTHER = """\
error: Failed to download `nvidia-cudnn-cu12==9.1.0.70`
  cause: HTTP status client error (404 Not Found)
"""
OPTION = """\
error: unexpected argument '--bogus' found
  tip: to pass '--bogus' as a value, use '-- --bogus'
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def finding(project: Project, printed: str, code: int = 1, text: str = "") -> Diagnostic:
    packages = "[torch==2.5.1, torchvision==0.20.1, 'typing_extensions==4.0', ruamel.yaml==0.1]"
    base = 'debian_slim: "3.12"'  # there is no such torchvision for later ones
    project.spec("one", text or f"python:\n  packages: {packages}\n", base)
    target = project.target("one")
    return failed(target.image.layers[-1], target.parsed.tree, code, printed.splitlines())


@pytest.mark.parametrize(
    ("printed", "message", "column"),
    [
        (OLDER, "`torch==2.5.1` cannot be installed: no solution found when resolving dependencies", 14),
        (OLDER_UNREACHABLE, "`torch==2.5.1` cannot be fetched: connection refused (os error 111)", 14),
        (CONFLICT, "`torch==2.5.1` cannot be installed: no solution found when resolving dependencies", 14),
        (
            UNREACHABLE,
            "`torchvision==0.20.1` cannot be fetched: failed to lookup address information: Name or service not known",
            28,
        ),
        (BUILD, "`ruamel-yaml==0.1` cannot be installed: failed to build `ruamel-yaml==0.1`", 75),
        (
            OF_ANOTHER,
            "a package of `uv_pip_install` cannot be installed: failed to download `nvidia-cudnn-cu12==9.1.0.70`",
            3,
        ),
        (OPTION, "a package of `uv_pip_install` cannot be installed: unexpected argument '--bogus' found", 3),
        ("", "a package of `uv_pip_install` cannot be installed: uv did not say why", 3),
    ],
)
def test_the_package_is_named_and_pointed_at(project: Project, printed: str, message: str, column: int) -> None:
    found = finding(project, printed)
    assert (found.code, found.message) == ("IS901", message)
    assert (found.span.line, found.span.column) == (4, column)


def test_a_hint_holds_all_that_was_said(project: Project) -> None:
    assert finding(project, CONFLICT).hint == "\n".join(CONFLICT.splitlines()[1:])
    assert "is the network up" in finding(project, UNREACHABLE).hint


def test_a_long_story_is_cut_in_the_middle(project: Project) -> None:
    story = "error: Failed to build `torch==2.5.1`\n" + "".join(f"line {n}\n" for n in range(1000)) + "the reason\n"
    lines = finding(project, story).hint.splitlines()
    assert len(lines) == 25
    assert (lines[0], lines[8], lines[-1]) == (
        "error: Failed to build `torch==2.5.1`",
        "… 978 lines more …",
        "the reason",
    )


def test_a_uv_that_was_killed(project: Project) -> None:
    assert (
        finding(project, "", -9).message
        == "a package of `uv_pip_install` cannot be installed: uv was killed by signal 9"
    )


def test_a_line_of_a_requirements_file(project: Project) -> None:
    path = project.file("requirements.txt", "--prefer-binary\nsix\ntorch==2.5.1\n")
    found = finding(project, CONFLICT, text="python: {requirements: [requirements.txt]}")
    assert (found.span.source.path, found.span.line) == (path, 3)
