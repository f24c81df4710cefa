"""Spec -> an image that docker, podman or buildah keeps, built from its Dockerfile and checked in containers.

The engine's own cache is what keeps layers; what it prints says which were kept, and what each took.
"""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from imagespec.build import codes
from imagespec.build.checks import MOST_OUTPUT, command_of
from imagespec.build.container import engines
from imagespec.build.container.checks import run_command, run_imports
from imagespec.build.container.context import FILE, context_of, lay_out, scratch
from imagespec.build.container.engines import Config, Engine, Order, Run
from imagespec.build.container.layers import Layers
from imagespec.build.container.log import Step, steps
from imagespec.build.container.trouble import build_failed, check_failed, no_engine, no_secret
from imagespec.build.failure import BuildFailed, finding
from imagespec.build.record import Record, prepare, remembered
from imagespec.build.result import BuildResult, CheckResult, LayerResult, Progress, Target
from imagespec.diagnostic import CompileError, Diagnostic, shown
from imagespec.emit.dockerfile import Dockerfile, compose
from imagespec.emit.instructions.writer import BUILDERS
from imagespec.machine.processes import Processes, foreground

PATIENCE = 5.0
"""Seconds that an engine has to clean up when a build is interrupted."""

HOME = "/root"
"""Where commands run and modules are found if the image does not say it: as on Modal."""


class ContainerBackend:
    """Builds with whichever engine works here. `environ` are the variables of the user's own shell."""

    name = "container"

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._folder = folder
        self._environ = environ

    def build(self, targets: Sequence[Target], progress: Progress, *, force: bool) -> list[BuildResult]:
        """Build all. An interrupt ends every process that was started, and is raised again."""
        engine, troubles = engines.find(self._environ)
        if engine is None:
            errors = [no_engine(target, troubles) for target in targets[:1]] * len(targets)
            return [
                BuildResult(t.image.name, self.name, False, 0.0, error=e) for t, e in zip(targets, errors, strict=True)
            ]
        work = Work(self._folder, self._environ, engine, progress, force=force)
        with ThreadPoolExecutor(min(engine.at_once, max(1, len(targets)))) as pool:
            futures = [pool.submit(work.build, target) for target in targets]
            try:
                return [future.result() for future in futures]
            except BaseException:
                work.processes.stop()
                raise

    def run(self, target: Target, command: Sequence[str], progress: Progress, environ: Mapping[str, str]) -> int:
        """Build, then run a command in a container of the image, on the user's own terminal. Raises `BuildFailed`."""
        engine, troubles = engines.find(self._environ)
        if engine is None:
            raise BuildFailed(no_engine(target, troubles))
        work = Work(self._folder, self._environ, engine, progress)
        with ThreadPoolExecutor(1) as pool:  # so that an interrupt reaches this thread while the engine works
            try:
                image = pool.submit(work.stand, target, []).result()
            except BaseException:
                work.processes.stop()
                raise
        terminal = sys.stdin.isatty() and sys.stdout.isatty()
        with work.container(image, command, environ, terminal=terminal) as (run, words):
            return run.code(foreground(words, env=self._environ, cwd=work.folder))


@dataclass(frozen=True, slots=True)
class Built:
    """An image that stands: its id, and what it says about its containers."""

    id: str
    config: Config


