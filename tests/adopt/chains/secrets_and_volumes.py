"""Modal's objects by name."""
import modal

token = modal.Secret.from_name("token")
cache = modal.Volume.from_name("cache", create_if_missing=True)
image = (
    modal.Image.debian_slim("3.12")
    .pip_install("six", secrets=[token, modal.Secret.from_name("other")], env={"B": "1", "A": None})
    .run_commands("ls /cache", volumes={"/cache": cache}, gpu="A100:2", secrets=[token])
)
