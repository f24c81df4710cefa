"""Conda packages."""
import modal

image = (
    modal.Image.micromamba("3.11")
    .micromamba_install("numpy=2.1.3", "cudatoolkit=11.8", channels=["conda-forge", "nvidia"])
    .pip_install("six")
)
other = modal.Image.micromamba(python_version="3.12").micromamba_install(spec_file="environment.txt")
