"""What an engine could not do -> a finding at the line of the spec that it is about."""

from __future__ import annotations

import re
from collections.abc import Sequence

from imagespec.build import codes
from imagespec.build.checks import command_of
from imagespec.build.container.layers import Layers
from imagespec.build.container.log import Step
from imagespec.build.failure import finding
from imagespec.build.local import installs
from imagespec.build.result import CheckResult, Target
from imagespec.diagnostic import Diagnostic, Source, Span
from imagespec.image.layers import Layer, Place
from imagespec.machine.uv_errors import culprit
from imagespec.spec import operations as ops

_SHOWN = 20
"""Lines at the end of a log that a finding shows."""

_EXIT = re.compile(r"exit (?:status|code):? (\d+)$")

_ADVICE = (
    (
        "no space left on device",
        "the disk is full: docker system prune, podman system prune or buildah prune frees some",
    ),
    (
        "short-name",
        "this engine asks no registry for short names: say `docker.io/library/python:3.12`, "
        'or set unqualified-search-registries = ["docker.io"] in /etc/containers/registries.conf',
    ),
    (r"insufficient UIDs or GIDs|newuidmap", "this user has no subordinate ids: see /etc/subuid and man newuidmap"),
    (
        r"no such host|connection refused|dial tcp|i/o timeout|TLS handshake|error pinging",
        "is the network up, and does the registry answer? what was built before is kept",
    ),
    (r"unauthorized|denied: requested access|authentication required", "log in: docker, podman or buildah login"),
)
"""What engines say, and what can be done about it."""

_INSTALLS = (
    ops.UvPipInstall
    | ops.PipInstall
    | ops.PipInstallFromRequirements
    | ops.PipInstallFromPyproject
    | ops.PipInstallPrivateRepos
    | ops.UvSync
    | ops.PoetryInstallFromFile
)


def no_engine(target: Target, troubles: Sequence[str]) -> Diagnostic:
    """No line of the spec is to blame, so none is shown."""
    message = "docker, podman or buildah is needed, and none of them works here"
    hint = [*troubles, "install one: apt-get install buildah", "or build without containers: --on local"]
    return finding(codes.NO_ENGINE, Span(Source(target.parsed.path)), message, "\n".join(hint))


def no_secret(target: Target, layer: Layer, name: str, places: Sequence[str]) -> Diagnostic:
    """A finding at the name of the secret."""
    asked: Sequence[str] = getattr(layer.operation, "secrets", ())
    span = _span(target, layer.place("secrets", [*asked].index(name)))
    hint = (
        f"write lines of NAME='value' into {places[0]} (looked for there{''.join(f', and in {p}' for p in places[1:])})"
    )
    return codes.NO_SECRET.at(span, f"the secret `{name}` is not here: there is no `{name}.env`", hint)


def build_failed(target: Target, layers: Layers, engine: str, code: int, printed: Sequence[str]) -> Diagnostic:
    """A finding at the instruction's line, or at the top of the spec where the engine did not come that far."""
    failed = layers.failed
    if failed is None or failed.step is None:
        said = [line for line in printed if line.strip()][-_SHOWN:]
        reason = (
            failed.text if failed is not None else said[-1].removeprefix("Error: ") if said else f"exit code {code}"
        )
        return finding(
            codes.LAYER_FAILED, target.parsed.tree.top(), f"{engine} cannot build it: {reason}", _hint(said, reason)
        )
    step = layers.every[failed.step]
    layer, log = target.image.layers[step.layer], layers.log(failed.step)
    exited = _EXIT.search(failed.text)
    if exited and step.word == "RUN" and isinstance(layer.operation, _INSTALLS):
        lowered = [
            re.sub(r"^ERROR: ", "error: ", line) for line in log
        ]  # pip's messages begin as uv's do, but for that
        return installs.failed(layer, target.parsed.tree, int(exited[1]), lowered)
    what, place = _blamed(layer, failed.step, layers.every, log)
    why = f"exit code {exited[1]}" if exited else failed.text
    verb = "cannot be built" if exited else "cannot be had" if step.word == "FROM" else "failed"
    span = target.parsed.tree.span(layer.origin, key=True) if place is None else _span(target, place)
    return finding(codes.LAYER_FAILED, span, f"`{what}` {verb}: {why}", _hint(log[-_SHOWN:], failed.text))


def check_failed(target: Target, check: CheckResult) -> Diagnostic:
    """A finding at the check."""
    imports = [command_of(name) for name in target.image.checks.imports]
    kind, every = ("imports", imports) if check.command in imports else ("commands", [*target.image.checks.commands])
    span = target.parsed.tree.span(("checks", kind, every.index(check.command)))
    lines = check.output.splitlines()
    shown = lines if len(lines) <= _SHOWN else ["…", *lines[-_SHOWN:]]
    message = f"`{check.command.splitlines()[0]}` fails in the built image"
    return finding(codes.CHECK_FAILED, span, message, "\n".join(shown))


def _blamed(layer: Layer, index: int, every: Sequence[Step], log: Sequence[str]) -> tuple[str, Place | None]:
    """What failed, and where that was written; `None` for the layer as a whole."""
    operation, step = layer.operation, every[index]
    if step.word == "FROM":
        base = next((word for word in step.text.split()[1:] if not word.startswith("--")), "")
        return base, None
    if isinstance(operation, ops.RunCommands):
        number = sum(1 for each in every[:index] if each.layer == step.layer)
        if number < len(operation.commands):
            return operation.commands[number].splitlines()[0], layer.place("commands", number)
    if isinstance(operation, ops.AptInstall):
        said = [line for line in log if line.startswith("E:")]
        package = culprit(said, [name.partition("=")[0] for name in operation.packages])
        if package is not None:
            return operation.packages[package], layer.place("packages", package)
    return operation.method, None


def _hint(lines: Sequence[str], reason: str) -> str:
    text = "\n".join([*lines, reason])
    return "\n".join([*lines, *(advice for said, advice in _ADVICE if re.search(said, text))])


def _span(target: Target, place: Place) -> Span:
    return place if isinstance(place, Span) else target.parsed.tree.span(place)
