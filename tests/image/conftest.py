"""The stand-in project of the conformance suite, for images too."""

from tests.conformance.conftest import project, project_folder

__all__ = ["project", "project_folder"]
