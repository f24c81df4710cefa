"""Every section of the language, and the chain that it stands for."""

from __future__ import annotations

from typing import Any

import modal

from tests.conformance.case import Case, secret, slim, volume
from tests.conformance.steps import function


def section(text: str, chain: Any, **more: Any) -> Case:
    """A case whose spec is a section, or several, on the base of all."""
    return Case(f'base: {{debian_slim: "3.12"}}{text}', chain, **more)


SECTIONS: dict[str, Case] = {
    "apt": section(
        """
apt: [wget, curl, git, wget]
""",
        lambda: slim().apt_install("curl", "git", "wget"),
    ),
    "conda": Case(
        """
base: {micromamba: "3.12"}
conda: {packages: [pip, numpy=2.1.3, pip], channels: [pytorch, conda-forge], file: environment.txt}
""",
        lambda: modal.Image.micromamba("3.12").micromamba_install(
            "numpy=2.1.3", "pip", spec_file="environment.txt", channels=["pytorch", "conda-forge"]
        ),
    ),
    "conda, in short": Case(
        """
base: {micromamba: "3.12"}
conda: [pip]
""",
        lambda: modal.Image.micromamba("3.12").micromamba_install("pip"),
    ),
    "python, in short": section(
        """
python: ["Pillow == 11.0.0", torch==2.5.1, pillow==11.0.0]
""",
        lambda: slim().uv_pip_install("pillow==11.0.0", "torch==2.5.1"),
    ),
    "python, all packages in one layer": section(
        """
python:
  packages: [tqdm==4.67.1]
  requirements: [requirements.txt, more/requirements.txt]
  pyproject: {path: pyproject.toml, extras: [train]}
  uv: "0.9.10"
  index_url: index/simple
  extra_index_url: extra/simple
  find_links: links/
  prerelease: true
  options: --quiet
  env: {B: "2", A: "1"}
  secrets: [token]
  gpu: T4
""",
        lambda: slim().uv_pip_install(
            "tqdm==4.67.1",
            "six==1.17.0",
            "torch==2.5.1",
            "modal",
            "attrs==25.3.0",
            requirements=["more/requirements.txt"],
            uv_version="0.9.10",
            index_url="index/simple",
            extra_index_url="extra/simple",
            find_links="links/",
            pre=True,
            extra_options="--quiet",
            env={"A": "1", "B": "2"},
            secrets=[secret("token")],
            gpu="T4",
        ),
    ),
    "python, with pip": section(
        """
python:
  installer: pip
  packages: [six]
  requirements: [requirements.txt, more/requirements.txt]
  pyproject: pyproject.toml
""",
        lambda: (
            slim()
            .pip_install_from_pyproject("pyproject.toml")
            .pip_install("six", "six==1.17.0", "torch==2.5.1")
            .pip_install_from_requirements("more/requirements.txt")
        ),
    ),
    "python, a uv project": section(
        """
python:
  project: {path: ., extras: [train], groups: [lint, dev], frozen: false}
  uv: "0.9.10"
  options: --quiet
  env: {A: "1"}
""",
        lambda: slim().uv_sync(
            ".",
            extras=["train"],
            groups=["dev", "lint"],
            frozen=False,
            uv_version="0.9.10",
            extra_options="--quiet",
            env={"A": "1"},
        ),
    ),
    "python, a Poetry project": section(
        """
python:
  poetry:
    {path: poetry/pyproject.toml, lockfile: poetry/other.lock, with: [train], without: [dev], only: [main],
     version: 2.1.1, old_installer: true}
  gpu: T4
""",
        lambda: slim().poetry_install_from_file(
            "poetry/pyproject.toml",
            poetry_lockfile="poetry/other.lock",
            with_=["train"],
            without=["dev"],
            only=["main"],
            poetry_version="2.1.1",
            old_installer=True,
            gpu="T4",
        ),
    ),
    "python, a Poetry project without its lock": section(
        """
python: {poetry: {path: poetry/pyproject.toml, ignore_lockfile: true}}
""",
        lambda: slim().poetry_install_from_file("poetry/pyproject.toml", ignore_lockfile=True),
    ),
    "python, private repositories": section(
        """
python:
  private: {repositories: [gitlab.com/me/b@v1, github.com/me/a@v1], git_user: me}
  secrets: [token]
  options: --no-deps
""",
        lambda: slim().pip_install_private_repos(
            "github.com/me/a@v1",
            "gitlab.com/me/b@v1",
            git_user="me",
            secrets=[secret("token")],
            extra_options="--no-deps",
        ),
    ),
    "env": section(
        """
env:
  PATH: $TOOLS/bin:$PATH
  TOOLS: ${HOME}/tools
  PRICE: '5 \\$ "each"'
  B: it's
  A: ""
""",
        lambda: (
            slim()
            .env({"A": "", "B": "it's", "PRICE": '5 $ "each"'})
            .dockerfile_commands('ENV TOOLS="${HOME}/tools"', 'ENV PATH="$TOOLS/bin:$PATH"')
        ),
    ),
    "run": section(
        """
run:
  commands: [echo b, echo a]
  env: {B: "2", A: "1"}
  secrets: [token]
  gpu: T4
""",
        lambda: slim().run_commands("echo b", "echo a", env={"A": "1", "B": "2"}, secrets=[secret("token")], gpu="T4"),
    ),
    "run, in short": section(
        """
run:
  - |
    echo one && \\
    echo two
  - echo three
""",
        lambda: slim().run_commands("echo one && \\\necho two", "echo three"),
    ),
    "run, a volume": section(
        """
run: {commands: [ls], volumes: {/z: z, /a: a}}
""",
        lambda: slim().run_commands("ls", volumes={"/a": volume("a"), "/z": volume("z")}),
        refused=(2,),
    ),
    "function": section(
        """
function:
  - call: setup_steps:Cache.warm
  - call: setup_steps:download
    args: [weights]
    kwargs: {revision: v1}
    env: {B: "2", A: "1"}
    secrets: [token]
    volumes: {/data: my-data}
    network_file_systems: {/old: my-files}
    gpu: [H100, A100]
    cpu: 2
    memory: 4096
    timeout: 600
    cloud: aws
    region: [us-east, us-west]
    include_source: false
""",
        lambda: (
            slim()
            .run_function(function("Cache.warm"))
            .run_function(
                function("download"),
                args=["weights"],
                kwargs={"revision": "v1"},
                env={"A": "1", "B": "2"},
                secrets=[secret("token")],
                volumes={"/data": volume("my-data")},
                network_file_systems={"/old": modal.NetworkFileSystem.from_name("my-files")},
                gpu=["H100", "A100"],
                cpu=2,
                memory=4096,
                timeout=600,
                cloud="aws",
                region=["us-east", "us-west"],
                include_source=False,
            )
        ),
        refused=(3, 4),
    ),
    "function, in short": section(
        """
function: setup_steps:Cache.warm
""",
        lambda: slim().run_function(function("Cache.warm")),
        refused=(2,),
    ),
    "source": section(
        """
source:
  - package: standin
  - {file: notes.txt, to: /notes/}
  - {dir: data, to: /data, ignore: ["**/*.log"]}
  - {dir: more, to: /more, copy: true}
  - {package: alone, copy: true}
""",
        lambda: (
            slim()
            .add_local_dir("more", "/more", copy=True)
            .add_local_python_source("alone", copy=True)
            .add_local_python_source("standin")
            .add_local_file("notes.txt", "/notes/")
            .add_local_dir("data", "/data", ignore=["**/*.log"])
        ),
    ),
    "everything, in the documented order": section(
        """
cmd: [serve]
source:
  - package: standin
  - {file: notes.txt, to: /opt/notes.txt, copy: true}
entrypoint: [tini, --]
steps:
  - apt_install: [tree]
  - env: {LATE: "1"}
function: setup_steps:Cache.warm
run: [echo ready]
shell: [/bin/bash, -c]
workdir: /root
env: {PATH: "/opt/bin:$PATH", MODE: train}
python: [six==1.17.0]
apt: [git]
gpus: [T4]
checks: {imports: [six], commands: ["true"]}
description: all of it
""",
        lambda: (
            slim()
            .apt_install("git")
            .uv_pip_install("six==1.17.0")
            .env({"MODE": "train"})
            .dockerfile_commands('ENV PATH="/opt/bin:$PATH"')
            .workdir("/root")
            .shell(["/bin/bash", "-c"])
            .run_commands("echo ready")
            .run_function(function("Cache.warm"))
            .apt_install("tree")
            .env({"LATE": "1"})
            .add_local_file("notes.txt", "/opt/notes.txt", copy=True)
            .entrypoint(["tini", "--"])
            .cmd(["serve"])
            .add_local_python_source("standin")
        ),
        refused=(10,),
    ),
    "an empty entrypoint and command take those of the base away": section(
        """
entrypoint: []
cmd: []
""",
        lambda: slim().entrypoint([]).cmd([]),
    ),
    "empty sections are no layers": section(
        """
apt: []
python: []
run: []
env: {}
source: []
function: []
steps: []
""",
        slim,
    ),
}
"""Name to case."""
