"""IS22x: what Modal refuses late, refuses obscurely, or silently does otherwise than it looks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from packaging.utils import canonicalize_name

from imagespec.image.layers import Image, Layer, Place
from imagespec.image.lower import references
from imagespec.image.requirements import Line, pinned, requirement, requirements_of
from imagespec.rules.rule import Finding, Rule, removed, replaced, rule, steps
from imagespec.spec import operations as ops


@rule("IS221", "error")
def step_after_mount(image: Image) -> Iterable[Finding]:
    """A build step after files that are only mounted.

    `add_local_*` puts nothing into the image unless `copy: true` is set; the files are mounted when a container
    starts, so nothing can be built on them. Modal says so only when the step is built.

    Use instead: move the step before it, set `copy: true`, or use `source`, which always comes last.
    """
    mounted = None
    for layer in image.layers:
        if layer.mounted:
            mounted = layer if layer.origin[0] == "steps" else mounted
        elif mounted is not None:
            method = mounted.operation.method
            hint = f"move it before `{method}`, or set `copy: true` there"
            if layer.origin[0] != "steps":
                hint = f"add these files with `source`, which comes last, or set `copy: true` on `{method}`"
            yield Finding(
                layer.origin, f"a build step after `{method}`, whose files are only mounted", hint, on_key=True
            )


SERIES: Mapping[str, tuple[str, ...]] = {
    "2024.10": ("3.10", "3.11", "3.12", "3.13"),
    "2025.06": ("3.10", "3.11", "3.12", "3.13", "3.14", "3.14t", "3.15", "3.15t"),
    "2026.10": ("3.11", "3.12", "3.13", "3.14", "3.14t", "3.15", "3.15t"),
}
"""Python series that each of Modal's image builders knows (modal 1.6.4, held against the installed one by a test)."""

_ANY_SERIES = tuple(dict.fromkeys(series for known in SERIES.values() for series in known))


@rule("IS222", "error", fixable=True)
def bad_python_version(image: Image) -> Iterable[Finding]:
    """A Python version that no image builder of Modal has.

    Modal checks it when the base is built. `add_python` takes a series only, free-threaded ones such as `3.14t` too;
    `debian_slim` and `micromamba` take a series or a full version, but no free-threaded one.

    Use instead: a series of Modal's newest builder, such as `"3.12"`.
    """
    for layer in image.layers[:1]:
        operation = layer.operation
        version = getattr(operation, "python_version", None) or getattr(operation, "add_python", None)
        if version is None:
            continue
        field = "add_python" if hasattr(operation, "add_python") else "python_version"
        known = _ANY_SERIES if field == "add_python" else tuple(s for s in _ANY_SERIES if not s.endswith("t"))
        match = re.fullmatch(r"(3\.\d{1,2})(\.\d{1,2})?(rc\d*)?(t)?", version, re.ASCII)
        place = layer.place(field)
        if match is None:
            yield Finding(place, f"`{version}` is no version of Python", f"one of {', '.join(known)}")
        elif match[2] and field == "add_python":
            series = f"{match[1]}{match[4] or ''}"
            message, fix = "`add_python` takes a series, not a full version", replaced(place, series)
            yield Finding(place, message, f'write `"{series}"`', fix=fix)
        elif match[1] + (match[4] or "") not in known:
            yield Finding(place, f"Modal has no Python {version}", f"one of {', '.join(known)}")


@rule("IS238", "warning")
def outgoing_python_version(image: Image) -> Iterable[Finding]:
    """A Python version that Modal's newest image builder no longer has.

    A workspace on that builder cannot build the image; one on an older builder can until it moves on.

    Use instead: a series that the newest builder has.
    """
    newest = SERIES[max(SERIES)]
    for layer in image.layers[:1]:
        for field in ("python_version", "add_python"):
            series = ".".join((getattr(layer.operation, field, None) or "").split(".")[:2])
            if series in _ANY_SERIES and series not in newest:
                message = f"Modal's image builder {max(SERIES)} has no Python {series}"
                yield Finding(layer.place(field), message, f"{newest[0]} and later are there")


