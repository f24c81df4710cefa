"""Adopted specs and the code that they come from -> whether Modal is asked for the same."""

from __future__ import annotations

import difflib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagespec.adopt import codes
from imagespec.adopt.draft import Draft
from imagespec.diagnostic import Diagnostic, Source, Span
from imagespec.machine.host import for_commands

PATIENCE = 120.0
"""Seconds that a file may take to be imported, and its images to be loaded."""
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Equal:
    """The spec sends exactly what the code sends."""

    requests: int


def prove(drafts: Sequence[Draft], specs: Sequence[Path]) -> list[Equal | Diagnostic]:
    """Import the Python files that the drafts come from, each in a process of its own, and compare the requests.

    The file's top level runs, in the sandbox that `sandbox.py` describes.
    """
    found: dict[int, Equal | Diagnostic] = {}
    files: dict[str, list[int]] = {}
    for index, draft in enumerate(drafts):
        why = _unprovable(draft)
        if why:
            found[index] = _not_proven(draft, why)
        else:
            files.setdefault(str(draft.made_by[0]), []).append(index)
    for file, indices in files.items():
        images = [{"made_by": drafts[i].made_by[1:], "spec": os.path.abspath(specs[i])} for i in indices]
        result = _run({"file": file, "images": images})
        for place, index in enumerate(indices):
            found[index] = _judged(drafts[index], specs[index], result, place)
    return [found[index] for index in range(len(drafts))]


def _unprovable(draft: Draft) -> str:
    if not draft.made_by and draft.operations and draft.operations[0].span.source.path.suffix != ".py":
        return "only Modal code can be"
    if not draft.made_by:
        return "nothing in the code makes this image when it is imported"
    if any(written.todo for written in draft.operations):
        return "parts of it are marked `TODO`"
    return ""


def _not_proven(draft: Draft, why: str) -> Diagnostic:
    span = draft.operations[-1].span if draft.operations else Span(Source(draft.root))
    return codes.NOT_PROVEN.at(span, f"`{draft.name}` is not proven: {why}")


def _judged(draft: Draft, spec: Path, result: dict[str, Any], place: int) -> Equal | Diagnostic:
    if "error" in result:
        return _not_proven(draft, f"importing the code ended with {result['error']}")
    if "error" in result["images"][place]:
        return _not_proven(draft, f"Modal does not build it: {result['images'][place]['error']}")
    original, adopted = (result["images"][place][which] for which in ("original", "adopted"))
    if original == adopted:
        return Equal(len(original))
    return codes.NOT_EQUAL.at(
        draft.operations[-1].span,
        f"`{spec.name}` does not send what the code sends",
        _first_difference(original, adopted),
    )


def _first_difference(original: Sequence[Any], adopted: Sequence[Any]) -> str:
    """A few lines of the first request that differs, or what one of the two does not request at all."""
    for one, other in zip(original, adopted, strict=False):
        if one != other:
            code, spec = (json.dumps(each, indent=1, ensure_ascii=False).splitlines() for each in (one, other))
            lines = list(difflib.unified_diff(code, spec, "code", "spec", lineterm="", n=1))
            return "\n".join([*lines[:_SHOWN], *(["…"] if len(lines) > _SHOWN else [])])
    longer, who = (original, "code") if len(original) > len(adopted) else (adopted, "spec")
    more = longer[min(len(original), len(adopted))]
    what = more.get("image", more)
    return f"only the {who} sends: {json.dumps(what.get('dockerfile_commands', what), ensure_ascii=False)}"


def _run(job: dict[str, Any]) -> dict[str, Any]:
    """What the prover found, or why it did not get that far."""
    with tempfile.TemporaryDirectory(prefix="imagespec-proof-") as aside:
        package = str(Path(__file__).resolve().parents[2])
        paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
        env = {name: value for name, value in for_commands(os.environ).items() if name in ("PATH", "LANG", "TZ")}
        env |= {"PYTHONPATH": os.pathsep.join([*paths, package]), "PYTHONDONTWRITEBYTECODE": "1"}
        env |= {"HOME": aside, "TMPDIR": aside, "XDG_CACHE_HOME": aside}
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "imagespec.adopt.prover"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=env,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        try:
            _, said = process.communicate(json.dumps(job | {"aside": aside}), timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            return {"error": f"no end after {PATIENCE:.0f} s"}
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for stream in (process.stdin, process.stderr):
                if stream is not None:
                    stream.close()
        try:
            result: dict[str, Any] = json.loads(Path(aside, "result.json").read_text("utf-8"))
            return result
        except (OSError, ValueError):
            last = said.strip().splitlines()[-1:] or [f"exit code {process.returncode}"]
            return {"error": last[0]}
