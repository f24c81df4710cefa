"""What an edit costs: a chain by hand, imagespec, and the floor, in seconds, with the same engine in the same run.

    python -m benchmarks.rebuild [RUNS]

Builds for real with buildah, from the stand-ins of the bases that the tests use, and installs torch from the package
index each time that a layer with torch is built: about half an hour, 40 GB of disk. By hand is the order of calls that
ADR-022 ends with (apt, variables, all packages in one call, source last); the floor is the change alone as one more
layer on the finished image. Rows in which a chain by hand installs torch again are measured once that way, all else
RUNS times, each time with another value. Locking is not counted, and no row but the one of the checks has checks.
"""

from __future__ import annotations

import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import machine
from imagespec.compiler import examine
from imagespec.lock.lockfile import Lock, dump, load
from tests import bases

UV = "/.uv/uv pip install --python $(command -v python) --compile-bytecode --no-deps"


@dataclass(frozen=True, slots=True)
class State:
    """What a project says at a time."""

    torch: str = "2.5.0"
    torchvision: str = "0.20.0"
    tqdm: str = "4.66.4"
    apt: tuple[str, ...] = ("curl", "git", "tar", "wget")
    more: tuple[str, ...] = ()
    split: int = 512
    run: str = "true"
    source: str = "print(1)"
    check: str = ""

    @property
    def packages(self) -> list[str]:
        pins = {"torch": self.torch, "torchvision": self.torchvision, "tqdm": self.tqdm, "pillow": "11.0.0"}
        return [*(f"{name}=={version}" for name, version in pins.items()), *self.more]

    @property
    def env(self) -> dict[str, str]:
        return {"HF_XET_HIGH_PERFORMANCE": "1", "PYTORCH_CUDA_ALLOC_CONF": f"max_split_size_mb:{self.split}"}


@dataclass(frozen=True, slots=True)
class Row:
    """An edit: the states that it leads to, a run each, and the floor: what is added to the finished image."""

    name: str
    states: tuple[State, ...]
    floor: Callable[[State], str]
    heavy: bool = False


START = State()


def rows(runs: int) -> Iterator[Row]:
    def each(**values: list[object]) -> tuple[State, ...]:
        (name, given), *_ = values.items()
        return tuple(dataclasses.replace(START, **{name: value}) for value in given[:runs])  # type: ignore[arg-type]

    def install(*names: str) -> Callable[[State], str]:
        def line(state: State) -> str:
            found = [p for p in state.packages if p.partition("==")[0] in names] or list(state.more)
            return f"RUN {UV} {' '.join(found)}"

        return line

    yield Row("unchanged", (START,) * runs, lambda state: "")
    yield Row("source edit", each(source=[f"print({n})" for n in range(2, 9)]), lambda state: "COPY train.py /app/")
    yield Row("changed check", each(check=[f"echo {n}" for n in range(9)]), lambda state: "")
    yield Row("changed `run`", each(run=[f"echo {n}" for n in range(9)]), lambda state: f"RUN {state.run}")
    yield Row(
        "env edit",
        each(split=[*range(100, 109)]),
        lambda state: f"ENV PYTORCH_CUDA_ALLOC_CONF={state.env['PYTORCH_CUDA_ALLOC_CONF']}",
        heavy=True,
    )
    yield Row("tqdm bump", each(tqdm=["4.67.1", "4.67.0", "4.66.6", "4.66.5"]), install("tqdm"), heavy=True)
    yield Row(
        "added package", each(more=[(f"einops==0.{n}",) for n in ("8.0", "7.0", "6.1", "6.0")]), install(), heavy=True
    )
    yield Row(
        "added apt package",
        each(apt=[(*START.apt, name) for name in ("jq", "less", "tree", "file")]),
        lambda state: f"RUN apt-get update\nRUN apt-get install -y {state.apt[-1]}",
        heavy=True,
    )
    yield Row("torchvision bump", each(torchvision=["0.20.1"]), install("torchvision"), heavy=True)
    both = dataclasses.replace(START, torch="2.5.1", torchvision="0.20.1")
    yield Row("torch and torchvision bump", (both,), install("torch", "torchvision"), heavy=True)


