"""What a file or a project is called -> a name that a spec can have."""

from __future__ import annotations

import re


def named(*candidates: object) -> str:
    """The first text in which something of a name is left, in letters that a file may be called by. What begins with
    `_` would be a part of a spec."""
    for text in candidates:
        if isinstance(text, str) and (name := re.sub(r"[^\w .+-]+", "-", text).strip("-_ .")):
            return re.sub(r"^[^\w]+", "", name)[:80]
    return "image"
