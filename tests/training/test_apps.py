"""The Modal apps: what they import, what `modal run` sends for them, and what their functions would then be given."""

from __future__ import annotations

import ast
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import modal
import pytest
from modal_proto import api_pb2

from imagespec.compiler import compile_spec
from imagespec.emit.modal import emit
from tests.oracle import Oracle
from training import remote
from training.config import CONFIGS, read

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("classifier", "dit")
FUNCTIONS = {"classifier": {"prepare", "train", "evaluate", "sample", "sweep"}}
FUNCTIONS["dit"] = FUNCTIONS["classifier"] | {"train_nodes"}

ONLY_MODAL = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "torchvision", "numpy", "PIL", "tqdm", "safetensors", "sklearn"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
"""


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A folder for `PYTHONPATH` that takes away what only the images have."""
    (tmp_path / "sitecustomize.py").write_text(ONLY_MODAL)
    return tmp_path


def modal_run(oracle: Oracle, bare: Path, *arguments: str) -> tuple[subprocess.CompletedProcess[str], Any]:
    env = {**os.environ, **oracle.environ, "PYTHONPATH": f"{bare}:{ROOT}"}
    with oracle.recording() as calls:
        done = subprocess.run(
            [sys.executable, "-m", "modal", "run", *arguments],
            cwd=ROOT, env=env, capture_output=True, text=True, check=False,
        )  # fmt: skip
    return done, calls


def sent(calls: Any) -> tuple[dict[str, api_pb2.Function], list[api_pb2.FunctionBindParamsRequest], list[list[str]]]:
    """The functions, what overrides them, and the flags that were sent."""
    functions = {request.function.function_name: request.function for request in calls.messages("FunctionCreate")}
    flags = [pickle.loads(one.input.args)[0][0] for m in calls.messages("FunctionMap") for one in m.pipelined_inputs]
    return functions, calls.messages("FunctionBindParams"), flags


@pytest.mark.parametrize("name", NAMES)
def test_the_top_level_imports_modal_and_imagespec_alone(name: str) -> None:
    tree = ast.parse((ROOT / "training" / f"{name}_app.py").read_text("utf-8"))
    imported = [alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names]
    assert imported == ["modal", "imagespec"]
    assert not [node for node in tree.body if isinstance(node, ast.ImportFrom)]


@pytest.mark.parametrize("name", NAMES)
def test_every_function_is_what_the_config_says(oracle: Oracle, bare: Path, name: str) -> None:
    done, calls = modal_run(oracle, bare, f"training/{name}_app.py", "train")
    assert done.returncode == 0, done.stdout + done.stderr
    functions, (bound,), (flags,) = sent(calls)
    config = CONFIGS[name].make({})
    compiled = oracle.requests(emit(compile_spec(ROOT / "specs" / f"{name}.yaml")))
    assert functions.keys() == FUNCTIONS[name]
    for function in functions.values():
        assert oracle.requests_of(function)[: len(compiled) - 1] == compiled[:-1]
        volumes = oracle.spelled_out(function)["volume_mounts"]
        mounts = {volume["mount_path"]: volume["volume_id"]["deployment_name"] for volume in volumes}
        assert mounts == {"/packs": "imagespec-packs", "/runs": "imagespec-runs"}
    for each in ("train", "evaluate", "sample"):
        gpu = functions[each].resources.gpu_config
        assert (gpu.gpu_type, gpu.count, functions[each].timeout_secs) == (config.gpu, 1, config.timeout)
    assert functions["prepare"].resources.gpu_config.count == 0
    train = functions["train"]
    assert (train.retry_policy.retries, train.retry_policy.initial_delay_ms) == (config.retries, 0)
    assert train.single_use_containers
    options = bound.function_options
    assert (options.resources.gpu_config.gpu_type, options.timeout_secs) == (config.gpu, config.timeout)
    assert options.retry_policy.retries == config.retries
    assert flags == ["train", name, "--packs=/packs", "--runs=/runs", "--device=cuda"]


def test_flags_size_the_function_and_reach_the_run(oracle: Oracle, bare: Path) -> None:
    flags = "--gpu=H200:8", "--timeout=600", "--retries=5", "--width=768", "--heads=12", "--no-flip", "--out=runs/mine"
    done, calls = modal_run(oracle, bare, "training/dit_app.py", "train", *flags)
    assert done.returncode == 0, done.stdout + done.stderr
    _, (bound,), (arrived,) = sent(calls)
    options = bound.function_options
    assert (options.resources.gpu_config.gpu_type, options.resources.gpu_config.count) == ("H200", 8)
    assert (options.timeout_secs, options.retry_policy.retries) == (600, 5)
    request = read(arrived)
    assert (request.folder, request.packs) == (Path("/runs/mine"), Path("/packs"))
    assert request.config == CONFIGS["dit"].make(
        {"gpu": "H200:8", "timeout": 600, "retries": 5, "width": 768, "heads": 12, "flip": False, "device": "cuda"}
    )


