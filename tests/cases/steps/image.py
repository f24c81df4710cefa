"""The image `spec`, compiled by imagespec."""

import modal
import prepare

image = (
    modal.Image.debian_slim("3.12")
    .env({"B": "2", "A": "1"})
    .apt_install("wget", "curl")
    .uv_pip_install("torch==2.5.1", requirements=["requirements.txt"], gpu="T4")
    .run_function(
        prepare.download,
        timeout=600,
        args=["weights"],
        kwargs={"revision": "v1"},
        secrets=[modal.Secret.from_name("token")],
    )
    .dockerfile_commands("COPY data /data", "RUN ls /data", context_dir="context")
    .add_local_file("context/data/a.txt", "/notes/")
)
