"""The stand-in project of the conformance suite, for the emitters too."""

import pytest

from tests.conformance.conftest import context, project, project_folder

__all__ = ["context", "project", "project_folder"]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "buildah: builds for real with buildah; skipped only where it is not installed")
