"""The diffusion transformer on Modal: `modal run training/dit_app.py train`. Flags are the settings of `config.py`.

GPU, timeout and retries stand here as they are by default; a flag overrides them for the run that it is given to.
"""

import modal

import imagespec

app = modal.App("dit")
image = imagespec.load("dit")
packs = modal.Volume.from_name("imagespec-packs", create_if_missing=True)
runs = modal.Volume.from_name("imagespec-runs", create_if_missing=True)
CLUSTER = "H100:8"  # of each container of `train_nodes`
again = modal.Retries(max_retries=3, initial_delay=0.0, backoff_coefficient=1.0)


def commit() -> None:
    """Make what was written last for other containers, and for the next one of this run."""
    packs.commit()
    runs.commit()


@app.function(image=image, volumes={"/packs": packs, "/runs": runs}, cpu=8, timeout=7200)
def prepare(flags: list[str]) -> dict[str, object]:
    from training.remote import run

    return run(flags, commit)


@app.function(
    image=image,
    volumes={"/packs": packs, "/runs": runs},
    gpu="H100",
    timeout=21600,
    retries=again,
    single_use_containers=True,
)
def train(flags: list[str]) -> dict[str, object]:
    from training.remote import run

    return run(flags, commit)


@app.function(
    image=image,
    volumes={"/packs": packs, "/runs": runs},
    gpu=CLUSTER,
    timeout=21600,
    retries=again,
    single_use_containers=True,
)
@modal.clustered(size=2, rdma=True)
def train_nodes(flags: list[str]) -> dict[str, object]:
    from training.remote import run

    cluster = modal.Cluster.from_context()
    return run([*flags, f"--gpu={CLUSTER}"], commit, node=cluster.container_rank(), addresses=cluster.container_ips())


@app.function(image=image, volumes={"/packs": packs, "/runs": runs}, gpu="H100", timeout=21600)
def evaluate(flags: list[str]) -> dict[str, object]:
    from training.remote import run

    return run(flags, commit)


@app.function(image=image, volumes={"/packs": packs, "/runs": runs}, gpu="H100", timeout=21600)
def sample(flags: list[str]) -> dict[str, object]:
    from training.remote import run

    return run(flags, commit)


@app.function(image=image, volumes={"/packs": packs, "/runs": runs}, timeout=24 * 3600)
def sweep(flags: list[str]) -> dict[str, object]:
    from training import remote

    return remote.sweep(train, flags)


@app.local_entrypoint()
def main(*arguments: str) -> None:
    from training.remote import dispatch

    dispatch(
        "dit",
        arguments,
        cluster=CLUSTER,
        prepare=prepare,
        train=train,
        train_nodes=train_nodes,
        evaluate=evaluate,
        sample=sample,
        sweep=sweep,
    )
