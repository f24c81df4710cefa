"""Turns real Modal clients into a record of what they send: a Modal that runs inside the test process."""

from .oracle import Oracle

__all__ = ["Oracle"]
