"""One config: flags, presets, what does not go together, and what a run may be continued with."""

from __future__ import annotations

import dataclasses
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from training.config import CONFIGS, TrainingError, UsageError, read

ROOT = Path(__file__).resolve().parents[2]


def command(*arguments: str, cwd: Path = ROOT, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "training", *arguments],
        cwd=cwd,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", **environ},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("data", ["pets", "digits", "synthetic"])
def test_every_setting_is_a_flag_and_comes_back(name: str, data: str) -> None:
    config = CONFIGS[name].make({"data": data})
    flags = []
    for key, value in config.saved().items():
        flag = key.replace("_", "-")
        flags += [f"--{'' if value else 'no-'}{flag}"] if isinstance(value, bool) else [f"--{flag}", str(value)]
    request = read(["train", name, *flags])
    assert request.config == config
    assert read(request.flags()) == request


def test_presets_show_through_where_no_flag_is_given() -> None:
    config = read(["train", "dit", "--data", "digits", "--steps", "7"]).config
    assert (config.steps, config.image_size, config.batch) == (7, 8, 128)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.steps = 8  # type: ignore[misc]


WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "key": ("dit", {"widht": 3}, "no setting `widht` for the dit: did you mean `width`?"),
    "no key near": ("dit", {"xyzzy": 3}, "no setting `xyzzy` for the dit"),
    "type": ("dit", {"steps": "3"}, "`steps='3'` is no int"),
    "flag for a number": ("dit", {"steps": True}, "`steps=True` is no int"),
    "choice": ("dit", {"data": "digit"}, "`data=digit` is none of pets, digits, synthetic: did you mean `digits`?"),
    "patch": (
        "dit",
        {"image_size": 30},
        "patches of `patch=4` do not divide an image of `image_size=30`: take `--image-size 28` or `--image-size 32`",
    ),
    "heads": ("dit", {"width": 100}, "`width=100` is not a multiple of 4 times `heads=6`"),
    "no null class": ("dit", {"drop_label": 0.0}, "`drop_label=0.0` is not between 0 and 1: the null class must be"),
    "steps": ("classifier", {"steps": 0}, "`steps=0` is less than 1"),
    "negative": ("classifier", {"learning_rate": -1.0}, "`learning_rate=-1.0` is negative"),
    "average": ("classifier", {"ema": 1.0}, "`ema=1.0` is not in 0 to 1, 1 excluded"),
    "smoothing": ("classifier", {"label_smoothing": 1.5}, "`label_smoothing=1.5` is not in 0 to 1, 1 excluded"),
    "nodes": ("dit", {"nodes": 3}, "`nodes=3`: the app's cluster has 2 containers"),
    "not a number": ("dit", {"guidance": math.nan}, "`guidance=nan` is no number that can be meant"),
    "infinite": ("dit", {"guidance": -math.inf}, "`guidance=-inf` is no number that can be meant"),
    "beyond floats": ("classifier", {"learning_rate": 1e38}, "`learning_rate=1e+38` is no number that can be meant"),
    "negative seed": ("dit", {"seed": -1}, "`seed=-1` is not in 0 to 2**63 - 1"),
    "large seed": ("dit", {"seed": 2**63}, "`seed=9223372036854775808` is not in 0 to 2**63 - 1"),
    "small": ("classifier", {"backbone": "small"}, "there are no pretrained weights for the backbone `small`"),
}


@pytest.mark.parametrize(("name", "given", "said"), WRONG.values(), ids=WRONG)
def test_what_does_not_go(name: str, given: dict[str, Any], said: str) -> None:
    with pytest.raises(TrainingError) as caught:
        CONFIGS[name].make(given)
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


def test_a_token_wider_than_the_model_cannot_predict_the_velocity() -> None:
    from training.config import DiTConfig

    given = {"patch": 16, "width": 384, "predict": "v"}
    DiTConfig.make({**given, "predict": "x"}).must_fit(3)
    with pytest.raises(TrainingError, match="a patch of 768 values is wider than the model"):
        DiTConfig.make(given).must_fit(3)


