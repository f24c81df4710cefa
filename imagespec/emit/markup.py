"""Names, attributes and texts -> HTML and SVG in which no text can be anything but text."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from imagespec.diagnostic import printable


class Html(str):
    """Markup. Every other string is text, and escaped where it becomes part of markup."""

    __slots__ = ()


def tag(name: str, *inside: str, **attributes: object) -> Html:
    """An element. `class_` is the attribute `class`, `aria_hidden` is `aria-hidden`; `None` is no attribute."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_text(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{written}>{join(inside)}</{name}>")


def join(parts: Iterable[str]) -> Html:
    """Several parts, one after the other."""
    return Html("".join(part if isinstance(part, Html) else _text(part) for part in parts))


def _text(text: str) -> str:
    return escape(printable(text))
