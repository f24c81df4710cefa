"""What has been read of a Dockerfile so far: its operations, and what is set at this place."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from imagespec.adopt.codes import TODO
from imagespec.adopt.dockerfile.context import Context
from imagespec.adopt.dockerfile.instructions import Instruction
from imagespec.adopt.dockerfile.variables import Variables, mentioned, quoted
from imagespec.adopt.draft import Written
from imagespec.diagnostic import Diagnostic, Span
from imagespec.image.copies import copies
from imagespec.image.files import matcher
from imagespec.spec import operations as ops
from imagespec.spec.operations import AnyOperation

_FOLDERS = ("/", "/tmp", "/root", "/etc", "/usr", "/opt", "/home", "/srv", "/var", "/usr/local/bin", "/usr/bin", "/bin")
"""There in every image."""

_MAKES_ENVIRONMENT = re.compile(r"(?:-m venv|\bvirtualenv) (?![^;&|]*--without-pip)([^;&|\n]*)")
_REFERENCE = re.compile(r"\$\{?(\w+)\}?")
_CONDA = re.compile(r".*/(?:(?:mini|ana)?conda|mambaforge|miniforge)\d?/bin")


@dataclass(slots=True)
class Reading:
    """What has been read so far.

    `workdir` is `None` where the base alone knows it; `runs_python`: `python` is the base's own; `has_command`: this
    stage has a `CMD`; `other_user`: not the base's; `path`: folders of `PATH` that may hold another Python, `made`:
    virtual environments; `unknown` are arguments without a value that were reported.
    """

    context: Context
    variables: Variables
    written: list[Written] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)
    workdir: str | None = None
    shell: tuple[str, ...] = ("/bin/sh", "-c")
    has_python: bool = True
    runs_python: bool = True
    has_command: bool = False
    other_user: bool = False
    path: set[str] = field(default_factory=set)
    made: set[str] = field(default_factory=set)

    def add(self, each: Instruction, operation: AnyOperation | None, *todo: Diagnostic) -> Written:
        """One more operation; what of it has no value is said."""
        match operation:
            case ops.RunCommands(commands=commands) | ops.DockerfileCommands(dockerfile_commands=commands):
                self.made |= set(self._made_by(commands))
            case _:
                pass
        named = mentioned(each.text) if each.name != "FROM" else set()
        missing = self.variables.without_value(named)
        missing = [name for name in missing if name not in self.unknown or operation is None]
        self.unknown |= set(missing)
        self.written.append(Written(operation, each.span, (*todo, *(no_value(each.span, name) for name in missing))))
        return self.written[-1]

    def begin_with(self, base: AnyOperation | None, *todo: Diagnostic) -> None:
        """Another base, with more to be said of it."""
        first = self.written[0]
        self.written[0] = replace(first, operation=base, todo=(*first.todo, *todo))

    def forget(self, kind: type[ops.Operation]) -> None:
        """Leave out what is replaced."""
        self.written[:] = [written for written in self.written if not isinstance(written.operation, kind)]

    def as_written(
        self, each: Instruction, text: str = "", *todo: Diagnostic, files: Mapping[str, Path] | None = None
    ) -> None:
        """The instruction itself as a step, after the arguments that it uses; `files` are sent by name."""
        text = text or each.text
        named = set(re.findall(r"\$\{?(\w+)", text))
        in_force = self.variables.arguments_in_force()
        uses = {name: value for name, value in in_force if name in named or each.name == "RUN"}
        lines = (*(f"ARG {name}={quoted(value)}" for name, value in uses.items()), text)
        local = bool(copies(lines)) and not files
        found_by_modal = (self.context.folder / ".dockerignore").is_file()
        ignore = self.context.ignore if local and self.context.ignore and not found_by_modal else None
        context = self.context.folder if local else None
        step = ops.DockerfileCommands(
            dockerfile_commands=lines, context_dir=context, context_files=files or None, ignore=ignore
        )
        self.add(each, step, *todo)

    def file_at(self, name: str) -> Path | None:
        """The file of this machine that was copied to a path of the image, and that no command has touched since."""
        if not name.startswith("/") and self.workdir is None:
            return None
        place = posixpath.normpath(posixpath.join(self.workdir or "/", name))
        for each in reversed(self.written):
            match each.operation:
                case ops.AddLocalFile(local_path=path, remote_path=remote) if remote == place:
                    return path
                case ops.AddLocalDir(local_path=path, remote_path=remote) if place.startswith(f"{remote.rstrip('/')}/"):
                    relative = posixpath.relpath(place, remote)
                    ignored = each.operation.ignore and matcher(each.operation.ignore)(Path(relative))
                    if not ignored and (path / relative).is_file():
                        return path / relative
                case ops.RunCommands(commands=commands) if any(posixpath.basename(place) in c for c in commands):
                    return None
                case ops.DockerfileCommands(dockerfile_commands=lines) if any(
                    posixpath.basename(place) in x for x in lines
                ):
                    return None
                case _:
                    pass
        return None

    def pip_is_pythons(self) -> bool:
        """Whether `pip` installs for what `python` runs: the first of `PATH` that has one has both."""
        return all(folder.removesuffix("/bin") in self.made or _CONDA.fullmatch(folder) for folder in self.path)

    def _made_by(self, commands: Sequence[str]) -> Iterator[str]:
        """The words of commands that make virtual environments with a pip: their paths among them."""
        known = {**dict(self.variables.arguments_in_force()), **self.variables.env}
        for command in commands:
            expanded = _REFERENCE.sub(lambda name: known.get(name[1], name[0]), command)
            for words in _MAKES_ENVIRONMENT.findall(expanded):
                yield from (word.strip("\"'") for word in words.split())

    def folders(self) -> set[str]:
        """Paths of the image that are folders."""
        made = {op.path for op in (w.operation for w in self.written) if isinstance(op, ops.Workdir)}
        made |= {op.remote_path for op in (w.operation for w in self.written) if isinstance(op, ops.AddLocalDir)}
        return made | set(_FOLDERS)


def no_value(span: Span, name: str) -> Diagnostic:
    """What is to be said of an argument that only a build gives a value."""
    message = f"`{name}` has no default: it is known only when the image is built"
    return TODO.at(span, message, f"give it: --build-arg {name}=VALUE")
