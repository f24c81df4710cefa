"""Image -> an environment on this machine: the spec's own Python and its packages, made by uv, checked inside.

Each layer that installs something ends in a folder of its own, named by what decides its content and made from the
folder of the layer before with hard links. So an edit costs the layers from the edit on, and specs share what is equal.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from imagespec.build import codes
from imagespec.build.checks import Inside, command_of, run_command, run_imports
from imagespec.build.failure import BuildFailed, finding
from imagespec.build.local.contents import Contents, contents
from imagespec.build.local.environments import Environments, with_programs
from imagespec.build.local.links import HOME, inside, link
from imagespec.build.local.store import Store
from imagespec.build.record import Record, prepare, remembered
from imagespec.build.result import BuildResult, CheckResult, LayerResult, Progress, Target
from imagespec.diagnostic import Diagnostic, Route, shown
from imagespec.machine.host import for_commands
from imagespec.machine.processes import Processes, foreground
from imagespec.machine.uv_errors import unreachable
from imagespec.spec import operations as ops

AT_ONCE = 4
"""Specs that are built at the same time."""


class LocalBackend:
    """Builds under a folder of the project, with uv and whatever Pythons this machine has.

    `environ` are the variables of the user's own shell, of which few pass to what is run.
    """

    name = "local"

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._folder = folder
        self._environ = environ

    def build(self, targets: Sequence[Target], progress: Progress, *, force: bool) -> list[BuildResult]:
        """Build all, several at a time. An interrupt ends every process that was started, and is raised again."""
        work = _Work(self._folder, self._environ, progress, force=force)
        with ThreadPoolExecutor(min(AT_ONCE, max(1, len(targets)))) as pool:
            futures = [pool.submit(work.build, target) for target in targets]
            try:
                return [future.result() for future in futures]
            except BaseException:
                work.processes.stop()
                raise

    def run(self, target: Target, command: Sequence[str], progress: Progress, environ: Mapping[str, str]) -> int:
        """Run a command in the environment, which is made first where it is missing. Raises `BuildFailed`.

        Where it cannot be made because no package index answers, the environment of the last good build is taken.
        """
        work = _Work(self._folder, self._environ, progress, force=False)
        held = contents(target.image)
        key = held.key if work.store.stands(held.key) else self._stand(work, target, held)
        prepared = work.inside(target, held, key)
        progress.note(target.image.name, f"`{held.workdir}` is `{shown(prepared.cwd)}` here")
        try:
            return foreground(command, env={**prepared.variables, **environ}, cwd=prepared.cwd)
        except OSError as error:
            progress.note(target.image.name, f"`{command[0]}` cannot be run: {error.strerror}")
            return 127 if isinstance(error, FileNotFoundError) else 126

    def _stand(self, work: _Work, target: Target, held: Contents) -> str:
        """The key of the environment to run in, after a build."""
        name = target.image.name
        work.progress.note(name, "not built yet: builds it first")
        with ThreadPoolExecutor(1) as pool:  # so that an interrupt reaches this thread while uv works in another
            try:
                pool.submit(work.stand, target, held, []).result()
            except BuildFailed as failed:
                last = work.record.build(self.name, work.spec(target))
                network = unreachable(failed.diagnostic.hint.splitlines())
                if not network or last is None or not work.store.stands(last.place):
                    raise
                work.progress.note(name, failed.diagnostic.message)
                work.progress.note(name, f"runs in the environment of the last good build, of {last.at} UTC")
                return last.place
            except BaseException:
                work.processes.stop()
                raise
        return held.key


class _Work:
    """One run of the backend: what the specs that it builds have in common."""

    def __init__(self, folder: Path, environ: Mapping[str, str], progress: Progress, *, force: bool) -> None:
        prepare(folder)
        self.folder = folder / "local"
        self.record = Record(folder)
        self.store = Store(self.folder)
        self.progress = progress
        self.processes = Processes()
        self.environments = Environments(self.store, self.processes, progress, environ, force=force)
        self._environ = environ
        self._force = force
        self.store.sweep()

    def spec(self, target: Target) -> str:
        """How the record names a spec."""
        return os.path.realpath(target.parsed.path)

    def build(self, target: Target) -> BuildResult:
        """Make the environment of one spec and run its checks."""
        begun = time.perf_counter()
        name = target.image.name
        layers: list[LayerResult] = []
        checks: list[CheckResult] = []
        error = None
        try:
            held = contents(target.image)
            self._tell(target, held)
            self.stand(target, held, layers)
            error = self._check(target, held, checks)
            if error is None:
                self.record.add_build(
                    LocalBackend.name, self.spec(target), target.digests[-1], held.key, remembered(target)
                )
        except BuildFailed as failed:
            error = failed.diagnostic
        except OSError as failed:  # a folder that cannot be made, a program that cannot be started: of this spec alone
            error = finding(codes.LAYER_FAILED, target.parsed.tree.top(), f"it cannot be built here: {failed}")
        seconds = time.perf_counter() - begun
        return BuildResult(name, LocalBackend.name, error is None, seconds, tuple(layers), tuple(checks), error)

    def _tell(self, target: Target, held: Contents) -> None:
        """What its user should know before it is built."""
        name, operations = target.image.name, [layer.operation for layer in target.image.layers]
        for note in held.notes:
            self.progress.note(name, note)
        if held.left_out:
            self.progress.note(name, f"an environment on this machine leaves out: {', '.join(held.left_out)}")
        if held.workdir != HOME or any(isinstance(each, ops.AddLocalFile | ops.AddLocalDir) for each in operations):
            here = shown(inside(self._files(target), held.workdir))
            self.progress.note(name, f"`{held.workdir}` is `{here}` here, with links to the sources")

    def stand(self, target: Target, held: Contents, layers: list[LayerResult]) -> None:
        """Make the environment where it is missing; `layers` takes the results as they come. Raises `BuildFailed`."""
        standing = self.environments.standing(held.steps)
        for number, step in enumerate(held.steps):
            digest, op = target.digests[step.position], step.layer.operation.method
            known = self.record.layer(LocalBackend.name, digest) is not None
            seconds = None
            if not step.installs:
                seconds = None if known and not self._force else 0.0
            elif number >= standing:
                seconds = self.environments.ensure(target, held, number)
            if seconds is not None or not known:
                took = seconds if seconds is not None else self.environments.seconds(step.key)
                self.record.add_layer(LocalBackend.name, digest, op, took, step.key)
            layers.append(LayerResult(op, digest, "kept" if seconds is None else "rebuilt", seconds or 0.0))
            self.progress.finished(target.image.name, layers[-1])

    # ---------------------------------------------------------------------------------------------- running

    def inside(self, target: Target, held: Contents, key: str) -> Inside:
        """Where commands of a spec run: its sources linked, its variables set."""
        files, environment = self._files(target), self.store.path(key)
        link(target.image, files)
        cwd = inside(files, held.workdir)
        cwd.mkdir(parents=True, exist_ok=True)
        made = with_programs(environment, held.assignments, for_commands(self._environ))
        paths = [os.fspath(_here(files, entry)) for entry in made.get("PYTHONPATH", HOME).split(os.pathsep) if entry]
        return Inside(environment / "bin" / "python", made | {"PYTHONPATH": os.pathsep.join(paths)}, cwd)

    def _files(self, target: Target) -> Path:
        """The folder that stands in for the image's file system."""
        told_apart = hashlib.sha256(os.fsencode(self.spec(target))).hexdigest()[:8]
        return self.folder / "files" / f"{target.image.name}-{told_apart}"

    # ----------------------------------------------------------------------------------------------- checks

    def _check(self, target: Target, held: Contents, results: list[CheckResult]) -> Diagnostic | None:
        """Run what did not pass on the same digest before; the finding for the first check that fails."""
        checks, digest = target.image.checks, target.digests[-1]
        every = [*map(command_of, checks.imports), *checks.commands]
        done = self._recorded(held, digest, every)
        for result in done.values():
            self.progress.checked(target.image.name, result)
        if missing := {*every} - done.keys():
            self.progress.checking(target.image.name, len(missing))
        for result in self._run_checks(target, held, done) if missing else ():
            done[result.command] = result
            if result.ok:
                self.record.add_check(LocalBackend.name, digest, result.command, result.output)
            else:
                self.record.forget_check(LocalBackend.name, digest, result.command)
            self.progress.checked(target.image.name, result)
        results += [done[command] for command in dict.fromkeys(every)]
        routes: list[Route] = [("checks", "imports", i) for i in range(len(checks.imports))]
        routes += [("checks", "commands", i) for i in range(len(checks.commands))]
        failing = ((route, done[command]) for route, command in zip(routes, every, strict=True) if not done[command].ok)
        return next((_check_failed(target, held, route, result) for route, result in failing), None)

    def _recorded(self, held: Contents, digest: str, commands: Sequence[str]) -> dict[str, CheckResult]:
        """What passed before. Nothing where the environment is new: what floats may be another version now."""
        if self._force or held.key in self.environments.made:
            return {}
        outputs = {command: self.record.output(LocalBackend.name, digest, command) for command in commands}
        return {c: CheckResult(c, True, output, recorded=True) for c, output in outputs.items() if output is not None}

    def _run_checks(self, target: Target, held: Contents, done: Mapping[str, CheckResult]) -> Iterator[CheckResult]:
        prepared = self.inside(target, held, held.key)
        modules = [module for module in dict.fromkeys(target.image.checks.imports) if command_of(module) not in done]
        yield from run_imports(modules, prepared, self.processes)
        for command in dict.fromkeys(target.image.checks.commands):
            if command not in done:
                yield run_command(command, prepared, self.processes)


def _check_failed(target: Target, held: Contents, route: Route, check: CheckResult) -> Diagnostic:
    lines = check.output.splitlines()
    hint = lines if len(lines) <= 20 else ["…", *lines[-20:]]
    if len(held.left_out) > 1:  # more than the system of the base
        hint.append(f"left out here, and perhaps needed: {', '.join(held.left_out)}")
    message = f"`{check.command.splitlines()[0]}` fails in the built environment"
    return finding(codes.CHECK_FAILED, target.parsed.tree.span(route), message, "\n".join(hint))


def _here(files: Path, path: str) -> Path:
    """A path of the image: its stand-in, where there is one."""
    stand_in = inside(files, path)
    return stand_in if path.startswith("/") and stand_in.exists() else Path(path)
