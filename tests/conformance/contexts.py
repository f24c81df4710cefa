"""What `COPY` takes from the context of a build, in a small folder of its own."""

from __future__ import annotations

from pathlib import Path

import modal

from tests.conformance.case import Case, slim

FILES = {
    "Dockerfile": "FROM python:3.12-slim\nCOPY . /all\nCOPY --chown=1:1 a.txt \\\n  # both\n  b.log /both/\nRUN true\n",
    "own.Dockerfile": "FROM python:3.12-slim\nCOPY sub /sub\n",
    "own.Dockerfile.dockerignore": "**/*.log\n",
    "a.txt": "a",
    "b.log": "b",
    "sub/c.txt": "c",
    "sub/d.log": "d",
    "sub/deep/e.txt": "e",
    "sub/deep/f.log": "f",
}
"""Path to content."""

CONTEXTS: dict[str, Case] = {
    "as it is": Case("base: {dockerfile: Dockerfile}", lambda: modal.Image.from_dockerfile("Dockerfile")),
    "patterns": Case(
        "base: {dockerfile: {path: own.Dockerfile, ignore: ['sub/*.txt', deep]}}",
        lambda: modal.Image.from_dockerfile("own.Dockerfile", ignore=["sub/*.txt", "deep"]),
    ),
    "a .dockerignore of its own": Case(  # which Modal heeds only where the path is absolute
        "base: {dockerfile: own.Dockerfile}",
        lambda: modal.Image.from_dockerfile(Path("own.Dockerfile").absolute()),
    ),
    "a folder of its own": Case(
        "base: {dockerfile: {path: own.Dockerfile, context: ../context}}",
        lambda: modal.Image.from_dockerfile("own.Dockerfile", context_dir="."),
    ),
    "several sources and a pattern": Case(
        """
base: {debian_slim: "3.12"}
steps:
  - dockerfile_commands:
      {dockerfile_commands: ["COPY c.txt deep/e.txt /two/", "COPY *.log /logs/", "COPY deep ."], context_dir: sub}
""",
        lambda: slim().dockerfile_commands(
            "COPY c.txt deep/e.txt /two/", "COPY *.log /logs/", "COPY deep .", context_dir="sub"
        ),
    ),
    "several sources and a pattern, and patterns": Case(
        """
base: {debian_slim: "3.12"}
steps:
  - dockerfile_commands:
      dockerfile_commands: ["COPY sub a.txt /all/", "COPY s*b/*.txt /text/", "COPY ./sub/deep/ /deep"]
      ignore: ["**/*.log", "!sub/deep/f.log"]
""",
        lambda: slim().dockerfile_commands(
            "COPY sub a.txt /all/",
            "COPY s*b/*.txt /text/",
            "COPY ./sub/deep/ /deep",
            ignore=["**/*.log", "!sub/deep/f.log"],
        ),
    ),
}
