from typing import TYPE_CHECKING

import engine

if TYPE_CHECKING:
    from engine.a import A


def make() -> "A":
    return engine.A()
