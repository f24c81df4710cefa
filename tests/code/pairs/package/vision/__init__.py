from .models import build
from .version import __version__

__all__ = ["__version__", "build"]
