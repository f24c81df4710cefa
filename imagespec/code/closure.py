"""An app and the tree of its image -> everything of it that runs there: modules, imports, files, commands.

Functions count where something that runs names them: what only a local entrypoint calls needs nothing of the image.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from imagespec.code.app import App, top_of
from imagespec.code.commands import Start, starts
from imagespec.code.finder import Hit, in_tree, on_disk
from imagespec.code.literals import FILE, UNKNOWN
from imagespec.code.packages import GIVEN, STANDARD, Packages, given
from imagespec.code.source import At, Facts, Found, Import, Unit, Where, facts, read_text
from imagespec.code.tree import HOME, Tree
from imagespec.code.uses import ByName, OnPath, Read, Run
from imagespec.diagnostic import Source, Span
from imagespec.image.commands import pipelines
from imagespec.image.files import of_module
from imagespec.image.layers import Installed
from imagespec.image.modules import Module as Shipped


@dataclass(frozen=True, slots=True, eq=False)
class Module:
    """A file that containers run. `packages` are those around it, `beside` is where a script looks for modules."""

    path: Path
    remote: str
    packages: tuple[str, ...]
    facts: Facts
    script: bool = False
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """A module that something wants. `local` is where this machine has it; `by` are the packages that bring it."""

    name: str
    names: tuple[str, ...]
    module: Module
    at: At
    where: Where
    local: Path | None = None
    by: tuple[Installed, ...] = ()


@dataclass(frozen=True, slots=True)
class File:
    """A file or script that something names. `remote` is its path in the image, `local` its like on this machine."""

    name: str
    remote: str
    local: Path | None
    span: Span
    where: Where
    script: bool = False


@dataclass(frozen=True, slots=True)
class Called:
    """A program that something calls."""

    program: str
    arguments: tuple[str, ...]
    span: Span
    where: Where


@dataclass(frozen=True, slots=True)
class Edit:
    """A folder on `sys.path`, as written and as it will be in the image."""

    path: str
    remote: str
    span: Span
    where: Where


@dataclass(slots=True)
class Reach:
    """What an app reaches in its image, and what it misses there."""

    app: App
    tree: Tree
    modules: dict[str, Module] = field(default_factory=dict)
    first_party: list[Wanted] = field(default_factory=list)
    missing: list[Wanted] = field(default_factory=list)
    packages: list[Wanted] = field(default_factory=list)
    unknown: list[Wanted] = field(default_factory=list)
    beyond: list[Wanted] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    called: list[Called] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)
    scripts: dict[str, Source] = field(default_factory=dict)


def reach(app: App, tree: Tree, root: Path, packages: Packages) -> Reach:
    """Everything of an app that will run on an image whose layers make `tree`."""
    tree = tree.copy()
    for remote, local in _by_modal(app, root):
        tree.add(remote, local)
    follow = _Follow(Reach(app, tree), root, packages)
    if app.without_source is None or app.remote in tree.files:
        follow.enter(app.remote, app.path, app.packages)
        follow.finish()
    return follow.reach


def _by_modal(app: App, root: Path) -> Iterator[tuple[str, Path]]:
    """What Modal itself ships: the file, or all modules of its package; and what the code adds to the image."""
    for name in app.sources:
        found = on_disk(name.split("."), (), [app.path.parent, root])
        if found is not None:
            yield from _as_source(name, found)
    if app.without_source is not None:
        return
    if app.module:
        top = app.module.split(".")[0]
        yield from _as_source(top, top_of(app) / top)
    else:
        yield app.remote, app.path


def _as_source(name: str, found: Path) -> Iterator[tuple[str, Path]]:
    shipped = Shipped(name, None, found) if found.is_dir() else Shipped(name, found, None)
    parts = name.split(".") if found.is_dir() else name.split(".")[:-1]
    for relative, path in of_module(shipped):
        yield posixpath.join(HOME, *parts, relative), path


_WORD = re.compile(r"[A-Za-z_]\w*")


@dataclass(slots=True)
class _Follow:
    """Follows what runs, a unit of a file at a time."""

    reach: Reach
    root: Path
    packages: Packages
    search: list[str] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    pending: deque[tuple[Module, int]] = field(default_factory=deque)
    sleeping: dict[str, list[tuple[Module, int]]] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)
    unresolved: list[Wanted] = field(default_factory=list)

    def __post_init__(self) -> None:
        app = self.reach.app
        self.search = list(self.reach.tree.search)
        self.folders = list(dict.fromkeys([app.path.parent, self.root, top_of(app)]))

    def finish(self) -> None:
        """Until nothing more is found. A folder put on the path later can hold what was not found before."""
        while self.pending or self.unresolved:
            while self.pending:
                self._unit(*self.pending.popleft())
            before = (len(self.search), len(self.folders), len(self.unresolved))
            again, self.unresolved = self.unresolved, []
            for wanted in again:
                self._want(wanted)
            if not self.pending and before == (len(self.search), len(self.folders), len(self.unresolved)):
                break
        for wanted in self.unresolved:
            self._give_up(wanted)

    # -------------------------------------------------------------------------------------------- files

    def enter(
        self,
        remote: str,
        path: Path,
        packages: tuple[str, ...],
        *,
        script: bool = False,
        beside: tuple[str, ...] = (),
    ) -> None:
        """A file that runs: all of it but the functions that nothing has named yet."""
        known = self.reach.modules.get(remote)
        if known is not None and (known.script or not script):
            return
        module = Module(path, remote, packages, facts(path), script, beside)
        self.reach.modules[remote] = module
        for number, unit in enumerate(module.facts.units):
            if unit.kind == "module" or (unit.kind == "main" and script):
                self.pending.append((module, number))
            elif unit.kind == "definition":
                self._definition(module, number, unit)

    def _definition(self, module: Module, number: int, unit: Unit) -> None:
        app = self.reach.app
        if module.path == app.path and unit.name in app.elsewhere:
            return
        runs = unit.name in app.here if module.path == app.path else unit.decorated
        if runs or unit.name in self.named:
            self.pending.append((module, number))
        else:
            self.sleeping.setdefault(unit.name, []).append((module, number))

    def _unit(self, module: Module, number: int) -> None:
        words = _words(module.facts, number)
        self.named |= words
        for name in words & self.sleeping.keys():
            self.pending += self.sleeping.pop(name)
        for each in module.facts.imports:
            if each.where.unit == number:
                self._import(module, each)
        for found in module.facts.found:
            if found.where.unit == number:
                self._used(module, found)

    # ------------------------------------------------------------------------------------------ imports

    def _import(self, module: Module, each: Import) -> None:
        self.named |= each.names_as
        name = each.module
        if each.level:
            kept = len(module.packages) - each.level + 1
            if kept < 1:
                self.reach.beyond.append(Wanted("." * each.level + name, each.names, module, each.at, each.where))
                return
            name = ".".join([*module.packages[:kept], *([name] if name else [])])
        self._want(Wanted(name, each.names, module, each.at, each.where))

    def _want(self, wanted: Wanted) -> None:
        if given(wanted.name, GIVEN):
            return
        parts = wanted.name.split(".")
        if parts[0] in STANDARD and not self._shadowed(parts[0], wanted):
            return
        hit = in_tree(self.reach.tree, parts, (*wanted.module.beside, *self.search))
        if hit is not None and (hit.files or hit.lacking is None):
            self._hit(wanted, parts, hit)
            return
        by = self.packages.bringing(wanted.name, wanted.names)
        if by is not None:
            self.reach.packages.append(_with(wanted, by=by))
        else:
            self.unresolved.append(wanted)

    def _shadowed(self, name: str, wanted: Wanted) -> bool:
        return any(
            f"{place}/{name}.py" in self.reach.tree.files or f"{place}/{name}/__init__.py" in self.reach.tree.files
            for place in (*wanted.module.beside, *self.search)
        )

    def _hit(self, wanted: Wanted, parts: Sequence[str], hit: Hit) -> None:
        self._enter_all(hit, parts, wanted.module)
        if hit.lacking is not None:
            self._lacking(wanted, parts, hit)
            return
        self.reach.first_party.append(wanted)
        if not hit.folder:
            return
        for name in wanted.names:
            below = in_tree(self.reach.tree, [name], [hit.folder]) if name != "*" else None
            if below is not None:
                self._enter_all(below, [*parts, name], wanted.module, skip=len(parts))
            elif name != "*" and not self._binds(hit, name):
                local = self._beside_on_disk(hit, name)
                if local is not None:
                    self.reach.missing.append(_with(wanted, name=f"{wanted.name}.{name}", local=local))

    def _enter_all(self, hit: Hit, parts: Sequence[str], wanting: Module, skip: int = 0) -> None:
        for remote in hit.files:
            depth = _depth(remote, parts, skip)
            packages = tuple(parts[: depth if remote.endswith("/__init__.py") else depth - 1])
            self.enter(remote, self.reach.tree.files[remote], packages, beside=wanting.beside)

    def _lacking(self, wanted: Wanted, parts: Sequence[str], hit: Hit) -> None:
        """What is above a module is in the image, and the module is not."""
        assert hit.lacking is not None
        name = ".".join(parts[: hit.lacking + 1])
        local = self._beside_on_disk(hit, parts[hit.lacking]) if hit.folder and hit.lacking < len(parts) else None
        if local is not None:
            self.reach.missing.append(_with(wanted, name=name, local=local))

    def _beside_on_disk(self, hit: Hit, name: str) -> Path | None:
        """A submodule on this machine, where the package of the image comes from."""
        files = [self.reach.tree.files[f"{hit.folder}/__init__.py"].parent] if _package(hit, self.reach.tree) else []
        if not files:
            files = [
                path.parent for remote, path in self.reach.tree.files.items() if posixpath.dirname(remote) == hit.folder
            ][:1]
        return on_disk([name], (), files)

    def _binds(self, hit: Hit, name: str) -> bool:
        """Whether a package defines a name itself: then it need not be a submodule."""
        init = self.reach.tree.files.get(f"{hit.folder}/__init__.py")
        if init is None:
            return False
        return re.search(rf"\b{re.escape(name)}\b", facts(init).source.text) is not None

    def _give_up(self, wanted: Wanted) -> None:
        folders = [*self.folders]
        if wanted.module.beside or wanted.module.script:
            folders.append(wanted.module.path.parent)
        local = on_disk(wanted.name.split("."), wanted.names, folders)
        if local is not None:
            self.reach.missing.append(_with(wanted, local=local))
        else:
            self.reach.unknown.append(wanted)

    # --------------------------------------------------------------------------------------------- uses

    def _used(self, module: Module, found: Found) -> None:
        span = module.facts.span(found.at)
        match found.use:
            case OnPath(path=path):
                self._on_path(module, path, span, found.where)
            case ByName(module=name):
                if all(part.isidentifier() for part in name.split(".")):
                    self._want(Wanted(name, (), module, found.at, found.where))
            case Read(path=path):
                self._file(module, path, self.reach.tree.workdir, span, found.where)
            case Run() as run:
                cwd = posixpath.normpath(posixpath.join(self.reach.tree.workdir, run.cwd or "."))
                for program, arguments in _commands(run):
                    known = UNKNOWN not in cwd and FILE not in cwd and not _moves(run)
                    self._run(module, program, arguments, cwd if known else None, span, found)

    def _on_path(self, module: Module, path: str, span: Span, where: Where) -> None:
        remote = posixpath.normpath(posixpath.join(self.reach.tree.workdir, path.replace(FILE, module.remote)))
        self.reach.edits.append(Edit(path, remote, span, where))
        if remote not in self.search:
            self.search.append(remote)
        here = Path(os.path.normpath(path.replace(FILE, str(module.path))))
        for folder in [here] if here.is_absolute() else [self.root / here, self.reach.app.path.parent / here]:
            if folder not in self.folders:
                self.folders.append(folder)

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
        self.reach.files.append(File(shown, remote, local, span, where, script))
        return remote

    def _local(self, module: Module, path: str, remote: str) -> Path | None:
        """The file of this machine that a path means there."""
        if FILE in path:
            places = [Path(os.path.normpath(path.replace(FILE, str(module.path))))]
        elif path.startswith("/"):
            inside = remote.removeprefix(f"{self.reach.tree.workdir}/")
            places = [] if inside == remote else [self.root / inside]
        else:
            places = [self.root / path, self.reach.app.path.parent / path]
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
        self.reach.called.append(Called(program, arguments, span, found.where))
        for start in starts(program, arguments):
            if start.kind == "module":
                self._run_module(module, start, cwd, found)
                continue
            remote = self._file(module, start.name, cwd, span, found.where, script=True)
            local = self.reach.tree.files.get(remote)
            if local is None:
                continue
            if start.kind == "python":
                self.enter(remote, local, (), script=True, beside=(posixpath.dirname(remote),))
            elif depth < 5 and remote not in self.reach.scripts:
                self._shell(module, remote, local, cwd, found, depth + 1)

    def _run_module(self, module: Module, start: Start, cwd: str | None, found: Found) -> None:
        beside = (*module.beside, *([cwd] if cwd else []))
        asking = Module(module.path, module.remote, module.packages, module.facts, module.script, beside)
        hit = in_tree(self.reach.tree, start.name.split("."), (*beside, *self.search))
        if hit is None or hit.lacking is not None:
            self._want(Wanted(start.name, (), asking, found.at, found.where))
            return
        name = f"{start.name}.__main__" if hit.folder else start.name
        self._want(Wanted(name, (), asking, found.at, found.where))
        main = f"{hit.folder}/__main__.py" if hit.folder else hit.files[-1]
        if main in self.reach.tree.files:
            packages = tuple(name.split(".")[:-1])
            self.enter(main, self.reach.tree.files[main], packages, script=True, beside=beside)

    def _shell(self, module: Module, remote: str, local: Path, cwd: str | None, found: Found, depth: int) -> None:
        """A shell script of the image: what it calls."""
        text = read_text(local)
        if not isinstance(text, str):
            return
        source = self.reach.scripts[remote] = Source(local, text)
        run = Run(shell=text)
        inside = None if _moves(run) else cwd
        for program, arguments in _commands(run):
            span = _in_script(source, program, arguments)
            self._run(module, program, arguments, inside, span, found, depth)


def _with(wanted: Wanted, **changed: object) -> Wanted:
    import dataclasses

    return dataclasses.replace(wanted, **changed)  # type: ignore[arg-type]


def _package(hit: Hit, tree: Tree) -> bool:
    return f"{hit.folder}/__init__.py" in tree.files


def _depth(remote: str, parts: Sequence[str], skip: int) -> int:
    """How many parts of a name lead to a file."""
    steps = remote.removesuffix("/__init__.py").removesuffix(".py").split("/")
    for depth in range(len(parts), skip, -1):
        if steps[-(depth):] == list(parts[:depth]):
            return depth
    return len(parts)


def _commands(run: Run) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Program and arguments of each command of a use."""
    if run.words:
        yield run.words[0], run.words[1:]
        for script in _given_to_shell(run.words):
            yield from _commands(Run(shell=script))
    for pipeline in pipelines(run.shell) if run.shell else ():
        for command in pipeline:
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


