"""`imagespec build`: images, built for real and checked inside."""

from __future__ import annotations

import json
import os
import signal
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from imagespec.build.failure import BuildFailed
from imagespec.build.record import Record, home
from imagespec.build.result import Backend, BuildResult, Target
from imagespec.cli.progress import outcome, watching
from imagespec.cli.show import colour, style, summary, text
from imagespec.cli.specs import select
from imagespec.compiler import compile_all
from imagespec.diagnostic import printable
from imagespec.lock.codes import UNTRUSTED

STALE = 3
FAILED = 4


def _modal(folder: Path) -> Backend:
    from imagespec.build.modal.backend import ModalBackend

    return ModalBackend(Record(folder))


def _local(folder: Path) -> Backend:
    if os.name == "nt":
        raise click.UsageError("builds on this machine need Linux or macOS; WSL will do")
    from imagespec.build.local.backend import LocalBackend

    return LocalBackend(folder, os.environ)


def _container(folder: Path) -> Backend:
    if os.name == "nt":
        raise click.UsageError("builds on this machine need Linux or macOS; WSL will do")
    from imagespec.build.container.backend import ContainerBackend

    return ContainerBackend(folder, os.environ)


BACKENDS: Mapping[str, Callable[[Path], Backend]] = {"modal": _modal, "container": _container, "local": _local}
"""Name to what makes the backend for the folder `.imagespec` of a project."""

ON = click.option("--on", type=click.Choice(("auto", *BACKENDS)), default="auto", show_default=True,
                  help="Where to build: on Modal, in containers (docker, podman or buildah), in an environment on this "
                  "machine, or on Modal if there is a login and else on this machine.")  # fmt: skip


@click.command()
@click.argument("specs", nargs=-1, metavar="[SPEC]...")
@ON
@click.option("--frozen", is_flag=True, help="Build only what a fresh lock fixes, else exit with 3.")
@click.option("--force", is_flag=True, help="Build every layer and run every check again.")
@click.option(
    "--format", "format_", type=click.Choice(("text", "json")), default="text", help="How the results are printed."
)
def build(specs: tuple[str, ...], on: str, frozen: bool, force: bool, format_: str) -> None:
    """Build the specs, several at a time and what they share once, and run their checks inside.

    Exit code 1 where a spec has errors, 3 where --frozen finds no fresh lock (nothing is built then), 4 where a build
    or a check failed.
    """
    paths = select(specs)
    targets = compiled(paths, quiet=False, frozen=frozen)
    if targets is None:
        if format_ == "json":
            click.echo("[]")
        sys.exit(1)
    with failures(), watching([target.image.name for target in targets]) as progress:
        results = backend(on, paths).build(targets, progress, force=force)
    click.echo(
        json.dumps([as_json(r) for r in results], indent=2) if format_ == "json" else "\n\n".join(map(as_text, results))
    )
    errors = list(dict.fromkeys(result.error for result in results if result.error is not None))
    if errors:
        click.echo("\n" + text(errors, sys.stderr), err=True, nl=False)
    sys.exit(0 if all(result.ok for result in results) else FAILED)


def compiled(paths: Sequence[Path], *, quiet: bool, frozen: bool = False) -> list[Target] | None:
    """The targets, or nothing where a spec has errors, which are shown. Ends where `frozen` ones have no fresh lock."""
    targets, diagnostics = compile_all(paths)
    errors = [d for d in diagnostics if d.severity == "error"]
    if errors:
        click.echo(text(errors, sys.stderr) + f"\n{summary(errors)}; nothing was built", err=True)
        if frozen and all(each.code in UNTRUSTED for each in errors):
            sys.exit(STALE)
        return None
    not_locked = [target.held.finding for target in targets if target.held.finding is not None]
    if frozen and not_locked:
        click.echo(
            text(not_locked, sys.stderr) + "\n--frozen builds from fresh locks only; nothing was built", err=True
        )
        sys.exit(STALE)
    stale = [d for d in not_locked if d.severity == "warning"]
    if stale and not quiet:
        click.echo(text(stale, sys.stderr), err=True)
    warnings = [d for d in diagnostics if d.severity == "warning" and d not in stale]
    if warnings and not quiet:
        click.echo(f"{summary(warnings)}; see: imagespec check", err=True)
    return targets


def backend(on: str, specs: Sequence[Path]) -> Backend:
    """The backend that was asked for; `auto` is Modal where there is a login for it."""
    if on == "auto":
        on = "modal" if modal_login(os.environ) else "local"
        if on == "local":
            click.echo(
                "no login for Modal (modal setup makes one): builds on this machine, as --on local does", err=True
            )
    if on not in BACKENDS:
        raise ValueError(f"`on` is one of auto, {', '.join(BACKENDS)}, not `{on}`")
    return BACKENDS[on](home(specs))


def modal_login(environ: Mapping[str, str]) -> bool:
    """Whether there is a token for Modal. Looks without Modal's client, which takes 0.8 s to load."""
    if environ.get("MODAL_TOKEN_ID"):
        return True
    path = Path(environ.get("MODAL_CONFIG_PATH") or "~/.modal.toml").expanduser()
    try:
        profiles = tomllib.loads(path.read_text(encoding="utf-8")).values()
    except (OSError, ValueError, RuntimeError):
        return False
    return any(isinstance(profile, dict) and profile.get("token_id") for profile in profiles)


@contextmanager
def failures(interrupted: str = "what is complete is kept, what is not is thrown away") -> Iterator[None]:
    """End with one message and the right exit code where nothing can be built, and on an interrupt."""
    stopped_by = signal.SIGINT

    def terminate(number: int, frame: object) -> None:
        nonlocal stopped_by
        stopped_by = signal.SIGTERM
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    except BuildFailed as failed:
        click.echo(text([failed.diagnostic], sys.stderr), err=True, nl=False)
        sys.exit(FAILED)
    except KeyboardInterrupt:
        click.echo(f"interrupted; {interrupted}", err=True)
        sys.exit(128 + stopped_by)
    except OSError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(FAILED)
    finally:
        signal.signal(signal.SIGTERM, before)


# ----------------------------------------------------------------------------------------------- results


def as_json(result: BuildResult) -> dict[str, object]:
    """A result as `build --format json` prints it."""
    return {
        "spec": result.spec,
        "backend": result.backend,
        "ok": result.ok,
        "seconds": round(result.seconds, 3),
        "layers": [
            {"op": layer.op, "digest": layer.digest, "state": layer.state, "seconds": round(layer.seconds, 3)}
            for layer in result.layers
        ],
        "checks": [{"command": check.command, "ok": check.ok, "output": check.output} for check in result.checks],
    }


def as_text(result: BuildResult) -> str:
    """A result as a table: its layers, then its checks."""

    def paint(role: str, words: str) -> str:
        return style(role, words) if colour() else words

    title = paint("bold", "ok") if result.ok else paint("error", "failed")
    lines = [f"{paint('bold', printable(result.spec))}  {result.backend}  {title}  {result.seconds:.1f} s"]
    for layer in result.layers:
        seconds = f"{layer.seconds:.1f} s" if layer.state == "rebuilt" else ""
        lines.append(f"  {layer.state:<8} {seconds:>8}  {layer.op}")
    for check in result.checks:
        line = f"  {outcome(check):<8} {'':>8}  {printable(check.command.splitlines()[0])}"
        lines.append(line if check.ok else paint("error", line))
    return "\n".join(lines)