def test_what_a_run_may_be_continued_with() -> None:
    config = CONFIGS["dit"].make({})
    config.must_continue({**config.saved(), "device": "cpu", "gpu": "A100", "timeout": 1}, "it")
    with pytest.raises(TrainingError) as caught:
        config.must_continue({**config.saved(), "width": 128, "seed": 4}, "the checkpoint")
    assert str(caught.value) == (
        "the checkpoint was made with `seed=4, width=128`, this run has `seed=0, width=384`: "
        "give the same settings, or another `--out`"
    )


LINES: dict[str, tuple[list[str], str]] = {
    "nothing": ([], "what to do? python -m training {prepare,train,evaluate,sample,sweep} {classifier,dit}"),
    "command": (["trian", "dit"], "argument command: invalid choice: 'trian'"),
    "flag": (["train", "dit", "--stepz", "3"], "no such flag for the dit: `--stepz`: did you mean `--steps`?"),
    "value": (["train", "dit", "--steps", "many"], "argument --steps: invalid int value: 'many'"),
}


@pytest.mark.parametrize(("arguments", "said"), LINES.values(), ids=LINES)
def test_a_wrong_command_line_is_one_line(arguments: list[str], said: str) -> None:
    with pytest.raises(UsageError):
        read(arguments)
    done = command(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {said}")
    assert done.stderr.count("\n") == 1


def test_help_lists_every_setting() -> None:
    assert "measure what was trained" in command("--help").stdout
    for name, config in CONFIGS.items():
        text = command("train", name, "--help").stdout
        assert all(f"--{field.name.replace('_', '-')} " in text for field in dataclasses.fields(config) if field.init)


def test_settings_are_refused_before_torch_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise AssertionError('loaded')")
    done = subprocess.run(
        [sys.executable, "-m", "training", "train", "dit", "--image-size", "30"],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: patches of `patch=4` do not divide")


def test_without_torch_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError(name='torch')")
    done = subprocess.run(
        [sys.executable, "-m", "training", "train", "dit", "--data", "digits"],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "error: `torch` is not installed: pip install -e '.[training]'\n")


def test_a_sweep_is_a_run_for_each_combination() -> None:
    request = read(["sweep", "dit", "--data", "digits", "learning_rate=1e-3,3e-4", "flip=true,false"])
    points = request.points()
    assert [point.folder.name for point in points] == [
        f"dit-digits-learning_rate={rate},flip={flip}" for rate in ("0.001", "0.0003") for flip in ("True", "False")
    ]
    assert [point.config.learning_rate for point in points] == [1e-3, 1e-3, 3e-4, 3e-4]
    assert all(read(point.flags()) == point for point in points)


def test_axes_stand_anywhere() -> None:
    request = read(["sweep", "dit", "--steps", "2", "seed=0,1", "--data", "digits", "width=32,64", "--no-flip"])
    assert request.grid == ("seed=0,1", "width=32,64")
    assert request.given == {"steps": 2, "data": "digits", "flip": False}
    assert len(request.points()) == 4


@pytest.mark.parametrize("out", [".", "/", "there"])
def test_a_point_has_a_folder_that_can_be_made(out: str) -> None:
    points = read(["sweep", "classifier", f"--out={out}", "backbone=some/where"]).points()
    name = "there" if out == "there" else "sweep"
    assert [point.folder for point in points] == [Path(out).parent / f"{name}-backbone=some-where"]


@pytest.mark.parametrize(
    ("axis", "said"),
    [
        ("seed=0,1,00", "`seed=0` is in the sweep twice"),
        ("widht=1", "no setting `widht` to sweep: did you mean `width`?"),
        ("width=many", "`width=many` is no int"),
        ("width=7", "`width=7` is not a multiple of 4 times `heads=6`"),
        ("flip=perhaps", "`flip='perhaps'` is no bool"),
    ],
)
def test_a_wrong_axis(axis: str, said: str) -> None:
    with pytest.raises(TrainingError) as caught:
        read(["sweep", "dit", axis]).points()
    assert str(caught.value) == said
