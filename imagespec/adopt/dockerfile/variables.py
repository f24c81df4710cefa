"""The `ARG`s and `ENV`s of a Dockerfile -> what its words expand to, and what is not known before a build."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

PLATFORM: Mapping[str, str] = {
    f"{of}{part}": value
    for of in ("TARGET", "BUILD")
    for part, value in (("PLATFORM", "linux/amd64"), ("OS", "linux"), ("ARCH", "amd64"), ("VARIANT", ""))
}
"""What an engine sets by itself, on the platform of Modal."""


class _Known(dict[str, str]):
    """Variables that note which of them were asked for and are not there."""

    def __init__(self, known: Mapping[str, str]) -> None:
        super().__init__(known)
        self.missing: set[str] = set()

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        if name not in self:
            self.missing.add(name)
        return super().get(name, default)


_MENTIONED = re.compile(r"\$(?:(\w+)|\{(\w+)\})")


def mentioned(text: str) -> set[str]:
    """The variables that a text refers to, but for those that it has another word for: `${NAME:-word}`."""
    return {match[1] or match[2] for match in _MENTIONED.finditer(text)}


def quoted(value: str) -> str:
    """A text for a Dockerfile, in which nothing is expanded."""
    return '"' + re.sub(r'[\\"$]', r"\\\g<0>", value) + '"'


@dataclass(slots=True)
class Variables:
    """What is set at a place of a Dockerfile.

    `given` are build arguments; `before` those of `ARG` before the first `FROM`. An argument that has no value is
    `None`. Variables of the base are not known.
    """

    escape: str
    given: Mapping[str, str]
    before: dict[str, str | None] = field(default_factory=dict)
    arguments: dict[str, str | None] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)

    def declare(self, text: str, *, globally: bool = False) -> str:
        """Take in `NAME` or `NAME=default` of an `ARG`; the name."""
        name, given, default = text.partition("=")
        value: str | None
        if name in self.given:
            value = self.given[name]
        elif given:
            value = self.expand(default, globally=globally)[0]
        else:
            value = self.before.get(name, PLATFORM.get(name))
        (self.before if globally else self.arguments)[name] = value
        return name

    def expand(self, word: str, *, globally: bool = False) -> tuple[str, set[str]]:
        """A word without its quotes, its variables replaced; and those of them that are not known.

        Raises `ValueError` where the word is malformed.
        """
        from e2b_dockerfile_utils import ShellLex

        scope: Mapping[str, str | None] = {**PLATFORM, **self.before} if globally else {**self.arguments, **self.env}
        known = _Known({name: value for name, value in scope.items() if value is not None})
        text = ShellLex(self.escape, env=known, skip_unset_env=False).process_word(word)
        unset = {name for name, value in scope.items() if value is None}
        return text, {name for name in known.missing if name not in unset or name in mentioned(word)}

    def arguments_in_force(self) -> Iterator[tuple[str, str]]:
        """The arguments that a command sees: a variable of the same name hides one."""
        return ((name, value) for name, value in self.arguments.items() if value is not None and name not in self.env)

    def without_value(self, names: set[str]) -> list[str]:
        """Those arguments that only a build could give a value."""
        return sorted(
            name for name in names if name not in self.env and name in self.arguments and self.arguments[name] is None
        )
