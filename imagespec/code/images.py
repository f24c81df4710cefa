"""The top of a Python file -> the images that its code has, and the one on which each of its functions runs.

Which of them is the image of a spec is told by `imagespec.load`, else by the name of the variable, as `adopt` names
specs, else by there being no other. Where none of these tells, it is none.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from imagespec.code.literals import dotted, known, last_name, text_of

Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(slots=True, eq=False)
class Held:
    """An image as code holds it.

    `names` are the variables that hold it. `ours`: whether it is loaded from the spec, `None` where it is not loaded.
    `written`: it is built in this file. `calls` are what code calls on an image that it was given. `default` is
    Modal's own, where the code names none.
    """

    names: set[str] = field(default_factory=set)
    ours: bool | None = None
    written: bool = False
    calls: tuple[ast.Call, ...] = ()
    default: bool = False

    def called(self, spec: str) -> bool:
        """Whether a variable that holds it is called like a spec."""
        return any(same(name, spec) for name in self.names)


@dataclass(slots=True)
class Images:
    """Reads the statements of one file in their order. `functions` are those of Modal's, by name, with their images;
    `local` those that run where the app is started; `keywords` what the app and each function are given."""

    spec: str
    every: list[Held] = field(default_factory=list)
    functions: dict[str, Held] = field(default_factory=dict)
    local: set[str] = field(default_factory=set)
    keywords: dict[str, dict[str | None, ast.expr]] = field(default_factory=dict)
    texts: dict[str, str | None] = field(default_factory=dict)
    values: dict[str, ast.expr] = field(default_factory=dict)
    _bound: dict[str, Held] = field(default_factory=dict)
    _apps: dict[str, Held] = field(default_factory=dict)
    _by_text: dict[str, Held] = field(default_factory=dict)

    @classmethod
    def of(cls, tree: ast.Module, spec: str) -> Images:
        images = cls(spec)
        for node in tree.body:
            match node:
                case ast.ImportFrom(module="imagespec.images", names=names):
                    for alias in names:
                        images._bind(alias.asname or alias.name, Held(ours=same(alias.name, spec)))
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    images._assigned(name, value)
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                    images._assigned(name, value)
                case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                    images._defined(node)
                case _:
                    for each in _inside(node):
                        images._defined(each)
        return images

    # ------------------------------------------------------------------------------------ which is the spec's

    def of_spec(self) -> list[Held]:
        """The images of functions that are the spec's; none where that cannot be told."""
        if certain := self.certainly():
            return certain
        if any(held.written and held.called(self.spec) for held in self.every):
            return []
        used = list(dict.fromkeys(self.functions.values()))
        named = [held for name, held in self.functions.items() if same(name, self.spec)]
        rest = named or [held for held in used if not held.default] or used
        return rest if len(rest) == 1 else []

    def certainly(self) -> list[Held]:
        """Those that the code loads from the spec, or the one that is called like it."""
        used = list(dict.fromkeys(self.functions.values()))
        named = [held for held in used if held.ours is None and held.called(self.spec)]
        return [held for held in used if held.ours] or (named if len(named) == 1 else [])

    def others(self, ours: Iterable[Held]) -> frozenset[str]:
        """The variables that hold other images than some."""
        mine = {name for held in ours for name in held.names}
        return frozenset({name for held in self.every for name in held.names} - mine)

    # ------------------------------------------------------------------------------------------- statements

    def _assigned(self, name: str, value: ast.expr) -> None:
        self.values[name] = value
        self.texts[name] = text_of(value, self.texts.get)
        if isinstance(value, ast.Call) and last_name(value.func) in ("App", "Stub"):
            self.keywords[name] = {keyword.arg: keyword.value for keyword in value.keywords}
            self._apps[name] = self._given(self.keywords[name], Held(default=True))
        else:
            self._bind(name, self._image(value))

    def _bind(self, name: str, held: Held) -> None:
        held.names.add(name)
        self._bound[name] = held
        self.every.append(held)

    def _defined(self, node: Definition) -> None:
        for decorator in node.decorator_list:
            function = decorator.func if isinstance(decorator, ast.Call) else decorator
            if not isinstance(function, ast.Attribute):
                continue
            if function.attr == "local_entrypoint":
                self.local.add(node.name)
            elif function.attr in ("function", "cls", "server"):
                given = decorator.keywords if isinstance(decorator, ast.Call) else []
                self.keywords[node.name] = {keyword.arg: keyword.value for keyword in given}
                app = dotted(function.value)
                by_app = self._apps.get(app) or self._one(f"{app}(…)", Held())
                self.functions[node.name] = self._given(self.keywords[node.name], by_app)

    def _given(self, keywords: dict[str | None, ast.expr], otherwise: Held) -> Held:
        """The image among the arguments of an app or a function."""
        if "image" in keywords:
            value = keywords["image"]
            return self._image(value) if isinstance(value, ast.Name) else self._one(ast.unparse(value), value)
        return self._one(f"**{ast.unparse(keywords[None])}", Held()) if None in keywords else otherwise

    def _one(self, text: str, otherwise: Held | ast.expr) -> Held:
        """The same image for the same expression."""
        if text not in self._by_text:
            self._by_text[text] = otherwise if isinstance(otherwise, Held) else self._image(otherwise)
            self.every.append(self._by_text[text])
        return self._by_text[text]

    def _image(self, node: ast.expr) -> Held:
        calls: list[ast.Call] = []
        while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
            calls.append(node)
            if isinstance(node.func, ast.Name) or dotted(node.func) == "imagespec.load":
                break
            node = node.func.value
        first = calls[-1] if calls else None
        if first is not None and dotted(first.func) in ("imagespec.load", "load"):
            name = known(text_of(first.args[0], self.texts.get)) if first.args else None
            return Held(ours=None if name is None else same(Path(name).stem, self.spec), calls=tuple(calls[:-1]))
        if dotted(node).endswith("Image"):
            return Held(written=True)
        held = self._bound.get(dotted(node))
        if held is None:
            held = self._one(dotted(node), Held({last_name(node)})) if dotted(node) else Held()
        if not calls:
            return held
        return Held(ours=held.ours, written=held.written, calls=() if held.written else (*held.calls, *calls))


def _inside(node: ast.stmt) -> Iterator[Definition]:
    """The definitions in the body of a statement, such as a loop that makes a function for each size."""
    waiting: list[ast.AST] = [node]
    while waiting:
        each = waiting.pop()
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield each
        elif isinstance(each, ast.stmt | ast.excepthandler | ast.match_case):
            waiting += ast.iter_child_nodes(each)


def same(name: str, spec: str) -> bool:
    """Whether a name of Python's is that of a spec."""
    return name.replace("-", "_") == spec.replace("-", "_")
