"""What uv prints when it fails -> why, in a line and in full, and which requirement it is about."""

from __future__ import annotations

import re
from collections.abc import Sequence

from packaging.requirements import InvalidRequirement, Requirement

_ERROR = ("error", "  ×")
"""How uv's messages begin, the second until 0.8."""

_NO_ANSWER = re.compile(
    "error sending request|Request failed after|dns error|[Cc]onnection (refused|reset)|timed out$|network was disabled"
    "|HTTP status server error"
)


def said(printed: Sequence[str]) -> list[str]:
    """The message, without what was printed before it."""
    start = next((i for i, line in enumerate(printed) if line.startswith(_ERROR)), max(0, len(printed) - 20))
    return [line.rstrip() for line in printed[start:] if line.strip()]


def unreachable(message: Sequence[str]) -> bool:
    """Whether it is the network that failed, and not what was asked for."""
    return any(_NO_ANSWER.search(line) for line in message)


def reason(message: Sequence[str]) -> str:
    """One line of a message: where no index answers the innermost cause, else what the message begins with."""
    if not message:
        return "uv did not say why"
    line = message[0] if message[0].startswith(_ERROR) and not unreachable(message) else message[-1]
    text = re.sub(r"^[\s×╰─▶]*((error|cause|Caused by): )?", "", line).rstrip(":")
    return text[:1].lower() + text[1:]


def trimmed(message: Sequence[str], first: int = 8, last: int = 16) -> list[str]:
    """A long message without its middle."""
    if len(message) <= first + last:
        return list(message)
    return [*message[:first], f"… {len(message) - first - last} lines more …", *message[-last:]]


def culprit(message: Sequence[str], requirements: Sequence[str]) -> int | None:
    """Which of the requirements the message names first."""
    named = _normal("\n".join(message))
    found = []
    for index, text in enumerate(requirements):
        match = re.search(rf"(?<![a-z0-9-]){re.escape(_normal(_project(text)))}(?![a-z0-9-])", named)
        if match:
            found.append((match.start(), index))
    return min(found)[1] if found else None


def _project(text: str) -> str:
    """The name in a requirement; of a repository or an address, the whole."""
    try:
        return Requirement(text).name
    except InvalidRequirement:
        return text.partition(" ")[0].partition("@")[0]


def _normal(text: str) -> str:
    return re.sub(r"[-_.]+", "-", text.lower())
