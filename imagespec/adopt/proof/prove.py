"""Adopted specs and the code that they come from -> whether Modal is asked for the same."""

from __future__ import annotations

import difflib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from imagespec.adopt import codes
from imagespec.adopt.draft import Draft
from imagespec.diagnostic import Diagnostic, Source, Span
from imagespec.machine.host import for_commands

PATIENCE = 120.0
"""Seconds that a file may take to be imported, and its images to be loaded."""
_SHOWN, _LONGEST = 12, 500
_PIECE, _KEPT = 4096, 16
"""Of what the code says on standard error: bytes that are read at once, and how many such pieces are kept."""


@dataclass(frozen=True, slots=True)
class Equal:
    """The spec sends exactly what the code sends."""

    requests: int


def prove(drafts: Sequence[Draft], specs: Sequence[Path]) -> list[Equal | Diagnostic]:
    """Ask Modal's client what it would request for the images of code and for the specs, and compare.

    Each Python file is imported, which runs its top level, in a process of its own, and its specs are asked for in
    another one; both in the sandbox that `sandbox.py` describes.
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
        code = _run({"file": file, "made_by": [drafts[i].made_by[1:] for i in indices]})
        adopted = _run({"specs": [os.path.abspath(specs[i]) for i in indices]}) if "images" in code else {}
        for place, index in enumerate(indices):
            found[index] = _judged(drafts[index], specs[index], code, adopted, place)
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


def _judged(draft: Draft, spec: Path, code: dict[str, Any], adopted: dict[str, Any], place: int) -> Equal | Diagnostic:
    if "error" in code:
        return _not_proven(draft, f"importing the code {code['error']}")
    if "error" in adopted:
        return _not_proven(draft, f"asking for `{spec.name}` {adopted['error']}")
    original, sent = code["images"][place], adopted["images"][place]
    if "error" in original:
        return _not_proven(draft, f"Modal does not build it as the code says it: {original['error']}")
    if "error" in sent:
        return _not_proven(draft, f"Modal does not build it as `{spec.name}` says it: {sent['error']}")
    if original == sent:
        return Equal(len(original["requests"]))
    return codes.NOT_EQUAL.at(
        draft.operations[-1].span,
        f"`{spec.name}` does not send what the code sends",
        _first_difference(original["requests"], sent["requests"]),
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
    """What the prover found, or how it ended before it got that far."""
    with tempfile.TemporaryDirectory(prefix="imagespec-proof-") as aside:
        Path(aside, "job.json").write_text(json.dumps(job), encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "imagespec.adopt.proof.prover", aside],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=_environment(aside),
            start_new_session=True,
        )
        assert process.stderr is not None
        said: deque[bytes] = deque(maxlen=_KEPT)
        reader = threading.Thread(target=_follow, args=(process.stderr, said), daemon=True)
        reader.start()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            return {"error": f"had not ended after {PATIENCE:.0f} s"}
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            reader.join()
            process.stderr.close()
        try:
            result: dict[str, Any] = json.loads(Path(aside, "result.json").read_text("utf-8"))
        except (OSError, ValueError):
            text = b"".join(said).decode(errors="replace").strip()
            result = {"error": (text.splitlines() or [f"exit code {process.returncode}"])[-1]}
        return result if "images" in result else {"error": f"ended with {result['error'][:_LONGEST]}"}


def _environment(aside: str) -> dict[str, str]:
    """Variables without secrets, and with a home that is thrown away."""
    package = str(Path(__file__).resolve().parents[2])
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    env = {name: value for name, value in for_commands(os.environ).items() if name in ("PATH", "LANG", "TZ")}
    env |= {"PYTHONPATH": os.pathsep.join([*paths, package]), "PYTHONDONTWRITEBYTECODE": "1"}
    env |= {"PYTHONHASHSEED": "0"}  # what a process makes of a set, another one makes of it too
    return env | {"HOME": aside, "TMPDIR": aside, "XDG_CACHE_HOME": aside}


def _follow(stream: IO[bytes], said: deque[bytes]) -> None:
    """Read to the end, and keep the last."""
    while piece := os.read(stream.fileno(), _PIECE):
        said.append(piece)
