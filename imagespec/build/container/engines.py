"""Docker, podman and buildah -> their command lines, what their logs tell, and which of them works here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from imagespec.build.container.log import BuildahLog, BuildKitLog, Log, Step

PATIENCE = 20.0
"""Seconds in which an engine has to say that it works."""

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
"""The build arguments that every Dockerfile has. They are no part of what engines cache by."""


@dataclass(frozen=True, slots=True)
class Order:
    """A build: the Dockerfile and what goes with it. `image` is a file that the image's id can be written into."""

    dockerfile: Path
    context: Path
    contexts: Mapping[str, Path]
    secrets: Mapping[str, Path]
    build_args: Mapping[str, str]
    tag: str
    image: Path
    force: bool

    def options(self) -> list[str]:
        """What all three call the same."""
        words = [f"--file={self.dockerfile}", f"--tag={self.tag}"]
        words += ["--no-cache"] if self.force else []
        words += [f"--build-context={name}={path}" for name, path in self.contexts.items()]
        words += [f"--secret=id={name},src={path}" for name, path in self.secrets.items()]
        return words + [f"--build-arg={name}={value}" for name, value in self.build_args.items()]


@dataclass(frozen=True, slots=True)
class Config:
    """What an image says about its containers."""

    env: Mapping[str, str]
    workdir: str
    entrypoint: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """A command in a container of its own, called `name`, with variables on top of the image's own.

    `told` is an empty folder in which an engine that does not pass on the command's exit code has it written.
    """

    name: str
    image: str
    command: Sequence[str]
    config: Config
    env: Mapping[str, str]
    told: Path
    terminal: bool = False

    def code(self, code: int) -> int:
        """The exit code of the command, given that of the engine."""
        try:
            return int((self.told / CODE).read_text())
        except (OSError, ValueError):
            return code


CODE = "code"


class Engine(Protocol):
    """What builds a Dockerfile and runs the result.

    `program` is what is started; `at_once` says how many builds share their work while they run at the same time.
    """

    program: str
    at_once: int

    def trouble(self, environ: Mapping[str, str]) -> str:
        """Why it does not work here; nothing where it does."""

    def build(self, order: Order, environ: Mapping[str, str]) -> list[str]:
        """The command that builds."""

    def built(self, order: Order, printed: Sequence[str]) -> str:
        """The id of the image that was built, once that command has ended well."""

    def log(self, every: Sequence[Step]) -> Log:
        """A reader of what that command prints."""

    def inspect(self, image: str) -> list[str]:
        """The command that prints the configuration of an image, by its id or its tag."""

    def config(self, printed: str) -> Config:
        """What that printed."""

    def run(self, run: Run, environ: Mapping[str, str]) -> list[list[str]]:
        """The commands that run something in a container; the last is the one whose output counts."""

    def remove(self, name: str) -> list[str]:
        """The command that ends and removes a container."""


class Docker:
    """Docker with BuildKit, whose older builder knows no build secrets and no second context."""

    program = "docker"
    at_once = 4

    def trouble(self, environ: Mapping[str, str]) -> str:
        said = _trouble([self.program, "version", "--format={{.Server.Version}}"], environ)
        return said or _trouble([self.program, "buildx", "version"], environ)

    def build(self, order: Order, environ: Mapping[str, str]) -> list[str]:
        command = [self.program, "buildx", "build", "--progress=plain", "--load", f"--iidfile={order.image}"]
        proxies = (name for name in environ if name.upper() in _PROXIES and name not in order.build_args)
        return [*command, *order.options(), *(f"--build-arg={name}" for name in proxies), str(order.context)]

    def built(self, order: Order, printed: Sequence[str]) -> str:
        return order.image.read_text().strip()

    def log(self, every: Sequence[Step]) -> Log:
        return BuildKitLog(every)

    def inspect(self, image: str) -> list[str]:
        return [self.program, "image", "inspect", "--format={{json .}}", image]

    def config(self, printed: str) -> Config:
        return _config(json.loads(printed), "Config")

    def run(self, run: Run, environ: Mapping[str, str]) -> list[list[str]]:
        words = [self.program, "run", "--rm", "--interactive", f"--name={run.name}", f"--workdir={run.config.workdir}"]
        words += ["--tty"] if run.terminal else []
        return [[*words, *(f"--env={name}={value}" for name, value in run.env.items()), run.image, *run.command]]

    def remove(self, name: str) -> list[str]:
        return [self.program, "rm", "--force", name]