def test_two_nodes_are_a_cluster(oracle: Oracle, bare: Path) -> None:
    done, calls = modal_run(oracle, bare, "training/dit_app.py", "train", "--nodes", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    functions, bound, (flags,) = sent(calls)
    cluster = functions["train_nodes"]
    assert (cluster.resources.gpu_config.gpu_type, cluster.resources.gpu_config.count) == ("H100", 8)
    assert oracle.spelled_out(cluster)["_experimental_group_size"] == 2
    assert bound == []
    assert "--nodes=2" in flags
    done, _ = modal_run(oracle, bare, "training/classifier_app.py", "train", "--nodes", "2")
    assert done.returncode == 1
    assert "this app has no cluster of 2 nodes: take `--nodes 1`" in done.stderr


def test_a_cluster_has_the_time_that_is_asked_for(oracle: Oracle, bare: Path) -> None:
    flags = "--nodes=2", "--timeout=36000", "--retries=7", "--gpu=H100:8"
    done, calls = modal_run(oracle, bare, "training/dit_app.py", "train", *flags)
    assert done.returncode == 0, done.stdout + done.stderr
    functions, (bound,), _ = sent(calls)
    options = bound.function_options
    assert (options.timeout_secs, options.retry_policy.retries) == (36000, 7)
    assert options.resources.gpu_config.count == 0
    assert functions["train_nodes"].resources.gpu_config.count == 8


def test_a_sweep_is_a_container_for_each_point(oracle: Oracle) -> None:
    """Each sized as its own config says. One that fails leaves the others, and is told by name."""
    app = modal.App("sweep")
    function = app.function(serialized=True, name="train")(lambda flags: {})
    flags = read(["sweep", "dit", "gpu=T4,H100:8", "timeout=600,1200", "--data=digits", "--retries=1"]).flags()
    with (
        oracle.connected(),
        oracle.calling("train", returned={"steps": 800}),
        oracle.calling("--gpu=H100:8', '--timeout=600", exception="the container died"),
        oracle.recording() as calls,
        app.run(),
    ):
        result = remote.sweep(function, flags)
    _, bound, sent_flags = sent(calls)
    names = [f"dit-digits-gpu={gpu},timeout={time}" for gpu in ("T4", "H100:8") for time in (600, 1200)]
    assert [Path(read(each).folder).name for each in sent_flags] == names
    sizes = [(each.function_options.resources.gpu_config, each.function_options.timeout_secs) for each in bound]
    assert [(gpu.gpu_type, gpu.count, seconds) for gpu, seconds in sizes] == [
        ("T4", 1, 600), ("T4", 1, 1200), ("H100", 8, 600), ("H100", 8, 1200)
    ]  # fmt: skip
    assert list(result) == names
    assert [each for each in result.values() if "error" not in each] == [{"steps": 800}] * 3
    assert "the container died" in result[names[2]]["error"]


@pytest.mark.parametrize(
    ("command", "returned", "said"),
    [
        ("train", {"error": "no room"}, "error: no room"),
        ("sweep", {"a": {"steps": 3}, "b": {"error": "no room"}}, "error: b: no room"),
    ],
)
def test_what_went_wrong_there_is_said_here(
    oracle: Oracle, bare: Path, command: str, returned: dict[str, Any], said: str
) -> None:
    axis = ["seed=0,1"] if command == "sweep" else []
    with oracle.calling(command, returned=returned):
        done, _ = modal_run(oracle, bare, "training/dit_app.py", command, *axis)
    assert done.returncode == 1
    assert said in done.stderr.splitlines()
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("train", "--stepz", "3"), "error: no such flag for the dit: `--stepz`: did you mean `--steps`?"),
        (("train", "--image-size", "30"), "error: patches of `patch=4` do not divide"),
        (("sweep",), "error: nothing to sweep"),
        ((), "error: what to do?"),
        (("train", "--timeout", "100000"), "error: `timeout=100000` is more than Modal's longest, 86400: a run"),
        (("train", "--packs", "here"), "error: packs and runs are on Modal's volumes: leave `--packs` and `--runs`"),
        (("train", "--out", "a/b"), "error: `--out a/b` is no folder of the volume of runs: give a name alone"),
        (("train", "--out", "."), "error: `--out .` is no folder of the volume of runs"),
        (("train", "--nodes", "2", "--gpu", "A100:4"), "error: the app's cluster has `H100:8` in each container"),
        (("sweep", "nodes=1,2"), "error: `nodes=2` is for `train` alone: leave it out"),
    ],
    ids=["flag", "setting", "sweep", "nothing", "timeout", "packs", "out", "no name", "cluster's GPU", "cluster"],
)
def test_a_wrong_command_line_sends_nothing(oracle: Oracle, bare: Path, arguments: tuple[str, ...], said: str) -> None:
    done, calls = modal_run(oracle, bare, "training/dit_app.py", *arguments)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert sent(calls)[2] == []
