"""What code does to its working directory -> the folder that its relative paths start at."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from imagespec.adopt.modal.branches import State
from imagespec.adopt.modal.values import Names, Unknown, Value


@dataclass(slots=True)
class Where:
    """The working directory while code is followed, which branches may change; `start` is the first one.

    `images` is what the paths of images start at: Modal reads them when the file has been imported, so it is the last
    working directory that there is then, whichever it is where an image is written.
    """

    start: Path
    state: State
    images: Value
    _held: Names = field(init=False)

    def __post_init__(self) -> None:
        self._held = Names({"now": self.start})

    @property
    def now(self) -> Value:
        """The working directory at this place: a path, or `Unknown`."""
        return self._held["now"]

    def change(self, to: Value) -> None:
        """Make another folder the working directory, relative to the present one."""
        start = self.below([to])
        if not isinstance(to, Unknown):
            to = start if isinstance(start, Unknown) else Path(os.path.normpath(os.path.join(start, to)))
        self.state.touch(self._held)
        self._held["now"] = to

    def below(self, paths: Sequence[Value]) -> Value:
        """What paths start at: nobody has to know the working directory where they are absolute."""
        absolute = paths and all(isinstance(path, str | PurePath) and os.path.isabs(path) for path in paths)
        return self.start if absolute else self.now
