"""What an app reaches in its image, and what it misses there: the types."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from imagespec.code import fetching
from imagespec.code.app import App, mounts_in
from imagespec.code.facts import At, Facts, Where
from imagespec.code.making import Making
from imagespec.code.tree import Tree
from imagespec.diagnostic import Source, Span
from imagespec.image.layers import Installed


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


@dataclass
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

    @cached_property
    def mounts(self) -> frozenset[str] | None:
        """The paths of its volumes, and of those that its other modules mount; `None` where they are not all known."""
        every = [self.app.mounts]
        for module in self.modules.values():
            if module.path != self.app.path:
                readable = module.facts.trouble is None
                every.append(mounts_in(module.facts.source.text, self.app.spec) if readable else None)
        known = [mounts for mounts in every if mounts is not None]
        return frozenset().union(*known) if len(known) == len(every) else None

    @cached_property
    def unseen_code(self) -> bool:
        """Whether there may be modules of the author's in the container that nothing here tells of."""
        by_command = any(fetching.brings_code(each.program, each.arguments) for each in self.called)
        return self.tree.code_elsewhere or self.app.altered or by_command

    @cached_property
    def unseen_packages(self) -> bool:
        """Whether there may be packages in the container that the image does not bring."""
        by_command = any(fetching.brings_packages(each.program, each.arguments) for each in self.called)
        return self.unseen_code or by_command

    @cached_property
    def unpacks(self) -> bool:
        """Whether code takes files out of archives or repositories whose names nothing tells."""
        texts = (module.facts.source.text for module in self.modules.values())
        return any(fetching.unpacks(each.program) for each in self.called) or any(map(fetching.unpacks_itself, texts))

    @cached_property
    def handed(self) -> frozenset[str]:
        """Words of its commands that can be files which they make."""
        return frozenset(word for each in self.called for word in fetching.handed(each.program, each.arguments))

    @cached_property
    def making(self) -> Making:
        """What its own code and its scripts make."""
        texts = [module.facts.source.text for module in self.modules.values()]
        return Making([*texts, *(script.text for script in self.scripts.values())])
