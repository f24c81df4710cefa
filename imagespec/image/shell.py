"""The text of a shell -> its commands.

What a shell would make of it is found without one: quotes, pipes, lists and substitutions are understood, nothing is
expanded, and no text is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

MAX_DEPTH = 5
"""How deep commands inside of others are looked for."""

_BEFORE = frozenset(
    {"sudo", "env", "exec", "time", "nice", "command", "builtin", "nohup", "if", "then", "else", "elif"}
)
_BEFORE |= {"while", "until", "do", "!", "{", "xargs"}
_PLAIN = re.compile(r"[^\\'\"$<>`#\s|&;()]+")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=")


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its words without quotes, what it writes to by `>`, and the texts of its substitutions: `$(…)`,
    `<(…)` and what stands in backquotes."""

    words: tuple[str, ...]
    outputs: tuple[str, ...] = ()
    inner: tuple[str, ...] = ()

    @property
    def program(self) -> str:
        """The name of the program, without its folder, `sudo` and variables; empty where there is none."""
        return self._split[0].rpartition("/")[2]

    @property
    def arguments(self) -> tuple[str, ...]:
        return self._split[1]

    @property
    def programs(self) -> tuple[str, ...]:
        """The program, and `sudo` where it stands before it."""
        program = self.program
        return ("sudo", program) if program != "sudo" and "sudo" in self.words[: _place(self.words)] else (program,)

    @property
    def _split(self) -> tuple[str, tuple[str, ...]]:
        at = _place(self.words)
        return (self.words[at], self.words[at + 1 :]) if at < len(self.words) and self.words[at] else ("", ())

    @property
    def installs(self) -> bool:
        """Whether it is `pip install`, in one of its spellings."""
        words = [word for word in (self.program, *self.arguments) if not word.startswith("-")]
        if re.fullmatch(r"pip[\d.]*", self.program):
            return words[1:2] == ["install"]
        return re.fullmatch(r"uv|python[\d.]*", self.program) is not None and words[1:3] == ["pip", "install"]

    def after(self, *options: str) -> Iterator[str]:
        """The values of some options: `-o x`, `-ox` is not understood, `--output=x` is."""
        for word, following in pairwise((*self.arguments, "")):
            if word in options:
                yield following
            elif word.startswith("--") and word.partition("=")[0] in options:
                yield word.partition("=")[2]


def _place(words: tuple[str, ...]) -> int:
    """The number of the word that is the program; how many there are, where none is."""
    behind = False  # options are those of what stands before the program
    for index, word in enumerate(words):
        if word == "command" and re.fullmatch(r"-p?[vV]", "".join(words[index + 1 : index + 2])):
            return index  # it looks for a program, and runs none
        if word in _BEFORE:
            behind = True
        elif not _ASSIGNMENT.match(word) and not (behind and word.startswith("-")):
            return index
    return len(words)


Pipeline = tuple[Command, ...]


def pipelines(text: str, depth: int = MAX_DEPTH) -> list[Pipeline]:
    """The commands of a text, those that stand in a pipe together; commands inside of others come after them."""
    found = _Reader(text).read()
    for pipeline in list(found) if depth else ():
        for command in pipeline:
            for inner in (*command.inner, *_scripts(command)):
                found += pipelines(inner, depth - 1)
    return found


def _scripts(command: Command) -> Iterator[str]:
    """The text that a shell is given with `-c`."""
    if command.program in ("sh", "bash", "dash", "zsh", "ksh"):
        for word, following in pairwise(command.arguments):
            if re.fullmatch(r"-[a-z]*c", word):
                yield following


