"""Turns all that must tell two images apart, and each way to use the oracle, into tests of the oracle itself."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import modal
import pytest

from tests.oracle import Oracle
from tests.oracle.script import Outcome

BUILDERS = ["2024.10", "2025.06", "2026.10"]

Chain = Callable[[], modal.Image]


def slim() -> modal.Image:
    return modal.Image.debian_slim("3.12")


def build(image: modal.Image) -> modal.Image:
    return image.build(modal.App.lookup("builds", create_if_missing=True))


def prepare(number: int = 0) -> None:
    """What the build functions of these tests run."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that holds one of everything that an image may be built from, as the working directory."""
    texts = {
        "data.txt": "data",
        "pkg/__init__.py": "x = 1",
        "requirements.txt": "six==1.17.0",
        "pyproject.toml": '[project]\nname = "pkg"\nversion = "1"\ndependencies = ["modal"]\n'
        '[project.optional-dependencies]\nextra = ["six"]\n[tool.poetry]\nname = "pkg"\n',
        "uv.lock": "version = 1",
        "poetry.lock": "",
        "environment.yml": "dependencies: [numpy]",
        "Dockerfile": "FROM python:3.12\nCOPY data.txt /data.txt",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


METHODS: dict[str, Chain] = {
    "apt": lambda: slim().apt_install("git"),
    "pip": lambda: slim().pip_install("six", env={"A": "1"}, secrets=[modal.Secret.from_name("s")], gpu="T4"),
    "pip requirements": lambda: slim().pip_install_from_requirements("requirements.txt"),
    "pip pyproject": lambda: slim().pip_install_from_pyproject("pyproject.toml", ["extra"]),
    "pip private": lambda: slim().pip_install_private_repos(
        "github.com/a/b@c", git_user="me", secrets=[modal.Secret.from_dict({"GITHUB_TOKEN": "t"})]
    ),
    "uv": lambda: slim().uv_pip_install("six", requirements=["requirements.txt"], uv_version="0.8.0"),
    "uv sync": lambda: slim().uv_sync(),
    "poetry": lambda: slim().poetry_install_from_file("pyproject.toml", "poetry.lock"),
    "micromamba": lambda: modal.Image.micromamba("3.12").micromamba_install(
        "numpy", spec_file="environment.yml", channels=["conda-forge"]
    ),
    "registry": lambda: modal.Image.from_registry("ubuntu:24.04", add_python="3.12"),
    "registry secret": lambda: modal.Image.from_registry("me/mine", secret=modal.Secret.from_name("s")),
    "registry gcp": lambda: modal.Image.from_gcp_artifact_registry("g/i", secret=modal.Secret.from_name("s")),
    "registry aws": lambda: modal.Image.from_aws_ecr("a/i", secret=modal.Secret.from_name("s")),
    "dockerfile": lambda: modal.Image.from_dockerfile("Dockerfile", build_args={"A": "1"}, add_python="3.12"),
    "scratch": lambda: modal.Image.from_scratch().add_local_file("data.txt", "/data.txt", copy=True),
    "id": lambda: modal.Image.from_id("im-12345").run_commands("true"),
    "name": lambda: modal.Image.from_name("published:v1").run_commands("true"),
    "run": lambda: slim().run_commands(
        "true",
        "false",
        gpu="A100:2",
        secrets=[modal.Secret.from_name("s")],
        volumes={"/v": modal.Volume.from_name("v", create_if_missing=True)},
    ),
    "function": lambda: slim().run_function(
        prepare,
        args=(1,),
        kwargs={},
        gpu=["T4", "L4"],
        cpu=2,
        env={"A": "1"},
        secrets=[modal.Secret.from_name("s")],
        volumes={"/v": modal.Volume.from_name("v")},
    ),
    "settings": lambda: (
        slim()
        .env({"A": "1"})
        .workdir("/w")
        .entrypoint(["e"])
        .shell(["/bin/sh", "-c"])
        .cmd(["c"])
        .pipe(lambda image: image.apt_install("git"))
    ),
    "commands": lambda: slim().dockerfile_commands("COPY data.txt /data.txt", "RUN true", context_dir="."),
    "copied": lambda: (
        slim()
        .add_local_file("data.txt", "/data.txt", copy=True)
        .add_local_dir("pkg", "/pkg", copy=True)
        .add_local_python_source("pkg", copy=True)
    ),
    "mounted": lambda: (
        slim().add_local_file("data.txt", "/data.txt").add_local_dir("pkg", "/pkg").add_local_python_source("pkg")
    ),
}


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize("chain", METHODS.values(), ids=METHODS)
def test_every_method_is_answered_the_same_every_time(oracle: Oracle, folder: Path, chain: Chain, builder: str) -> None:
    first = oracle.requests(chain(), builder=builder)
    oracle.forget()
    assert oracle.requests(chain(), builder=builder) == first


def secret(**env: str) -> Chain:
    return lambda: slim().run_commands("true", secrets=[modal.Secret.from_dict(dict(env))])


DIFFERENT: dict[str, tuple[Chain, Chain]] = {
    "apt order": (lambda: slim().apt_install("git", "curl"), lambda: slim().apt_install("curl", "git")),
    "env order": (lambda: slim().env({"A": "1", "B": "2"}), lambda: slim().env({"B": "2", "A": "1"})),
    "env calls": (lambda: slim().env({"A": "1", "B": "2"}), lambda: slim().env({"A": "1"}).env({"B": "2"})),
    "layer order": (lambda: slim().workdir("/a").env({"A": "1"}), lambda: slim().env({"A": "1"}).workdir("/a")),
    "an earlier layer": (
        lambda: slim().apt_install("git").workdir("/a"),
        lambda: slim().apt_install("curl").workdir("/a"),
    ),
    "gpu": (lambda: slim().run_commands("true", gpu="T4"), lambda: slim().run_commands("true", gpu="L4")),
    "gpu count": (lambda: slim().run_commands("true", gpu="T4"), lambda: slim().run_commands("true", gpu="T4:2")),
    "secret name": (
        lambda: slim().run_commands("true", secrets=[modal.Secret.from_name("a")]),
        lambda: slim().run_commands("true", secrets=[modal.Secret.from_name("b")]),
    ),
    "secret value": (secret(A="1"), secret(A="2")),
    "volume name": (
        lambda: slim().run_commands("true", volumes={"/v": modal.Volume.from_name("a")}),
        lambda: slim().run_commands("true", volumes={"/v": modal.Volume.from_name("b")}),
    ),
    "volume path": (
        lambda: slim().run_commands("true", volumes={"/v": modal.Volume.from_name("a")}),
        lambda: slim().run_commands("true", volumes={"/w": modal.Volume.from_name("a")}),
    ),
    "force_build": (lambda: slim().apt_install("git"), lambda: slim().apt_install("git", force_build=True)),
    "build argument": (
        lambda: modal.Image.from_dockerfile("Dockerfile", build_args={"A": "1"}),
        lambda: modal.Image.from_dockerfile("Dockerfile", build_args={"A": "2"}),
    ),
    "base": (lambda: modal.Image.debian_slim("3.12"), lambda: modal.Image.debian_slim("3.12.10")),
    "published name": (lambda: modal.Image.from_name("a"), lambda: modal.Image.from_name("a:v1")),
    "image id": (lambda: modal.Image.from_id("im-1"), lambda: modal.Image.from_id("im-2")),
    "mounted or copied": (
        lambda: slim().add_local_file("data.txt", "/data.txt"),
        lambda: slim().add_local_file("data.txt", "/data.txt", copy=True),
    ),
    "where it is mounted": (
        lambda: slim().add_local_file("data.txt", "/a.txt"),
        lambda: slim().add_local_file("data.txt", "/b.txt"),
    ),
    "build function's arguments": (
        lambda: slim().run_function(prepare, args=(1,)),
        lambda: slim().run_function(prepare, args=(2,)),
    ),
    "build function's cpu": (
        lambda: slim().run_function(prepare, cpu=1),
        lambda: slim().run_function(prepare, cpu=2),
    ),
    "layer after a build function": (
        lambda: slim().run_function(prepare).run_commands("true"),
        lambda: slim().run_function(prepare).run_commands("false"),
    ),
}


@pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=DIFFERENT)
def test_different_images_are_different(oracle: Oracle, folder: Path, one: Chain, other: Chain) -> None:
    # Before 2026.10, `3.12` is short for one patch release, which makes two of these bases one.
    assert oracle.requests(one(), builder="2026.10") != oracle.requests(other(), builder="2026.10")


