"""What Modal raises -> findings at the lines of the spec, and what to say where nothing can be built at all."""

from __future__ import annotations

import re
from collections.abc import Sequence

from imagespec.build import codes
from imagespec.build.checks import command_of
from imagespec.build.result import CheckResult, Target
from imagespec.diagnostic import Diagnostic, Source, Span
from imagespec.emit.calls import Named
from imagespec.image.layers import Layer, Place

_SHOWN = 12
"""Lines of a log, or of a check's output, that a finding shows."""


class NoModal(Exception):
    """Nothing can be built on Modal from here: no login, no connection. `hint` says what can be done."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint

    def at(self, target: Target) -> Diagnostic:
        """As a finding. No line of the spec is to blame, so none is shown."""
        return codes.NO_MODAL.at(Span(Source(target.parsed.path)), str(self), self.hint)


class LayerFailed(Exception):
    """A layer could not be built: what was raised, and the end of its log."""

    def __init__(self, error: Exception, log: Sequence[str] = ()) -> None:
        super().__init__(str(error))
        self.error = error
        self.log = log


def no_modal(error: Exception) -> NoModal:
    """Why nothing can be built, of an error that is about no layer."""
    import modal

    elsewhere = "or build on this machine, without an account: --on local"
    if isinstance(error, modal.exception.AuthError):
        missing = "Token missing" in str(error)
        message = "no login for Modal on this machine" if missing else f"Modal refuses the login: {said(error)}"
        return NoModal(message, f"log in: modal setup\nor set MODAL_TOKEN_ID and MODAL_TOKEN_SECRET\n{elsewhere}")
    if isinstance(error, modal.exception.ConnectionError | modal.exception.ServiceError):
        return NoModal(
            f"Modal cannot be reached: {said(error)}", f"is the network up? see: status.modal.com\n{elsewhere}"
        )
    return NoModal(f"Modal refuses to build: {said(error)}", elsewhere)


def said(error: Exception) -> str:
    """What an error says, in one line; its name where it says nothing."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def layer_failed(target: Target, layer: Layer, failed: LayerFailed) -> Diagnostic:
    """A finding at the item that the log blames, else at the layer; its hint is the end of the log."""
    import modal

    method, error = layer.operation.method, failed.error
    place = _blamed(layer, failed.log)
    span = _span(target, layer.origin, on_key=True) if place is None else _span(target, place)
    log = list(failed.log[-_SHOWN:])
    if not isinstance(error, modal.exception.ImageBuildError):
        rest = [line for line in str(error).splitlines()[1:] if line.strip()]
        return codes.LAYER_FAILED.at(
            span, f"`{method}` cannot be built: {said(error)}", "\n".join([*log, *rest[:_SHOWN]])
        )
    first, *rest = str(error).splitlines() or [""]
    if "exception:" in first:
        thrown = [line for line in rest if line.strip()]
        message = f"`{method}` failed on Modal: {thrown[-1].strip() if thrown else 'it does not say why'}"
        log = (log + thrown[:-1])[-_SHOWN:]
    else:
        what = re.sub(r"^Image build for \S+ ", "", first).rstrip(".")
        message = f"`{method}` {'failed on Modal' if what == 'failed' else what}"
    return codes.LAYER_FAILED.at(span, message, "\n".join([*log, f"the whole log: modal image logs {error.image_id}"]))


def check_failed(target: Target, check: CheckResult) -> Diagnostic:
    """A finding at the check."""
    imports = [command_of(name) for name in target.image.checks.imports]
    kind, commands = ("imports", imports) if check.command in imports else ("commands", target.image.checks.commands)
    route = ("checks", kind, commands.index(check.command))
    message = f"`{check.command.splitlines()[0]}` fails in the built image"
    return codes.CHECK_FAILED.at(_span(target, route), message, "\n".join(check.output.splitlines()[-_SHOWN:]))


def not_found(target: Target, place: Place, named: Named, error: Exception) -> Diagnostic:
    """A finding at the name of something that Modal does not have."""
    kind = named.kind.lower()
    hint = f"create it: modal {kind} create {named.name}" if kind in ("secret", "volume") else ""
    return codes.NOT_ON_MODAL.at(_span(target, place), f"Modal has no {kind} `{named.name}`: {said(error)}", hint)


def _span(target: Target, place: Place, *, on_key: bool = False) -> Span:
    return place if isinstance(place, Span) else target.parsed.tree.span(place, key=on_key)


def _blamed(layer: Layer, log: Sequence[str]) -> Place | None:
    """Where the one item was written that the latest line to name a single one names."""
    field = layer.operation.variadic
    if field is None:
        return None
    items = [item for item in getattr(layer.operation, field) if isinstance(item, str)]
    for line in reversed(log):
        named = [item for item in items if _names(line, item, field)]
        longest = [item for item in named if not any(item != other and item in other for other in named)]
        if len(longest) == 1:
            return layer.place(field, items.index(longest[0]))
    return None


def _names(line: str, item: str, field: str) -> bool:
    """Whether a line is about an item: it has a package's name in it, or begins the step that is a command."""
    if field == "packages":
        name = re.split(r"[^\w.-]", item)[0]
        return bool(name) and re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", line, re.IGNORECASE) is not None
    return re.search(rf"Step \d+: (?:RUN )?{re.escape(item.partition(chr(10))[0])}(?!\S)", line) is not None