class Work:
    """One run of the backend: what the specs that it builds have in common."""

    def __init__(
        self, folder: Path, environ: Mapping[str, str], engine: Engine, progress: Progress, *, force: bool = False
    ) -> None:
        prepare(folder)
        self.folder = folder / "container"
        self.engine = engine
        self.record = Record(folder)
        self.progress = progress
        self.processes = Processes(PATIENCE)
        self._environ = environ
        self._force = force

    def build(self, target: Target) -> BuildResult:
        """Build the image of one spec and run its checks."""
        begun = time.perf_counter()
        layers: list[LayerResult] = []
        checks: list[CheckResult] = []
        error = None
        try:
            image = self.stand(target, layers)
            self.progress.note(target.image.name, f"{self.engine.program} has it as `{_tag(target.image.name)}`")
            error = self._check(target, image, checks)
            if error is None:
                path = os.path.realpath(target.parsed.path)
                self.record.add_build(ContainerBackend.name, path, target.digests[-1], image.id, remembered(target))
        except BuildFailed as failed:
            error = failed.diagnostic
        except OSError as failed:  # a folder that cannot be made, a file that cannot be read: of this spec alone
            error = finding(codes.LAYER_FAILED, target.parsed.tree.top(), f"it cannot be built here: {failed}")
        seconds = time.perf_counter() - begun
        name = target.image.name
        return BuildResult(name, ContainerBackend.name, error is None, seconds, tuple(layers), tuple(checks), error)

    def stand(self, target: Target, results: list[LayerResult]) -> Built:
        """Have the image built; `results` takes the layers as they come to stand. Raises `BuildFailed`."""
        try:
            span = target.parsed.tree.span
            dockerfile = compose(target.image, span, _builder(self._environ), target.image.root)
        except CompileError as error:
            raise BuildFailed(error.diagnostics[0]) from None
        found = self._secrets(target, dockerfile)
        with scratch(self.folder) as folder:
            lay_out(dockerfile, target.image, folder)
            order = Order(
                dockerfile=folder / FILE,
                context=context_of(folder, ""),
                contexts={name: context_of(folder, name) for name in dockerfile.contexts},
                secrets=found,
                build_args=dockerfile.build_args,
                tag=_tag(target.image.name),
                image=folder / "image",
                force=self._force,
            )
            layers = Layers(target, steps(dockerfile.blocks), self.progress, self.record, results)
            id = self._build(target, order, layers)
        layers.complete(id)
        return Built(id, self._config(id, layers.every))

    def _build(self, target: Target, order: Order, layers: Layers) -> str:
        """Build, and tell of it; the id of the image. Raises `BuildFailed`."""
        log = self.engine.log(layers.every)

        def read(line: str) -> None:
            for event in log.read(line):
                layers.take(event)

        command = self.engine.build(order, self._environ)
        try:
            code, printed = self.processes.lines(command, read, env=self._environ, cwd=order.context)
        finally:
            layers.stop()
        if code != 0:
            raise BuildFailed(build_failed(target, layers, self.engine.program, code, printed))
        return self.engine.built(order, printed)

    def _secrets(self, target: Target, dockerfile: Dockerfile) -> dict[str, Path]:
        """The file that holds each secret. Raises `BuildFailed`."""
        folders = list(dict.fromkeys((target.parsed.path.absolute().parent, target.image.root, Path.cwd())))
        found = {}
        for name, layer in dockerfile.secrets.items():
            path = next((path for folder in folders if (path := folder / f"{name}.env").is_file()), None)
            if path is None:
                places = [shown(folder / f"{name}.env") for folder in folders]
                raise BuildFailed(no_secret(target, layer, name, places))
            found[name] = path
        return found

    def _config(self, image: str, every: Sequence[Step]) -> Config:
        """What the image says about its containers; engines make `/` of a folder that nobody chose."""
        done = subprocess.run(self.engine.inspect(image), env=self._environ, capture_output=True, text=True, check=True)
        config = self.engine.config(done.stdout)
        chosen = config.workdir not in ("", "/") or any(step.word == "WORKDIR" for step in every)
        return Config(config.env, config.workdir if chosen else HOME, config.entrypoint)

    def _ask(self, command: Sequence[str]) -> str:
        """What the engine answers. Raises `OSError`."""
        done = subprocess.run(command, env=self._environ, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise OSError(f"{' '.join(command[:2])}: {done.stderr.strip() or done.returncode}")
        return done.stdout

    # ---------------------------------------------------------------------------------------------- running

    @contextmanager
    def container(
        self, image: Built, command: Sequence[str], environ: Mapping[str, str], *, terminal: bool = False
    ) -> Iterator[tuple[Run, list[str]]]:
        """The command line that runs something in a container, which is gone afterwards."""
        modules = {} if "PYTHONPATH" in image.config.env else {"PYTHONPATH": HOME}
        name = f"imagespec-{secrets.token_hex(8)}"
        with tempfile.TemporaryDirectory(dir=self.folder) as told:
            run = Run(name, image.id, command, image.config, modules | dict(environ), Path(told), terminal)
            *before, last = self.engine.run(run, self._environ)
            try:
                for words in before:
                    self._ask(words)
                yield run, last
            finally:
                subprocess.run(self.engine.remove(name), env=self._environ, check=False, capture_output=True)

    def captured(self, image: Built, command: Sequence[str]) -> tuple[int, str]:
        """Run a command; its exit code, and the end of what it printed. What it leaves behind ends with it."""
        with self.container(image, command, {}) as (run, words), tempfile.TemporaryFile() as output:
            process = self.processes.start(words, env=self._environ, cwd=self.folder, output=output.fileno())
            code = self.processes.finish(process)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            size = os.fstat(output.fileno()).st_size
            printed = os.pread(output.fileno(), MOST_OUTPUT, max(0, size - MOST_OUTPUT))
            return run.code(code), printed.decode("utf-8", "replace")

    # ----------------------------------------------------------------------------------------------- checks

    def _check(self, target: Target, image: Built, results: list[CheckResult]) -> Diagnostic | None:
        """Run what did not pass in this very image before; the finding for the first check that fails."""
        checks, name = target.image.checks, target.image.name
        every = list(dict.fromkeys((*map(command_of, checks.imports), *checks.commands)))
        key = (
            f"{target.digests[-1]} {image.id}"  # by the id too: without a lock, the same layers may hold other packages
        )
        backend = ContainerBackend.name
        known = {} if self._force else {command: self.record.output(backend, key, command) for command in every}
        done = {c: CheckResult(c, True, output, recorded=True) for c, output in known.items() if output is not None}
        for result in done.values():
            self.progress.checked(name, result)
        if missing := {*every} - done.keys():
            self.progress.checking(name, len(missing))
        for result in self._run_checks(target, image, done):
            done[result.command] = result
            if result.ok:
                self.record.add_check(backend, key, result.command, result.output)
            else:
                self.record.forget_check(backend, key, result.command)
            self.progress.checked(name, result)
        results += [done[command] for command in every]
        return next((check_failed(target, result) for result in results if not result.ok), None)

    def _run_checks(self, target: Target, image: Built, done: Mapping[str, CheckResult]) -> Iterator[CheckResult]:
        modules = [module for module in dict.fromkeys(target.image.checks.imports) if command_of(module) not in done]
        yield from run_imports(modules, lambda command: self.captured(image, command))
        for command in dict.fromkeys(target.image.checks.commands):
            if command not in done:
                yield run_command(command, lambda words: self.captured(image, words))


def _builder(environ: Mapping[str, str]) -> str:
    """Modal's image builder that the Dockerfile is of: the one that is set, where it is one that we know."""
    wanted = environ.get("MODAL_IMAGE_BUILDER_VERSION", "")
    return wanted if wanted in BUILDERS else BUILDERS[-1]


def _tag(name: str) -> str:
    """What the image of a spec is called: `imagespec/classifier:latest`."""
    return f"imagespec/{re.sub('[^a-z0-9]+', '-', name.lower()).strip('-') or 'image'}:latest"
