"""IS703, IS704, IS707: torch's CUDA against the base and the GPUs, and the variables that it reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from packaging.version import Version

from imagespec.diagnostic import Rename
from imagespec.image.layers import Image
from imagespec.image.variables import Variable, variables_of
from imagespec.rules.releases import (
    COMPANIONS,
    built_for,
    capabilities,
    cudas,
    goes_with,
    listed,
    release,
    runs_on,
    torch_beside,
    variables,
    versions,
)
from imagespec.rules.rule import Finding, Rule, rule
from imagespec.rules.torch_build import WITHOUT_CUDA, Base, Torch, base_of, torch_of


@rule("IS703", "warning")
def base_and_torch(image: Image) -> Iterable[Finding]:
    """A CUDA base that does not fit to the torch that is installed on it.

    torch's wheels bring the CUDA that they need. What the base brings is of use to what is compiled with its `nvcc`,
    and torch refuses to compile for another major version. An image of `pytorch/pytorch` brings a torch: another one is
    installed on top of it, a second time gigabytes, and a Python that is added beside never sees it.

    Use instead: a `-devel` base of the same major version as torch's CUDA; the tag of `pytorch/pytorch` that has the
    torch that is wanted, or `debian_slim`.
    """
    base = base_of(image)
    if base is None:
        return
    if base.torch and base.other_python:
        message = f"the torch of the base is for its own Python, not for the {image.python} that `add_python` brings"
        yield Finding(base.place, message, "leave `add_python` out, or begin with `debian_slim`")
    elif base.torch and (why := _second_torch(image, base)):
        name, version, wanted = why
        brings = "is installed" if name == "torch" else f"installs torch {wanted}"
        message = f"`{name}` {version} {brings} over the torch {base.torch} of the base"
        yield Finding(base.place, message, _same_torch(wanted), other=image.installed[name].place)
    elif (torch := torch_of(image)) is not None and base.nvcc and torch.place != base.place:
        major = base.cuda.partition(".")[0]
        if torch.major_cuda and torch.major_cuda != major:
            message = f"the nvcc of the base is CUDA {base.cuda}, torch {torch.version} is built for CUDA {torch.cuda}"
            hint = (
                f"take a base with CUDA {torch.major_cuda}, or a torch for CUDA {major}: it compiles nothing otherwise"
            )
            yield Finding(base.place, message, hint, other=torch.place)


def _second_torch(image: Image, base: Base) -> tuple[str, str, str] | None:
    """The package that brings another torch than the base has, its version, and that torch."""
    torch = image.installed.get("torch")
    if torch is not None and torch.version:
        ours, theirs = listed("torch", torch.version), listed("torch", base.torch)
        return ("torch", ours, ours) if ours and theirs and ours != theirs else None
    for name in COMPANIONS:
        package = image.installed.get(name)
        if package is not None and goes_with(name, package.version, base.torch) is False:
            return name, package.version, torch_beside(name, package.version)
    return None


def _same_torch(version: str) -> str:
    return f"take the tag of `pytorch/pytorch` with torch {version}, or begin with `debian_slim`"


@rule("IS704", "error")
def gpu_without_code(image: Image) -> Iterable[Finding]:
    """A GPU that the torch of the image has no code for.

    The wheels of torch hold compiled code for some generations of GPUs. On another one, torch is imported and sees the
    GPU, and the first operation on it fails with "no kernel image is available".

    Use instead: a torch that was built for the GPU. A B200 needs CUDA 12.8, which torch's default wheel has since 2.8,
    and 2.7 from the index `cu128`; an H100 needs CUDA 11.8, which the default wheel has since 2.1.
    """
    torch = torch_of(image)
    if torch is None:
        return
    built = built_for(torch.cuda, torch.version)
    for index, gpu in enumerate(image.gpus):
        its = capabilities(gpu)
        if torch.cuda in WITHOUT_CUDA and its:
            what = "CPUs" if torch.cuda == "cpu" else "GPUs of AMD"
            hint = "take a torch with CUDA, or leave `gpus` out"
            yield Finding(
                ("gpus", index), f"this torch is built for {what}, not for the `{gpu}`", hint, other=torch.place
            )
        elif built and (missing := [each for each in its if not runs_on(each, built)]):
            what = f"torch {torch.version} for CUDA {torch.cuda} has no code for the `{gpu}` (sm_{_digits(missing[0])})"
            base = base_of(image)
            chosen = not torch.default and (base is None or torch.place != base.place)
            hint = _other_cuda(its, torch) if chosen else _first_torch(its)
            yield Finding(("gpus", index), what, hint or "choose another GPU", other=torch.place)


def _digits(capability: str) -> str:
    return capability.replace(".", "")


def _first_torch(needed: Sequence[str]) -> str:
    """The first torch whose default wheel has the code."""
    for version in versions("torch"):
        cuda = release("torch", version).get("cuda", "")
        if _has_code(needed, cuda, version):
            return f"torch {version} is the first whose default wheel has it, for CUDA {cuda}"
    return ""


def _other_cuda(needed: Sequence[str], torch: Torch) -> str:
    """Where an index or a local version chooses the CUDA: the one to choose, and another torch only if it has to be."""
    every = versions("torch")
    for version in every[every.index(listed("torch", torch.version)) :]:
        cuda = next((each for each in cudas(version) if _has_code(needed, each, version)), "")
        if cuda:
            first = "has it" if version == listed("torch", torch.version) else "is the first that has it"
            swap = f"write `cu{_digits(cuda)}` in the place of `cu{_digits(torch.cuda)}`"
            return f"torch {version} for CUDA {cuda} {first}: {swap}"
    return ""


def _has_code(needed: Sequence[str], cuda: str, torch: str) -> bool:
    built = built_for(cuda, torch)
    return bool(built) and all(runs_on(each, built) for each in needed)


@rule("IS707", "warning", fixable=True)
def variable_not_read(image: Image) -> Iterable[Finding]:
    """A variable by a name that the image's torch does not read.

    `PYTORCH_ALLOC_CONF` is the newer name of `PYTORCH_CUDA_ALLOC_CONF`. torch reads it since 2.10; 2.9 reads some of
    it, not `expandable_segments`, and says all the same that the older name is deprecated. Before, it does nothing. The
    older name is read by all of them.

    Use instead: `PYTORCH_CUDA_ALLOC_CONF`, or torch 2.10 or later.
    """
    torch = torch_of(image)
    if torch is None or not release("torch", torch.version):
        return
    every = list(variables_of(image))
    for name, about in variables().items():
        if not any(each.name == about["older"] for each in every):
            for variable in every:
                if variable.name == name and (what := _unread(variable, torch, about)):
                    message = f"torch {torch.version} does not read {what}"
                    hint = f"write `{about['older']}`, which every version reads"
                    route = variable.place if variable.is_key and isinstance(variable.place, tuple) else None
                    fix = (Rename(route, about["older"]),) if route else ()
                    yield Finding(variable.place, message, hint, variable.is_key, fix=fix)


def _unread(variable: Variable, torch: Torch, about: Mapping[str, Any]) -> str:
    """What of a variable a version of torch does not read; empty where it reads all of it."""
    version = Version(torch.version)
    if version >= Version(about["since"]):
        return ""
    if version < Version(about["partly"]):
        return f"`{variable.name}`"
    missing = [option for option in about["without"] if option in variable.value]
    return f"`{missing[0]}` of `{variable.name}`" if missing else ""


RULES: tuple[Rule, ...] = (base_and_torch, gpu_without_code, variable_not_read)
