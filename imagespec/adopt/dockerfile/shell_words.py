"""A shell command -> the words of each command of a chain, where quotes and `&&` are all that the shell has to do."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping


class NotUnderstood(Exception):
    """Something that has no counterpart in an install of a spec."""


_REFERENCE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")
_PLAIN = re.compile(r"[\w.:/+=,@~^<>!-]*")


_LONGEST = 20_000
"""Characters; reading words takes the square of them."""


def commands(command: str, variables: Mapping[str, str]) -> Iterator[list[str]]:
    """The words of each command of a chain."""
    if len(command) > _LONGEST:
        raise NotUnderstood
    if "$" in command:
        command = _expanded(command, variables)
    if re.search(r"[`$\n]", command):
        raise NotUnderstood
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    words: list[str] = []
    try:
        for word in lexer:
            if word in ("&&", ";"):
                yield words
                words = []
            elif set(word) <= set("();<>|&") or word.startswith("#"):
                raise NotUnderstood
            else:
                words.append(word)
    except ValueError as error:
        raise NotUnderstood from error
    if words:
        yield words


def _expanded(command: str, variables: Mapping[str, str]) -> str:
    """A command with its variables replaced, where quotes have no say in it."""

    def value(match: re.Match[str]) -> str:
        found = variables.get(match[1] or match[2])
        if found is None or not found or not _PLAIN.fullmatch(found):
            raise NotUnderstood
        return found

    if "'" in command or "\\" in command:
        raise NotUnderstood
    return _REFERENCE.sub(value, command)
