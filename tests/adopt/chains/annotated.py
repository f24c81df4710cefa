"""Annotations, constants with types, type checks."""
from __future__ import annotations

from typing import TYPE_CHECKING, Final

import modal

if TYPE_CHECKING:
    from collections.abc import Sequence

PACKAGES: Final[Sequence[str]] = ("six",)
image: modal.Image = modal.Image.debian_slim("3.12").pip_install(*PACKAGES)
