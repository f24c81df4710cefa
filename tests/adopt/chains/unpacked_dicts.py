"""Two stars before dicts, of variables and of arguments."""
import modal

SHARED = {"HF_HOME": "/cache"}
BUILD = dict(gpu="T4", secrets=[modal.Secret.from_name("token")])
image = (
    modal.Image.debian_slim("3.12")
    .env({**SHARED, "MODE": "train"})
    .pip_install("six", **BUILD)
    .run_commands("nvidia-smi", **BUILD, force_build=True)
    .env(SHARED | {"LAST": "1"})
)
