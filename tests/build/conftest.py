"""The stand-in project of the conformance suite, for plans too."""

from tests.conformance.conftest import project_folder

__all__ = ["project_folder"]