@dataclass(slots=True)
class _Reader:
    """Reads a text from its beginning to its end, a character or a quoted stretch at a time."""

    text: str
    at: int = 0
    word: str | None = None
    words: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    inner: list[str] = field(default_factory=list)
    pipeline: list[Command] = field(default_factory=list)
    found: list[Pipeline] = field(default_factory=list)
    redirected: str = ""
    heredocs: list[str] = field(default_factory=list)

    def read(self) -> list[Pipeline]:
        while self.at < len(self.text):
            self._step(self.text[self.at])
        self._end_pipeline()
        return self.found

    def _step(self, c: str) -> None:
        rest = self.text[self.at : self.at + 3]
        if c == "\\":
            if rest[1:2] != "\n":
                self._take(rest[1:2], 0)
            self.at += 2
        elif c == "'":
            end = self._find("'", self.at + 1)
            self._take(self.text[self.at + 1 : end], end + 1 - self.at)
        elif c == '"':
            self._double_quoted()
        elif rest[:2] in ("$(", "<(", ">("):
            self._substitution()
        elif c == "`":
            end = self._find("`", self.at + 1)
            self.inner.append(self.text[self.at + 1 : end])
            self._take(self.text[self.at : end + 1], end + 1 - self.at)
        elif c == "#" and self.word is None:
            self.at = self._find("\n", self.at)
        elif c in " \t\r":
            self._end_word()
            self.at += 1
        elif c in "<>" or rest[:2] == "&>":
            self._redirection()
        elif c == "|" and rest[:2] != "||":
            self._end_command()
            self.at += 2 if rest[:2] == "|&" else 1
        elif c in "|&;()\n":
            self._end_pipeline()
            self.at += 1
            if c == "\n":
                self._skip_heredocs()
        else:
            plain = _PLAIN.match(self.text, self.at)
            self._take(plain[0] if plain else c, len(plain[0]) if plain else 1)

    def _take(self, text: str, length: int) -> None:
        self.word = (self.word or "") + text
        self.at += length

    def _find(self, end: str, start: int) -> int:
        found = self.text.find(end, start)
        return len(self.text) if found < 0 else found

    def _double_quoted(self) -> None:
        self._take("", 1)
        while self.at < len(self.text) and self.text[self.at] != '"':
            if self.text[self.at] == "\\":
                following = self.text[self.at + 1 : self.at + 2]
                self._take(following if following in '"\\$`\n' else "\\" + following, 2)
            elif self.text.startswith("$(", self.at):
                self._substitution()
            elif self.text[self.at] == "`":
                end = self._find("`", self.at + 1)
                self.inner.append(self.text[self.at + 1 : end])
                self._take(self.text[self.at : end + 1], end + 1 - self.at)
            else:
                self._take(self.text[self.at], 1)
        self.at += 1

    def _substitution(self) -> None:
        depth, at, quote = 1, self.at + 2, ""
        while at < len(self.text) and depth:
            c = self.text[at]
            if quote:
                quote = "" if c == quote else quote
            elif c in "'\"":
                quote = c
            else:
                depth += {"(": 1, ")": -1}.get(c, 0)
            at += 1
        self.inner.append(self.text[self.at + 2 : at - (not depth)])
        self._take(self.text[self.at : at], at - self.at)

    def _redirection(self) -> None:
        if self.word is not None and self.word.isdigit():
            self.word = None
        self._end_word()
        operator = re.compile(r"<<<|<<-?|&?>>?|<").match(self.text, self.at)
        assert operator is not None
        self.at = operator.end()
        if self.text.startswith("&", self.at):  # `2>&1`
            self.at += 2
        else:
            self.redirected = operator[0]

    def _end_word(self) -> None:
        if self.word is None:
            return
        word, self.word = self.word, None
        if self.redirected.startswith("<<") and self.redirected != "<<<":
            self.heredocs.append(word)
        elif ">" in self.redirected:
            self.outputs.append(word)
        elif not self.redirected:
            self.words.append(word)
        self.redirected = ""

    def _end_command(self) -> None:
        self._end_word()
        self.redirected = ""
        if self.words or self.inner:
            self.pipeline.append(Command(tuple(self.words), tuple(self.outputs), tuple(self.inner)))
        self.words, self.outputs, self.inner = [], [], []

    def _end_pipeline(self) -> None:
        self._end_command()
        if self.pipeline:
            self.found.append(tuple(self.pipeline))
        self.pipeline = []

    def _skip_heredocs(self) -> None:
        for word in self.heredocs:
            end = re.compile(rf"^\t*{re.escape(word)}[ \t]*$", re.MULTILINE).search(self.text, self.at)
            self.at = end.end() if end else len(self.text)
        self.heredocs = []
