"""What an engine prints while it builds a Dockerfile -> events, each about one instruction of one layer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from imagespec.image.copies import instructions


@dataclass(frozen=True, slots=True)
class Step:
    """An instruction of a Dockerfile. `stage` and `number`, its place there, count from 1; `FROM` is the first.

    `layer` is the index of the layer of the image that it belongs to.
    """

    layer: int
    stage: int
    number: int
    text: str

    @property
    def word(self) -> str:
        return self.text.split(None, 1)[0].upper()

    @property
    def name(self) -> str:
        """What a `FROM` calls its stage; nothing where it gives no name."""
        words = self.text.split()
        return words[-1].lower() if self.word == "FROM" and words[-2:-1] and words[-2].upper() == "AS" else ""


_HEREDOC = re.compile(r"""<<-?(["']?)(\w+)\1""")


def steps(blocks: Sequence[Sequence[str]]) -> tuple[Step, ...]:
    """The instructions of a Dockerfile, given layer by layer. What stands before the first `FROM` is none."""
    found: list[Step] = []
    for layer, block in enumerate(blocks):
        for _, text in instructions(_without_heredocs(block)):
            if text[:5].upper() == "FROM ":
                found.append(Step(layer, (found[-1].stage if found else 0) + 1, 1, text))
            elif found:
                found.append(Step(layer, found[-1].stage, found[-1].number + 1, text))
    return tuple(found)


def _without_heredocs(block: Sequence[str]) -> list[str]:
    kept: list[str] = []
    ends: list[str] = []
    for line in "\n".join(block).split("\n"):
        if ends:
            if line.strip() == ends[0]:
                ends.pop(0)
            continue
        kept.append(line)
        if re.match(r"\s*(RUN|COPY|ADD)\s", line, re.IGNORECASE):
            ends = [end for _, end in _HEREDOC.findall(line)]
    return kept


Kind: TypeAlias = Literal["began", "cached", "printed", "ended", "failed"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a step, the index of which is given; `None` where it is about no step.

    `text` is the line that was printed or why it failed; for `cached` and `ended` the image that stands now, where the
    engine says so.
    """

    kind: Kind
    step: int | None
    text: str = ""


class Log(Protocol):
    """A reader of one engine's log."""

    def read(self, line: str) -> Iterator[Event]:
        """What a line says, in order."""


_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


class BuildahLog:
    """The log of buildah, and of podman, which builds with the same code.

        STEP 2/4: RUN apt-get update          [1/2] STEP 2/4: … where there are several stages
        …what the command prints, perhaps without an end of line
        --> Using cache 0e20426c0960…         or, where it was built:
        --> 0e20426c096
        COMMIT name

    Written from buildah 1.28; podman 4 and 5 print the same.
    """

    _STEP = re.compile(r"(?:\[(\d+)/\d+\] )?STEP (\d+)/\d+: ")
    _ARROW = re.compile(r"--> (Using cache )?([0-9a-f]{11,64})$")
    _FAILED = re.compile(r'^Error: (?:building at STEP ".*?": )?(.+)$|^error building at STEP ".*?": (.+)$')
    _NOISE = re.compile(
        r"(\[\d+/\d+\] )?COMMIT( |$)|Successfully tagged |[0-9a-f]{64}$|subprocess exited (with status|on)"
        r"|\[Warning\] one or more build args were not"
    )

    def __init__(self, every: Sequence[Step]) -> None:
        self._every = every
        self._places = {(step.stage, step.number): index for index, step in enumerate(every)}
        self._last = max((step.stage for step in every), default=1)
        self._current: int | None = None
        self._running = False

    def read(self, line: str) -> Iterator[Event]:
        """What a command prints last may come after the arrow of its step."""
        line = _ESCAPES.sub("", line).rstrip()
        if (begun := self._begun(line)) is not None:
            yield from self._printed(line[: begun[0].start()])
            if self._running and self._current is not None:
                yield Event("ended", self._current)
            self._current, self._running = begun[1], True
            yield Event("began", self._current)
        elif arrow := self._ARROW.search(line):
            yield from self._printed(line[: arrow.start()])
            if self._running and self._current is not None:
                yield Event("cached" if arrow[1] else "ended", self._current, arrow[2])
                self._running = False
        elif failed := self._FAILED.match(line):
            reason = failed[1] or failed[2]
            exited = re.search(r"exit status \d+$", reason)
            yield Event("failed", self._current, exited[0] if exited else reason)
        elif not self._NOISE.match(line):
            yield from self._printed(line)

    def _begun(self, line: str) -> tuple[re.Match[str], int] | None:
        """The step that a line begins: not any line that looks so, since commands may print what they like."""
        for match in self._STEP.finditer(line):
            index = self._places.get((int(match[1] or self._last), int(match[2])))
            words = line[match.end() :].split(None, 1)
            if index is not None and words and words[0].upper() == self._every[index].word:
                return match, index
        return None

    def _printed(self, text: str) -> Iterator[Event]:
        if text and self._current is not None:
            yield Event("printed", self._current, text)


class BuildKitLog:
    """The log of docker's BuildKit, as `--progress=plain` has it.

        #7 [build 2/4] RUN apt-get update     [2/4] where there is one stage only
        #7 0.312 …what the command prints
        #7 CACHED                             or DONE 1.3s, or ERROR: …
        ERROR: failed to solve: …

    What changes no file (`ENV`, `CMD`, `LABEL` and so on) is not in it, nor in its counts. Written from BuildKit's
    documentation and printed logs.
    """

    _VERTEX = re.compile(r"#(\d+) \[(?:(\S+) )?(?:(\S+) )?\s*(\d+)/(\d+)\] ")
    _ABOUT = re.compile(r"#(\d+) (?:(CACHED)$|(DONE) [\d.]+s$|(ERROR): (.*)|(?:\d+\.\d+ )?(.*))")
    _FAILED = re.compile(r"ERROR: (?:failed to build: )?(?:failed to solve: )?(.+)$")
    _FILES = ("RUN", "COPY", "ADD", "WORKDIR")

    def __init__(self, every: Sequence[Step]) -> None:
        self._steps: dict[str, int] = {}
        self._places: dict[tuple[int, int], int] = {}
        self._stages: dict[str, int] = {}
        self._said = False
        known, number = {"scratch"}, 0
        for index, step in enumerate(every):
            if step.word == "FROM":
                number = 0
                base = next(word for word in [*step.text.split()[1:], "scratch"] if not word.startswith("--"))
                self._stages |= {f"stage-{step.stage - 1}": step.stage, step.name: step.stage}
                if base.lower() in known:
                    continue
                known.add(step.name)
            elif step.word not in self._FILES:
                continue
            number += 1
            self._places[step.stage, number] = index
        self._last = max((step.stage for step in every), default=1)

    def read(self, line: str) -> Iterator[Event]:
        line = _ESCAPES.sub("", line).rstrip()
        if vertex := self._VERTEX.match(line):
            stage = next((self._stages[name] for name in vertex.groups()[2:0:-1] if name in self._stages), self._last)
            index = self._places.get((stage, int(vertex[4])))
            if index is not None and vertex[1] not in self._steps:
                self._steps[vertex[1]] = index
                yield Event("began", index)
        elif about := self._ABOUT.match(line):
            step = self._steps.get(about[1])
            if step is None:
                return
            if about[2] or about[3]:
                yield Event("cached" if about[2] else "ended", step)
            elif about[4]:
                self._said = True
                yield Event("failed", step, about[5])
            elif about[6]:
                yield Event("printed", step, about[6])
        elif not self._said and (failed := self._FAILED.match(line)):
            yield Event("failed", None, failed[1])
