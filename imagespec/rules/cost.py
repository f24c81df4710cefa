"""IS5xx: what makes builds and edits cost more than they have to."""

from __future__ import annotations

from collections.abc import Iterable

from imagespec.diagnostic import Route
from imagespec.image.layers import Image
from imagespec.image.requirements import name_of, requirements_of
from imagespec.rules import order, useless, weight
from imagespec.rules.rule import Finding, Rule, open_layers, removed, renamed, rule
from imagespec.spec import operations as ops

HEAVY = frozenset({"torch", "tensorflow", "jax", "vllm", "tensorrt", "paddlepaddle-gpu", "nvidia-cudnn-cu12"})
"""Packages that bring gigabytes with them."""


@rule("IS501", "note", fixable=True)
def slow_installer(image: Image) -> Iterable[Finding]:
    """pip where uv would do.

    uv installs the same wheels faster and resolves better. For an image with torch, most of the time goes into writing
    a layer of 5 GB all the same: measured with buildah on two cores, 147 s instead of 177 s.

    Use instead: `installer: uv`, which is the default; in a step `uv_pip_install`.
    """
    for layer in image.layers:
        if isinstance(layer.operation, ops.PipInstall | ops.PipInstallFromRequirements):
            section = layer.origin[0] != "steps"
            place: Route = ("python", "installer") if section else layer.origin
            hint = "remove `installer: pip`" if section else "use `uv_pip_install`"
            fix = removed(place) if section else renamed(place, "uv_pip_install")
            same = isinstance(layer.operation, ops.PipInstall) and _means_the_same_to_uv(layer.operation)
            yield Finding(place, "pip installs slower than uv", hint, on_key=True, fix=fix if same else ())


def _means_the_same_to_uv(operation: ops.PipInstall) -> bool:
    """uv has options of its own, and looks at several indexes one after the other."""
    return not (operation.extra_options or operation.extra_index_url or operation.find_links)


@rule("IS502", "warning", fixable=True)
def copied_for_nothing(image: Image) -> Iterable[Finding]:
    """Code that is copied into a layer although no build step needs it.

    Every edit of the code builds that layer again, and uploads it. Modal mounts files when a container starts, which
    costs nothing.

    Use instead: leave out `copy: true`; in `steps`, as the last of them, for no step may follow what is mounted.
    """
    built = list(image.built())
    for index, layer in enumerate(built):
        later = [each for each in built[index + 1 :] if not getattr(each.operation, "copy", False)]
        if not getattr(layer.operation, "copy", False) or image.unfinished:
            continue
        if any(isinstance(each.operation, ops.Build) for each in later):
            continue
        place = layer.place("copy")
        message = "every edit of these files builds the image again"
        if layer.origin[0] != "steps" or not later:
            yield Finding(place, message, "remove `copy: true`: they are mounted then", fix=removed(place))
            continue
        method = later[-1].operation.method
        where = f"move it behind `{method}`" if later[-1].origin[0] == "steps" else "add them under `source`"
        yield Finding(place, message, f"{where}, without `copy: true`: they are mounted then")


@rule("IS503", "note")
def heavy_beside_light(image: Image) -> Iterable[Finding]:
    """Gigabytes in one layer with small packages.

    A layer is built as a whole: a new version of a progress bar installs torch again. Measured with buildah on two
    cores, that bump costs 133 s in one layer, and 5 s where torch has a layer of its own.

    Use instead: `imagespec lock`: what it fixes is split into layers by weight. Or, in `steps`, an install of the heavy
    packages first and one of the others after it; the versions must then be exact, or the second install may change
    what the first one brought.
    """
    for layer in open_layers(image):
        names = [(name_of(line.text), line) for line in requirements_of(layer)]
        heavy = [(name, line) for name, line in names if name in HEAVY]
        light = [name for name, _ in names if name not in HEAVY]
        if heavy and light:
            name, line = heavy[0]
            others = ", ".join(f"`{each}`" for each in light[:3]) + (", …" if len(light) > 3 else "")
            which = f"one of {others}" if len(light) > 1 else others
            yield Finding(
                line.place,
                f"`{name}` is installed again whenever {which} changes",
                "imagespec lock splits them; or install it in a step of its own",
            )


RULES: tuple[Rule, ...] = (
    slow_installer,
    copied_for_nothing,
    heavy_beside_light,
    *order.RULES,
    *weight.RULES,
    *useless.RULES,
)
