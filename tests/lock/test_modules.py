"""A package -> its modules, where no lock tells them."""

from __future__ import annotations

import pytest
from packaging.utils import canonicalize_name

from imagespec.image.layers import Installed
from imagespec.lock.modules import INSTEAD_OF, MODULES, modules_of, packages_for


@pytest.mark.parametrize(
    ("package", "modules"),
    [
        ("pillow", ("PIL",)),
        ("scikit-learn", ("sklearn",)),
        ("attrs", ("attr", "attrs")),
        ("protobuf", ("google.protobuf",)),
        ("opencv-python-headless", ("cv2",)),
        ("tensorflow-cpu", ("tensorflow",)),
        ("torch", ("torch",)),
        ("sentence-transformers", ("sentence_transformers",)),
    ],
)
def test_modules_of_a_package(package: str, modules: tuple[str, ...]) -> None:
    assert modules_of(Installed(name=package, version="1.0")) == modules


def test_what_the_wheel_brings_counts() -> None:
    assert modules_of(Installed(name="pillow", version="1.0", imports=("PIL", "_other"))) == ("PIL", "_other")


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("cv2", "opencv-python"),
        ("PIL.Image", "pillow"),
        ("attr", "attrs"),
        ("google.protobuf.message", "protobuf"),
        ("google.cloud.storage", "google-cloud-storage"),
        ("google.cloud", None),
        ("google", None),
        ("torch", None),
        ("tensorflow", None),
    ],
)
def test_the_package_of_a_module(module: str, package: str | None) -> None:
    assert packages_for(module) == package


def test_the_table_says_only_what_names_do_not() -> None:
    for package, modules in MODULES.items():
        assert canonicalize_name(package) == package
        assert modules.split() != [package.replace("-", "_")], package
    every = [module for modules in MODULES.values() for module in modules.split()]
    assert len(every) == len(set(every))
    assert all(canonicalize_name(package) == package and package not in MODULES for package in INSTEAD_OF)
