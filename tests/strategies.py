"""Random specs of the whole language, over the files of the stand-in project; and ways to change a spec a little."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import Any

from hypothesis import strategies as st

from imagespec.spec import operations as ops

Spec = dict[str, Any]
Strategy = st.SearchStrategy[Any]

TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cf", "Zl", "Zp", "Co", "Cn")), max_size=12)
VALUE = st.one_of(
    TEXT, st.lists(st.sampled_from(["$A", "${B}", "\\$A", "\\", "$", "'", '"', " ", "x"]), max_size=5).map("".join)
)
WORD = st.sampled_from(["a", "b1", "data-x", "Z_9", "weights"])
VARIABLE = st.sampled_from(["A", "B", "C_1", "PATH", "lower"])
PACKAGE = st.sampled_from(
    ["six==1.17.0", "torch==2.5.1", "Pillow == 11.0.0", "a_b>=1", "uvicorn[standard]==0.34.0", "tqdm"]
)
SYSTEM_PACKAGE = st.sampled_from(["git", "curl", "tar", "libgl1", "wget=1.2"])
CONDA_PACKAGE = st.sampled_from(["numpy=2.1.3", "pip", "cudatoolkit=11.8"])
COMMAND = st.sampled_from(["true", "echo 'a b'", "ls /data && pwd", 'python -c "print(1)"', "echo $HOME é"])
REMOTE = st.sampled_from(["/a", "/root/b.txt", "/with space/c", "/d/"])
GPU = st.sampled_from(["T4", "A100:2", "any"])
SERIES = st.sampled_from(["3.11", "3.12", "3.13"])
OPTIONS = st.sampled_from(["--quiet", "--no-deps --quiet"])
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORD, inner, max_size=2),
    max_leaves=4,
)


def some(item: Strategy, least: int = 0) -> Strategy:
    return st.lists(item, min_size=least, max_size=3)


def pairs(key: Strategy, value: Strategy, least: int = 0) -> Strategy:
    return st.dictionaries(key, value, min_size=least, max_size=3)


def section(needed: Mapping[str, Strategy] | None = None, /, **optional: Strategy) -> Strategy:
    """A map with all that is needed and some of the rest."""
    return st.fixed_dictionaries(dict(needed or {}), optional=optional)


BUILD_ENV = pairs(VARIABLE, st.none() | TEXT)
VOLUMES = section(None, **{"/data": WORD, "/cache": st.just("cache")})  # Modal refuses one volume at two places
IGNORE = some(st.sampled_from(["*.log", "deep", "**/*.json"]))
SECRETS = some(WORD)

ARGUMENTS: dict[str, Strategy] = {
    "add_local_dir.local_path": st.sampled_from(["data", "standin"]),
    "apt_install.packages": some(SYSTEM_PACKAGE),
    "args": some(PLAIN),
    "build_args": pairs(VARIABLE, TEXT),
    "channels": some(WORD),
    "cloud": st.just("aws"),
    "cmd": some(TEXT),
    "commands": some(COMMAND),
    "context_dir": st.just("."),
    "context_files": pairs(st.sampled_from(["/given", "/other"]), st.sampled_from(["notes.txt", "alone.py"])),
    "copy": st.booleans(),
    "cpu": st.sampled_from([1, 0.5]),
    "dockerfile_commands": some(st.sampled_from(["RUN true", "COPY data /data", "USER root", "ENV A=1"])),
    "entrypoint_commands": some(TEXT),
    "env": BUILD_ENV,
    "extra_index_url": st.just("extra/simple"),
    "extra_options": OPTIONS,
    "extras": some(st.just("train")),
    "find_links": st.just("links/"),
    "force_build": st.booleans(),
    "frozen": st.booleans(),
    "func": st.just("setup_steps:with_tools"),
    "git_user": WORD,
    "gpu": GPU,
    "groups": some(st.just("dev")),
    "ignore": IGNORE,
    "ignore_lockfile": st.booleans(),
    "include_source": st.booleans(),
    "index_url": st.just("index/simple"),
    "kwargs": pairs(st.sampled_from(["one", "two"]), PLAIN),
    "local_path": st.sampled_from(["notes.txt", "with space.txt", "alone.py"]),
    "memory": st.integers(128, 4096),
    "micromamba_install.packages": some(CONDA_PACKAGE),
    "modules": some(st.sampled_from(["standin", "standin.deep", "alone"]), 1),
    "network_file_systems": VOLUMES,
    "old_installer": st.booleans(),
    "only": some(WORD),
    "optional_dependencies": some(st.sampled_from(["train", "eval"])),
    "packages": some(PACKAGE),
    "path": REMOTE,
    "pipe.args": some(st.sampled_from(["git", "curl"]), 1),
    "pipe.kwargs": section(shell=st.sampled_from(["sh", "zsh"])),
    "poetry_lockfile": st.just("poetry/other.lock"),
    "poetry_pyproject_toml": st.just("poetry/pyproject.toml"),
    "poetry_version": st.none() | st.just("2.1.1"),
    "pre": st.booleans(),
    "pyproject_toml": st.just("pyproject.toml"),
    "raw_f": st.sampled_from(["setup_steps:download", "setup_steps:Cache.warm"]),
    "region": st.sampled_from(["us", ["us-east", "us-west"]]),
    "remote_path": REMOTE,
    "repositories": some(st.sampled_from(["github.com/me/a@v1", "gitlab.com/me/b"]), 1),
    "requirements": some(st.sampled_from(["requirements.txt", "more/requirements.txt"])),
    "requirements_txt": st.sampled_from(["requirements.txt", "more/requirements.txt"]),
    "run_function.gpu": GPU | some(GPU, 1),
    "secrets": SECRETS,
    "shell_commands": some(TEXT, 1),
    "spec_file": st.just("environment.txt"),
    "timeout": st.integers(10, 9999),
    "uv_project_dir": st.just("."),
    "uv_version": st.just("0.9.10"),
    "vars": pairs(VARIABLE, VALUE, 1),
    "volumes": VOLUMES,
    "with_": some(WORD),
    "without": some(WORD),
}
"""Values of the arguments of builder methods, by name; where a method's own differ, by `method.name`."""


