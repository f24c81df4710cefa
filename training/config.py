"""Flags, or what a run has saved -> one frozen `Config`: the only place where a setting has its name and its default.

Needs the standard library alone: `modal run` reads it where there is no torch.
"""

from __future__ import annotations

import argparse
import dataclasses
import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NoReturn, Self


class TrainingError(Exception):
    """Something that whoever started the run can mend, said in one line."""


class UsageError(TrainingError):
    """A command line that cannot be read."""


def setting(default: Any, text: str, *, choices: Sequence[str] = (), free: bool = False) -> Any:
    """A field. `free` ones may change when a run goes on: they decide how it is run, not what it computes."""
    return dataclasses.field(default=default, metadata={"help": text, "choices": tuple(choices), "free": free})


DATA = ("pets", "digits", "synthetic")


@dataclass(frozen=True, kw_only=True)
class Config:
    """What both trainers share. Defaults are those for Oxford-IIIT Pet on a GPU; `presets` are those of other data."""

    task: ClassVar[str]
    presets: ClassVar[Mapping[str, Mapping[str, Any]]]

    data: str = setting("pets", "what to learn from", choices=DATA)
    stored: int = setting(256, "side of the packed images, in pixels")
    image_size: int = setting(224, "side of the images that the model sees, in pixels")
    steps: int = setting(1200, "optimizer steps of the whole run")
    batch: int = setting(128, "images in a step, over all processes")
    learning_rate: float = setting(3e-4, "its peak, after the warm-up")
    warmup: int = setting(100, "steps until the peak; half of the run at most")
    weight_decay: float = setting(0.05, "AdamW's, of matrices and filters alone")
    beta2: float = setting(0.999, "AdamW's")
    clip: float = setting(1.0, "largest norm of all gradients together; 0 for none")
    ema: float = setting(0.998, "decay of the averaged parameters, once warm")
    seed: int = setting(0, "of parameters, order of the data, and noise")
    zoom: float = setting(0.4, "a random crop's side may be smaller than the image's by this share")
    shift: float = setting(0.0, "random shift, as a share of the image's side")
    turn: float = setting(0.0, "random rotation, in degrees either way")
    flip: bool = setting(True, "mirror half of the images")

    device: str = setting("auto", "where to compute", choices=("auto", "cpu", "cuda"), free=True)
    precision: str = setting(
        "auto",
        "auto: bf16 where the GPU has it, fp16 with a scaler on older ones, fp32 on CPUs",
        choices=("auto", "fp32", "bf16", "fp16"),
        free=True,
    )
    compile: bool = setting(True, "torch.compile, on GPUs", free=True)
    log_every: int = setting(10, "steps between two lines of speed.jsonl, and two looks at the loss", free=True)
    save_every: int = setting(100, "steps between two checkpoints", free=True)
    keep: int = setting(3, "checkpoints to keep; the newest may turn out to be damaged", free=True)
    timeout: int = setting(7200, "seconds that the run may take, here too; 0 for no limit", free=True)
    budget_after: int = setting(50, "steps until the projected time is held against the timeout", free=True)
    gpu: str = setting("T4", "Modal's name of the GPU, `H100:8` for eight", free=True)
    nodes: int = setting(1, "containers of a Modal cluster, 1 or 2", free=True)
    retries: int = setting(3, "how often Modal starts a run again that was cut off; it resumes", free=True)

    @classmethod
    def make(cls, given: Mapping[str, Any], *, whole: bool = True) -> Self:
        """A config of the preset of `given["data"]`, with everything given on top.

        Without `whole`, more is to come: whether values go together is not asked yet.

        Raises:
            TrainingError: a key does not exist, or values are of a wrong type or do not go together.
        """
        known = {field.name: field for field in dataclasses.fields(cls)}
        for key, value in given.items():
            if key not in known:
                raise TrainingError(f"no setting `{key}` for the {cls.task}{did_you_mean(key, known)}")
            _check(known[key], value)
        config = cls(**{**cls.presets.get(given.get("data", "pets"), {}), **given})
        if whole:
            config.validate()
        return config

    def validate(self) -> None:
        """Raises `TrainingError` where values do not go together."""
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.type == "float" and not abs(value) <= 1e6:  # NaN is not either
                raise TrainingError(f"`{field.name}={value}` is no number that can be meant")
        if not 0 <= self.seed < 2**63:
            raise TrainingError(f"`seed={self.seed}` is not in 0 to 2**63 - 1")
        for name in ("stored", "image_size", "steps", "batch", "log_every", "save_every", "keep", "budget_after"):
            if getattr(self, name) < 1:
                raise TrainingError(f"`{name}={getattr(self, name)}` is less than 1")
        for name in ("learning_rate", "warmup", "weight_decay", "clip", "zoom", "shift", "turn", "timeout", "retries"):
            if getattr(self, name) < 0:
                raise TrainingError(f"`{name}={getattr(self, name)}` is negative")
        for name in ("ema", "beta2", "zoom"):
            if not 0 <= getattr(self, name) < 1:
                raise TrainingError(f"`{name}={getattr(self, name)}` is not in 0 to 1, 1 excluded")
        if self.nodes not in (1, 2):
            raise TrainingError(f"`nodes={self.nodes}`: the app's cluster has 2 containers; change `size` there")

    def saved(self) -> dict[str, Any]:
        """As plain data, for checkpoints and logs."""
        return dataclasses.asdict(self)

    def must_continue(self, saved: Mapping[str, Any], where: str) -> None:
        """Raises `TrainingError` where a run with this config cannot go on from what was `saved` by another."""
        fixed = [field.name for field in dataclasses.fields(self) if not field.metadata["free"]]
        differ = [name for name in fixed if saved.get(name) != getattr(self, name)]
        if differ:
            theirs = ", ".join(f"{name}={saved.get(name)}" for name in differ)
            ours = ", ".join(f"{name}={getattr(self, name)}" for name in differ)
            raise TrainingError(
                f"{where} was made with `{theirs}`, this run has `{ours}`: give the same settings, or another `--out`"
            )


