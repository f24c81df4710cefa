"""The shortest."""
import modal

image = modal.Image.debian_slim("3.12").pip_install("numpy==2.1.3")
