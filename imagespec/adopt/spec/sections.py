"""A draft -> the text of a spec: sections where they keep the requests as they are, else steps."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imagespec.adopt import codes
from imagespec.adopt.draft import Draft, Written
from imagespec.adopt.spec import meant, written
from imagespec.adopt.spec.layout import entry, item
from imagespec.adopt.spec.same import alike
from imagespec.adopt.spec.tidy import in_sections, sections
from imagespec.adopt.spec.written import Said, Yaml
from imagespec.diagnostic import Diagnostic, printable, shown
from imagespec.image.layers import plain
from imagespec.image.lower import lower
from imagespec.spec import operations as ops
from imagespec.spec.operations import AnyOperation
from imagespec.spec.parse import parse


@dataclass(frozen=True, slots=True)
class Adopted:
    """The text of a spec, and what its author has to look at."""

    name: str
    text: str
    findings: tuple[Diagnostic, ...]


@dataclass(slots=True)
class _Plan:
    """What a spec will say: its base, its sections in order, its steps, each with the comments above it."""

    base: Any = None
    sections: dict[str, Any] = field(default_factory=dict)
    steps: list[tuple[list[str], Any]] = field(default_factory=list)
    comments: dict[str, list[str]] = field(default_factory=dict)

    def add(self, said: Said, comments: Sequence[str]) -> None:
        if said.key == "env":
            self.sections[said.key] = {**self.sections.get(said.key, {}), **said.value}
        elif said.key in self.sections:
            self.sections[said.key] = [*self.sections[said.key], *said.value]
        else:
            self.sections[said.key] = said.value
        self.comments.setdefault(said.key, []).extend(comments)


def adopted(draft: Draft, folder: Path, *, tidy: bool = False) -> Adopted:
    """The spec of a draft, as it will stand in a folder.

    What it lowers to is compared with the draft. With `tidy`, all goes into sections that can, and what is requested
    differently then is said; a draft of what is no code is put in order as it is read.
    """
    root = Path(os.path.abspath(draft.root))
    plan = _tidied_plan(draft, root) if tidy and draft.exact else _plan(draft, root)
    findings = [*draft.findings(), *_differences(draft, plan, root, tidy=tidy)]
    return Adopted(draft.name, _text(draft, plan, root, folder), tuple(findings))


# ------------------------------------------------------------------------------- sections, while they fit


def _plan(draft: Draft, root: Path) -> _Plan:
    plan = _Plan()
    rest = list(_with_base(draft, plan, root))
    after = _suffix(rest, root, exact=draft.exact)
    rest = rest[: len(rest) - len(after)]
    stage = 0
    several = ("function",) if draft.exact else ("function", "env")
    while rest and (said := _fitting(rest[0], root, plan.sections, exact=draft.exact)) is not None:
        if not (stage <= said.stage < _STEPS and (said.key not in plan.sections or said.key in several)):
            break
        stage = said.stage
        plan.add(said, _todo(rest.pop(0)))
    _add_steps(plan, rest, root, say=written.step if draft.exact else meant.step)
    for one, said in after:
        plan.add(said, _todo(one))
    return plan


_STEPS = written.STAGES.index("steps")


def _with_base(draft: Draft, plan: _Plan, root: Path) -> Sequence[Written]:
    """Takes the base off."""
    if not draft.operations:
        return ()
    first, *rest = draft.operations
    if first.operation is not None and not isinstance(first.operation, tuple(ops.BASES.values())):
        return draft.operations
    if first.operation is not None:
        plan.base = written.base(first.operation, root)
    plan.comments["base"] = _todo(first)
    return rest


def _suffix(rest: Sequence[Written], root: Path, *, exact: bool) -> list[tuple[Written, Said]]:
    """What can stand in the sections that come after the steps."""
    found: list[tuple[Written, Said]] = []
    stage, sharing = len(written.STAGES), meant.sharing(rest)
    for one in reversed(rest):
        said = None if any(one is other for other in sharing) else _fitting(one, root, {}, exact=exact)
        if said is None or not (_STEPS < said.stage <= stage):
            break
        if said.stage == stage and said.key != "source":
            break
        stage = said.stage
        found.insert(0, (one, said))
    return found


def _fitting(one: Written, root: Path, sections: Mapping[str, Any], *, exact: bool) -> Said | None:
    """The section that says an operation, if it then is sent exactly as it is."""
    if one.operation is None:
        return None
    if not exact:
        return meant.section(one.operation, root, sections.get("env", {}))
    said = written.section(one.operation, root)
    if said is None:
        return None
    lowered = _lowered({"base": _ANY_BASE, said.key: said.value}, root)
    return said if len(lowered) == 2 and alike(lowered[1], one.operation) else None


_ANY_BASE = {"debian_slim": "3.12"}


def _add_steps(plan: _Plan, rest: Sequence[Written], root: Path, *, say: Callable[[AnyOperation, Path], Yaml]) -> None:
    waiting: list[str] = []
    for one in rest:
        waiting += _todo(one)
        if one.operation is not None:
            plan.steps.append((waiting, say(one.operation, root)))
            waiting = []
    if waiting:
        plan.steps.append((waiting, None))


def _tidied_plan(draft: Draft, root: Path) -> _Plan:
    """Everything in a section that can be in one."""
    plan = _Plan()
    rest = _with_base(draft, plan, root)
    found = in_sections(rest, root)
    plan.sections = sections(found)
    for one, said in zip(rest, found, strict=True):
        if said is not None:
            plan.comments.setdefault(said.key, []).extend(_todo(one))
    _add_steps(plan, [one for one, said in zip(rest, found, strict=True) if said is None], root, say=written.step)
    return plan


# -------------------------------------------------------------------------------------- what comes of it


def _lowered(spec: dict[str, Any], root: Path) -> list[AnyOperation]:
    """The operations of a spec, by the compiler's own way through a file."""
    with tempfile.TemporaryDirectory(prefix="imagespec-") as folder:
        path = Path(folder, "adopted.yaml")
        text = "".join(entry(key, value) for key, value in ({"root": str(root)} | spec).items())
        path.write_text(text, encoding="utf-8", errors="surrogatepass")
        parsed = parse(path)
        if isinstance(parsed, tuple) or not parsed.whole:
            return []
        return [layer.operation for layer in lower(parsed).layers]


