"""Importable modules."""
import modal

image = (
    modal.Image.debian_slim("3.12")
    .add_local_python_source("standin", copy=True)
    .env({"A": "1"})
    .add_local_python_source("alone", "setup_steps")
)
single = modal.Image.debian_slim("3.12").pip_install("six").add_local_python_source("standin")
