"""Every builder method as a step, once as short as it can be and once with all that it takes."""

from __future__ import annotations

import importlib
from typing import Any

import modal

from tests.conformance.case import Case, secret, slim, volume


def step(text: str, chain: Any, **more: Any) -> Case:
    """A case whose spec is one step, or several, on the base of all."""
    return Case(f'base: {{debian_slim: "3.12"}}\nsteps:{text}', chain, **more)


def function(name: str) -> Any:
    """A function of the stand-in project's module of build functions."""
    found: Any = importlib.import_module("setup_steps")
    for part in name.split("."):
        found = getattr(found, part)
    return found


BUILD = {"env": {"A": "1", "B": "$A 'quoted'"}, "gpu": "T4", "force_build": True}
"""What every method that runs something takes, by hand; as YAML it is `BUILD_YAML`."""
BUILD_YAML = """
      env: {A: "1", B: "$A 'quoted'"}
      secrets: [token, other-token]
      gpu: T4
      force_build: true
"""
PIP = {
    "find_links": "links/",
    "index_url": "index/simple",
    "extra_index_url": "extra/simple",
    "pre": True,
    "extra_options": "--no-deps --quiet",
}
PIP_YAML = """
      find_links: links/
      index_url: index/simple
      extra_index_url: extra/simple
      pre: true
      extra_options: --no-deps --quiet
"""


def build() -> dict[str, Any]:
    return {**BUILD, "secrets": [secret("token"), secret("other-token")]}


