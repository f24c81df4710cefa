"""An image -> everything that its rules look at together: its tree, its packages, and what each of its apps reaches."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from imagespec.code.app import app_of
from imagespec.code.closure import reach
from imagespec.code.making import Making
from imagespec.code.packages import Packages
from imagespec.code.programs import lacking
from imagespec.code.reach import Reach
from imagespec.code.tree import Tree, tree_of
from imagespec.image.commands import instructions_of
from imagespec.image.layers import Image


@dataclass(eq=False)
class View:
    """What is worked out once for all rules, and only where one asks."""

    image: Image

    @cached_property
    def tree(self) -> Tree:
        return tree_of(self.image)

    @cached_property
    def packages(self) -> Packages:
        return Packages.of(self.image)

    @cached_property
    def reaches(self) -> list[Reach]:
        apps = [app_of(path, self.image) for path in self.image.apps if os.path.isfile(path)]
        return [reach(app, self.tree, self.image.root, self.packages) for app in apps]

    @cached_property
    def making(self) -> Making:
        """What the commands of its build make."""
        every = (each for layer in self.image.layers for each in instructions_of(layer))
        return Making(each.text for each in every if each.word == "RUN")

    @cached_property
    def lacking(self) -> Mapping[str, str]:
        """Programs that the image lacks, with the packages that would bring them."""
        return lacking(self.image)


_LAST: list[View] = []


def view(image: Image) -> View:
    """The view of an image. That of the last one is kept: all rules look at an image, one after the other."""
    if not _LAST or _LAST[0].image is not image:
        _LAST[:] = [View(image)]
    return _LAST[0]
