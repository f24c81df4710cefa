"""The lines of a requirements file -> one install: of the file itself where it stands alone, else of what is in it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from imagespec.adopt.codes import NO_COUNTERPART
from imagespec.adopt.draft import Written
from imagespec.diagnostic import Diagnostic, Source, Span
from imagespec.image.requirements import Line, logical_lines
from imagespec.spec import operations as ops
from imagespec.spec.source import read

_LOCAL = re.compile(r"(-e|--editable)\b|\.|/|file:|\S+ @ file:|[\w.-]+/")
_NAMES_A_FILE = re.compile(r"(-r|--requirement|-c|--constraint)(?:\s+|=|(?<=-[rc]))(\S+)")
_OPTION = re.compile(r"(-i|--index-url|--extra-index-url|-f|--find-links)(?:\s+|=)(\S+)")
_FIELDS = {"-i": "index_url", "-f": "find_links"}


def install(path: Path, lines: Iterable[Line]) -> Written:
    """What installs a requirements file: the file itself where no line leads out of it, else what is in it."""
    lines = list(lines)
    span = _span(lines, path)
    if not any(_NAMES_A_FILE.match(line.text) or _LOCAL.match(line.text) for line in lines):
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


@dataclass(slots=True)
class _Taken:
    """What lines were found to ask for. `seen` are files that were taken apart."""

    packages: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    options: dict[str, str | bool] = field(default_factory=dict)
    todo: list[Diagnostic] = field(default_factory=list)
    seen: set[Path] = field(default_factory=set)

    def take(self, folder: Path, lines: Iterable[Line]) -> None:
        for line in lines:
            at = line.place if isinstance(line.place, Span) else Span(Source(folder))
            if named := _NAMES_A_FILE.match(line.text):
                self._file(folder / named[2], at, constrains=named[1] in ("-c", "--constraint"))
            elif option := _OPTION.match(line.text):
                self._option(option, at)
            elif line.text == "--pre":
                self.options["pre"] = True
            elif _LOCAL.match(line.text):
                hint = "its code: `source: [{package: …}]`; what it needs: `python: {pyproject: …}`"
                self.todo.append(NO_COUNTERPART.at(at, f"`{line.text}` lies on this machine alone: left out", hint))
            elif line.text.startswith("-"):
                hint = "options of the installer go into `python: {options: …}`"
                self.todo.append(NO_COUNTERPART.at(at, f"`{line.text}` is an option: left out", hint))
            else:
                self.packages.append(line.text)

    def _option(self, option: re.Match[str], at: Span) -> None:
        name = _FIELDS.get(option[1]) or option[1].removeprefix("--").replace("-", "_")
        if name in self.options:
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
        if any(_NAMES_A_FILE.match(line.text) or _LOCAL.match(line.text) for line in lines):
            self.take(path.parent, lines)
        else:
            self.files.append(path)


def _span(lines: list[Line], path: Path) -> Span:
    place = lines[0].place
    return place if isinstance(place, Span) else Span(Source(path))