def _words(found: Facts, number: int) -> frozenset[str]:
    """The identifiers of a unit, those of its imports left out: to import a function is not to call it."""
    unit = found.units[number]
    every = found.source.text.split("\n")
    first, last = (unit.first, unit.last) if unit.kind != "module" else (1, len(every))
    others = [(u.first, u.last) for u in found.units if u.kind != "module"] if unit.kind == "module" else []
    skipped = {
        line
        for start, end in [*others, *((each.at.line, each.at.end_line) for each in found.imports)]
        for line in range(start, end + 1)
    }
    text = "\n".join(
        line for line_number, line in enumerate(every[first - 1 : last], first) if line_number not in skipped
    )
    return frozenset(_WORD.findall(text))


def imported_at_start(app: App, root: Path) -> Iterator[tuple[Facts, Import]]:
    """The imports that this machine makes when an app is started: its own at the top, and those of its modules."""
    seen: set[Path] = set()
    waiting: list[tuple[Path, tuple[str, ...]]] = [(app.path, app.packages)]
    while waiting:
        path, packages = waiting.pop(0)
        if path in seen:
            continue
        seen.add(path)
        found = facts(path)
        for each in found.imports:
            where = each.where
            if not where.at_import or where.condition or where.put_off or where.guard is not None:
                continue
            if found.units[where.unit].kind not in ("module", "definition") or where.handles is not None:
                continue
            name = each.module
            if each.level:
                name = ".".join([*packages[: max(len(packages) - each.level + 1, 0)], *([name] if name else [])])
            files = list(_files_on_disk(name, each.names, [app.path.parent, root, top_of(app)])) if name else []
            if files:
                waiting += files
            elif not each.level:
                yield found, each


def _files_on_disk(name: str, names: Sequence[str], folders: Sequence[Path]) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """The files that an import of a module of the author's runs, each with the packages around it."""
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        place = on_disk(parts[:depth], names if depth == len(parts) else (), folders)
        if place is None:
            continue
        if place.is_dir():
            if (place / "__init__.py").is_file():
                yield place / "__init__.py", tuple(parts[:depth])
            for each in names if depth == len(parts) else ():
                if (place / f"{each}.py").is_file():
                    yield place / f"{each}.py", tuple(parts)
        else:
            yield place, tuple(parts[: depth - 1])