def step(method: str) -> Strategy:
    """A step with what the method needs and some of what else it takes."""
    operation = ops.STEPS[method]
    values = {f.name: ARGUMENTS.get(f"{method}.{f.name}", ARGUMENTS.get(f.name)) for f in fields(operation)}
    values = {name: value for name, value in values.items() if value is not None} | {}
    assert set(values) == {f.name for f in fields(operation)}, f"`{method}` takes what `ARGUMENTS` lacks"
    needed = {f.name for f in fields(operation) if f.default is MISSING} | ({"args"} if method == "pipe" else set())
    arguments = st.fixed_dictionaries(
        {name: value for name, value in values.items() if name in needed},
        optional={name: value for name, value in values.items() if name not in needed},
    )
    return arguments.map(lambda given: {method: given["vars"] if method == "env" else given})


STEP = st.one_of([step(method) for method in ops.STEPS])

BASE = st.one_of(
    st.fixed_dictionaries({"debian_slim": SERIES | section({"python": SERIES}, force_build=st.booleans())}),
    st.fixed_dictionaries({"micromamba": SERIES}),
    st.fixed_dictionaries(
        {
            "registry": section(
                {"image": st.sampled_from(["ubuntu:24.04", "team/image:1"])},
                add_python=SERIES,
                secret=WORD,
                setup=some(st.just("RUN true")),
                force_build=st.booleans(),
            )
        }
    ),
    st.fixed_dictionaries(
        {
            "dockerfile": section(
                {"path": st.sampled_from(["Dockerfile", "plain.Dockerfile"])},
                context=st.just("."),
                ignore=IGNORE,
                build_args=pairs(VARIABLE, TEXT),
                add_python=SERIES,
                env=BUILD_ENV,
                secrets=SECRETS,
                gpu=GPU,
            )
        }
    ),
    st.sampled_from([{"published": "name:tag"}, {"id": "im-1"}, {"scratch": True}]),
)

