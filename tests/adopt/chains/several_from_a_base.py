"""Three images with one beginning."""
import modal

base_image = modal.Image.debian_slim("3.12").apt_install("curl", "git")
train_image = base_image.uv_pip_install("torch==2.5.1", gpu="T4")
serve_image = base_image.uv_pip_install("fastapi[standard]==0.115.0").env({"PORT": "8000"})
