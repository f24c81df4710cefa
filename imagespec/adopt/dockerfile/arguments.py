"""The words of a command line -> its options and what is no option."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Arguments:
    """Options by their long names, in their order, each with its value where it takes one; and the rest."""

    options: tuple[tuple[str, str | None], ...]
    positional: tuple[str, ...]

    @classmethod
    def of(
        cls, words: Sequence[str], *, flags: Sequence[str], valued: Sequence[str], short: Mapping[str, str]
    ) -> Arguments | None:
        """Reads words; `None` where one is an option that is not named here, or lacks its value."""
        options: list[tuple[str, str | None]] = []
        positional: list[str] = []
        rest = list(words)
        while rest:
            word = rest.pop(0)
            if not word.startswith("-") or word == "-":
                positional.append(word)
                continue
            name, given, value = word.partition("=")
            if not name.startswith("--") and name[:2] in short:  # `-rfile` is one word
                name, given, value = (word[:2], "=", word[2:]) if len(word) > 2 else (name, given, value)
            name = short.get(name, name)
            if name in valued:
                if not given and not rest:
                    return None
                options.append((name, value if given else rest.pop(0)))
            elif name in flags and not given:
                options.append((name, None))
            else:
                return None
        return cls(tuple(options), tuple(positional))

    def values(self, name: str) -> list[str]:
        """What an option was given, each time."""
        return [value for option, value in self.options if option == name and value is not None]

    def has(self, name: str) -> bool:
        return any(option == name for option, _ in self.options)