SAME: dict[str, tuple[Chain, Chain]] = {
    "pip order": (lambda: slim().pip_install("a", "b"), lambda: slim().pip_install(["b", "a"])),
    "mount order": (
        lambda: slim().add_local_file("data.txt", "/a").add_local_dir("pkg", "/b"),
        lambda: slim().add_local_dir("pkg", "/b").add_local_file("data.txt", "/a"),
    ),
    "local path": (
        lambda: slim().add_local_file("data.txt", "/a", copy=True),
        lambda: slim().add_local_file("same.txt", "/a", copy=True),
    ),
    "secret key order": (secret(A="1", B="2"), secret(B="2", A="1")),
    "pipe": (lambda: slim().apt_install("git"), lambda: slim().pipe(lambda image: image.apt_install("git"))),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME)
def test_images_are_the_same_where_the_client_says_so(oracle: Oracle, folder: Path, one: Chain, other: Chain) -> None:
    shutil.copy("data.txt", "same.txt")
    assert oracle.requests(one()) == oracle.requests(other())


FILES: dict[str, Chain] = {
    "copied": lambda: slim().add_local_file("data.txt", "/data.txt", copy=True),
    "copied below": lambda: slim().add_local_file("data.txt", "/data.txt", copy=True).run_commands("true"),
    "mounted": lambda: slim().add_local_file("data.txt", "/data.txt"),
    "context": lambda: slim().dockerfile_commands("COPY data.txt /data.txt", context_dir="."),
}


