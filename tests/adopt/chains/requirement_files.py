"""Requirements from files, with pip and with uv."""
import modal

image = modal.Image.debian_slim("3.12").pip_install_from_requirements("requirements.txt", find_links="links/")
with_uv = modal.Image.debian_slim("3.12").uv_pip_install("rich", requirements=["requirements.txt"], uv_version="0.9.10")
of_project = modal.Image.debian_slim("3.12").pip_install_from_pyproject("pyproject.toml", ["train"])
