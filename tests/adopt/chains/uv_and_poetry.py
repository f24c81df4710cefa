"""Projects of uv and of Poetry."""
import modal

image = modal.Image.debian_slim("3.12").uv_sync(groups=["dev"], extras=["train"], uv_version="0.9.10")
here = modal.Image.debian_slim("3.12").uv_sync(".", frozen=False, extra_options="--quiet")
poetry = modal.Image.debian_slim("3.12").poetry_install_from_file(
    "poetry/pyproject.toml", with_=["train"], poetry_version="2.1.1"
)