@dataclass(frozen=True, kw_only=True)
class ClassifierConfig(Config):
    """The classifier's: fine-tuning of a backbone."""

    task = "classifier"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "digits": {
            "stored": 8, "image_size": 8, "steps": 400, "batch": 128, "learning_rate": 3e-3, "warmup": 50, "ema": 0.99,
            "zoom": 0.1, "shift": 0.1, "turn": 10.0, "flip": False, "backbone": "small", "pretrained": False,
        },
        "synthetic": {
            "stored": 32, "image_size": 32, "steps": 60, "batch": 32, "learning_rate": 2e-3, "warmup": 10, "ema": 0.9,
            "zoom": 0.1, "flip": False, "backbone": "small", "pretrained": False,
        },
    }  # fmt: skip

    backbone: str = setting("resnet50", "`small`, or the name of a torchvision classifier")
    pretrained: bool = setting(True, "begin with torchvision's weights")
    label_smoothing: float = setting(0.1, "share of the target that all classes have in common")

    def validate(self) -> None:
        super().validate()
        if not 0 <= self.label_smoothing < 1:
            raise TrainingError(f"`label_smoothing={self.label_smoothing}` is not in 0 to 1, 1 excluded")
        if self.backbone == "small" and self.pretrained:
            raise TrainingError("there are no pretrained weights for the backbone `small`: add `--no-pretrained`")


@dataclass(frozen=True, kw_only=True)
class DiTConfig(Config):
    """The diffusion transformer's, trained with flow matching."""

    task = "dit"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "digits": {
            "stored": 8, "image_size": 8, "steps": 800, "batch": 128, "learning_rate": 2e-3, "warmup": 50, "ema": 0.995,
            "flip": False, "patch": 2, "width": 96, "depth": 4, "heads": 4, "features": "pixels", "guidance": 1.25,
            "sampling_steps": 20,
        },
        "synthetic": {
            "stored": 32, "image_size": 32, "steps": 60, "batch": 16, "learning_rate": 1e-3, "warmup": 10, "ema": 0.9,
            "flip": False, "patch": 8, "width": 64, "depth": 2, "heads": 2, "features": "pixels", "sampling_steps": 8,
        },
    }  # fmt: skip

    image_size: int = setting(64, "side of the images that the model sees, in pixels")
    steps: int = setting(100_000, "optimizer steps of the whole run")
    batch: int = setting(256, "images in a step, over all processes")
    learning_rate: float = setting(2e-4, "its peak, after the warm-up")
    warmup: int = setting(2000, "steps until the peak; half of the run at most")
    weight_decay: float = setting(0.01, "AdamW's, of matrices alone")
    beta2: float = setting(0.95, "AdamW's")
    ema: float = setting(0.9999, "decay of the averaged parameters, once warm")
    zoom: float = setting(0.0, "a random crop's side may be smaller than the image's by this share")
    save_every: int = setting(1000, "steps between two checkpoints", free=True)
    timeout: int = setting(6 * 3600, "seconds that the run may take, here too; 0 for no limit", free=True)
    gpu: str = setting("H100", "Modal's name of the GPU, `H100:8` for eight", free=True)

    patch: int = setting(4, "side of a patch, in pixels")
    width: int = setting(384, "features of a token")
    depth: int = setting(12, "blocks")
    heads: int = setting(6, "of the attention")
    predict: str = setting("x", "what the model puts out: the image, or the velocity", choices=("x", "v"))
    drop_label: float = setting(0.1, "share of the images that are trained without their class, for guidance")

    guidance: float = setting(2.0, "classifier-free; 1 for none", free=True)
    sampler: str = setting("heun", "of the differential equation", choices=("euler", "heun"), free=True)
    sampling_steps: int = setting(50, "of the sampler", free=True)
    per_class: int = setting(8, "columns of the grid of samples", free=True)
    features: str = setting(
        "resnet50", "what distances are measured in: `pixels`, or a torchvision classifier", free=True
    )

    def validate(self) -> None:
        super().validate()
        for name in ("patch", "width", "depth", "heads", "sampling_steps", "per_class"):
            if getattr(self, name) < 1:
                raise TrainingError(f"`{name}={getattr(self, name)}` is less than 1")
        if self.image_size % self.patch:
            below = self.image_size // self.patch * self.patch
            near = " or ".join(f"`--image-size {size}`" for size in (below, below + self.patch) if size)
            raise TrainingError(
                f"patches of `patch={self.patch}` do not divide an image of `image_size={self.image_size}`: take {near}"
            )
        if self.width % (4 * self.heads):
            raise TrainingError(f"`width={self.width}` is not a multiple of 4 times `heads={self.heads}`")
        if not 0 < self.drop_label < 1:
            raise TrainingError(
                f"`drop_label={self.drop_label}` is not between 0 and 1: the null class must be trained"
            )

    def must_fit(self, channels: int) -> None:
        """Raises `TrainingError` where velocities would have to pass through tokens narrower than themselves."""
        token = channels * self.patch**2
        if self.predict == "v" and token > self.width:
            raise TrainingError(
                f"a patch of {token} values is wider than the model (`width={self.width}`), which does not learn the "
                "velocity then: take `--predict x` or a smaller `--patch`"
            )


