"""IS504, IS505: steps in an order, or with a flag, that makes gigabytes anew for nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from imagespec.image.commands import runs_of
from imagespec.image.layers import Image, Layer, Place
from imagespec.image.requirements import lines_of, name_of, requirement, requirements_of
from imagespec.image.shell import Command
from imagespec.rules.rule import Finding, Rule, rule, steps
from imagespec.spec import operations as ops

TORCH = frozenset({"torch", "torchvision", "torchaudio", "vllm", "xformers", "flash-attn", "accelerate", "deepspeed"})
TORCH |= {"lightning", "pytorch-lightning", "sentence-transformers", "timm", "ultralytics", "openai-whisper", "pytorch"}
"""Packages that bring torch, and what stands below it."""

HEAVY = TORCH | {"tensorflow", "tensorrt", "paddlepaddle-gpu", "nvidia-cudnn-cu12", "jaxlib", "cudatoolkit"}
HEAVY |= {"cuda-toolkit", "nvidia-cuda-toolkit", "texlive-full", "pytorch-cuda"}
"""Packages of any installer that bring gigabytes."""

_BUILT = frozenset(
    {"flash-attn", "apex", "deepspeed", "xformers", "detectron2", "causal-conv1d", "mamba-ssm", "pytorch3d"}
)
_BUILT |= {"llama-cpp-python", "auto-gptq", "bitsandbytes", "horovod", "nvdiffrast", "tinycudann", "gsplat", "mmcv"}
"""What is often built from source where it is installed, and then looks at variables of its own."""

_AT_RUN_TIME = re.compile(
    r"(?:PYTORCH_(?:CUDA_)?ALLOC_CONF|(?:HF|HUGGINGFACE|TRANSFORMERS|WANDB|OMP|MKL|NCCL|TORCHINDUCTOR|TORCHDYNAMO|MLFLOW"
    r"|XLA_PYTHON_CLIENT|GRADIO|RAY)_\w+|TOKENIZERS_PARALLELISM|TORCH_HOME|TORCH_LOGS|TRITON_CACHE_DIR|PYTHONUNBUFFERED"
    r"|TF_CPP_MIN_LOG_LEVEL|TF_FORCE_GPU_ALLOW_GROWTH|VLLM_(?:ATTENTION_BACKEND|LOGGING_LEVEL|USE_V1)|LOG_?LEVEL"
    r"|CUDA_LAUNCH_BLOCKING)"
)
_BY_INSTALLS = re.compile(
    r"(?:PIP|UV|CONDA|MAMBA|APT|DEBIAN|DEB|PYTHON\w*|CUDA\w*|CUDNN|NVCC|NVIDIA|TORCH|CC|CXX|CPP|LD|LIBRARY|CMAKE|MAX|NINJA"
    r"|MAKE\w*|FORCE|USE|BUILD|WITH|NO|SKIP|ENABLE|DISABLE|FLASH|DS|VLLM|GIT|SSL|REQUESTS|CURL|WGET|HTTPS?|ALL|FTP|LANG"
    r"|LANGUAGE|LC|TZ|HOME|USER|TMP\w*|TEMP|PATH|SHELL|TERM|XDG|SETUPTOOLS|ARCH|RUST\w*|CARGO|GO\w*|JAVA|NODE|NPM|TF|JAX"
    r"|XLA|BAZEL|LLAMA|GGML|ROCM|HIP|INTEL|ONEAPI|PKG|POETRY|TARGET|PREFIX|PROXY|INDEX|AR|ACLOCAL|SOURCE|DISTUTILS"
    r"|KEYRING|TWINE|NETRC|MODAL)(?:_\w*)?|\w*FLAGS|\w*_ARCH\w*|\w*PROXY|\w*_CERT\w*|\w*INCLUDE\w*|\w*LIB\w*",
    re.IGNORECASE,
)


@rule("IS504", "warning")
def volatile_before_heavy(image: Image) -> Iterable[Finding]:
    """A step that is edited often, before an install of gigabytes that does not need it.

    A layer stands on all layers before it: an edit of a variable, or of a line of copied code, installs torch again.
    Measured with buildah on two cores, an edited variable costs 133 s before an install of torch and 0.6 s behind it.
    The sections of a spec are put in the best order by themselves; steps are sent in the order written. Only what the
    install cannot read is meant: no variables such as `PIP_…`, `CUDA_…` or `MAX_JOBS`, and no files that a step in
    between may use.

    Use instead: the step behind the install; or the sections `env`, `source` and `python` instead of steps.
    """
    every = list(steps(image))
    for position, layer in enumerate(every):
        volatile = _volatile(layer)
        if volatile is None:
            continue
        heavy: tuple[str, Place] | None = None
        for later in every[position + 1 :]:
            if not volatile.passes(later):
                break
            heavy = next(((name, later.origin) for name in _named(later) if name in HEAVY), heavy)
        if heavy is not None:
            name, other = heavy
            price = "133 s where it was measured, 0.6 s behind it" if name in TORCH else "gigabytes"
            message = f"every edit of {volatile.what} installs `{name}` again: {price}"
            hint = "move it behind that install, which does not need it"
            yield Finding(volatile.place, message, hint, on_key=True, other=other)


@dataclass(frozen=True, slots=True)
class _Variables:
    """Variables of an `env` that no install reads."""

    what: str
    place: Place
    names: tuple[str, ...]

    def passes(self, later: Layer) -> bool:
        match later.operation:
            case ops.Env(vars=others):
                return not others.keys() & set(self.names)
            case ops.AddLocalFile() | ops.AddLocalDir() | ops.AddLocalPythonSource() | ops.Workdir() | ops.UvSync():
                return True
            case _:
                known = all(_AT_RUN_TIME.fullmatch(name) for name in self.names)
                return _plain_install(later) and (known or not _BUILT & set(_named(later)))


@dataclass(frozen=True, slots=True)
class _Files:
    """Files that are copied to a place where no installer looks."""

    what: str
    place: Place
    to: str

    def passes(self, later: Layer) -> bool:
        match later.operation:
            case ops.Env() | ops.Workdir():
                return True
            case ops.AddLocalFile() | ops.AddLocalDir() | ops.AddLocalPythonSource():
                return not _overlap(self.to, _target(later))
            case _:
                return _plain_install(later)


def _volatile(layer: Layer) -> _Variables | _Files | None:
    """What of a step is edited often and could stand later; nothing where that is not certain."""
    match layer.operation:
        case ops.Env(vars=variables):
            names = tuple(
                name for name in variables if _AT_RUN_TIME.fullmatch(name) or not _BY_INSTALLS.fullmatch(name)
            )
            if names:
                what = f"`{names[0]}`" + (f" and {len(names) - 1} more" if len(names) > 1 else "")
                return _Variables(what, layer.place("vars", names[0]), names)
        case ops.AddLocalFile() | ops.AddLocalDir() | ops.AddLocalPythonSource() if layer.operation.copy:
            to = _target(layer)
            if not re.match(r"/(?:etc|usr|var|opt|tmp|lib|bin|sbin)(?:/|$)|.*/\.", to) and not _READ.search(to):
                return _Files("these files", layer.origin, to)
        case ops.RunCommands() if _uses_nothing(layer):
            return _Files("these commands", layer.origin, "")
        case _:
            pass
    return None


_READ = re.compile(r"(?:requirements|constraints|environment|conda|pyproject|setup|uv|poetry|pip)[\w.-]*$|\.whl$", re.I)
"""What installers read, by its name."""


def _target(layer: Layer) -> str:
    match layer.operation:
        case ops.AddLocalFile(remote_path=to, local_path=path):
            return to + path.name if to.endswith("/") else to
        case ops.AddLocalDir(remote_path=to):
            return to.rstrip("/") or "/"
        case ops.AddLocalPythonSource(modules=(name,)):
            return f"/root/{name.replace('.', '/')}"
        case _:
            return "/"


def _overlap(one: str, other: str) -> bool:
    short, long = sorted((one.rstrip("/") + "/", other.rstrip("/") + "/"), key=len)
    return long.startswith(short)


def _uses_nothing(layer: Layer) -> bool:
    """Whether commands only make folders."""
    commands = [command for run in runs_of(layer) for command in run.commands]
    return bool(commands) and all(
        command.program == "mkdir" and not command.outputs and "$" not in "".join(command.words) for command in commands
    )


# ---------------------------------------------------------------------------------------------- installs

_NO_PATH = re.compile(r"[^/\\$]*|[a-z+]+://\S+|[\w.-]+(?:\[[\w,.-]+\])?[=<>!~].*")
_FILE_OPTIONS = frozenset(
    {"-r", "--requirement", "-c", "--constraint", "-e", "--editable", "--target", "-t", "--prefix"}
)
_FILE_OPTIONS |= {"--find-links", "-f", "--python", "-p"}


def _plain_install(layer: Layer) -> bool:
    """Whether a step installs packages by name, so that nothing that lies in the image decides what it does; or
    only makes folders."""
    operation = layer.operation
    match operation:
        case ops.AptInstall():
            return True
        case ops.MicromambaInstall(spec_file=None):
            return True
        case ops.PipInstall() | ops.UvPipInstall() | ops.PipInstallFromRequirements():
            lines = list(requirements_of(layer))
            options = operation.extra_options.split()
            return (
                all((parsed := requirement(line.text)) and not parsed.url for line in lines)
                and not _has_files(layer)
                and not _FILE_OPTIONS & {word.partition("=")[0] for word in options}
                and all(_NO_PATH.fullmatch(word) for word in options)
                and "://" in (operation.find_links or "://")
            )
        case ops.RunCommands():
            commands = [command for run in runs_of(layer) for command in run.commands]
            return _uses_nothing(layer) or (bool(commands) and all(_by_name(command) for command in commands))
        case _:
            return False


def _has_files(layer: Layer) -> bool:
    """Whether a requirements file brings options, or cannot be read."""
    match layer.operation:
        case ops.UvPipInstall(requirements=tuple() as files):
            return any(not isinstance(file, ops.Requirements) and lines_of(file) is None for file in files)
        case ops.PipInstallFromRequirements(requirements_txt=file):
            return not isinstance(file, ops.Requirements) and lines_of(file) is None
        case _:
            return False


def _by_name(command: Command) -> bool:
    if command.inner or command.outputs:
        return False
    if command.program in ("apt-get", "apt"):
        return all("/" not in word for word in command.arguments)
    if command.program == "rm":
        return all(word.startswith(("-", "/var/lib/apt")) for word in command.arguments)
    return (
        command.installs
        and not _FILE_OPTIONS & {word.partition("=")[0] for word in command.arguments}
        and all(_NO_PATH.fullmatch(word) and word != "." for word in command.arguments)
    )


def _named(layer: Layer) -> Iterator[str]:
    """The names of the packages that a step installs."""
    match layer.operation:
        case ops.AptInstall(packages=packages) | ops.MicromambaInstall(packages=packages):
            yield from (re.split(r"[=<>! ]", package.rpartition("::")[2], maxsplit=1)[0] for package in packages)
        case ops.RunCommands():
            for run in runs_of(layer):
                for command in run.commands:
                    if command.installs or command.program in ("apt-get", "apt"):
                        yield from (name_of(word) for word in command.arguments)
        case _:
            yield from (name_of(line.text) for line in requirements_of(layer))


# ---------------------------------------------------------------------------------------------- forced


@rule("IS505", "note")
def forced(image: Image) -> Iterable[Finding]:
    """`force_build` in a spec.

    Every build makes this layer anew, and with it everything behind it, for everybody who uses the spec: with torch
    behind it, two minutes a time. What was meant for once stays for good.

    Use instead: `imagespec build --force`, which does it once.
    """
    for layer in image.layers:
        if getattr(layer.operation, "force_build", False):
            message = "every build makes this layer and all behind it anew"
            yield Finding(
                layer.place("force_build"), message, "remove it; for once: imagespec build --force", on_key=True
            )


RULES: tuple[Rule, ...] = (volatile_before_heavy, forced)
