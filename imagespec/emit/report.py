"""Image, lock and record -> one HTML page: the layers as bars, the packages as a treemap, what each edit costs.

The page needs nothing but itself: no script, no address, and a policy that lets it load none. The same image, lock and
record are always the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from imagespec import __version__
from imagespec.diagnostic import Span
from imagespec.emit.calls import call
from imagespec.emit.costs import UNKNOWN, Amount, Edit, Item, Seconds, Weighed, edits, total, weigh
from imagespec.emit.markup import Html, join, tag
from imagespec.emit.treemap import Rectangle, squarify
from imagespec.image.layers import Image
from imagespec.lock.lockfile import Lock
from imagespec.spec import operations as ops

_ABOUT_LAYERS = "In the order in which they are built: a layer that changes makes all below it in this list anew."
_ABOUT_PACKAGES = (
    "Each area is the size of a download: the wheel for the image's platform, compressed, as the lock has it. "
    "Installed, packages are larger."
)
_ABOUT_EDITS = "Each square is a layer, from the base on; the filled ones are built anew."
_ABOUT_BYTES = (
    "Bytes are the downloads of Python packages, as the lock has them, and the files that are copied from this "
    "machine, in SI units: 1 MB is 1,000,000 bytes. What bases, apt, conda and commands download, no lock tells."
)
_ABOUT_SECONDS = (
    "Seconds are those of each layer's last build here, on the backend {}; a new build takes about as long where "
    "nothing is cached on the way."
)
_NO_SECONDS = "No build of these layers is on record here, so their seconds are unknown."

_TEMPLATE = Path(__file__).with_name("report.html")
_COLOURS = 6
"""So many the template has for layers of packages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known beside the image: `lock` is a fresh one; where there is none, `open` says why. `seconds` are those
    of layers that `backend` built on this machine."""

    lock: Lock | None = None
    open: str = ""
    seconds: Seconds
    backend: str = ""


def emit(image: Image, digests: Sequence[str], description: str, known: Known, span: Callable[..., Span]) -> str:
    """The page. `span` is where a route stands in the spec, or, with `key=True`, its last key."""
    layers = weigh(image, digests, known.lock, known.seconds, span)
    colours = _coloured(layers)
    template = _TEMPLATE.read_text(encoding="utf-8")
    return Template(template).substitute(
        policy=_policy(template),
        title=join([f"{image.name} · imagespec report"]),
        header=_lines(_header(image, digests, description, known, layers)),
        main=_lines([*_layers(layers, colours, image, known), *_edits(image, layers), *_packages(layers, colours)]),
        footer=_lines(_footer(known)),
    )


def _policy(template: str) -> str:
    """Nothing may be loaded, and no style may hold but the template's own."""
    style = re.search(r"<style>(.*?)</style>", template, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def _lines(parts: Iterable[Html]) -> Html:
    return Html("\n".join(parts))


def _coloured(layers: Sequence[Weighed]) -> dict[int, str]:
    """Position of a layer with packages -> its colour, as a class of the template."""
    found = [index for index, layer in enumerate(layers) if layer.items]
    return {index: f"l{number % _COLOURS}" for number, index in enumerate(found)}


# ------------------------------------------------------------------------------------------- numbers


def in_bytes(amount: Amount) -> str:
    """`906 MB`, `at least 906 MB` where there is more, or `unknown`."""
    return _amount(amount, size_of(amount.known))


def in_seconds(amount: Amount) -> str:
    """`5.2 s`, `at least 5.2 s` where there is more, or `unknown`."""
    number = amount.known
    return _amount(amount, f"{number / 60:,.0f} min" if number >= 600 else f"{number:.{0 if number >= 100 else 1}f} s")


def _amount(amount: Amount, text: str) -> str:
    if amount.whole:
        return text if amount.known else "nothing"
    return f"at least {text}" if amount.known else "unknown"


def size_of(number: float) -> str:
    """Bytes in SI units, three digits of them: `12 B`, `1.23 MB`, `45.6 MB`, `906 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        digits = 0 if unit == "B" or number >= 100 else 1 if number >= 10 else 2
        if round(number, digits) < 1000:
            return f"{number:.{digits}f} {unit}"
        number /= 1000
    return f"{number:.2f} TB"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


# -------------------------------------------------------------------------------------------- header


def _header(
    image: Image, digests: Sequence[str], description: str, known: Known, layers: Sequence[Weighed]
) -> Iterator[Html]:
    yield tag("h1", image.name)
    if description:
        yield tag("p", " ".join(description.split()), class_="soft")
    lock = known.lock
    facts = [f"Python {image.python}" if image.python else "Python unknown"]
    facts += [f"for {lock.platform}", f"uv {lock.uv}"] if lock is not None else []
    facts += [f"GPU {gpu}" for gpu in image.gpus]
    facts.append("locked" if lock is not None else "nothing to lock" if not known.open else "not locked")
    facts.append(f"image {digests[-1][:12]}")
    yield tag("ul", *(tag("li", fact) for fact in facts), class_="facts")
    if known.open:
        unknown = " Versions and sizes of its packages are unknown here." if any(each.items for each in layers) else ""
        why = tag("p", f"{known.open[0].upper()}{known.open[1:]}.{unknown}")
        how = tag("p", "What fixes all of it: ", tag("code", "imagespec lock"))
        yield tag("div", why, how, class_="notice", role="note")
    yield tag("dl", *_figures(image, known, layers), class_="figures")


def _figures(image: Image, known: Known, layers: Sequence[Weighed]) -> Iterator[Html]:
    items = [item for layer in layers for item in layer.items]
    mounted = len(image.layers) - len(layers)
    yield _figure("Layers", str(len(layers)), f"and {mounted} mounted" if mounted else "")
    named = sum(item.named for item in items)
    yield _figure("Python packages", str(len(items)), f"{named} of them named by the spec" if items else "")
    sizes = total(UNKNOWN if item.size is None else Amount(item.size) for item in items)
    yield _figure("Download of packages", in_bytes(sizes), "compressed, without the base" if sizes.known else "")
    seconds = total(layer.seconds for layer in layers)
    built = sum(layer.seconds.whole for layer in layers)
    where = f"{known.backend}: {built} of {_count(len(layers), 'layer')} known" if built else "never built here"
    yield _figure("Build from nothing", in_seconds(seconds), where)


def _figure(name: str, value: str, more: str) -> Html:
    return tag("div", tag("dt", name), tag("dd", value, *([tag("small", more)] if more else [])))


# -------------------------------------------------------------------------------------------- layers


def _layers(layers: Sequence[Weighed], colours: dict[int, str], image: Image, known: Known) -> Iterator[Html]:
    heaviest = 0 if known.open else max((layer.bytes.known for layer in layers), default=0)
    longest = max((layer.seconds.known for layer in layers), default=0)
    rows = [
        tag(
            "tr",
            tag(
                "td",
                tag("span", class_=f"dot {colours.get(index, '')}".rstrip()),
                str(index + 1),
                class_="place full",
                data_label="Layer",
            ),
            tag(
                "td",
                tag("code", layer.layer.operation.method),
                tag("span", f" {layer.at.source.path.name}:{layer.at.line}", class_="small soft"),
                tag("div", _contents(layer), class_="small"),
                class_="full",
            ),
            tag(
                "td",
                _quantity(in_bytes(layer.bytes)),
                _bar(layer.bytes, heaviest, "bytes"),
                class_=f"gauge {colours.get(index, '')}".rstrip(),
                data_label="Bytes:",
            ),
            tag(
                "td",
                _quantity(in_seconds(layer.seconds)),
                _bar(layer.seconds, longest, "seconds"),
                class_="gauge",
                data_label="Time:",
            ),
        )
        for index, layer in enumerate(layers)
    ]
    yield Html("<section>")
    yield tag("h2", "Layers")
    yield tag("p", _ABOUT_LAYERS, class_="soft small")
    yield _table(("", "Layer", "Bytes", "Time"), rows)
    for layer in image.layers:
        if layer.mounted:
            what = _argument(call(layer).args)
            yield tag("p", "No layer: ", tag("code", what), " is mounted when a container starts.", class_="small soft")
    if not known.backend:
        yield tag("p", _NO_SECONDS, class_="small soft")
    yield Html("</section>")


def _table(heads: Sequence[str], rows: Sequence[Html]) -> Html:
    head = tag("thead", tag("tr", *(tag("th", name, scope="col") for name in heads)))
    return tag("table", head, tag("tbody", Html("\n".join(rows))), class_="stack")


def _quantity(text: str) -> Html:
    return tag("span", text, class_="soft" if text in ("unknown", "nothing") else None)


def _bar(amount: Amount, greatest: float, kind: str) -> str:
    """How much of the greatest amount it is; no bar where nobody knows."""
    if not greatest or amount == UNKNOWN:
        return ""
    width = max(100 * amount.known / greatest, 0.7) if amount.known else 0
    track = tag("rect", class_="track", width=100, height=9)
    filled = tag("rect", class_=kind, width=f"{width:.2f}", height=9)
    return tag("svg", track, filled, class_="bar", viewBox="0 0 100 9", preserveAspectRatio="none", aria_hidden="true")


_LONGEST = 160
"""Characters of what is shown of a layer's contents."""


def _contents(layer: Weighed) -> str:
    """What a layer is made of, in a line."""
    if layer.items:
        first = sorted(layer.items, key=lambda item: (not item.named, -(item.size or 0)))
        names = [f"{item.name} {item.version}".rstrip() for item in first]
        shown = ", ".join(names[:4])
        return shown if len(names) <= 4 else f"{_count(len(names), 'package')}: {shown}, …"
    match layer.layer.operation:
        case ops.DebianSlim(python_version=python) | ops.Micromamba(python_version=python):
            text = f"Python {python}"
        case ops.FromRegistry(tag=image, add_python=python):
            text = f"{image}, Python {python} added" if python else image
        case ops.Env(vars=variables):
            text = ", ".join(variables)
        case ops.AptInstall(packages=packages) | ops.MicromambaInstall(packages=packages):
            text = ", ".join(packages)
        case _:
            text = _argument(call(layer.layer).args)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _argument(values: Iterable[object]) -> str:
    """The arguments that are plain, in one line; of a path its name."""
    texts: list[str] = []
    for value in values:
        match value:
            case Path():
                texts.append(value.name)
            case str():
                texts.append(" ".join(value.split()))
            case list():
                texts.append(_argument(value))
            case _:
                pass
    return ", ".join(filter(None, texts))


# ------------------------------------------------------------------------------------------ packages


def _packages(layers: Sequence[Weighed], colours: dict[int, str]) -> Iterator[Html]:
    items = [(index, item) for index, layer in enumerate(layers) for item in layer.items]
    items.sort(key=lambda each: -(each[1].size or 0))
    if not items:
        return
    yield Html("<section>")
    yield tag("h2", "Packages")
    sized = [(index, [item for of, item in items if of == index and item.size]) for index in colours]
    groups = sorted((group for group in sized if group[1]), key=lambda group: -_weight(group[1]))
    if groups:
        yield tag("p", _ABOUT_PACKAGES, class_="soft small")
        legend = [
            tag("li", tag("span", class_=f"dot {colours[index]}"), f"layer {index + 1}, {size_of(_weight(group))}")
            for index, group in groups
        ]
        yield tag("ul", *legend, class_="legend")
        yield _treemap(groups, colours, Rectangle(0, 0, 1000, 460), "wide")
        yield _treemap(groups, colours, Rectangle(0, 0, 360, 520), "tall")
    rows = [_row(index, item, colours[index]) for index, item in items]
    yield _table(("Package", "Version", "Size", "Layer", "Needed by"), rows)
    yield Html("</section>")


def _weight(items: Sequence[Item]) -> int:
    return sum(item.size or 0 for item in items)


def _row(index: int, item: Item, colour: str) -> Html:
    needed = ", ".join(item.needed_by)
    by = f"the spec, {needed}" if item.named and needed else "the spec" if item.named else needed
    return tag(
        "tr",
        tag("td", tag("span", class_=f"dot {colour}"), item.name),
        tag("td", item.version or "unknown"),
        tag("td", "unknown" if item.size is None else size_of(item.size), data_label="Size:"),
        tag("td", str(index + 1), data_label="Layer:"),
        tag("td", by, class_="full small soft", data_label="Needed by"),
    )


def _treemap(groups: Sequence[tuple[int, Sequence[Item]]], colours: dict[int, str], into: Rectangle, kind: str) -> Html:
    """The packages of each layer together; the heaviest first, in both."""
    areas = squarify([_weight(group) for _, group in groups], into)
    tiles = [
        _tile(item, index, colours[index], place)
        for (index, group), area in zip(groups, areas, strict=True)
        for item, place in zip(group, squarify([item.size or 0 for item in group], area), strict=True)
    ]
    return tag(
        "svg",
        Html("\n".join(tiles)),
        class_=f"map {kind}",
        viewBox=f"0 0 {into.width:.0f} {into.height:.0f}",
        role="img",
        aria_label="Packages by size of their download; the same is in the table below",
    )


_LABELS = ((18, 1), (15, 1), (12, 1), (12, 3), (10, 3))
"""Sizes of a font, each with the most lines that a name may be broken into."""
_LEADING = 1.15
_CHARACTER = 0.58
"""Width of a character, compared with the size of its font, on the wide side."""


def _tile(item: Item, index: int, colour: str, place: Rectangle) -> Html:
    x, y, width, height = place
    size = size_of(item.size or 0)
    parts = [
        tag("title", f"{item.name} {item.version} · {size} · layer {index + 1}"),
        tag("rect", x=f"{x:.1f}", y=f"{y:.1f}", width=f"{width:.1f}", height=f"{height:.1f}", rx=3),
    ]
    bottom = y + 2
    for text, font, kind in _label(item.name, size, width, height):
        bottom += font * _LEADING
        parts.append(tag("text", text, x=f"{x + 7:.1f}", y=f"{bottom:.1f}", font_size=font, class_=kind))
    return tag("g", *parts, class_=colour)


def _label(name: str, size: str, width: float, height: float) -> list[tuple[str, int, str | None]]:
    """Lines of text, each with the size of its font and its class: as large as fits, none where nothing does."""
    for font, most in _LABELS:
        lines: list[tuple[str, int, str | None]] = [(line, font, None) for line in _wrapped(name, font, width)]
        for fitting in ([*lines, (size, max(10, font - 3), "size")], lines):
            if 0 < len(lines) <= most and sum(high * _LEADING for _, high, _ in fitting) + 6 <= height:
                return fitting
    return []


def _wrapped(text: str, font: int, width: float) -> list[str]:
    """A text in lines that fit, broken at hyphens; none where a part is too long."""
    columns = int((width - 12) / (font * _CHARACTER))
    lines = textwrap.wrap(text, columns, break_long_words=False) if columns > 0 else []
    return lines if all(len(line) <= columns for line in lines) else []


# --------------------------------------------------------------------------------------------- edits


def _edits(image: Image, layers: Sequence[Weighed]) -> Iterator[Html]:
    yield Html("<section>")
    yield tag("h2", "What an edit costs")
    yield tag("p", _ABOUT_EDITS, class_="soft small")
    rows = [
        tag(
            "tr",
            tag("td", edit.what[0].upper() + edit.what[1:], class_="full"),
            tag(
                "td",
                _strip(edit, len(layers)),
                tag("span", _rebuilt(edit, len(layers)), class_="small soft"),
                class_="full",
            ),
            tag("td", in_bytes(edit.bytes), class_="gauge", data_label="Bytes:"),
            tag("td", in_seconds(edit.seconds), class_="gauge", data_label="Time:"),
        )
        for edit in edits(image, layers)
    ]
    yield _table(("Edit of", "Built anew", "Bytes", "Time"), rows)
    yield Html("</section>")


def _rebuilt(edit: Edit, count: int) -> str:
    first = edit.rebuilt.start + 1
    if not edit.rebuilt:
        return "no layer"
    return "every layer" if first == 1 else f"layers {first} to {count}" if first < count else f"layer {count}"


_SQUARE, _GAP = 12, 4


def _strip(edit: Edit, count: int) -> Html:
    squares = [
        tag(
            "rect",
            class_="new" if index in edit.rebuilt else "kept",
            x=index * (_SQUARE + _GAP) + 1,
            y=1,
            width=_SQUARE,
            height=_SQUARE,
            rx=3,
        )
        for index in range(count)
    ]
    width = count * (_SQUARE + _GAP)
    return tag("svg", *squares, class_="strip", viewBox=f"0 0 {width} {_SQUARE + 2}", aria_hidden="true")


# -------------------------------------------------------------------------------------------- footer


def _footer(known: Known) -> Iterator[Html]:
    yield tag("p", _ABOUT_BYTES)
    if known.backend:
        yield tag("p", _ABOUT_SECONDS.format(known.backend))
    yield tag("p", f"Made by imagespec {__version__}.")