SECTIONS: dict[str, Strategy] = {
    "apt": some(SYSTEM_PACKAGE),
    "conda": some(CONDA_PACKAGE)
    | section(packages=some(CONDA_PACKAGE), channels=some(WORD), file=st.just("environment.txt")),
    "python": some(PACKAGE)
    | section(
        packages=some(PACKAGE),
        requirements=some(st.sampled_from(["requirements.txt", "more/requirements.txt"])),
        pyproject=section({"path": st.just("pyproject.toml")}, extras=some(st.just("train"))),
        project=section({"path": st.just(".")}, groups=some(st.just("dev")), frozen=st.booleans()),
        poetry=section(
            {"path": st.just("poetry/pyproject.toml")}, ignore_lockfile=st.booleans(), **{"with": some(WORD)}
        ),
        installer=st.sampled_from(["uv", "pip"]),
        uv=st.just("0.9.10"),
        index_url=st.just("index/simple"),
        prerelease=st.booleans(),
        options=OPTIONS,
        env=BUILD_ENV,
        secrets=SECRETS,
        gpu=GPU,
    ),
    "env": pairs(VARIABLE, VALUE),
    "workdir": REMOTE,
    "shell": some(TEXT),
    "run": some(COMMAND) | section(commands=some(COMMAND), env=BUILD_ENV, secrets=SECRETS, gpu=GPU, volumes=VOLUMES),
    "function": some(
        section(
            {"call": ARGUMENTS["raw_f"]},
            args=some(PLAIN),
            kwargs=ARGUMENTS["kwargs"],
            env=BUILD_ENV,
            volumes=VOLUMES,
            gpu=ARGUMENTS["run_function.gpu"],
            cpu=ARGUMENTS["cpu"],
            timeout=ARGUMENTS["timeout"],
        )
    ),
    "steps": some(STEP),
    "source": some(
        section({"package": st.sampled_from(["standin", "alone"])}, ignore=IGNORE, copy=st.booleans())
        | section({"file": ARGUMENTS["local_path"], "to": REMOTE}, copy=st.booleans())
        | section({"dir": ARGUMENTS["add_local_dir.local_path"], "to": REMOTE}, ignore=IGNORE, copy=st.booleans())
    ),
    "entrypoint": some(TEXT),
    "cmd": some(TEXT),
    "gpus": some(GPU),
    "checks": section(imports=some(WORD), commands=some(COMMAND)),
    "description": TEXT,
}

PARTIAL = st.fixed_dictionaries({}, optional=SECTIONS)
"""What can be extended."""

SPEC = st.fixed_dictionaries({"base": BASE}, optional=SECTIONS)
"""A whole spec. Its shape is right; what it says may still be refused."""


# ------------------------------------------------------------------------------------------------- changes

KEPT_IN_ORDER = ("env", "volumes", "network_file_systems", "context_files", "build_args")
"""Maps of a step that are sent as written: Modal's cache sees their order."""


def reordered(spec: Any, draw: Callable[[Strategy], Any], route: tuple[str | int, ...] = ()) -> Any:
    """The same spec, the keys of its maps in another order, but for what is sent in the order written."""
    if isinstance(spec, list):
        return [reordered(item, draw, (*route, index)) for index, item in enumerate(spec)]
    if not isinstance(spec, dict):
        return spec
    changed = {key: reordered(value, draw, (*route, key)) for key, value in spec.items()}
    is_data = any(key in ("args", "kwargs") for key in (route if route[:1] == ("steps",) else route[:-1]))
    if is_data or (route[:1] == ("steps",) and route[-1] in KEPT_IN_ORDER):
        return changed
    return dict(draw(st.permutations(list(changed.items()))))


def leaves(spec: Any, route: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The routes of everything below the top."""
    items = spec.items() if isinstance(spec, dict) else enumerate(spec) if isinstance(spec, list) else ()
    return [found for key, value in items for found in ((*route, key), *leaves(value, (*route, key)))]


def replaced(spec: Any, route: tuple[str | int, ...], by: Any) -> Any:
    """The spec with another value at a route; without it where the value is `MISSING`."""
    changed = copy.deepcopy(spec)
    holder = changed
    for key in route[:-1]:
        holder = holder[key]
    if by is MISSING:
        del holder[route[-1]]
    else:
        holder[route[-1]] = by
    return changed