@dataclass(slots=True)
class Project:
    """A folder with both specs, and an engine with a storage of its own."""

    folder: Path
    environ: Mapping[str, str]

    def write(self, state: State) -> None:
        """Both specs say what the state is; ours is locked."""
        (self.folder / "train.py").write_text(f"{state.source}\n")
        base = {"debian_slim": "3.12"}
        steps = [
            {"apt_install": list(state.apt)},
            {"env": state.env},
            {"uv_pip_install": {"packages": state.packages, "uv_version": bases.UV_VERSION}},
            {"run_commands": [state.run]},
            {"add_local_file": {"local_path": "train.py", "remote_path": "/app/train.py"}},
        ]
        ours = {
            "root": "..",
            "base": base,
            "apt": list(state.apt),
            "python": {"packages": state.packages, "uv": bases.UV_VERSION},
            "env": state.env,
            "run": [state.run],
            "source": [{"file": "train.py", "to": "/app/train.py"}],
            "checks": {"commands": [state.check] if state.check else []},
        }
        self._lock(state, ours)
        hand = {"root": "..", "base": base, "steps": steps}
        if not _consistent(state):  # torchvision allows one torch each; only what installs without asking takes another
            lock = _read(self.folder / "specs" / "ours.lock.yaml")
            every = [f"{package.name}=={package.version}" for package in lock.packages]
            alone = {"packages": every, "extra_options": "--no-deps", "uv_version": bases.UV_VERSION}
            steps[2] = {"uv_pip_install": alone}
        (self.folder / "specs" / "hand.yaml").write_text(json.dumps(hand))

    def _lock(self, state: State, ours: Mapping[str, object]) -> None:
        path = self.folder / "specs" / "ours.yaml"
        if _consistent(state):
            path.write_text(json.dumps(ours))
            self.command("lock", "ours")
            return
        other = dataclasses.replace(state, torch="2.5.1")
        path.write_text(json.dumps({**ours, "python": {"packages": other.packages, "uv": bases.UV_VERSION}}))
        self.command("lock", "ours")
        taken = _read(path.with_name("ours.lock.yaml"))
        path.write_text(json.dumps({**ours, "python": {"packages": START.packages, "uv": bases.UV_VERSION}}))
        self.command("lock", "ours")
        lock = _read(path.with_name("ours.lock.yaml"))
        new = {"torchvision": taken.package("torchvision")}
        path.write_text(json.dumps(ours))
        made_from = examine(path).held.made_from
        assert made_from is not None
        packages = tuple(new.get(package.name) or package for package in lock.packages)
        changed = dataclasses.replace(
            lock, inputs=made_from.digest, requirements=made_from.requirements, packages=packages
        )
        path.with_name("ours.lock.yaml").write_text(dump(changed))

    def command(self, *words: str) -> str:
        return self._run(sys.executable, "-m", "imagespec", *words)

    def ours(self) -> None:
        self.command("build", "ours", "--on", "container", "--frozen")

    def dockerfile(self) -> None:
        (self.folder / "Dockerfile").write_text(self.command("compile", "hand", "--to", "dockerfile"))

    def hand(self, tag: str = "hand") -> None:
        self._run("buildah", "build", "--layers", "-t", tag, "-f", "Dockerfile", ".")

    def floor(self, lines: str, check: str) -> None:
        if lines:
            (self.folder / "Floor").write_text(f"FROM imagespec/ours:latest\n{lines}\n")
            self._run("buildah", "build", "--layers", "-t", "floor", "-f", "Floor", ".")
        elif check:
            name = self._run("buildah", "from", "imagespec/ours:latest").strip()
            self._run("buildah", "run", name, "--", "sh", "-c", check)
            self._run("buildah", "rm", name)
        else:
            self._run("buildah", "build", "--layers", "-t", "floor", "-f", "Dockerfile", ".")

    def forget(self, tag: str) -> None:
        """Give back the disk that an image took, where it was made."""
        subprocess.run(["buildah", "rmi", tag], env=self.environ, capture_output=True, check=False)

    def _run(self, *command: str) -> str:
        done = subprocess.run(command, cwd=self.folder, env=self.environ, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{' '.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done.stdout


def _consistent(state: State) -> bool:
    return state.torchvision.removeprefix("0.20") == state.torch.removeprefix("2.5")


def _read(path: Path) -> Lock:
    lock = load(path)
    assert isinstance(lock, Lock), lock
    return lock


def seconds(action: Callable[[], object]) -> float:
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def measure(project: Project, row: Row) -> dict[str, list[float]]:
    """Seconds of each way, all starting from the same finished images."""
    times: dict[str, list[float]] = {"hand": [], "ours": [], "floor": []}
    for turn, state in enumerate(row.states):
        project.write(state)
        project.dockerfile()
        times["floor"].append(seconds(lambda: project.floor(row.floor(state), state.check)))  # noqa: B023
        times["ours"].append(seconds(project.ours))
        if turn == 0 or not row.heavy:
            times["hand"].append(seconds(lambda: project.hand("edited")))
            project.forget("edited")
        project.forget("floor")
        project.write(START)
        project.ours()  # kept: it is what the next edit starts from
    return times


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    with tempfile.TemporaryDirectory() as made, bases.storage(Path(made, "storage"), images=[bases.made()]) as storage:
        folder = Path(made, "project")
        (folder / "specs").mkdir(parents=True)
        own = {"BUILDAH_ISOLATION": "chroot", "PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
        project = Project(folder, {**os.environ, **storage, **own})
        project.write(START)
        project.dockerfile()
        print(f"{machine()}, buildah with {bases.driver()}")
        print(
            f"first build: by hand {seconds(project.hand):.1f} s, imagespec {seconds(project.ours):.1f} s", flush=True
        )
        print("| edit | by hand | imagespec | floor | imagespec / floor | by hand / imagespec |")
        print("|---|---|---|---|---|---|")
        for row in rows(runs):
            print(_line(row.name, measure(project, row)), flush=True)
        subprocess.run(["buildah", "rmi", "--all", "--force"], env=project.environ, capture_output=True, check=False)


def _line(name: str, times: Mapping[str, list[float]]) -> str:
    hand, ours, floor = (statistics.median(times[way]) for way in ("hand", "ours", "floor"))
    cells = [
        _text(times["hand"]),
        _text(times["ours"]),
        _text(times["floor"]),
        f"{ours / floor:.2f}",
        f"{hand / ours:.1f}",
    ]
    return f"| {' | '.join([name, *cells])} |"


def _text(found: list[float]) -> str:
    middle = f"{statistics.median(found):.1f} s"
    return middle if len(found) == 1 else f"{middle} ({min(found):.1f} to {max(found):.1f})"


if __name__ == "__main__":
    main()