def _spec(plan: _Plan) -> dict[str, Any]:
    spec: dict[str, Any] = {"base": plan.base or _ANY_BASE} | plan.sections
    steps = [step for _, step in plan.steps if step is not None]
    return spec | ({"steps": steps} if steps else {})


def _differences(draft: Draft, plan: _Plan, root: Path, *, tidy: bool) -> Iterator[Diagnostic]:
    """What the spec does not say exactly as the draft does."""
    if not draft.exact:
        return
    lowered = _lowered(_spec(plan), root)
    if plan.base is None:
        lowered = lowered[1:]
    wanted = [one for one in draft.operations if one.operation is not None]
    for index, one in enumerate(wanted):
        assert one.operation is not None
        if index < len(lowered) and alike(lowered[index], one.operation):
            continue
        method = one.operation.method
        if not tidy:
            hint = "compare it by hand: imagespec compile --to python"
            yield codes.NO_COUNTERPART.at(one.span, f"a spec says `{method}` only nearly as it is here", hint)
        elif any(alike(other, one.operation) for other in lowered):
            place = next(i for i, other in enumerate(lowered) if alike(other, one.operation)) + 1
            yield codes.TIDIED.at(one.span, f"`{method}` becomes layer {place} of the image; it was layer {index + 1}")
        else:
            yield codes.TIDIED.at(one.span, f"`{method}` is sent in its canonical form, or together with others")


# --------------------------------------------------------------------------------------------------- text


def _todo(one: Written) -> list[str]:
    return [_comment(finding) for finding in one.todo]


def _comment(finding: Diagnostic) -> str:
    place = f"{shown(finding.span.source.path)}:{finding.span.line}"
    return f"# TODO {printable(place)}: {printable(finding.message)}\n"


def _text(draft: Draft, plan: _Plan, root: Path, folder: Path) -> str:
    parts = [_origin(draft), *(_comment(finding) for finding in draft.todo)]
    if root != Path(os.path.abspath(folder)):
        parts.append(entry("root", Path(os.path.relpath(root, folder)).as_posix()))
    parts += plan.comments.get("base", [])
    if plan.base is not None:
        parts.append(entry("base", plan.base))
    for key in written.BEFORE_STEPS:
        parts += _section(plan, key)
    indent = ""
    if any(step is not None for _, step in plan.steps):
        parts.append("steps:\n")
        indent = "  "
    for comments, step in plan.steps:
        parts += [f"{indent}{comment}" for comment in comments]
        if step is not None:
            parts.append(item(step))
    for key in ("source", "entrypoint", "cmd"):
        parts += _section(plan, key)
    if draft.gpus:
        parts.append(entry("gpus", list(draft.gpus)))
    if draft.apps:
        parts.append(entry("apps", [Path(os.path.relpath(app, root)).as_posix() for app in draft.apps]))
    return "".join(parts)


def _origin(draft: Draft) -> str:
    if not draft.operations:
        return ""
    span = draft.operations[-1].span
    return f"# Adopted from {printable(shown(span.source.path))}, line {span.line}.\n"


def _section(plan: _Plan, key: str) -> Iterator[str]:
    yield from plan.comments.get(key, ())
    if key in plan.sections:
        yield entry(key, plain(plan.sections[key]))
