"""Settings in an object of a dataclass, with defaults."""
from dataclasses import dataclass

import modal


@dataclass(frozen=True)
class Settings:
    python: str = "3.12"
    cuda: str = "12.4"
    extra: tuple = ("six",)

    def tag(self) -> str:
        return f"nvidia/cuda:{self.cuda}.0-base-ubuntu22.04"


settings = Settings(cuda="12.1")
image = modal.Image.from_registry(settings.tag(), add_python=settings.python).pip_install(*settings.extra)
