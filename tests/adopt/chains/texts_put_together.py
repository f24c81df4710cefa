"""f-strings, `%`, `format`, `+` and `join`."""
import modal

CUDA, FLAVOUR, SYSTEM = "12.4.0", "devel", "ubuntu22.04"
TAG = f"{CUDA}-{FLAVOUR}-{SYSTEM}"
VERSION = (2, 5, 1)
image = (
    modal.Image.from_registry("nvidia/cuda:" + TAG, add_python="3.12")
    .pip_install("torch==%d.%d.%d" % VERSION, "torchvision=={}.{minor}.1".format(0, minor=20))
    .run_commands(" && ".join(["echo a", "echo b"]), f"echo {VERSION[0]:>3}|{'x'!r}")
)