@pytest.mark.parametrize("chain", FILES.values(), ids=FILES)
@pytest.mark.parametrize(
    "edit", [lambda file: file.write_text("edited"), lambda file: file.chmod(0o755)], ids=["content", "mode"]
)
def test_a_file_is_known_by_content_and_mode(
    oracle: Oracle, folder: Path, chain: Chain, edit: Callable[[Path], object]
) -> None:
    before = oracle.requests(chain())
    edit(folder / "data.txt")
    past = os.stat(folder).st_mtime - 60
    os.utime(folder / "data.txt", (past, past))
    assert oracle.requests(chain()) != before


def test_the_builder_version_tells_images_apart(oracle: Oracle) -> None:
    empty = modal.Image.from_scratch()
    assert len({str(oracle.requests(empty, builder=builder)) for builder in BUILDERS}) == len(BUILDERS)


def test_mounted_files_are_listed_with_mode_and_hash(oracle: Oracle, folder: Path) -> None:
    (folder / "data.txt").chmod(0o644)
    image = slim().add_local_file("data.txt", "/data.txt")
    digest = "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7"
    assert oracle.requests(image)[-1] == {"mounted": [f"/data.txt 0644 {digest}"]}


def test_requests_read_like_the_chain(oracle: Oracle, folder: Path) -> None:
    image = slim().uv_pip_install(requirements=["requirements.txt"], secrets=[modal.Secret.from_name("s")])
    layer = oracle.requests(image, builder="2025.06")[1]
    assert layer["image"]["base_images"] == [{"image_id": "layer 0", "docker_tag": "base"}]
    assert layer["image"]["context_files"] == [{"/.0_requirements.txt": ["six==1.17.0"]}]
    assert layer["image"]["secret_ids"] == [{"deployment_name": "s"}]
    assert layer["builder_version"] == "2025.06"


