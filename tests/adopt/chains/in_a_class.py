"""An image as an attribute of a class, and constants in another."""
import modal


class Settings:
    python = "3.12"
    packages = ["six", "attrs"]


class Model:
    image = modal.Image.debian_slim(Settings.python).pip_install(*Settings.packages)