@rule("IS223", "warning")
def unexpanded(image: Image) -> Iterable[Finding]:
    """`$NAME` in the variables of a step `env`.

    Modal quotes the values, so the container sees the five characters `$PATH`, not the path.

    Use instead: the section `env`, where references expand; or `dockerfile_commands: ['ENV PATH="/x:$PATH"']`.
    """
    for layer in steps(image):
        if isinstance(layer.operation, ops.Env):
            for name, value in layer.operation.vars.items():
                if found := references(value):
                    hint = "use the section `env`, where it expands"
                    yield Finding(
                        layer.place("vars", name), f"`${found[0]}` stays as it is: Modal quotes the value", hint
                    )


@rule("IS224", "error")
def circular_variables(image: Image) -> Iterable[Finding]:
    """Variables of `env` that refer to each other in a circle.

    Whichever comes first would see the other's value of the base image, not the one written here.

    Use instead: write out the value of one of them. A variable that refers to itself is fine: it means the base's.
    """
    for layer in image.layers:
        if layer.origin != ("env",) or not isinstance(layer.operation, ops.DockerfileCommands):
            continue
        pairs = [line.removeprefix("ENV ").split("=", 1) for line in layer.operation.dockerfile_commands]
        named = {name: [other for other in references(value) if other != name] for name, value in pairs}
        seen: set[str] = set()
        for name in sorted(named):
            circle = _circle(name, named)
            if circle and seen.isdisjoint(circle):
                seen.update(circle)
                chain = " -> ".join(f"`{each}`" for each in (*circle, name))
                yield Finding(("env", name), f"a circle of references: {chain}", "write out the value of one of them")


