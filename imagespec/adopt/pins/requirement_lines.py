"""The lines of a requirements file -> one install: of the file itself where it stands alone, else of what is in it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from imagespec.adopt.codes import NO_COUNTERPART
from imagespec.adopt.draft import Written
from imagespec.diagnostic import Diagnostic, Source, Span
from imagespec.image.requirements import Line, is_local, logical_lines
from imagespec.spec import operations as ops
from imagespec.spec.source import read

_FILE = re.compile(r"(-r|--requirement|-c|--constraint)(?:\s+|=|(?<=-[rc]))(\S+)")
_EDITABLE = re.compile(r"(?:-e|--editable)(?:\s+|=|(?<=-e))(.+)")
_OPTION = re.compile(r"(-i|--index-url|--extra-index-url|-f|--find-links)(?:\s+|=|(?<=-[if]))(\S+)")
_FIELDS = {"-i": "index_url", "-f": "find_links"}
_OF_ONE = re.compile(r"\s--[a-z]")
"""Where the options begin that one requirement has on its line."""


def install(path: Path, lines: Iterable[Line]) -> Written:
    """What installs a requirements file: the file itself where no line leads out of it, else what is in it."""
    lines = list(lines)
    span = _span(lines, path)
    if not any(_leads_out(line.text) for line in lines):
        return Written(ops.UvPipInstall(requirements=(path,)), span)
    return packages(path.parent, lines, span)


def packages(folder: Path, lines: Iterable[Line], span: Span) -> Written:
    """What installs the requirements of lines, and the files that they name, relative to a folder."""
    taken = _Taken()
    taken.take(folder, lines)
    return Written(
        ops.UvPipInstall(packages=tuple(taken.packages), requirements=tuple(taken.files) or None, **taken.options),  # type: ignore[arg-type]
        span,
        tuple(taken.todo),
    )


def _leads_out(text: str) -> bool:
    """Whether a line names what Modal does not send with the file, or what uv does not take from a file."""
    if _FILE.match(text) or _EDITABLE.match(text):
        return True
    option = _OPTION.match(text)
    return _lies_here(option[2]) if option else not text.startswith("-") and is_local(_OF_ONE.split(text, 1)[0])


def _lies_here(address: str) -> bool:
    return "://" not in address or address.startswith("file:")


@dataclass(slots=True)
class _Taken:
    """What lines were found to ask for. `seen` are files that were taken apart, `hashed` the first line with hashes."""

    packages: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    options: dict[str, str | bool] = field(default_factory=dict)
    todo: list[Diagnostic] = field(default_factory=list)
    seen: set[Path] = field(default_factory=set)
    hashed: Span | None = None

    def take(self, folder: Path, lines: Iterable[Line]) -> None:
        for line in lines:
            at = line.place if isinstance(line.place, Span) else Span(Source(folder))
            if named := _FILE.match(line.text):
                self._file(folder / named[2], at, constrains=named[1] in ("-c", "--constraint"))
            elif editable := _EDITABLE.match(line.text):
                self._requirement(_remote(editable[1]), line.text, at, folder_needed=True)
            elif option := _OPTION.match(line.text):
                self._option(option, at)
            elif line.text == "--pre":
                self.options["pre"] = True
            elif line.text.startswith("-"):
                hint = "options of the installer go into `python: {options: …}`"
                self.todo.append(NO_COUNTERPART.at(at, f"`{line.text}` is an option: left out", hint))
            else:
                self._requirement(line.text, line.text, at)

    def _requirement(self, text: str, written: str, at: Span, *, folder_needed: bool = False) -> None:
        own = _OF_ONE.search(text)
        wanted = text[: own.start()].rstrip() if own else text
        if is_local(wanted) or (folder_needed and "://" not in wanted):
            hint = "its code: `source: [{package: …}]`; what it needs: `python: {pyproject: …}`"
            self.todo.append(NO_COUNTERPART.at(at, f"`{written}` lies on this machine alone: left out", hint))
            return
        self.packages.append(wanted)
        if own is None:
            return
        others = re.sub(r"--hash[= ]\S+", "", text[own.start() :]).split()
        if others:
            message = f"`{' '.join(others)}` is for `{wanted}` alone: left out"
            self.todo.append(NO_COUNTERPART.at(at, message, "options of the installer go into `python: {options: …}`"))
        elif self.hashed is None:
            self.hashed = at
            message = "the hashes from here on are left out: a spec names packages without them"
            self.todo.append(NO_COUNTERPART.at(at, message, "`imagespec lock` fixes each file by its hash"))

    def _option(self, option: re.Match[str], at: Span) -> None:
        name = _FIELDS.get(option[1]) or option[1].removeprefix("--").replace("-", "_")
        if _lies_here(option[2]):
            message = f"`{option[2]}` lies on this machine alone: left out"
            hint = "copy it into the image with a step, and name it there: `python: {find_links: /wheels}`"
            self.todo.append(NO_COUNTERPART.at(at, message, hint))
        elif name in self.options:
            message = f"`{option[0]}`: only one is possible: left out"
            self.todo.append(NO_COUNTERPART.at(at, message, "name it in `python: {options: …}`"))
        else:
            self.options[name] = option[2]

    def _file(self, path: Path, at: Span, *, constrains: bool) -> None:
        if constrains:
            message = f"`{path.name}` holds constraints, and a spec has none: left out"
            hint = "`imagespec lock` fixes every version; to begin with these, name them as packages"
            self.todo.append(NO_COUNTERPART.at(at, message, hint))
            return
        if path in self.seen:
            return
        self.seen.add(path)
        source = read(path, at)
        if isinstance(source, Diagnostic):
            self.todo.append(source)
            return
        lines = list(logical_lines(source))
        if any(_leads_out(line.text) for line in lines):
            self.take(path.parent, lines)
        else:
            self.files.append(path)


def _remote(editable: str) -> str:
    """`git+https://…@abc#egg=name` as a package by its address; what lies in a folder stays as it is."""
    address, _, fragment = editable.partition("#")
    parts = dict(part.partition("=")[::2] for part in fragment.split("&"))
    name, below = parts.get("egg", ""), parts.get("subdirectory", "")
    if "://" not in address or not re.fullmatch(r"[\w.-]+(\[[\w.,-]+\])?", name):
        return editable
    return f"{name} @ {address.strip()}" + (f"#subdirectory={below}" if below else "")


def _span(lines: list[Line], path: Path) -> Span:
    place = lines[0].place
    return place if isinstance(place, Span) else Span(Source(path))
