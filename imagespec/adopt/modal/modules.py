"""The modules of a project that code imports -> their variables. Of all others, the name is enough."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from imagespec.adopt import codes
from imagespec.adopt.modal import library
from imagespec.adopt.modal.evaluate import OTHERS, Evaluator, TooMuch
from imagespec.adopt.modal.values import Chain, Module, Names, Namespace, Reference, Scope, Value
from imagespec.diagnostic import Diagnostic, Span
from imagespec.spec.source import read as source_of

MAX_BYTES = 4 << 20
_DEEPEST_IMPORT = 12
_ELSEWHERE = {"modal", *sys.stdlib_module_names}
"""Modules that a folder of the project which is called like them does not stand for."""


@dataclass(slots=True)
class Modules:
    """The files that were read so far. `follow` executes the statements of one."""

    evaluator: Evaluator
    follow: Callable[[Sequence[ast.stmt], Scope], object]
    main: Scope | None = None
    _read: dict[Path, Module | None] = field(default_factory=dict)
    _following: list[Path] = field(default_factory=list)

    def read(self, path: Path, name: str, *, main: bool = True) -> Module | Diagnostic:
        """Read a file and follow its statements; with `main`, what it does as a script is looked at too."""
        source = source_of(path, largest=MAX_BYTES)
        if isinstance(source, Diagnostic):
            return replace(source, code=codes.UNREADABLE.id, hint=source.hint.replace("YAML", "Python"))
        module = Module(name, path, source)
        try:
            tree = ast.parse(source.text)
        except SyntaxError as error:
            line, column = max(1, error.lineno or 1), max(1, error.offset or 1)
            return codes.UNREADABLE.at(source.at(line, column), f"Python does not accept the file: {error.msg}")
        except (RecursionError, MemoryError, ValueError):
            return codes.UNREADABLE.at(Span(source), "the file is nested too deeply to be read", "split it")
        module.scope.names |= {"__file__": str(path), "__name__": name}
        self.main = module.scope if main else self.main
        self._read[path] = module
        self.follow(tree.body, module.scope)
        return module

    def imported(self, name: str, level: int, scope: Scope) -> Value:
        """A module: one of the same project is followed, of another only the name is known."""
        here = scope.module.path.parent
        cwd = self.evaluator.where.start
        first, last = (
            [cwd / each for each in added] for added in (self.evaluator.first_paths, self.evaluator.last_paths)
        )
        folders = [*first, here, cwd, *last]
        if not level and name.partition(".")[0] in _ELSEWHERE:
            return Reference(library.full_name(name))
        if level:
            folders = [here.parents[level - 2]] if 1 < level <= len(here.parents) + 1 else [here]
        for folder in folders:
            base = folder.joinpath(*name.split(".")) if name else folder
            for path in (base.with_name(f"{base.name}.py"), base / "__init__.py"):
                if path in self._read or _is_file(path):
                    return self._follow(path, name, base)
            if base.is_dir():
                return Namespace(str(base), Names(), "module")
        return Reference(library.full_name(name)) if name and not level else Reference("." * level + name)

    def _follow(self, path: Path, name: str, base: Path) -> Value:
        if path not in self._read and len(self._following) < _DEEPEST_IMPORT:
            self._read[path] = None  # while it is being followed, in a circle
            self._following.append(path)
            with self.evaluator.at_most(OTHERS), suppress(TooMuch):
                self.read(path, name or path.stem, main=False)
            self._following.pop()
        module = self._read.get(path)
        return Namespace(str(base), module.scope.names, "module") if module is not None else Reference(name)

    def elsewhere(self, module: Module) -> set[int]:
        """The images that other modules define, by identity."""
        others = [each for each in self._read.values() if each is not None and each is not module]
        return {id(value) for other in others for value in other.scope.names.values() if isinstance(value, Chain)}

    def import_(self, node: ast.Import, scope: Scope) -> None:
        """Follow `import a.b as c`."""
        for alias in node.names:
            first = alias.name.partition(".")[0]
            found = self.imported(alias.name if alias.asname else first, 0, scope)
            if not alias.asname and first != alias.name and isinstance(found, Namespace):
                self._submodules(alias.name, found, scope)
            self.evaluator.assign(ast.Name(alias.asname or first, ast.Store()), found, scope)

    def _submodules(self, name: str, found: Namespace, scope: Scope) -> None:
        """`import a.b.c` makes `b` an attribute of `a`, and `c` one of `b`."""
        parts = name.split(".")
        for count in range(2, len(parts) + 1):
            inner = self.imported(".".join(parts[:count]), 0, scope)
            found.names.setdefault(parts[count - 1], inner)
            if not isinstance(inner, Namespace):
                return
            found = inner

    def import_from(self, node: ast.ImportFrom, scope: Scope) -> None:
        """Follow `from a import b as c`."""
        level, base = node.level, node.module or ""
        found = self.imported(base, level, scope)
        for alias in node.names:
            if alias.name == "*":
                names = {each: Reference(f"modal.{each}") for each in library.MODAL_NAMES} if base == "modal" else {}
                names = found.names if isinstance(found, Namespace) else names
                self.evaluator.state.touch(scope.names)
                scope.names |= {key: value for key, value in names.items() if not key.startswith("_")}
                continue
            value: Value
            if isinstance(found, Namespace):
                value = found.names.get(alias.name)
                if alias.name not in found.names:
                    value = self.imported(f"{base}.{alias.name}" if base else alias.name, level, scope)
                    if not isinstance(value, Namespace):
                        value = self.evaluator.unknown(node, scope, f"`{alias.name}` is not found in `{base or '.'}`")
            else:
                value = self.evaluator.attribute_of(found, alias.name, node, scope)
            self.evaluator.assign(ast.Name(alias.asname or alias.name, ast.Store()), value, scope)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