def _circle(start: str, named: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The shortest way from a variable back to itself."""
    ways: list[tuple[str, ...]] = [(start,)]
    seen: set[str] = set()
    for way in ways:
        for other in named[way[-1]]:
            if other == start:
                return way
            if other in named and other not in seen:
                seen.add(other)
                ways.append((*way, other))
    return ()


@rule("IS225", "error")
def contradicting_pins(image: Image) -> Iterable[Finding]:
    """One package in versions that exclude each other.

    The installer refuses it when the layer is built, or the later layer replaces what the earlier one brought.

    Use instead: one of them. Lists of a spec and of those that it extends are put together; a version that several
    specs need differently belongs into those specs, not into what they extend.
    """
    every = [line for layer in image.layers for line in requirements_of(layer)]
    pins: dict[str, Line] = {}
    for line in every:
        if (pin := pinned(line.text)) is not None:
            pins.setdefault(pin[0], line)
    for line in every:
        parsed = requirement(line.text)
        name = canonicalize_name(parsed.name) if parsed else ""
        if parsed is None or parsed.marker is not None or name not in pins:
            continue
        pin_line = pins[name]
        if line is not pin_line and not _agree(line.text, pin_line.text):
            message = f"`{line.text}` excludes `{pin_line.text}`, which is wanted too"
            yield Finding(line.place, message, "keep one of them", other=pin_line.place)


def _agree(text: str, pin: str) -> bool:
    """Whether a version that one of them pins is one that the other allows: `2.5.1+cu124` is a `2.5.1`."""
    for one, other in ((text, pin), (pin, text)):
        version, parsed = pinned(one), requirement(other)
        if version and parsed and parsed.specifier.contains(version[1], prereleases=True):
            return True
    return False


@rule("IS227", "warning", fixable=True)
def useless_step(image: Image) -> Iterable[Finding]:
    """A step that does nothing.

    An `env` without variables is a layer all the same, built and cached for nothing; an install without packages is
    left out in silence.

    Use instead: remove the step.
    """
    for layer in steps(image):
        operation = layer.operation
        nothing = isinstance(operation, ops.Env) and not operation.vars
        if operation.variadic is not None and not getattr(operation, operation.variadic):
            nothing = not (getattr(operation, "requirements", None) or getattr(operation, "spec_file", None))
        if nothing:
            message, fix = f"`{operation.method}` does nothing here", removed(layer.origin)
            yield Finding(layer.origin, message, "remove the step", on_key=True, fix=fix)


@rule("IS228", "error")
def conda_without_micromamba(image: Image) -> Iterable[Finding]:
    """Conda packages on a base that has no micromamba.

    The command is not found when the layer is built.

    Use instead: `base: {micromamba: "3.12"}`, or Python packages.
    """
    known = (ops.DebianSlim, ops.FromScratch)
    if image.layers and isinstance(image.layers[0].operation, known):
        for layer in image.layers:
            if isinstance(layer.operation, ops.MicromambaInstall):
                method = image.layers[0].operation.method
                yield Finding(
                    layer.origin,
                    f"a base `{method}` has no micromamba",
                    'use `base: {micromamba: "3.12"}`',
                    on_key=True,
                )


@rule("IS229", "error")
def private_without_secret(image: Image) -> Iterable[Finding]:
    """Private repositories without the secret that opens them.

    Modal needs a secret with `GITHUB_TOKEN` or `GITLAB_TOKEN`, and knows these two hosts only.

    Use instead: `python: {secrets: [my-github-token]}`.
    """
    for layer in image.layers:
        if isinstance(layer.operation, ops.PipInstallPrivateRepos) and not layer.operation.secrets:
            where = "the step" if layer.origin[0] == "steps" else "`python`"
            hint = f"add `secrets: […]` to {where}"
            yield Finding(layer.origin, "private repositories need a secret with the token", hint, on_key=True)


@rule("IS230", "warning")
def dropped_force(image: Image) -> Iterable[Finding]:
    """`force_build` that does not reach the layers after an `env` or a `workdir`.

    Modal hands it down from layer to layer, but these two methods drop it: what comes after them is taken from the
    cache again.

    Use instead: `force_build` on the layers after them as well, or `build --force` for everything.
    """
    forced = None
    for layer in image.built():
        operation = layer.operation
        if forced is not None and isinstance(operation, ops.Env | ops.Workdir):
            message = (
                f"`{operation.method}` drops the `force_build` of `{forced.operation.method}` for what comes after it"
            )
            if any(True for later in image.built() if _index(image, later) > _index(image, layer)):
                yield Finding(forced.place("force_build"), message, "force those layers too, or use `build --force`")
            forced = None
        if getattr(operation, "force_build", False):
            forced = layer


def _index(image: Image, layer: Layer) -> int:
    return next(i for i, each in enumerate(image.layers) if each is layer)


@rule("IS231", "error")
def command_on_scratch(image: Image) -> Iterable[Finding]:
    """A command on an empty image.

    It has no shell, no package manager and no Python; only files can be copied into it.

    Use instead: another base, or `source` with `copy: true` only.
    """
    runs = (ops.Build,)
    if image.layers and isinstance(image.layers[0].operation, ops.FromScratch):
        for layer in image.layers[1:]:
            if isinstance(layer.operation, runs) and not isinstance(layer.operation, ops.DockerfileCommands):
                yield Finding(layer.origin, "nothing can run on an empty image", "choose another base", on_key=True)


@rule("IS232", "error")
def same_place(image: Image) -> Iterable[Finding]:
    """Two sources that land at the same path.

    The later one hides the earlier one, or Modal refuses to mount both.

    Use instead: another `to` for one of them.
    """
    seen: dict[str, Place] = {}
    for layer in image.layers:
        match layer.operation:
            case ops.AddLocalFile(local_path=path, remote_path=remote):
                to = remote + path.name if remote.endswith("/") else remote
                field, item = "remote_path", None
            case ops.AddLocalDir(remote_path=remote):
                to, field, item = remote.rstrip("/") + "/", "remote_path", None
            case ops.AddLocalPythonSource(modules=(name,)):
                to, field, item = f"/root/{name.replace('.', '/')}/", "modules", 0
            case _:
                continue
        place = layer.place(field, item)
        if to in seen and layer.origin[0] != "steps":
            hint = "give one of them another place, or remove it"
            yield Finding(place, f"two sources land at `{to}`", hint, other=seen[to])
        seen.setdefault(to, place)


RULES: tuple[Rule, ...] = (
    step_after_mount,
    bad_python_version,
    outgoing_python_version,
    unexpanded,
    circular_variables,
    contradicting_pins,
    useless_step,
    conda_without_micromamba,
    private_without_secret,
    dropped_force,
    command_on_scratch,
    same_place,
)
