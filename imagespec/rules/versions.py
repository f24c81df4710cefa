"""IS701, IS702, IS708: torch and what is built against it, with each other, with Python and with NumPy.

The tables of `releases` say what goes together. Of a version that they do not list, nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from packaging.version import Version

from imagespec.image.bases import MUSL, platform_of
from imagespec.image.layers import Image, Installed
from imagespec.rules.releases import COMPANIONS, beside, goes_with, has_wheel, listed, release, torch_beside, versions
from imagespec.rules.rule import Finding, Rule, rule
from imagespec.rules.torch_build import WITHOUT_CUDA, cuda_in, is_version, other_build, python_series


@rule("IS701", "error")
def torch_and_companions(image: Image) -> Iterable[Finding]:
    """torch, torchvision and torchaudio that do not go together.

    torchvision and torchaudio are built against one version of torch. With another, the installer finds no solution;
    or, where they are installed one after the other, the second install replaces the torch of the first. Built for
    another CUDA they fail when they are imported: torchvision for another major version, torchaudio for any other.

    Use instead: the versions that belong together, such as torch 2.8.0, torchvision 0.23.0 and torchaudio 2.8.0.
    """
    torch = image.installed.get("torch")
    known = [image.installed[name] for name in COMPANIONS if name in image.installed]
    known = [package for package in known if is_version(package.version)]
    if torch is not None and is_version(torch.version):
        for package in known:
            yield from _with_torch(package, torch, image)
    elif len(known) == 2:
        yield from _with_each_other(known[0], known[1], python_series(image))


def _with_torch(package: Installed, torch: Installed, image: Image) -> Iterator[Finding]:
    place = package.place or torch.place
    other = torch.place if package.place else None
    if place is None:
        return
    its, ours = cuda_in(package.version), cuda_in(torch.version)
    if goes_with(package.name, package.version, torch.version) is False:
        message = f"{_named(package)} goes with torch {_needed(package)}, not with {torch.version}"
        yield Finding(place, message, _either(package, torch, image), other=other)
    elif its and ours and not {its, ours} & {*WITHOUT_CUDA} and not _same_cuda(package, its, ours):
        message = f"{_named(package)} is built for CUDA {its}, torch for CUDA {ours}"
        yield Finding(place, message, "take both from the same index", other=other)


def _same_cuda(package: Installed, its: str, ours: str) -> bool:
    """torchvision refuses another major version when it is imported, a torchaudio for one torch any other version."""
    whole = package.name == "torchaudio" and release(package.name, package.version).get("torch", "").startswith("==")
    return its == ours if whole else its.partition(".")[0] == ours.partition(".")[0]


def _either(package: Installed, torch: Installed, image: Image) -> str:
    """The other version for each of the two; both others, where Python has no wheels for these."""
    python, ways = python_series(image), list[str]()
    if has_wheel("torch", torch.version, python) is not False:
        if version := beside(package.name, torch.version, python):
            ways.append(f"`{package.name}=={version}` for torch {torch.version}")
    if has_wheel(package.name, package.version, python) is not False:
        if version := torch_beside(package.name, package.version, python):
            ways.append(f"`torch=={version}` for {package.name} {package.version}")
    return f"write {', or '.join(ways)}" if ways else _nearest(package, image, python)


def _with_each_other(one: Installed, other: Installed, python: str) -> Iterator[Finding]:
    wanted = [{v for v in versions("torch") if goes_with(each.name, each.version, v)} for each in (one, other)]
    place = other.place or one.place
    if all(wanted) and not wanted[0] & wanted[1] and place is not None:
        message = f"{_named(other)} goes with torch {_needed(other)}, {_named(one)} with torch {_needed(one)}"
        version = beside(other.name, torch_beside(one.name, one.version, python), python)
        hint = (
            f"write `{other.name}=={version}` for {one.name} {one.version}" if version else "choose one torch for both"
        )
        yield Finding(place, message, hint, other=one.place if other.place else None)


def _named(package: Installed) -> str:
    return f"`{package.name}` {package.version}"


def _needed(package: Installed) -> str:
    return release(package.name, package.version).get("torch", "").removeprefix("==")


@rule("IS702", "error")
def no_wheel_for_python(image: Image) -> Iterable[Finding]:
    """A torch, torchvision or torchaudio that has no wheel for the image's Python.

    They have no source distribution that an installer could fall back to, so the build of the layer fails. Nor have
    they wheels for Alpine.

    Use instead: a Python that the version has wheels for, or a version with wheels for this Python; Debian instead of
    Alpine.
    """
    series = python_series(image)
    platform = platform_of(image.layers[0].operation) if image.layers else ""
    for name in ("torch", *COMPANIONS):
        package = image.installed.get(name)
        if package is None or package.place is None or not release(name, package.version):
            continue
        if platform == MUSL:
            yield Finding(package.place, f"{_named(package)} has no wheel for Alpine", "begin with `debian_slim`")
        elif series and has_wheel(name, package.version, series) is False and other_build(package, image) is None:
            pythons = [each for each in release(name, package.version)["python"].split() if not each.endswith("t")]
            its = f"it has wheels for {pythons[0]} to {pythons[-1]}" if len(pythons) > 1 else f"it is for {pythons[0]}"
            hint = "; ".join(filter(None, (its, _nearest(package, image, series))))
            yield Finding(package.place, f"{_named(package)} has no wheel for Python {series}", hint)


def _nearest(package: Installed, image: Image, python: str) -> str:
    """The nearest versions with wheels for a Python: of torch and of those of its companions that the image names, for
    only together they are of use."""
    names = [name for name in ("torch", *COMPANIONS) if name in image.installed]
    every = versions("torch")
    torch = image.installed.get("torch", package)
    ours = listed("torch", torch.version) if torch.name == "torch" else ""
    at = every.index(ours or torch_beside(package.name, package.version) or every[0])
    later, earlier = (list(_with_wheels(each, names, python)) for each in (every[at:], every[:at]))
    if not later and not earlier:
        return ""
    found, which = (later[0], "first") if later else (earlier[-1], "last")
    *others, last = [f"{name} {found[name]}" for name in names]
    if not others:
        return f"{last} is the {which} with one for {python}"
    return f"{', '.join(others)} and {last} are the {which} with wheels for {python}"


def _with_wheels(torches: Sequence[str], names: Sequence[str], python: str) -> Iterator[dict[str, str]]:
    """Versions by name that go together and all have wheels for a Python, one set for each torch."""
    for torch in torches:
        found = {name: beside(name, torch, python) for name in names if name != "torch"} | {"torch": torch}
        if has_wheel("torch", torch, python) and all(found.values()):
            yield found


@rule("IS708", "warning")
def numpy_too_new(image: Image) -> Iterable[Finding]:
    """NumPy 2 beside a torch that was built for NumPy 1.

    torch is imported, but does without NumPy: `tensor.numpy()`, `torch.from_numpy` and most data loaders fail with
    "Numpy is not available". The metadata of torch does not say so, and no installer refuses the two.

    Use instead: torch 2.3 or later, or the last NumPy 1, which is 1.26.4.
    """
    torch, numpy = image.installed.get("torch"), image.installed.get("numpy")
    if torch is None or numpy is None or not is_version(numpy.version):
        return
    place = numpy.place or torch.place
    usable = release("torch", torch.version).get("numpy", "")
    if usable and place is not None and Version(numpy.version).major > int(usable):
        message = f"{_named(torch)} was built for NumPy {usable}, and does without NumPy {numpy.version}"
        hint = "write `numpy==1.26.4`, or take torch 2.3 or later"
        yield Finding(place, message, hint, other=torch.place if numpy.place else None)


RULES: tuple[Rule, ...] = (torch_and_companions, no_wheel_for_python, numpy_too_new)
