"""Functions in a class."""
import modal


class Images:
    python = "3.12"

    @staticmethod
    def slim(version):
        return modal.Image.debian_slim(version)

    @classmethod
    def train(cls, *packages):
        return cls.slim(cls.python).pip_install(*packages)


image = Images.train("torch", "numpy")
