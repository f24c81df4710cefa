"""Every way to begin an image, with all that it takes."""

from __future__ import annotations

import modal

from tests.conformance.case import Case, secret

DIGEST = "sha256:" + "0123456789abcdef" * 4

BASES: dict[str, Case] = {
    "debian_slim": Case(
        """
base: {debian_slim: "3.12"}
""",
        lambda: modal.Image.debian_slim("3.12"),
    ),
    "debian_slim, forced": Case(
        """
base: {debian_slim: {python: "3.12.10", force_build: true}}
steps: [{apt_install: git}]
""",
        lambda: modal.Image.debian_slim(python_version="3.12.10", force_build=True).apt_install("git"),
    ),
    "micromamba": Case(
        """
base: {micromamba: "3.12"}
""",
        lambda: modal.Image.micromamba("3.12"),
    ),
    "micromamba, forced": Case(
        """
base: {micromamba: {python: "3.11", force_build: true}}
""",
        lambda: modal.Image.micromamba(python_version="3.11", force_build=True),
    ),
    "from_registry": Case(
        """
base: {registry: "python:3.12-slim"}
""",
        lambda: modal.Image.from_registry("python:3.12-slim"),
    ),
    "from_registry, everything": Case(
        f"""
base:
  registry:
    image: team/image:1.0@{DIGEST}
    add_python: "3.12"
    secret: registry-login
    setup: [RUN apt-get update, 'ENV LANG=C.UTF-8']
    force_build: true
""",
        lambda: modal.Image.from_registry(
            f"team/image:1.0@{DIGEST}",
            secret=secret("registry-login"),
            setup_dockerfile_commands=["RUN apt-get update", "ENV LANG=C.UTF-8"],
            force_build=True,
            add_python="3.12",
        ),
    ),
    "from_registry, a secret that tells which registry": Case(
        """
base: {registry: {image: "team/image:1.0", secret: service-account}}
""",
        lambda: modal.Image.from_registry("team/image:1.0", secret=secret("service-account")),
        secrets={"service-account": ["SERVICE_ACCOUNT_JSON"]},
    ),
    "from_gcp_artifact_registry": Case(
        """
base:
  registry:
    {image: "project/repo/image:1", auth: gcp, secret: key, add_python: "3.11", setup: [RUN true], force_build: true}
""",
        lambda: modal.Image.from_gcp_artifact_registry(
            "project/repo/image:1",
            secret=secret("key"),
            setup_dockerfile_commands=["RUN true"],
            force_build=True,
            add_python="3.11",
        ),
    ),
    "from_aws_ecr": Case(
        """
base:
  registry:
    {image: "team/image:1", auth: aws, secret: role, add_python: "3.13", setup: [RUN true], force_build: true}
""",
        lambda: modal.Image.from_aws_ecr(
            "team/image:1",
            secret=secret("role"),
            setup_dockerfile_commands=["RUN true"],
            force_build=True,
            add_python="3.13",
        ),
    ),
    "from_dockerfile": Case(
        """
base: {dockerfile: plain.Dockerfile}
""",
        lambda: modal.Image.from_dockerfile("plain.Dockerfile"),
    ),
    "from_dockerfile, everything": Case(
        """
base:
  dockerfile:
    path: Dockerfile
    context: .
    ignore: ["**/*.log"]
    build_args: {GREETING: hello world, TAG: "3.12"}
    add_python: "3.12"
    secret: registry-login
    env: {HTTPS_PROXY: "http://proxy:3128"}
    secrets: [token]
    gpu: T4
    force_build: true
""",
        lambda: modal.Image.from_dockerfile(
            "Dockerfile",
            context_dir=".",
            ignore=["**/*.log"],
            build_args={"GREETING": "hello world", "TAG": "3.12"},
            registry_secret=secret("registry-login"),
            secrets=[secret("token")],
            env={"HTTPS_PROXY": "http://proxy:3128"},
            gpu="T4",
            add_python="3.12",
            force_build=True,
        ),
    ),
    "from_scratch": Case(
        """
base: {scratch: true}
steps: [{add_local_file: {local_path: notes.txt, remote_path: /notes.txt, copy: true}}]
""",
        lambda: modal.Image.from_scratch().add_local_file("notes.txt", "/notes.txt", copy=True),
    ),
    "from_name": Case(
        """
base: {published: "staging/trainer:v2"}
steps: [{run_commands: "true"}]
""",
        lambda: modal.Image.from_name("staging/trainer:v2").run_commands("true"),
        refused=(1,),
    ),
    "from_id": Case(
        """
base: {id: im-0123456789}
steps: [{run_commands: "true"}]
""",
        lambda: modal.Image.from_id("im-0123456789").run_commands("true"),
        refused=(1,),
    ),
}
"""Name to case."""