class Podman(Docker):
    """Podman, which takes docker's words and builds as buildah does. Its proxies come from the environment."""

    program = "podman"
    at_once = 1

    def trouble(self, environ: Mapping[str, str]) -> str:
        return _trouble([self.program, "info", "--format={{.Host.OS}}"], environ)

    def build(self, order: Order, environ: Mapping[str, str]) -> list[str]:
        return [self.program, "build", "--layers", *order.options(), str(order.context)]

    def built(self, order: Order, printed: Sequence[str]) -> str:
        return printed[-1].strip()  # with --iidfile, the ids of the layers would not be printed

    def log(self, every: Sequence[Step]) -> Log:
        return BuildahLog(every)


class Buildah:
    """Buildah: what podman builds with, alone. Its proxies come from the environment."""

    program = "buildah"
    at_once = 1

    def trouble(self, environ: Mapping[str, str]) -> str:
        return _trouble([self.program, "info"], environ)

    def build(self, order: Order, environ: Mapping[str, str]) -> list[str]:
        return [
            self.program,
            "build",
            "--layers",
            "--force-rm",
            *_isolation(environ),
            *order.options(),
            str(order.context),
        ]

    def built(self, order: Order, printed: Sequence[str]) -> str:
        return printed[-1].strip()  # with --iidfile, the ids of the layers would not be printed

    def log(self, every: Sequence[Step]) -> Log:
        return BuildahLog(every)

    def inspect(self, image: str) -> list[str]:
        return [self.program, "inspect", "--type=image", image]

    def config(self, printed: str) -> Config:
        return _config(json.loads(printed)["OCIv1"], "config")

    def run(self, run: Run, environ: Mapping[str, str]) -> list[list[str]]:
        """Through a shell that writes the exit code down: buildah prints every other than 0, and knows no signals."""
        words = [self.program, "run", *_isolation(environ), f"--workingdir={run.config.workdir}"]
        words += [f"--env={name}={value}" for name, value in run.env.items()]
        words += [f"--volume={run.told}:/run/imagespec", f"--tty={'true' if run.terminal else 'false'}", run.name, "--"]
        wrapped = ["/bin/sh", "-c", f'"$@"; echo $? > /run/imagespec/{CODE}', "sh"]
        create = [self.program, "from", "--quiet", f"--name={run.name}", run.image]
        return [create, [*words, *wrapped, *run.config.entrypoint, *run.command]]

    def remove(self, name: str) -> list[str]:
        return [self.program, "rm", name]


ENGINES: tuple[Engine, ...] = (Docker(), Podman(), Buildah())
"""In the order in which they are asked."""


def find(environ: Mapping[str, str]) -> tuple[Engine | None, list[str]]:
    """The first engine that works here, and why each before it does not."""
    troubles: list[str] = []
    for engine in ENGINES:
        said = "is not installed"
        if shutil.which(engine.program, path=environ.get("PATH")):
            said = engine.trouble(environ)
            if not said:
                return engine, troubles
        troubles.append(f"{engine.program} {said}" if said.startswith("is not") else f"{engine.program}: {said}")
    return None, troubles


def _trouble(command: Sequence[str], environ: Mapping[str, str]) -> str:
    """What a command says that fails; nothing where it does not."""
    try:
        done = subprocess.run(
            command,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"does not answer within {PATIENCE:.0f} seconds"
    except OSError as error:
        return f"cannot be started: {error.strerror}"
    if done.returncode == 0:
        return ""
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return lines[0] if lines else f"exit code {done.returncode}"


def _config(image: Mapping[str, object], key: str) -> Config:
    given = image.get(key)
    config: Mapping[str, object] = given if isinstance(given, dict) else {}
    env, entrypoint = config.get("Env"), config.get("Entrypoint")
    return Config(
        env=dict(str(pair).partition("=")[::2] for pair in env) if isinstance(env, list) else {},
        workdir=str(config.get("WorkingDir") or ""),
        entrypoint=tuple(map(str, entrypoint)) if isinstance(entrypoint, list) else (),
    )


_CONTAINER_MARKS = ("/.dockerenv", "/run/.containerenv")


def _isolation(environ: Mapping[str, str]) -> list[str]:
    """Inside of a container there is most often no right to make another: a changed root is what is left."""
    if "BUILDAH_ISOLATION" in environ or not any(map(os.path.exists, _CONTAINER_MARKS)):
        return []
    return ["--isolation=chroot"]
