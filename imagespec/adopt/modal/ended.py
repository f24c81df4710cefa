"""The ways in which a piece of code may end, where nobody knows which branch is taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from imagespec.adopt.modal.values import Value


@dataclass(frozen=True, slots=True)
class Ended:
    """How a piece of code may end: it goes on, returns one of these values, leaves or repeats a loop. One that surely
    raises does none of it."""

    goes_on: bool = True
    returns: tuple[Value, ...] = ()
    leaves: bool = False
    repeats: bool = False

    @property
    def raises(self) -> bool:
        return not (self.goes_on or self.returns or self.leaves or self.repeats)

    @property
    def may_end(self) -> bool:
        return bool(self.returns or self.leaves or self.repeats)


ON = Ended()
RAISED = Ended(goes_on=False)


def either(outcomes: Sequence[Ended]) -> Ended:
    return Ended(
        any(each.goes_on for each in outcomes),
        tuple(value for each in outcomes for value in each.returns),
        any(each.leaves for each in outcomes),
        any(each.repeats for each in outcomes),
    )
