"""An app and the tree of its image -> everything of it that runs there: modules, imports, files, commands.

Functions count where something that runs names them: what only a local entrypoint calls needs nothing of the image.
"""

from __future__ import annotations

import dataclasses
import os
import posixpath
import re
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from imagespec.code.app import App, runs_elsewhere, top_of
from imagespec.code.facts import Import, Unit
from imagespec.code.finder import Hit, in_tree, on_disk
from imagespec.code.packages import GIVEN, STANDARD, Packages, given
from imagespec.code.reach import Module, Reach, Wanted
from imagespec.code.running import Running
from imagespec.code.source import facts
from imagespec.code.tree import HOME, Tree
from imagespec.image.files import of_module
from imagespec.image.modules import Module as Shipped


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


_MAKES_NAMES = re.compile(r"__getattr__|__path__|import \*|globals\(|sys\.modules|lazy|exec\(|setattr\(")


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
    led_to: set[str] = field(default_factory=set)
    attributes: defaultdict[str, list[tuple[Module, int]]] = field(default_factory=lambda: defaultdict(list))
    of_calls: set[str] = field(default_factory=set)
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
                if not self.pending:
                    self._what_calls_give()
            before = (len(self.search), len(self.folders), len(self.unresolved))
            again, self.unresolved = self.unresolved, []
            for wanted in again:
                self.want(wanted)
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
        if (known is not None and (known.script or not script)) or not os.path.lexists(path):
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
        if unit.decorated and unit.name in (app.elsewhere if module.path == app.path else self._elsewhere(module)):
            return
        runs = unit.name in app.here if module.path == app.path else unit.decorated
        if runs or unit.name in self.named or self._is_attribute(unit.name):
            self.pending.append((module, number))
        else:
            self.sleeping.setdefault(unit.name, []).append((module, number))

    def _elsewhere(self, module: Module) -> frozenset[str]:
        """The functions of another module than the app's that are known to run on other images."""
        app = self.reach.app
        text = module.facts.source.text
        return runs_elsewhere(text, app.spec) if app.certain and "modal" in text else frozenset()

    def _unit(self, module: Module, number: int) -> None:
        words = module.facts.words(number)
        self.named |= words
        attributes = {word[1:] for word in words if word[0] == "."}
        unit = module, number
        for name in attributes:
            self.attributes[name].append(unit)
        for name in self.sleeping.keys() & words:
            self._wake(name)
        for name in self.sleeping.keys() & attributes:
            # in its own module a function goes by its name alone: `imagespec.load` is another `load`
            if self._is_attribute(name):
                self._wake(name, module)
        for each in module.facts.imports:
            others = self.reach.app.others if module.path == self.reach.app.path else ()
            if each.where.unit == number and each.where.image not in others:
                self._import(module, each)
        for found in module.facts.found:
            if found.where.unit == number:
                Running(self).used(module, found)

    def _wake(self, name: str, but: Module | None = None) -> None:
        every = self.sleeping.pop(name)
        self.pending += [each for each in every if each[0] is not but]
        if asleep := [each for each in every if each[0] is but]:
            self.sleeping[name] = asleep

    def _is_attribute(self, name: str) -> bool:
        """Whether something that runs has a name as an attribute of what can be a module of the author's."""
        if any(self._leads(*each, name) for each in self.attributes.pop(name, ())):
            self.led_to.add(name)
        return name in self.led_to

    def _leads(self, module: Module, number: int, name: str) -> bool:
        """Whether what stands before `.name` in a unit can be a module of the author's."""
        for before in module.facts.before(number, name):
            root = before.partition(".")[0]
            if not root.isidentifier():
                if module.facts.may_get_modules:
                    return True
                self.of_calls.add(name)
            elif before not in ("self", "cls"):
                imports = [each for each in module.facts.imports if root in each.bound]
                if not imports or not all(map(self._is_foreign, imports)):
                    return True
        return False

    def _is_foreign(self, each: Import) -> bool:
        """Whether an import is known to be none of the author's: Python's own, or one of a package."""
        parts = each.module.split(".")
        if each.level or in_tree(self.reach.tree, parts, self.search) is not None:
            return False
        known = parts[0] in STANDARD or given(each.module, GIVEN)
        return known or self.packages.bringing(each.module, each.names) is not None

    def _what_calls_give(self) -> None:
        """Has run what is an attribute of what a call gives, where some code imports by name: it can be a module."""
        names = self.of_calls & self.sleeping.keys()
        if names and any(module.facts.imports_by_name for module in self.reach.modules.values()):
            for name in names:
                self._wake(name)

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
        self.want(Wanted(name, each.names, module, each.at, each.where))

    def want(self, wanted: Wanted) -> None:
        """A module that something imports: what it runs, or what brings it."""
        if given(wanted.name, GIVEN):
            return
        parts = wanted.name.split(".")
        if parts[0] in STANDARD and not self._shadowed(parts[0], wanted):
            return
        hit = in_tree(self.reach.tree, parts, (*wanted.module.beside, *self.search))
        if hit is not None and (hit.files or hit.compiled):
            self._hit(wanted, parts, hit)
            return
        by = self.packages.bringing(wanted.name, wanted.names)
        if by is not None:  # which comes before a folder without `__init__.py`
            self.reach.packages.append(dataclasses.replace(wanted, by=by))
        elif hit is not None and hit.lacking is None and self._holds_modules(hit, wanted.names):
            self._hit(wanted, parts, hit)
        else:
            self.unresolved.append(wanted)

    def _holds_modules(self, hit: Hit, names: Sequence[str]) -> bool:
        """Whether a folder of the image is a package without `__init__.py`: it holds what is asked for, or a module."""
        tree = self.reach.tree
        asked = [name for name in names if name != "*"]
        if asked:
            return any(in_tree(tree, [name], [hit.folder]) is not None for name in asked)
        return any(posixpath.dirname(path) == hit.folder and path.endswith(".py") for path in tree.files)

    def _shadowed(self, name: str, wanted: Wanted) -> bool:
        return any(
            f"{place}/{name}.py" in self.reach.tree.files or f"{place}/{name}/__init__.py" in self.reach.tree.files
            for place in (*wanted.module.beside, *self.search)
        )

    def _hit(self, wanted: Wanted, parts: Sequence[str], hit: Hit) -> None:
        self._enter_all(hit, parts, wanted.module)
        if hit.lacking is not None:
            if hit.folder:
                self._lacking(wanted, hit, ".".join(parts[: hit.lacking + 1]))
            return
        self.reach.first_party.append(wanted)
        if not hit.folder:
            return
        for name in wanted.names:
            below = in_tree(self.reach.tree, [name], [hit.folder]) if name != "*" else None
            if below is not None:
                self._enter_all(below, [*parts, name], wanted.module, skip=len(parts))
            elif name != "*" and not self._binds(hit, name):
                self._lacking(wanted, hit, f"{wanted.name}.{name}")

    def _enter_all(self, hit: Hit, parts: Sequence[str], wanting: Module, skip: int = 0) -> None:
        for remote in hit.files:
            depth = _depth(remote, parts, skip)
            packages = tuple(parts[: depth if remote.endswith("/__init__.py") else depth - 1])
            self.enter(remote, self.reach.tree.files[remote], packages, beside=wanting.beside)

    def _lacking(self, wanted: Wanted, hit: Hit, name: str) -> None:
        """What is above a module is in the image, and the module is not: it is left out, or there is none."""
        folder, last = self._folder(hit), name.rpartition(".")[2]
        local = None if folder is None else on_disk([last], (), [folder])
        nowhere = folder is not None and self._is_plain(hit) and not any(folder.glob(f"{last}.*"))
        guard = wanted.where.guard
        expected = wanted.where.condition or (guard is not None and not wanted.module.facts.tries[guard].raises)
        if local is not None or (nowhere and not expected):
            self.reach.missing.append(dataclasses.replace(wanted, name=name, local=local))

    def _folder(self, hit: Hit) -> Path | None:
        """The folder of this machine that a package of the image comes from."""
        files = self.reach.tree.files
        init = files.get(f"{hit.folder}/__init__.py")
        if init is not None:
            return init.parent
        return next((path.parent for remote, path in files.items() if posixpath.dirname(remote) == hit.folder), None)

    def _binds(self, hit: Hit, name: str) -> bool:
        """Whether a package defines a name itself: then it need not be a submodule."""
        return re.search(rf"\b{re.escape(name)}\b", self._init(hit)) is not None

    def _is_plain(self, hit: Hit) -> bool:
        """Whether a package has the names that it says it has, and no others."""
        there = f"{hit.folder}/__init__.py" in self.reach.tree.files
        return there and _MAKES_NAMES.search(self._init(hit)) is None

    def _init(self, hit: Hit) -> str:
        init = self.reach.tree.files.get(f"{hit.folder}/__init__.py")
        return "" if init is None else facts(init).source.text

    def _give_up(self, wanted: Wanted) -> None:
        beside = [self._folder(Hit((), folder)) for folder in wanted.module.beside]
        folders = [*self.folders, *(folder for folder in beside if folder is not None), wanted.module.path.parent]
        if not self.packages.unseen:  # one of which may bring what is only called like it
            folders += [*(folder / "src" for folder in self.folders), *self._where_in_image(wanted.name)]
        local = on_disk(wanted.name.split("."), wanted.names, folders)
        if local is not None:
            self.reach.missing.append(dataclasses.replace(wanted, local=local))
        else:
            self.reach.unknown.append(wanted)

    def _where_in_image(self, name: str) -> Iterator[Path]:
        """The folders that are in the image, hold a module of that name and are on no path; none inside of packages."""
        top = name.partition(".")[0]
        for remote, local in self.reach.tree.files.items():
            found = remote.endswith(f"/{top}/__init__.py")
            folder = remote.removesuffix("/__init__.py" if found else ".py").removesuffix(f"/{top}")
            if (found or remote.endswith(f"/{top}.py")) and f"{folder}/__init__.py" not in self.reach.tree.files:
                yield local.parent.parent if found else local.parent


def _depth(remote: str, parts: Sequence[str], skip: int) -> int:
    """How many parts of a name lead to a file."""
    steps = remote.removesuffix("/__init__.py").removesuffix(".py").split("/")
    for depth in range(len(parts), skip, -1):
        if steps[-(depth):] == list(parts[:depth]):
            return depth
    return len(parts)
