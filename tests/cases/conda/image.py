"""The image `spec`, compiled by imagespec."""

import modal

image = (
    modal.Image.micromamba("3.12")
    .micromamba_install(
        "cudatoolkit=11.8",
        "numpy=2.1.3",
        channels=["pytorch", "conda-forge"],
    )
    .pip_install_private_repos(
        "github.com/team/models@0123456789abcdef0123456789abcdef01234567",
        git_user="robot",
        secrets=[modal.Secret.from_name("github-token")],
    )
)
