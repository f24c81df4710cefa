"""Layers -> calls: what was given, as Modal takes it, and nothing that has Modal's default."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from imagespec.emit.calls import Function, Named, call
from imagespec.image.layers import Layer
from imagespec.spec import operations as ops

CALLS: dict[str, tuple[Any, tuple[Any, ...], dict[str, Any]]] = {
    "variadic": (ops.AptInstall(packages=("git", "curl")), ("git", "curl"), {}),
    "defaults are left out": (ops.UvPipInstall(packages=("six",), pre=False, extra_options="", env=None), ("six",), {}),
    "what has a default is given by name": (
        ops.UvPipInstall(packages=("six",), requirements=(Path("/r.txt"),), pre=True),
        ("six",),
        {"requirements": [Path("/r.txt")], "pre": True},
    ),
    "null where it means something": (
        ops.PoetryInstallFromFile(poetry_pyproject_toml=Path("/p.toml"), poetry_version=None),
        (Path("/p.toml"),),
        {"poetry_version": None},
    ),
    "an empty list is not the default": (
        ops.AddLocalPythonSource(modules=("a",), ignore=()),
        ("a",),
        {"ignore": []},
    ),
    "Modal's lists": (ops.Entrypoint(entrypoint_commands=("a", "b")), (["a", "b"],), {}),
    "Modal's objects": (
        ops.RunCommands(commands=("ls",), secrets=("token",), volumes={"/data": "my-data"}),
        ("ls",),
        {"secrets": [Named("Secret", "token")], "volumes": {"/data": Named("Volume", "my-data")}},
    ),
    "one secret": (ops.FromRegistry(tag="a:1", secret="login"), ("a:1",), {"secret": Named("Secret", "login")}),
    "a function": (
        ops.RunFunction(raw_f="package.module:Class.method", args=(1, {"a": [2]}), kwargs={"b": None}),
        (Function("package.module", "Class.method"),),
        {"args": [1, {"a": [2]}], "kwargs": {"b": None}},
    ),
    "a function that takes the arguments itself": (
        ops.Pipe(func="module:f", args=("git", 1), kwargs={"shell": "sh"}),
        (Function("module", "f"), "git", 1),
        {"shell": "sh"},
    ),
    "nothing at all": (ops.FromScratch(), (), {}),
}


@pytest.mark.parametrize(("operation", "args", "kwargs"), CALLS.values(), ids=CALLS)
def test_a_call_says_what_was_given(operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    made = call(Layer(operation=operation, origin=("steps", 0)))
    assert (made.method, made.args, dict(made.kwargs)) == (operation.method, args, kwargs)
    assert made.origin == ("steps", 0)
