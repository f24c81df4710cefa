"""What the code of an app uses while it runs -> files and programs that are wanted, and the scripts that it starts."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from imagespec.code.commands import Start, starts
from imagespec.code.facts import Found, Where
from imagespec.code.finder import folders_here, in_tree
from imagespec.code.literals import FILE, UNKNOWN
from imagespec.code.reach import Called, Edit, File, Module, Reach, Wanted
from imagespec.code.source import read_text
from imagespec.code.tree import HOME
from imagespec.code.uses import ByName, OnPath, Read, Run
from imagespec.diagnostic import Source, Span
from imagespec.image.shell import pipelines


class Follow(Protocol):
    """Who follows what is found: modules by their names, and files that run."""

    reach: Reach
    root: Path
    search: list[str]
    folders: list[Path]

    def want(self, wanted: Wanted) -> None: ...

    def enter(
        self, remote: str, path: Path, packages: tuple[str, ...], *, script: bool = False, beside: tuple[str, ...] = ()
    ) -> None: ...


@dataclass(slots=True)
class Running:
    """Takes one use after the other."""

    follow: Follow

    def used(self, module: Module, found: Found) -> None:
        span = module.facts.span(found.at)
        match found.use:
            case OnPath(path=path):
                self._on_path(module, path, span, found.where)
            case ByName(module=name):
                if all(part.isidentifier() for part in name.split(".")):
                    self.follow.want(Wanted(name, (), module, found.at, found.where))
            case Read(path=path):
                self._file(module, path, self.follow.reach.tree.workdir, span, found.where)
            case Run() as run:
                cwd = posixpath.normpath(posixpath.join(self.follow.reach.tree.workdir, run.cwd or "."))
                for program, arguments in _commands(run):
                    known = UNKNOWN not in cwd and FILE not in cwd and not _moves(run)
                    self._run(module, program, arguments, cwd if known else None, span, found)

    def _on_path(self, module: Module, path: str, span: Span, where: Where) -> None:
        remote = posixpath.normpath(posixpath.join(self.follow.reach.tree.workdir, path.replace(FILE, module.remote)))
        self.follow.reach.edits.append(Edit(path, remote, span, where))
        if remote not in self.follow.search:
            self.follow.search.append(remote)
        for folder in folders_here(path, module.path, [self.follow.root, self.follow.reach.app.path.parent]):
            if folder not in self.follow.folders:
                self.follow.folders.append(folder)

    def _file(
        self, module: Module, path: str, cwd: str | None, span: Span, where: Where, *, script: bool = False
    ) -> str:
        """Notes that a file is wanted, and gives its path in the image; empty where that cannot be told."""
        if path.startswith("~") or "://" in path or "*" in path:
            return ""
        if cwd is None and not path.startswith(("/", FILE)):
            return ""
        remote = posixpath.normpath(posixpath.join(cwd or "/", path.replace(FILE, module.remote)))
        local = self._local(module, path, remote)
        shown = os.path.relpath(remote, HOME) if FILE in path else path
        self.follow.reach.files.append(File(shown, remote, local, span, where, script))
        return remote

    def _local(self, module: Module, path: str, remote: str) -> Path | None:
        """The file of this machine that a path means there."""
        if FILE in path:
            places = [Path(os.path.normpath(path.replace(FILE, str(module.path))))]
        elif path.startswith("/"):
            inside = remote.removeprefix(f"{self.follow.reach.tree.workdir}/")
            places = [] if inside == remote else [self.follow.root / inside]
        else:
            places = [self.follow.root / path, self.follow.reach.app.path.parent / path]
        return next((place for place in places if place.exists()), None)

    def _run(
        self,
        module: Module,
        program: str,
        arguments: tuple[str, ...],
        cwd: str | None,
        span: Span,
        found: Found,
        depth: int = 0,
    ) -> None:
        if UNKNOWN in program:
            return
        self.follow.reach.called.append(Called(program, arguments, span, found.where))
        for start in starts(program, arguments):
            if start.kind == "module":
                self._run_module(module, start, cwd, found)
                continue
            remote = self._file(module, start.name, cwd, span, found.where, script=True)
            local = self.follow.reach.tree.files.get(remote)
            if local is None:
                continue
            if start.kind == "python":
                self.follow.enter(remote, local, (), script=True, beside=(posixpath.dirname(remote),))
            elif depth < 5 and remote not in self.follow.reach.scripts:
                self._shell(module, remote, local, cwd, found, depth + 1)

    def _run_module(self, module: Module, start: Start, cwd: str | None, found: Found) -> None:
        beside = (*module.beside, *([cwd] if cwd else []))
        asking = Module(module.path, module.remote, module.packages, module.facts, module.script, beside)
        where = replace(found.where, condition=False)  # it is started under a condition, and then has to be there
        hit = in_tree(self.follow.reach.tree, start.name.split("."), (*beside, *self.follow.search))
        if hit is None or hit.lacking is not None:
            self.follow.want(Wanted(start.name, (), asking, found.at, where))
            return
        name = f"{start.name}.__main__" if hit.folder else start.name
        self.follow.want(Wanted(name, (), asking, found.at, where))
        main = f"{hit.folder}/__main__.py" if hit.folder else hit.files[-1]
        if main in self.follow.reach.tree.files:
            packages = tuple(name.split(".")[:-1])
            self.follow.enter(main, self.follow.reach.tree.files[main], packages, script=True, beside=beside)

    def _shell(self, module: Module, remote: str, local: Path, cwd: str | None, found: Found, depth: int) -> None:
        """A shell script of the image: what it calls."""
        text = read_text(local)
        if not isinstance(text, str):
            return
        source = self.follow.reach.scripts[remote] = Source(local, text)
        run = Run(shell=text)
        inside = None if _moves(run) else cwd
        for program, arguments in _commands(run):
            span = _in_script(source, program, arguments)
            self._run(module, program, arguments, inside, span, found, depth)


def _commands(run: Run) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Program and arguments of each command of a use."""
    if run.words:
        yield run.words[0], run.words[1:]
        for script in _given_to_shell(run.words):
            yield from _commands(Run(shell=script))
    for pipeline in pipelines(run.shell) if run.shell else ():
        for command in pipeline:
            if "sudo" in command.programs[:-1]:
                yield "sudo", ()
            if command.program:
                yield next(word for word in command.words if word.endswith(command.program)), command.arguments


def _given_to_shell(words: Sequence[str]) -> Iterator[str]:
    """The text behind `-c` of `["bash", "-c", "…"]`."""
    if words[0].rpartition("/")[2] in ("sh", "bash", "zsh"):
        for option, text in pairwise(words[1:]):
            if re.fullmatch(r"-[a-z]*c", option):
                yield text


def _moves(run: Run) -> bool:
    """Whether commands change the folder that they run in."""
    return re.search(r"\b(cd|pushd)\s", run.shell or " ".join(run.words)) is not None


def _in_script(source: Source, program: str, arguments: Sequence[str]) -> Span:
    """The first line of a script that calls a program so, else that names it."""
    for words in ([program, *arguments[:1]], [program]):
        pattern = re.compile(r"(?<![\w./-])" + r"\W+?".join(map(re.escape, words)) + r"(?![\w-])")
        for number, line in enumerate(source.text.split("\n"), 1):
            found = pattern.search(line.partition(" #")[0]) if not line.lstrip().startswith("#") else None
            if found is not None:
                return Span(source, number, found.start() + 1, number, found.end() + 1)
    return source.at(1, 1)
