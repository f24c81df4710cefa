"""Branches of which nobody knows which one is taken -> the one state that holds after each of them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from imagespec.adopt import codes
from imagespec.adopt.draft import Written
from imagespec.adopt.modal.values import Chain, Names, Unknown, Value, too_large
from imagespec.diagnostic import Span

T = TypeVar("T")
Container: TypeAlias = "dict[Any, Value] | list[Value] | set[Value]"
Changes: TypeAlias = dict[int, tuple[Container, Container]]
"""What a branch changed: each container with what it then held, by identity."""

_ABSENT = object()


@dataclass(slots=True)
class State:
    """Remembers what each container held before it was changed, so that a branch can be undone."""

    _open: list[Changes] = field(default_factory=list)

    def touch(self, container: Container) -> None:
        """To be called before a container is changed."""
        if self._open:
            self._open[-1].setdefault(id(container), (container, copy.copy(container)))

    def attempt(self, run: Callable[[], T]) -> tuple[T, Changes]:
        """Run a branch, take back what it changed, and return both its result and its changes."""
        self._open.append({})
        try:
            result = run()
        finally:
            before = self._open.pop()
            after: Changes = {}
            for key, (container, old) in before.items():
                after[key] = container, copy.copy(container)
                _fill(container, old)
        return result, after

    def join(self, branches: Sequence[Changes], span: Span, why: str) -> None:
        """Make what the branches agree on the state."""
        containers = {key: container for changes in branches for key, (container, _) in changes.items()}
        for key, container in containers.items():
            self.touch(container)
            contents = [changes[key][1] if key in changes else container for changes in branches]
            _fill(container, _joined_contents(contents, span, why))


def _fill(container: Any, content: Any) -> None:
    if isinstance(container, list):
        container[:] = content
    else:
        content = copy.copy(content)
        container.clear()
        container.update(content)


def _joined_contents(contents: Sequence[Any], span: Span, why: str) -> Container:
    first = contents[0]
    if isinstance(first, dict):
        keys = dict.fromkeys(key for content in contents for key in content)
        found = {}
        for each in keys:
            key: Any = each
            values = [content.get(key, _ABSENT) for content in contents]
            if isinstance(first, Names):  # what is not set in a branch is not read after it
                values = [value for value in values if value is not _ABSENT]
            elif _ABSENT in values:
                key = Unknown(codes.CONDITION, why, span)
            found[key] = joined(values, span, why)
        return found
    if all(_same(content, first) for content in contents):
        return copy.copy(first)  # type: ignore[no-any-return]
    unknown = Unknown(codes.CONDITION, why, span)
    if isinstance(first, list):
        length = _common(contents, _same)
        return [*first[:length], unknown]
    return {unknown}


def joined(values: Sequence[Value], span: Span, why: str) -> Value:
    """What values have in common: of images, the operations that they begin with."""
    first = values[0]
    if all(_same(value, first) for value in values):
        return first
    unknown = Unknown(codes.CONDITION, why, span)
    chains = [value for value in values if isinstance(value, Chain)]
    if not chains or any(not isinstance(value, Chain | None) for value in values):
        return unknown
    length = _common([chain.written for chain in chains], lambda a, b: a is b or a.operation == b.operation is not None)
    common = chains[0].written[:length]
    if common and common[-1].operation is None and common[-1].span == span:  # said already
        return next((chain for chain in chains if len(chain.written) == length), Chain(common))
    finding = codes.CONDITION.at(span, why, "one spec for each image that there can be; or write what always holds")
    return Chain((*common, Written(None, span, (finding,))))


def _common(contents: Sequence[Sequence[Any]], same: Callable[[Any, Any], bool]) -> int:
    length = 0
    for items in zip(*contents, strict=False):
        if not all(same(item, items[0]) for item in items):
            break
        length += 1
    return length


def _same(one: Value, other: Value) -> bool:
    return one is other or (type(one) is type(other) and not too_large(one) and bool(one == other))
