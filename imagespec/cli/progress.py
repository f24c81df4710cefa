"""What a build tells -> lines on standard error, or a live display on a terminal."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from imagespec.build.result import CheckResult, LayerResult, Progress
from imagespec.cli.show import colour
from imagespec.diagnostic import printable

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


@contextmanager
def watching(specs: Sequence[str]) -> Iterator[Progress]:
    """Watch a build of these specs. Rich takes its time to load: only a terminal gets it."""
    if sys.stderr.isatty():
        with _live(specs) as live:
            yield live
    else:
        yield Lines(specs)


class Lines:
    """One line for everything that happens, as it happens."""

    def __init__(self, specs: Sequence[str]) -> None:
        self._width = max((len(spec) for spec in specs), default=0)
        self._lock = threading.Lock()

    def note(self, spec: str, text: str) -> None:
        self._say(spec, "note: " + text)

    def started(self, spec: str, op: str, position: int, of: int) -> None:
        self._say(spec, f"[{position}/{of}] {op}")

    def log(self, spec: str, line: str) -> None:
        self._say(spec, "  " + line)

    def finished(self, spec: str, layer: LayerResult) -> None:
        if layer.seconds:
            self._say(spec, f"{layer.op} built in {layer.seconds:.1f} s")

    def checking(self, spec: str, count: int) -> None:
        self._say(spec, _checks(count))

    def checked(self, spec: str, check: CheckResult) -> None:
        if not check.recorded:
            self._say(spec, _told(check))

    def _say(self, spec: str, text: str) -> None:
        with self._lock:
            click.echo(printable(f"{spec:<{self._width}} | {text}"), err=True)


def outcome(check: CheckResult) -> str:
    """One word for how a check ended."""
    return "recorded" if check.recorded else "passed" if check.ok else "FAILED"


def _checks(count: int) -> str:
    return f"runs {count} check{'s' if count > 1 else ''}"


def _told(check: CheckResult) -> str:
    return f"{outcome(check)} {check.command.splitlines()[0]}"


@contextmanager
def _live(specs: Sequence[str]) -> Iterator[Progress]:
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True, no_color=not colour(sys.stderr), highlight=False)
    display = Display(console, specs)
    with Live(get_renderable=display.render, console=console, refresh_per_second=8, transient=True):
        yield display


class Display:
    """What stands scrolls by; below it a line for each spec says what it is doing and for how long."""

    def __init__(self, console: Console, specs: Sequence[str]) -> None:
        self._console = console
        self._width = max((len(spec) for spec in specs), default=0)
        self._doing: dict[str, tuple[str, float]] = {}
        self._last: dict[str, str] = {}

    def note(self, spec: str, text: str) -> None:
        self._print(spec, f"note: {text}", "dim")

    def started(self, spec: str, op: str, position: int, of: int) -> None:
        self._doing[spec] = (f"[{position}/{of}] {op}", time.monotonic())
        self._last[spec] = ""

    def log(self, spec: str, line: str) -> None:
        self._last[spec] = printable(line.strip())

    def finished(self, spec: str, layer: LayerResult) -> None:
        self._doing.pop(spec, None)
        if layer.seconds:
            self._print(spec, f"{layer.op} built in {layer.seconds:.1f} s", "")

    def checking(self, spec: str, count: int) -> None:
        self._doing[spec] = (_checks(count), time.monotonic())
        self._last[spec] = ""

    def checked(self, spec: str, check: CheckResult) -> None:
        if not check.recorded:
            self._print(spec, _told(check), "" if check.ok else "red")

    def _print(self, spec: str, text: str, style: str) -> None:
        from rich.text import Text

        self._console.print(Text(printable(f"{spec:<{self._width}} | {text}"), style=style), soft_wrap=True)

    def render(self) -> RenderableType:
        """The lines below: redrawn a few times a second."""
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 1))
        for spec, (what, begun) in list(self._doing.items()):
            seconds = f"{time.monotonic() - begun:.0f} s"
            last = Text(self._last.get(spec, ""), style="dim", no_wrap=True, overflow="ellipsis")
            table.add_row(Text(f"{spec:<{self._width}} |"), Text(what, style="bold"), Text(seconds), last)
        return table