@pytest.mark.parametrize("copy", [True, False])
def test_a_big_file_is_uploaded(oracle: Oracle, tmp_path: Path, copy: bool) -> None:
    big = tmp_path / "big.bin"
    big.write_bytes(os.urandom(5 << 20))
    with oracle.recording() as calls:
        oracle.requests(slim().add_local_file(big, "/big.bin", copy=copy))
    assert calls.messages("MountPutFile")[0].data_blob_id


def test_the_keys_of_a_secret_choose_the_registry(oracle: Oracle) -> None:
    image = modal.Image.from_registry("me/mine", secret=modal.Secret.from_name("service-account"))
    with oracle.secret("service-account", "SERVICE_ACCOUNT_JSON"):
        config = oracle.requests(image)[0]["image"]["image_registry_config"]
    assert config == {
        "registry_auth_type": "REGISTRY_AUTH_TYPE_GCP",
        "secret_id": {"deployment_name": "service-account"},
    }


def test_a_layer_is_built_once_until_it_is_forgotten(on_oracle: Oracle) -> None:
    def builds(*, force: bool = False) -> int:
        with on_oracle.recording() as calls:
            build(slim().run_commands("echo once", force_build=force))
        return len(calls.messages("ImageJoinStreaming"))

    assert (builds(), builds()) == (2, 0)
    assert (builds(force=True), builds(force=True)) == (1, 1)
    on_oracle.forget()
    assert builds() == 2


def test_a_failing_layer_shows_its_log_and_its_exception(on_oracle: Oracle, capfd: pytest.CaptureFixture[str]) -> None:
    image = slim().run_commands("true").pip_install("nothing-like-it").run_commands("never reached")
    build(image)
    with (
        on_oracle.building(
            "nothing-like-it", log=["Collecting", "ERROR: none"], outcome="failure", exception="exit 1", delay=0.01
        ),
        on_oracle.recording() as calls,
        modal.enable_output(),
        pytest.raises(modal.exception.Error, match="exit 1"),
    ):
        build(image)
    assert "Collecting\nERROR: none" in capfd.readouterr().out
    assert len(calls.messages("ImageGetOrCreate")) == 3
    build(image)


@pytest.mark.parametrize(
    ("outcome", "message"), [("failure", "failed"), ("terminated", "shut-down"), ("timeout", "timed out")]
)
def test_a_layer_fails_in_modals_own_words(on_oracle: Oracle, outcome: Outcome, message: str) -> None:
    with on_oracle.building("true", outcome=outcome), pytest.raises(modal.exception.Error, match=message):
        build(slim().run_commands("true"))


def test_a_published_image_is_found_by_its_name(on_oracle: Oracle) -> None:
    image = build(slim().run_commands("echo published"))
    image.publish("mine:v2")
    assert on_oracle.requests(modal.Image.from_name("mine:v2")) == on_oracle.requests(image)


def test_what_is_not_answered_is_refused(on_oracle: Oracle) -> None:
    with pytest.raises(modal.exception.Error, match="no answer to `QueueGetOrCreate`"):
        modal.Queue.from_name("queue").hydrate()


@pytest.mark.parametrize("gpu", [None, "T4"])
def test_a_sandbox_runs_as_arranged(on_oracle: Oracle, gpu: str | None) -> None:
    app = modal.App.lookup("checks", create_if_missing=True)
    with on_oracle.running("import torch", returncode=3, stdout="out\n", stderr="no torch\n", delay=0.01):
        sandbox = modal.Sandbox.create("python", "-c", "import torch", image=slim(), app=app, gpu=gpu)
        sandbox.wait()
        assert (sandbox.returncode, sandbox.stdout.read(), sandbox.stderr.read()) == (3, "out\n", "no torch\n")
    sandbox = modal.Sandbox.create("python", "-c", "import torch", image=slim(), app=app, gpu=gpu)
    sandbox.wait()
    assert (sandbox.returncode, sandbox.stdout.read(), sandbox.stderr.read()) == (0, "", "")