CONFIGS: dict[str, type[Config]] = {"classifier": ClassifierConfig, "dit": DiTConfig}


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`: did you mean …?` with the nearest of `known`, or nothing where none is near."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f": did you mean `{near[0]}`?" if near else ""


def _check(field: dataclasses.Field[Any], value: Any) -> None:
    """Raises `TrainingError` where a value is not of its field's type, or not one of its choices."""
    expected: type[Any] = {"int": int, "float": float, "str": str, "bool": bool}[str(field.type)]
    fits = isinstance(value, (int, float) if expected is float else expected)
    if not fits or (isinstance(value, bool) and expected is not bool):
        raise TrainingError(f"`{field.name}={value!r}` is no {expected.__name__}")
    choices = field.metadata["choices"]
    if choices and value not in choices:
        raise TrainingError(f"`{field.name}={value}` is none of {', '.join(choices)}{did_you_mean(value, choices)}")


# ------------------------------------------------------------------------------------------- the command line

COMMANDS = {
    "prepare": "pack the data, once for both trainers",
    "train": "train, or go on where a run was cut off",
    "evaluate": "measure what was trained",
    "sample": "draw samples (of the classifier: what it says about images)",
    "sweep": "train once for each combination of the settings that are given as `name=value,value`",
}


@dataclass(frozen=True, kw_only=True)
class Request:
    """A command line that was read: what to do, with which settings, where."""

    command: str
    task: str
    given: Mapping[str, Any]
    """The settings that stand on the command line, and no others."""
    packs: Path = Path("packs")
    runs: Path = Path("runs")
    out: Path | None = None
    archives: Path | None = None
    grid: tuple[str, ...] = ()

    @property
    def config(self) -> Config:
        """Raises `TrainingError` as `Config.make` does. The model brings the rest to `evaluate` and `sample`."""
        return CONFIGS[self.task].make(self.given, whole=self.command not in ("evaluate", "sample"))

    @property
    def folder(self) -> Path:
        """Of the run. It is stable, so that the same command line goes on where an earlier one was cut off."""
        return self.out or self.runs / f"{self.task}-{self.given.get('data', 'pets')}"

    def flags(self) -> list[str]:
        """The command line again, for a process that this one starts."""
        places = {"packs": self.packs, "runs": self.runs, "out": self.out, "archives": self.archives}
        flags = [f"--{name}={place}" for name, place in places.items() if place is not None]
        for name, value in self.given.items():
            flag = name.replace("_", "-")
            flags.append(f"--{'' if value else 'no-'}{flag}" if isinstance(value, bool) else f"--{flag}={value}")
        return [self.command, self.task, *flags, *self.grid]

    def points(self) -> list[Request]:
        """The training runs of a sweep, each with a folder named after what is its own.

        Raises:
            TrainingError: no settings to sweep, or one that does not exist or cannot be read.
        """
        if not self.grid:
            raise TrainingError("nothing to sweep: add settings as `learning_rate=1e-4,3e-4`")
        points: list[dict[str, Any]] = [{}]
        for axis in self.grid:
            name, _, values = axis.partition("=")
            points = [{**point, **self._read(name, value)} for point in points for value in values.split(",")]
        requests: dict[Path, Request] = {}
        for point in points:
            suffix = ",".join(f"{name}={value}" for name, value in point.items()).replace("/", "-")
            out = self.folder.parent / f"{self.folder.name or 'sweep'}-{suffix}"
            request = dataclasses.replace(self, command="train", given={**self.given, **point}, out=out, grid=())
            request.config.validate()
            if requests.setdefault(out, request) is not request:
                raise TrainingError(f"`{suffix}` is in the sweep twice")
        return list(requests.values())

    def _read(self, name: str, text: str) -> dict[str, Any]:
        known = {field.name: field for field in dataclasses.fields(CONFIGS[self.task])}
        if name not in known:
            raise TrainingError(f"no setting `{name}` to sweep{did_you_mean(name, known)}")
        if known[name].type == "bool":
            return {name: {"true": True, "false": False}.get(text.lower(), text)}
        try:
            return {name: _READ[str(known[name].type)](text)}
        except ValueError:
            raise TrainingError(f"`{name}={text}` is no {known[name].type}") from None


