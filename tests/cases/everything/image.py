"""The image `spec`, compiled by imagespec."""

import modal

image = (
    modal.Image.from_registry(
        "ubuntu:24.04",
        setup_dockerfile_commands=["ENV DEBIAN_FRONTEND=noninteractive"],
        add_python="3.12",
    )
    .apt_install("git", "tini")
    .uv_pip_install(
        "pillow==11.0.0",
        "six==1.17.0",
        "torch==2.5.1",
        uv_version="0.9.10",
    )
    .env({"GREETING": "hello world"})
    .dockerfile_commands('ENV TOOLS="${HOME}/tools"', 'ENV PATH="$TOOLS/bin:$PATH"')
    .workdir("/srv")
    .shell(["/bin/bash", "-o", "pipefail", "-c"])
    .run_commands(
        "mkdir -p /cache",
        'touch "/cache/it\'s"',
        env={"HTTPS_PROXY": "http://proxy:3128"},
        secrets=[modal.Secret.from_name("token")],
    )
    .workdir("/root")
    .add_local_file("configs/train.toml", "/etc/train.toml", copy=True)
    .entrypoint(["tini", "--"])
    .cmd(["python", "-m", "trainer"])
    .add_local_python_source("trainer")
    .add_local_dir("configs", "/configs", ignore=["*.secret"])
)