@pytest.mark.parametrize(("outcome", "error"), [("timeout", "SandboxTimeout"), ("terminated", "SandboxTerminated")])
def test_a_sandbox_is_ended_as_arranged(on_oracle: Oracle, outcome: Outcome, error: str) -> None:
    app = modal.App.lookup("checks", create_if_missing=True)
    with on_oracle.running("sleep", outcome=outcome):
        sandbox = modal.Sandbox.create("sleep", "9", image=slim(), app=app)
        with pytest.raises(modal.exception.Error) as raised:
            sandbox.wait()
    assert type(raised.value).__name__.startswith(error)


@pytest.mark.parametrize("gpu", [None, "T4"])
def test_commands_in_a_sandbox_that_waits(on_oracle: Oracle, gpu: str | None) -> None:
    app = modal.App.lookup("checks", create_if_missing=True)
    sandbox = modal.Sandbox.create(image=slim(), app=app, gpu=gpu)
    with on_oracle.running("pip check", returncode=1, stdout="broken\n", stderr="!"):
        process = sandbox.exec("pip", "check")
        assert (process.stdout.read(), process.stderr.read(), process.wait()) == ("broken\n", "!", 1)
    assert sandbox.exec("true").wait() == 0
    assert sandbox.poll() is None
    sandbox.terminate()
    assert sandbox.poll() == 137


APP = """
import modal

image = modal.Image.debian_slim("3.12").apt_install("git").add_local_file(__file__, "/root/mounted.py")
app = modal.App("trainer", image=image)


@app.function(
    gpu="T4:2",
    volumes={"/data": modal.Volume.from_name("data", create_if_missing=True)},
    secrets=[modal.Secret.from_name("token"), modal.Secret.from_dict({"A": "1"})],
    retries=3,
    timeout=120,
)
def train(epochs: int = 1) -> None:
    raise AssertionError("never executed")


@app.cls(gpu="L4")
class Model:
    @modal.method()
    def predict(self, x: int) -> int:
        return x


@app.local_entrypoint()
def main() -> None:
    print("train", train.remote(2), train.spawn(3).get(), list(train.map(range(100)))[:2], Model().predict.remote(1))
"""


def modal_command(oracle: Oracle, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "modal", *arguments],
        env={**os.environ, **oracle.environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("arguments", [["run", "app.py"], ["run", "app.py::train"], ["deploy", "app.py"]], ids=" ".join)
def test_the_command_line_works_in_a_process_of_its_own(
    oracle: Oracle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    (tmp_path / "app.py").write_text(APP)
    monkeypatch.chdir(tmp_path)
    with oracle.recording() as calls:
        printed = modal_command(oracle, *arguments)
    functions = {request.function.function_name: request.function for request in calls.messages("FunctionCreate")}
    train = functions["train"]
    assert (train.resources.gpu_config.gpu_type, train.resources.gpu_config.count) == ("T4", 2)
    assert (train.timeout_secs, train.retry_policy.retries) == (120, 3)
    assert [mount.mount_path for mount in train.volume_mounts] == ["/data"]
    assert len(train.secret_ids) == 2
    assert oracle.requests_of(train) == oracle.requests(
        slim().apt_install("git").add_local_file("app.py", "/root/app.py").add_local_file("app.py", "/root/mounted.py")
    )
    assert oracle.spelled_out(train)["volume_mounts"][0]["volume_id"]["deployment_name"] == "data"
    if arguments == ["run", "app.py"]:
        assert "train None None [None, None] None" in printed
