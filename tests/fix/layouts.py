"""A spec as data -> YAML in one of the many ways in which people write it, and some of their mistakes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml
from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy[Any]], Any]

_TRAPS = re.compile(r"\d+(\.\d+)?|no|yes|on|off")


@dataclass(slots=True)
class Layout:
    """Writes lines; what is left open is drawn. Each comment is a different one."""

    draw: Draw
    comments: int = 0

    def text(self, spec: dict[str, Any]) -> str:
        lines = [*self._above(0), *self._block(spec, 0), *self._above(0)]
        newline = self.draw(st.sampled_from(["\n", "\n", "\r\n"]))
        return str(newline.join(lines) + self.draw(st.sampled_from(["", newline])))

    def _comment(self) -> str:
        self.comments += 1
        return f'# comment {self.comments}, [it\'s] {{a}}: "b"'

    def _above(self, indent: int) -> list[str]:
        kind = self.draw(st.sampled_from(["", "", "", "blank", "comment", "outdented"]))
        if kind == "blank":
            return [""]
        if kind == "comment":
            return [" " * indent + self._comment()]
        return [self._comment()] if kind else []

    def _beside(self) -> str:
        return f"  {self._comment()}" if self.draw(st.integers(0, 4)) == 0 else ""

    def _block(self, value: Any, indent: int) -> list[str]:
        """A map or a list in lines of their own."""
        lines: list[str] = []
        if isinstance(value, dict):
            for key, each in value.items():
                lines += [*self._above(indent), *self._after(f"{' ' * indent}{self._scalar(key, True)}:", each, indent)]
        else:
            for each in value:
                lines += self._above(indent)
                if isinstance(each, dict) and each and self.draw(st.booleans()):
                    first, *rest = self._without_comment_first(each, indent + 2)
                    lines += [f"{' ' * indent}- {first[indent + 2 :]}", *rest]
                else:
                    lines += self._after(f"{' ' * indent}-", each, indent)
        return lines

    def _without_comment_first(self, value: dict[str, Any], indent: int) -> list[str]:
        lines = self._block(value, indent)
        while not lines[0].strip() or lines[0].lstrip().startswith("#"):
            lines = lines[1:]
        return lines

    def _after(self, head: str, value: Any, indent: int) -> list[str]:
        """What stands behind a key or a dash: on the same line, or below."""
        is_block = isinstance(value, dict | list) and value and self.draw(st.booleans())
        if is_block:
            deeper = indent + self.draw(st.sampled_from([2, 4]))
            if isinstance(value, list) and head.endswith(":") and self.draw(st.booleans()):
                deeper = indent
            return [head + self._beside(), *self._block(value, deeper)]
        if isinstance(value, list) and value and self.draw(st.integers(0, 3)) == 0:
            inner = " " * (indent + 4)
            items = [f"{inner}{self._flow(each)}" for each in value]
            ends = [f",{self._beside()}" for _ in items]
            ends[-1] = self.draw(st.sampled_from(["", ","])) + self._beside()
            return [f"{head} [", *(item + end for item, end in zip(items, ends, strict=True)), " " * (indent + 2) + "]"]
        return [f"{head} {self._flow(value)}{self._beside()}"]

    def _flow(self, value: Any) -> str:
        if isinstance(value, dict):
            pairs = (f"{self._scalar(key, True)}: {self._flow(each)}" for key, each in value.items())
            return "{" + ", ".join(pairs) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(map(self._flow, value)) + self.draw(st.sampled_from(["", " "])) + "]"
        return self._scalar(value)

    def _scalar(self, value: Any, key: bool = False) -> str:
        if not isinstance(value, str):
            return yaml.safe_dump(value, width=1 << 20).removesuffix("\n...\n").strip()
        if not key and _TRAPS.fullmatch(value) and self.draw(st.booleans()):
            return value  # forgotten quotes
        if re.fullmatch(r"[A-Za-z/][\w./=-]*", value) and yaml.safe_load(value) == value and self.draw(st.booleans()):
            return value
        if value.isprintable() and self.draw(st.booleans()):
            return "'" + value.replace("'", "''") + "'"
        return yaml.dump(value, default_style='"', width=1 << 20, allow_unicode=True).strip()


MISTAKES = ("trap", "pip", "copy", "useless", "empty", "word", "misspelt")


def mistaken(spec: dict[str, Any], draw: Draw) -> dict[str, Any]:
    """The spec with a few things that `check --fix` mends."""
    for kind in sorted(draw(st.sets(st.sampled_from(MISTAKES), max_size=4)), key=MISTAKES.index):
        match kind:
            case "misspelt" if names := [name for name in ("apt", "python", "source", "checks") if name in spec]:
                name = draw(st.sampled_from(names))
                spec = {f"{key}{key[-1]}" if key == name else key: value for key, value in spec.items()}
            case "trap":
                spec["env"] = {**spec.get("env", {}), "B2": draw(st.sampled_from(["1", "3.10", "no", "off"]))}
            case "pip":
                spec["python"] = {"installer": "pip", "packages": ["six==1.17.0"]}
            case "copy":
                copied = {"file": "notes.txt", "to": "/copied.txt", "copy": True}
                spec["source"] = [*spec.get("source", []), copied]
            case "useless":
                spec["steps"] = [{"apt_install": []}, *spec.get("steps", [])]
            case "empty":
                spec["checks"] = {"commands": ["", "true"]}
            case "word":
                spec["gpus"] = "T4"
            case _:
                pass
    return spec