STEPS: dict[str, Case] = {
    "add_local_file": step(
        """
  - add_local_file: {local_path: notes.txt, remote_path: /notes/}
  - add_local_file: {local_path: with space.txt, remote_path: /with space.txt}
""",
        lambda: slim().add_local_file("notes.txt", "/notes/").add_local_file("with space.txt", "/with space.txt"),
    ),
    "add_local_file, copied": step(
        """
  - add_local_file: {local_path: notes.txt, remote_path: /a/renamed.txt, copy: true}
  - add_local_file: {local_path: notes.txt, remote_path: /a/, copy: true}
""",
        lambda: (
            slim()
            .add_local_file("notes.txt", "/a/renamed.txt", copy=True)
            .add_local_file("notes.txt", "/a/", copy=True)
        ),
    ),
    "add_local_dir": step(
        """
  - add_local_dir: {local_path: data, remote_path: /data}
""",
        lambda: slim().add_local_dir("data", "/data"),
    ),
    "add_local_dir, copied": step(
        """
  - add_local_dir: {local_path: data, remote_path: /data, copy: true, ignore: ["**/*.log", deep]}
  - add_local_dir: {local_path: data, remote_path: /all/, copy: true}
""",
        lambda: (
            slim()
            .add_local_dir("data", "/data", copy=True, ignore=["**/*.log", "deep"])
            .add_local_dir("data", "/all/", copy=True)
        ),
    ),
    "add_local_python_source": step(
        """
  - add_local_python_source: [standin, alone]
""",
        lambda: slim().add_local_python_source("standin", "alone"),
    ),
    "add_local_python_source, one": step(
        """
  - add_local_python_source: standin.deep
""",
        lambda: slim().add_local_python_source("standin.deep"),
    ),
    "add_local_python_source, copied": step(
        """
  - add_local_python_source: {modules: [standin], copy: true, ignore: ["deep/**"]}
""",
        lambda: slim().add_local_python_source("standin", copy=True, ignore=["deep/**"]),
    ),
    "apt_install": step(
        """
  - apt_install: [wget, curl, git=1:2.47]
  - apt_install: tar
""",
        lambda: slim().apt_install("wget", "curl", "git=1:2.47").apt_install("tar"),
    ),
    "apt_install, everything": step(
        f"""
  - apt_install:
      packages: [git]{BUILD_YAML}
""",
        lambda: slim().apt_install("git", **build()),
    ),
    "pip_install": step(
        """
  - pip_install: [torch==2.5.1, "tqdm>=4,<5", "Pillow [x] == 11.0.0"]
""",
        lambda: slim().pip_install("torch==2.5.1", "tqdm>=4,<5", "Pillow [x] == 11.0.0"),
    ),
    "pip_install, everything": step(
        f"""
  - pip_install:
      packages: [six]{PIP_YAML}{BUILD_YAML}
""",
        lambda: slim().pip_install("six", **PIP, **build()),
    ),
    "pip_install_private_repos": step(
        """
  - pip_install_private_repos: {repositories: [github.com/me/mine@v1], git_user: me, secrets: [token]}
""",
        lambda: slim().pip_install_private_repos("github.com/me/mine@v1", git_user="me", secrets=[secret("token")]),
    ),
    "pip_install_private_repos, everything": step(
        f"""
  - pip_install_private_repos:
      repositories: [gitlab.com/me/other, github.com/me/mine@v1#subdirectory=a]
      git_user: me{PIP_YAML}{BUILD_YAML}
""",
        lambda: slim().pip_install_private_repos(
            "gitlab.com/me/other", "github.com/me/mine@v1#subdirectory=a", git_user="me", **PIP, **build()
        ),
    ),
    "pip_install_from_requirements": step(
        """
  - pip_install_from_requirements: requirements.txt
""",
        lambda: slim().pip_install_from_requirements("requirements.txt"),
    ),
    "pip_install_from_requirements, everything": step(
        f"""
  - pip_install_from_requirements:
      requirements_txt: more/requirements.txt{PIP_YAML}{BUILD_YAML}
""",
        lambda: slim().pip_install_from_requirements("more/requirements.txt", **PIP, **build()),
    ),
    "pip_install_from_pyproject": step(
        """
  - pip_install_from_pyproject: pyproject.toml
""",
        lambda: slim().pip_install_from_pyproject("pyproject.toml"),
    ),
    "pip_install_from_pyproject, everything": step(
        f"""
  - pip_install_from_pyproject:
      pyproject_toml: pyproject.toml
      optional_dependencies: [train, eval]{PIP_YAML}{BUILD_YAML}
""",
        lambda: slim().pip_install_from_pyproject("pyproject.toml", ["train", "eval"], **PIP, **build()),
    ),
    "uv_pip_install": step(
        """
  - uv_pip_install: [torch==2.5.1, "tqdm>=4,<5"]
  - uv_pip_install: six
""",
        lambda: slim().uv_pip_install("torch==2.5.1", "tqdm>=4,<5").uv_pip_install("six"),
    ),
    "uv_pip_install, everything": step(
        f"""
  - uv_pip_install:
      packages: [six]
      requirements: [requirements.txt, more/requirements.txt]
      uv_version: "0.9.10"{PIP_YAML}{BUILD_YAML}
""",
        lambda: slim().uv_pip_install(
            "six", requirements=["requirements.txt", "more/requirements.txt"], uv_version="0.9.10", **PIP, **build()
        ),
    ),
    "uv_sync": step(
        """
  - uv_sync: .
""",
        lambda: slim().uv_sync("."),
    ),
    "uv_sync, everything": step(
        f"""
  - uv_sync:
      uv_project_dir: .
      groups: [lint, dev]
      extras: [train]
      frozen: false
      extra_options: --quiet
      uv_version: "0.9.10"{BUILD_YAML}
""",
        lambda: slim().uv_sync(
            "./",
            groups=["lint", "dev"],
            extras=["train"],
            frozen=False,
            extra_options="--quiet",
            uv_version="0.9.10",
            **build(),
        ),
    ),
    "poetry_install_from_file": step(
        """
  - poetry_install_from_file: poetry/pyproject.toml
""",
        lambda: slim().poetry_install_from_file("poetry/pyproject.toml"),
    ),
    "poetry_install_from_file, everything": step(
        f"""
  - poetry_install_from_file:
      poetry_pyproject_toml: poetry/pyproject.toml
      poetry_lockfile: poetry/other.lock
      with_: [train, eval]
      without: [dev]
      only: [main]
      poetry_version: 2.1.1
      old_installer: true{BUILD_YAML}
""",
        lambda: slim().poetry_install_from_file(
            "poetry/pyproject.toml",
            "poetry/other.lock",
            with_=["train", "eval"],
            without=["dev"],
            only=["main"],
            poetry_version="2.1.1",
            old_installer=True,
            **build(),
        ),
    ),
    "poetry_install_from_file, without its lock and with a Poetry that is there": step(
        """
  - poetry_install_from_file:
      {poetry_pyproject_toml: poetry/pyproject.toml, ignore_lockfile: true, poetry_version: null}
""",
        lambda: slim().poetry_install_from_file("poetry/pyproject.toml", ignore_lockfile=True, poetry_version=None),
    ),
    "micromamba_install": Case(
        """
base: {micromamba: "3.12"}
steps:
  - micromamba_install: [numpy=2.1.3, pip]
  - micromamba_install: cudatoolkit
""",
        lambda: (
            modal.Image.micromamba("3.12").micromamba_install("numpy=2.1.3", "pip").micromamba_install("cudatoolkit")
        ),
    ),
    "micromamba_install, everything": Case(
        f"""
base: {{micromamba: "3.12"}}
steps:
  - micromamba_install:
      packages: [numpy=2.1.3]
      spec_file: environment.txt
      channels: [pytorch, conda-forge]{BUILD_YAML}
""",
        lambda: modal.Image.micromamba("3.12").micromamba_install(
            "numpy=2.1.3", spec_file="environment.txt", channels=["pytorch", "conda-forge"], **build()
        ),
    ),
    "dockerfile_commands": step(
        """
  - dockerfile_commands: [RUN echo hello, 'ENV PATH="/opt/bin:$PATH"']
  - dockerfile_commands: USER root
""",
        lambda: (
            slim().dockerfile_commands("RUN echo hello", 'ENV PATH="/opt/bin:$PATH"').dockerfile_commands("USER root")
        ),
    ),
    "dockerfile_commands, everything": step(
        f"""
  - dockerfile_commands:
      dockerfile_commands: [COPY deep /deep, COPY /given.txt /given.txt, ARG GREETING, RUN echo $GREETING]
      context_files: {{/given.txt: notes.txt}}
      context_dir: data
      ignore: ["**/*.log"]
      build_args: {{GREETING: hello}}{BUILD_YAML}
""",
        lambda: slim().dockerfile_commands(
            "COPY deep /deep",
            "COPY /given.txt /given.txt",
            "ARG GREETING",
            "RUN echo $GREETING",
            context_files={"/given.txt": "notes.txt"},
            context_dir="data",
            ignore=["**/*.log"],
            build_args={"GREETING": "hello"},
            **build(),
        ),
    ),
    "dockerfile_commands, from the root": step(
        """
  - dockerfile_commands: COPY data /data
""",
        lambda: slim().dockerfile_commands("COPY data /data"),
    ),
    "run_commands": step(
        r"""
  - run_commands: ["echo 'one' && echo $HOME", 'printf "a\nb"']
  - run_commands: "true"
""",
        lambda: slim().run_commands("echo 'one' && echo $HOME", r'printf "a\nb"').run_commands("true"),
    ),
    "run_commands, everything": step(
        f"""
  - run_commands:
      commands: [ls /data]{BUILD_YAML}
""",
        lambda: slim().run_commands("ls /data", **build()),
    ),
    "run_commands, a volume": step(
        """
  - run_commands: {commands: [ls /data], volumes: {/data: my-data, /more: more-data}}
""",
        lambda: slim().run_commands("ls /data", volumes={"/data": volume("my-data"), "/more": volume("more-data")}),
        refused=(3,),
    ),
    "run_function": step(
        """
  - run_function: "setup_steps:Cache.warm"
""",
        lambda: slim().run_function(function("Cache.warm")),
        refused=(3,),
    ),
    "run_function, everything": step(
        f"""
  - apt_install: git
  - run_function:
      raw_f: setup_steps:download
      args: [weights]
      kwargs: {{revision: v1}}
      volumes: {{/data: my-data}}
      network_file_systems: {{/old: my-files}}
      cpu: 2.5
      memory: 4096
      timeout: 600
      cloud: aws
      region: us-east-1
      include_source: false{BUILD_YAML}
""",
        lambda: (
            slim()
            .apt_install("git")
            .run_function(
                function("download"),
                args=["weights"],
                kwargs={"revision": "v1"},
                volumes={"/data": volume("my-data")},
                network_file_systems={"/old": modal.NetworkFileSystem.from_name("my-files")},
                cpu=2.5,
                memory=4096,
                timeout=600,
                cloud="aws",
                region="us-east-1",
                include_source=False,
                **build(),
            )
        ),
        refused=(4,),
    ),
    "run_function, a choice of machines": step(
        """
  - run_function: {raw_f: "setup_steps:download", args: [weights], gpu: [H100, A100], region: [us-east, us-west]}
""",
        lambda: slim().run_function(
            function("download"), args=["weights"], gpu=["H100", "A100"], region=["us-east", "us-west"]
        ),
        refused=(3,),
    ),
    "env": step(
        """
  - env: {B: "2", A: it's $HOME, EMPTY: ""}
""",
        lambda: slim().env({"B": "2", "A": "it's $HOME", "EMPTY": ""}),
    ),
    "workdir": step(
        """
  - workdir: /with space
""",
        lambda: slim().workdir("/with space"),
    ),
    "shell": step(
        """
  - shell: [/bin/bash, -lc]
""",
        lambda: slim().shell(["/bin/bash", "-lc"]),
    ),
    "entrypoint": step(
        """
  - entrypoint: [tini, "--", it's é]
""",
        lambda: slim().entrypoint(["tini", "--", "it's é"]),  # double quotes break what Modal sends before 1.6.4
    ),
    "cmd": step(
        """
  - cmd: [python, -m, standin.train]
""",
        lambda: slim().cmd(["python", "-m", "standin.train"]),
    ),
    "pipe": step(
        """
  - pipe: "setup_steps:with_tools"
""",
        lambda: slim().pipe(function("with_tools")),
        refused=(3,),
    ),
    "pipe, everything": step(
        """
  - pipe: {func: "setup_steps:with_tools", args: [git, curl], kwargs: {shell: sh}}
""",
        lambda: slim().pipe(function("with_tools"), "git", "curl", shell="sh"),
        refused=(3,),
    ),
    "several, in the order written": step(
        """
  - workdir: /srv
  - env: {B: "2"}
  - env: {A: "1"}
  - run_commands: echo $A $B
  - apt_install: [wget, curl]
  - add_local_python_source: standin
""",
        lambda: (
            slim()
            .workdir("/srv")
            .env({"B": "2"})
            .env({"A": "1"})
            .run_commands("echo $A $B")
            .apt_install("wget", "curl")
            .add_local_python_source("standin")
        ),
    ),
}
"""Name to case."""
