"""The language against the installed `modal.Image`: every builder method, every parameter, every default."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from inspect import Parameter
from typing import get_args

import modal
import modal._image as modal_image
import pytest

from imagespec.emit.calls import call
from imagespec.emit.instructions.writer import BUILDERS
from imagespec.image.layers import Layer
from imagespec.rules.modal import SERIES
from imagespec.spec import operations as ops
from imagespec.spec.schema import Step

METHODS: Mapping[str, type[ops.Operation]] = ops.BASES | ops.STEPS

NO_BUILDERS = {
    "build": "builds, and adds nothing",
    "publish": "names what was built",
    "hydrate": "looks up what was built",
    "imports": "is for the code that runs in the image",
    "logs": "shows how it was built",
    "get_dashboard_url": "shows where it was built",
    "client": "of Modal's objects in general",
    "object_id": "of Modal's objects in general",
}
"""What is public in `modal.Image` and adds nothing to an image."""

LEFT_OUT = {
    ("from_registry", "kwargs"): "Modal's own, not documented",
    ("from_gcp_artifact_registry", "kwargs"): "Modal's own, not documented",
    ("from_aws_ecr", "kwargs"): "Modal's own, not documented",
    ("from_name", "environment_name"): "written in the name: `environment/name:tag`",
    ("from_name", "client"): "the client is whoever builds",
    ("from_id", "client"): "the client is whoever builds",
}
"""Parameters that the language does not have."""

NEEDED = {
    ("debian_slim", "python_version"): "Modal takes that of the machine that builds",
    ("micromamba", "python_version"): "Modal takes that of the machine that builds",
    ("uv_sync", "uv_project_dir"): "Modal takes the working directory",
}
"""Parameters that Modal fills with what depends on where it runs, and a spec has to state."""


def parameters(method: str) -> dict[str, Parameter]:
    """What a method takes, `self` aside."""
    found = inspect.signature(getattr(modal.Image, method)).parameters
    return {name: p for name, p in found.items() if name not in ("self", "cls") and (method, name) not in LEFT_OUT}


def fields(method: str) -> dict[str, dataclasses.Field[object]]:
    return {field.name: field for field in dataclasses.fields(METHODS[method])}


def test_the_language_has_every_builder_method_and_no_other() -> None:
    public = {name for name in dir(modal.Image) if not name.startswith("_")}
    assert set(METHODS) == public - set(NO_BUILDERS)
    assert set(NO_BUILDERS) <= public


@pytest.mark.parametrize("method", METHODS)
def test_an_operation_has_the_parameters_of_its_method(method: str) -> None:
    assert set(fields(method)) == set(parameters(method))


@pytest.mark.parametrize("method", METHODS)
def test_an_operation_has_the_defaults_of_its_method(method: str) -> None:
    for name, parameter in parameters(method).items():
        ours, modals = fields(method)[name].default, parameter.default
        if parameter.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD):
            assert ours in ((), None, dataclasses.MISSING), name
        elif modals is Parameter.empty or (method, name) in NEEDED:
            assert ours is dataclasses.MISSING, name
        elif isinstance(modals, str | bool | int | float):
            assert (type(ours), ours) == (type(modals), modals), name
        else:  # nothing, an empty list or map, or a marker of Modal's own
            assert ours is None or ours == (), name


@pytest.mark.parametrize("method", METHODS)
def test_what_is_variadic_for_modal_is_variadic_here(method: str) -> None:
    variadic = [
        name for name, p in parameters(method).items() if p.kind is Parameter.VAR_POSITIONAL and method != "pipe"
    ]
    assert variadic == [name for name in (METHODS[method].variadic,) if name]


@pytest.mark.parametrize("method", METHODS)
def test_a_call_binds_every_argument_to_its_own_parameter(method: str) -> None:
    given = {name: "m:f" if name in ("raw_f", "func") else f"<{name}>" for name in fields(method)}
    shaped = {
        name: [text] if name in (METHODS[method].variadic, "args") else {text: text} if name == "kwargs" else text
        for name, text in given.items()
    }
    made = call(Layer(operation=METHODS[method](**shaped), origin=()))  # type: ignore[arg-type]
    target = getattr(modal.Image, method)
    receiver = [name for name in ("self", "cls") if name in inspect.signature(target).parameters]
    bound = inspect.signature(target).bind(*receiver, *made.args, **made.kwargs).arguments
    assert set(bound) - {*receiver} == set(given)
    for name, text in given.items():
        assert text in str(bound[name]) or name in ("raw_f", "func"), name


def test_a_step_is_every_method_that_extends_an_image() -> None:
    forms = {name: get_args(field.annotation)[0] for name, field in Step.model_fields.items()}
    assert forms == dict(ops.STEPS)


def builders() -> tuple[str, ...]:
    """The versions of Modal's image builder that the language is made for."""
    return tuple(b for b in sorted(get_args(modal_image.ImageBuilderVersion)) if "2024.10" <= b < "PREVIEW")


def test_python_series_are_those_of_the_installed_modal() -> None:
    assert {builder: list(series) for builder, series in SERIES.items()} == {
        builder: modal_image.SUPPORTED_PYTHON_SERIES[builder] for builder in builders()
    }


def test_dockerfiles_are_those_of_the_installed_modals_builders() -> None:
    assert builders()[1:] == BUILDERS
    assert BUILDERS[-1] == modal_image.LATEST_IMAGE_BUILDER_VERSION