_READ: dict[str, Any] = {"int": int, "float": float, "str": str}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def read(arguments: Sequence[str], task: str | None = None) -> Request:
    """Turn a command line into a `Request`. `task` where the program knows it, as a Modal app does.

    Raises:
        UsageError: the command line cannot be read.
        TrainingError: a setting does not exist, or cannot be as it is.
        SystemExit: help was asked for, and printed.
    """
    name = "python -m training" if task is None else f"modal run training/{task}_app.py"
    first = _Parser(prog=name, description=__doc__, add_help=False, allow_abbrev=False)
    first.add_argument("command", choices=COMMANDS)
    if task is None:
        first.add_argument("task", choices=CONFIGS)
    words = [word for word in arguments[: 1 if task else 2] if not word.startswith("-")]
    if len(words) < (1 if task else 2):
        _overview(name, task, helping={"-h", "--help"} & set(arguments))
    named = first.parse_args(words)
    task = task or str(named.task)
    parser = _parser(f"{name} {' '.join(words)}", task, named.command)
    known, unknown = parser.parse_known_intermixed_args(arguments[len(words) :])
    if unknown:
        flags = [flag for action in parser._actions for flag in action.option_strings]
        flag = unknown[0].partition("=")[0]
        raise UsageError(f"no such flag for the {task}: `{flag}`{did_you_mean(flag, flags)}")
    values = vars(known)
    places = {key: values.pop(key) for key in ("packs", "runs", "out", "archives")}
    grid = tuple(values.pop("grid", ()))
    return Request(command=named.command, task=task, given=values, grid=grid, **places)


def _overview(name: str, task: str | None, *, helping: Iterable[str]) -> NoReturn:
    which = f"{{{','.join(COMMANDS)}}}" + ("" if task else f" {{{','.join(CONFIGS)}}}")
    usage = f"{name} {which} [--flag …]"
    if not helping:
        flags = f"python -m training train {task or 'dit'} --help"  # Modal takes `--help` for its own
        raise UsageError(f"what to do? {usage}; {flags} lists the flags")
    print(f"usage: {usage}\n")
    print("\n".join(f"  {command:<10} {text}" for command, text in COMMANDS.items()))
    raise SystemExit(0)


def _parser(name: str, task: str, command: str) -> _Parser:
    """A flag for each setting. Flags that are not given leave no trace, so that presets show through."""
    parser = _Parser(prog=name, description=COMMANDS[command], allow_abbrev=False)
    parser.add_argument("--packs", type=Path, default=Path("packs"), help="folder of the packed data")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the runs")
    parser.add_argument("--out", type=Path, default=None, help="folder of this run (RUNS/TASK-DATA)")
    parser.add_argument("--archives", type=Path, default=None, help="folder with images.tar.gz and annotations.tar.gz")
    if command == "sweep":
        parser.add_argument("grid", nargs="*", metavar="name=value,value", help="settings to sweep")
    for field in dataclasses.fields(CONFIGS[task]):
        flag = f"--{field.name.replace('_', '-')}"
        choices = field.metadata["choices"] or None
        text = f"{field.metadata['help']} ({field.default})".replace("%", "%%")
        if field.type == "bool":
            action = argparse.BooleanOptionalAction
            parser.add_argument(flag, action=action, default=argparse.SUPPRESS, help=text)
        else:
            read_as = _READ[str(field.type)]
            parser.add_argument(flag, type=read_as, choices=choices, default=argparse.SUPPRESS, help=text)
    return parser
