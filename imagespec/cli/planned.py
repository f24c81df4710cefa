"""Plans -> text for a terminal, JSON for a program, Markdown for a pull request."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from imagespec.build.plan import Cause, Plan, PlannedLayer
from imagespec.cli.show import colour, style
from imagespec.diagnostic import printable, shown


class Format(Protocol):
    """A way to print plans. `explain`: with the reason for the place of each layer."""

    def __call__(self, plans: Sequence[Plan], *, explain: bool) -> str: ...


# ------------------------------------------------------------------------------------------------- text


def as_text(plans: Sequence[Plan], *, explain: bool) -> str:
    """A table a spec, then its sum; at the end the sum of all."""
    blocks = ["\n".join(_table(plan, explain=explain)) for plan in plans]
    if len(plans) > 1:
        blocks.append("\n".join(["in all", *(f"  {line}" for line in _in_all(plans))]))
    if any(layer.estimated for plan in plans for layer in plan.rebuilt):
        blocks.append(_LEGEND)
    return "".join(f"{block}\n" for block in "\n\n".join(blocks).split("\n")) if blocks else ""


_LEGEND = "~ is what a layer like it took, or else a guess from its bytes"


def _table(plan: Plan, *, explain: bool) -> Iterator[str]:
    def paint(role: str, words: str) -> str:
        return style(role, words) if colour() else words

    yield f"{paint('bold', printable(plan.spec))}  {printable(f'against {plan.against}')}"
    rows = [(_state(layer), _seconds(layer), _bytes(layer), layer.op) for layer in plan.layers]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
    for layer, (state, seconds, size, op) in zip(plan.layers, rows, strict=True):
        cells = [f"{state:<{widths[0]}}", f"{seconds:>{widths[1]}}", f"{size:>{widths[2]}}", f"{op:<{widths[3]}}"]
        words = "  ".join(cell for cell, width in zip(cells, widths, strict=True) if width)
        line = printable(f"  {words}  {layer.aside or _told(layer.cause)}".rstrip())
        yield paint("warning", line) if layer.state == "rebuilt" else line
        if explain:
            yield f"  {'':<{len(words) - widths[3]}}  {layer.reason}"
    yield f"  {_sum(plan)}"


def _told(cause: Cause | None) -> str:
    if cause is None:
        return ""
    return str(cause) if cause.follows else f"{cause}, {shown(cause.span.source.path)}:{cause.span.line}"


def _state(layer: PlannedLayer) -> str:
    return "aside" if layer.aside else layer.state


def _seconds(layer: PlannedLayer) -> str:
    return "" if layer.state == "kept" else _time([layer])


def _bytes(layer: PlannedLayer) -> str:
    return "" if layer.state == "kept" else _size([layer])


def _sum(plan: Plan) -> str:
    count, of = len(plan.rebuilt), sum(1 for layer in plan.layers if not layer.aside)
    if not count:
        return "nothing is rebuilt"
    return f"{count} of {of} layers rebuilt: {_cost(plan.rebuilt)}"


def _in_all(plans: Sequence[Plan]) -> Iterator[str]:
    """What all plans cost together, layers that they share counted once; and which these are."""
    unique = {layer.digest: layer for plan in plans for layer in plan.rebuilt}
    if not unique:
        yield "nothing is rebuilt"
        return
    yield f"{len(unique)} {'layer' if len(unique) == 1 else 'layers'} rebuilt: {_cost(list(unique.values()))}"
    sharing: dict[tuple[str, ...], int] = {}
    for digest in unique:
        specs = tuple(plan.spec for plan in plans if any(layer.digest == digest for layer in plan.rebuilt))
        if len(specs) > 1:
            sharing[specs] = sharing.get(specs, 0) + 1
    for specs, count in sharing.items():
        yield f"{count} of them shared by {', '.join(map(printable, specs))}, counted once"


# ----------------------------------------------------------------------------------------------- numbers


def _cost(layers: Sequence[PlannedLayer]) -> str:
    seconds, size = _time(layers), _size(layers)
    return f"{'seconds unknown' if seconds == '?' else seconds}, {'bytes unknown' if size == '?' else size}"


def _time(layers: Sequence[PlannedLayer]) -> str:
    """`~45.0 s`; `> ` where a part of it is unknown, `?` where all is."""
    known = [layer.seconds for layer in layers if layer.seconds is not None]
    total = sum(known)
    amount = f"{total:.0f} s" if total >= 100 else f"{total:.1f} s"
    return _partly(f"{'~' if any(layer.estimated for layer in layers) else ''}{amount}", known, layers)


def _size(layers: Sequence[PlannedLayer]) -> str:
    known = [layer.bytes for layer in layers if layer.bytes is not None]
    total = sum(known)
    amount = f"{total} B" if total < 1000 else f"{total / 1e3:.1f} kB" if total < 1e6 else f"{total / 1e6:.1f} MB"
    return _partly(amount, known, layers)


def _partly(amount: str, known: Sequence[float], layers: Sequence[PlannedLayer]) -> str:
    if len(known) == len(layers):
        return amount
    return f"> {amount}" if any(known) else "?"


# -------------------------------------------------------------------------------------------- for programs


def as_json(plans: Sequence[Plan], *, explain: bool) -> str:
    """`[{spec, layers: [{op, digest, state, cause, file, line, seconds, bytes, estimated}]}]`, what is unknown as null.

    With `explain`, each layer has its `reason` too.
    """
    told = [{"spec": plan.spec, "layers": [_layer(layer, explain=explain) for layer in plan.layers]} for plan in plans]
    return json.dumps(told, indent=2) + "\n"


def _layer(layer: PlannedLayer, *, explain: bool) -> dict[str, object]:
    cause = layer.cause
    return {
        "op": layer.op,
        "digest": layer.digest,
        "state": layer.state,
        "cause": str(cause) if cause else None,
        "file": shown(cause.span.source.path) if cause else None,
        "line": cause.span.line if cause else None,
        "seconds": None if layer.seconds is None else round(layer.seconds, 3),
        "bytes": layer.bytes,
        "estimated": layer.estimated,
        **({"reason": layer.reason} if explain else {}),
    }


# ----------------------------------------------------------------------------------------------- Markdown


def as_github(plans: Sequence[Plan], *, explain: bool) -> str:
    """A section a spec: its sum in the heading, then a table of what is rebuilt, or of all layers with `explain`."""
    lines = [line for plan in plans for line in (*_section(plan, explain=explain), "")]
    if len(plans) > 1:
        lines += ["**In all:** " + "; ".join(map(_literal, _in_all(plans))) + ".", ""]
    if any(layer.estimated for plan in plans for layer in plan.rebuilt):
        lines += [f"<sub>{_literal(_LEGEND)}</sub>", ""]
    return "\n".join(lines)


def _section(plan: Plan, *, explain: bool) -> Iterator[str]:
    yield f"### {_code(plan.spec)}: {_literal(_sum(plan))}"
    yield ""
    yield f"Against {_literal(plan.against)}."
    shown_layers = plan.layers if explain else plan.rebuilt
    if not shown_layers:
        return
    yield ""
    columns = ["", "layer", "why", "seconds", "bytes", *(["why here"] if explain else [])]
    yield f"| {' | '.join(columns)} |"
    yield f"|{'|'.join(['---', '---', '---', '--:', '--:', *(['---'] if explain else [])])}|"
    for layer in shown_layers:
        why = _literal(layer.aside) if layer.aside else _why(layer.cause)
        cells = [_state(layer), _code(layer.op), why, _literal(_seconds(layer)), _literal(_bytes(layer))]
        yield f"| {' | '.join([*cells, *([_literal(layer.reason)] if explain else [])])} |"


def _why(cause: Cause | None) -> str:
    if cause is None:
        return ""
    where = "" if cause.follows else f", {_code(f'{shown(cause.span.source.path)}:{cause.span.line}')}"
    return f"{_code(str(cause))}{where}"


def _code(text: str) -> str:
    """Text that stays what it is: nothing in it is Markdown, HTML, a link, or the name of somebody to notify."""
    return f"<code>{_literal(text)}</code>"


def _literal(text: str) -> str:
    """Text with everything that may mean something to Markdown or HTML as a number."""
    return _MARKUP.sub(lambda match: f"&#{ord(match[0])};", printable(text))


_MARKUP = re.compile(r"[^\w\s.,;:/+=?>()'-]|_|:(?! )|(?<=www)\.", re.IGNORECASE)
"""Parentheses are links only after a bracket, a colon is one only before slashes, and no line begins with any text."""


FORMATS: Mapping[str, Format] = {"text": as_text, "json": as_json, "github": as_github}
