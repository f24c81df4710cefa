"""Steps -> environments on this machine, each made by uv from the one before it, and only where it is missing."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from imagespec.build import codes
from imagespec.build.failure import BuildFailed
from imagespec.build.local import installs
from imagespec.build.local.contents import Assignment, Contents, Install, Step, variables
from imagespec.build.local.store import Store, clone
from imagespec.build.result import Progress, Target
from imagespec.machine.host import for_uv
from imagespec.machine.interpreter import NotFound, find_python, find_uv, uv_version
from imagespec.machine.processes import Processes, Stopped
from imagespec.spec import operations as ops

NOWHERE = Path("/")
"""Where uv runs: in the project it would read settings that the image does not have."""


class Environments:
    """The environments of one project, for one run of the backend. Several threads may ask at once."""

    def __init__(
        self, store: Store, processes: Processes, progress: Progress, environ: Mapping[str, str], *, force: bool
    ) -> None:
        self.store = store
        self.made: set[str] = set()  # keys that were built in this run
        self._processes = processes
        self._progress = progress
        self._environ = environ
        self._force = force
        self._waited: set[tuple[str, str]] = set()
        self._failures: dict[str, tuple[int, list[str]]] = {}

    def standing(self, steps: Sequence[Step]) -> int:
        """How many of the first steps need nothing, because the environment after them is there."""
        forced = next((i for i, step in enumerate(steps) if self._forced(step)), len(steps))
        for number in range(forced, 0, -1):
            if steps[number - 1].installs and self.store.stands(steps[number - 1].key):
                return number
        return 0

    def seconds(self, key: str) -> float:
        """How long the last layer of an environment took."""
        told = self.store.marker(key).get("seconds")
        return float(told) if isinstance(told, int | float) else 0.0

    def ensure(self, target: Target, held: Contents, number: int) -> float | None:
        """Build a layer, unless another spec or another process did so meanwhile; the seconds that it took.

        Raises `BuildFailed`, and `Stopped` on an interrupt.
        """
        step = held.steps[number]
        operation = step.layer.operation
        rebuild = any(self._forced(each) for each in held.steps[: number + 1])
        try:
            with self._locked(step.key, target) as lock:
                if self.store.stands(step.key) and (not rebuild or step.key in self.made):
                    return None
                self._raise_known(target, step)
                self._progress.started(target.image.name, operation.method, number + 1, len(held.steps))
                begun = time.perf_counter()
                with self.store.making(step.key) as work:
                    if step.parent:
                        self._install(target, step, work, lock)
                    else:
                        self._base(target, held, step, work, lock)
                    seconds = time.perf_counter() - begun
                    self.store.complete(work, {"op": operation.method, "seconds": round(seconds, 3)})
                self.made.add(step.key)
                return seconds
        except NotFound as missing:
            span = target.parsed.tree.span(step.layer.origin)
            raise BuildFailed(codes.NO_PYTHON.at(span, str(missing), missing.hint)) from None
        except (OSError, ValueError) as error:
            span = target.parsed.tree.span(step.layer.origin)
            raise BuildFailed(codes.LAYER_FAILED.at(span, f"`{operation.method}` failed: {error}")) from error

    def _forced(self, step: Step) -> bool:
        return self._force or bool(getattr(step.layer.operation, "force_build", False))

    @contextmanager
    def _locked(self, key: str, target: Target, *, shared: bool = False) -> Iterator[int]:
        name = target.image.name

        def wait(who: str) -> None:
            if self._processes.stopped.is_set():
                raise Stopped
            if (name, who) not in self._waited:
                self._waited.add((name, who))
                self._progress.note(name, f"waits for {who} to build what both have")

        with self.store.locked(key, f"`{name}` (process {os.getpid()})", wait, shared=shared) as lock:
            yield lock

    def _base(self, target: Target, held: Contents, step: Step, work: Path, lock: int) -> None:
        name, environ, environment = target.image.name, for_uv(self._environ), self.store.in_work(work)
        uv = find_uv(environ)

        def download(command: Sequence[str], environ: Mapping[str, str]) -> tuple[int, list[str]]:
            self._progress.note(name, f"no Python {held.python} here; uv downloads one")
            return self._processes.lines(command, self._log(target), env=environ, cwd=NOWHERE, keep=(lock,))

        python = find_python(held.python, uv, environ, download)
        if python.stands_in_for(held.python):
            self._progress.note(name, f"Python {python.version} stands in for {held.python}")
        self._uv(target, step, installs.venv(uv, python.path, environment), environ, lock)
        pip = installs.pip_of(python.path)
        if pip is not None:
            self._uv(target, step, installs.wheel(uv, pip, environment), environ, lock)

    def _install(self, target: Target, step: Step, work: Path, lock: int) -> None:
        install, environment = step.layer.operation, self.store.in_work(work)
        assert isinstance(install, Install)
        with self._locked(step.parent, target, shared=True):
            clone(self.store.path(step.parent), environment)
        uv = find_uv(self._environ)
        environ = self._for_install(install, step.assignments, environment)
        if isinstance(install, ops.UvPipInstall | ops.UvSync) and install.uv_version is not None:
            here = uv_version(uv, environ)
            if here != install.uv_version:
                self._progress.note(target.image.name, f"uv {here} stands in for {install.uv_version}")
        scratch = work / "scratch"
        scratch.mkdir()
        for command in installs.commands(install, uv, environment, scratch):
            self._uv(target, step, command, environ, lock)

    def _for_install(self, install: Install, before: Sequence[Assignment], environment: Path) -> dict[str, str]:
        own_index = isinstance(install, ops.Pip) and install.index_url is not None
        environ = with_programs(environment, before, for_uv(self._environ, own_index=own_index))
        environ |= {name: value for name, value in (install.env or {}).items() if value is not None}
        return environ | {"UV_PROJECT_ENVIRONMENT": str(environment), "UV_PYTHON_DOWNLOADS": "never"}

    def _uv(self, target: Target, step: Step, command: Sequence[str], environ: Mapping[str, str], lock: int) -> None:
        """Run uv. It inherits the lock: where this process is killed, the next one waits until uv has ended too."""
        code, printed = self._processes.lines(command, self._log(target), env=environ, cwd=NOWHERE, keep=(lock,))
        if code != 0:
            self._failures[step.key] = code, printed
            self._raise_known(target, step)

    def _raise_known(self, target: Target, step: Step) -> None:
        """Raise what uv said, also where it said so for another spec: asking again would only take time."""
        if step.key in self._failures:
            raise BuildFailed(installs.failed(step.layer, target.parsed.tree, *self._failures[step.key]))

    def _log(self, target: Target) -> Callable[[str], None]:
        return lambda line: self._progress.log(target.image.name, line) if line else None


def with_programs(environment: Path, assignments: Sequence[Assignment], start: Mapping[str, str]) -> dict[str, str]:
    """The variables of an image, with the environment's programs before all others on the `PATH`."""
    programs = str(environment / "bin")
    path = os.pathsep.join([programs, start.get("PATH", os.defpath)])
    made = variables(assignments, {**start, "PATH": path})
    if made["PATH"].split(os.pathsep)[0] != programs:
        made["PATH"] = os.pathsep.join([programs, made["PATH"]])
    return made | {"VIRTUAL_ENV": str(environment)}
