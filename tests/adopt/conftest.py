"""The stand-in project of the conformance suite, for adopted code too."""

from tests.conformance.conftest import at_home, context, project, project_folder

__all__ = ["at_home", "context", "project", "project_folder"]
