"""The instructions of one chain of stages -> operations, in their order, and what of them cannot be known or kept."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from imagespec.adopt.codes import NO_COUNTERPART, TODO
from imagespec.adopt.context import Context
from imagespec.adopt.draft import Written
from imagespec.adopt.installs import Installs, understood
from imagespec.adopt.instructions import Instruction
from imagespec.adopt.variables import Variables, mentioned
from imagespec.diagnostic import Diagnostic, Span
from imagespec.image.copies import copies
from imagespec.image.files import matcher
from imagespec.spec import operations as ops
from imagespec.spec.operations import AnyOperation

SLIM = """RUN echo 'APT::Install-Recommends "false";' > /etc/apt/apt.conf.d/90-no-recommends"""
"""For the whole image what `--no-install-recommends` is for one command."""
QUIET = "RUN echo 'debconf debconf/frontend select Noninteractive' | debconf-set-selections"
"""For the whole image what `DEBIAN_FRONTEND=noninteractive` is for one command; Modal's own bases do the same."""

_AT_ROOT = re.compile(
    r"(?:docker\.io/)?(?:library/)?(?:python|debian|ubuntu|alpine|buildpack-deps)(?:[:@].*)?|(?:.*/)?nvidia/cuda[:@].*"
)
"""Images whose working directory is `/`."""
_WITHOUT_PYTHON = re.compile(
    r"(?:docker\.io/)?(?:library/)?(?:debian|ubuntu|alpine|busybox)(?:[:@].*)?|(?:.*/)?nvidia/cuda[:@].*"
)
_BRINGS_PYTHON = re.compile(r"python|conda|mamba|\buv\b|pypy", re.IGNORECASE)
_READ_BY_PIP = re.compile(r"(PIP|UV)_\w+|\w+_(?i:proxy)|\w*(FLAGS|CUDA)\w*|MAX_JOBS")
"""Arguments that an installer, or what it builds, reads."""
_ARCHIVE = re.compile(r"\.(tar|tar\.\w+|tgz|tbz2|txz)$")
_TAKES_NO_COMMAND = re.compile(r"(?:.*/)?(?:python[\d.]*|uvicorn|gunicorn|flask|streamlit|gradio|torchrun|node|java)")


@dataclass(slots=True)
class _Install:
    """A `RUN` that was understood: what it installs, the command itself, what stands for it, and whether it is
    run by another user than the base's."""

    installs: Installs
    command: Written
    written: list[Written]
    other_user: bool


@dataclass(slots=True)
class Reading:
    """What has been read so far. `workdir` is `None` where the base alone knows it; `has_command`: this stage has a
    `CMD`; `unknown` are arguments
    without a value that were reported; `slim` says of each install by apt whether it leaves out what is recommended."""

    context: Context
    variables: Variables
    written: list[Written] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)
    workdir: str | None = None
    shell: tuple[str, ...] = ("/bin/sh", "-c")
    has_python: bool = True
    has_command: bool = False
    other_user: bool = False
    apt: list[_Install] = field(default_factory=list)
    slim: set[bool] = field(default_factory=set)

    def take(self, each: Instruction, *, first: bool) -> None:
        """Take in one instruction; `first`: of the stage that stands on an image. Raises `ValueError` on bad words."""
        self.has_python = self.has_python or bool(_BRINGS_PYTHON.search(each.text))
        match each.name:
            case "FROM":
                self.has_command = False
                if first:
                    self._from(each)
            case "ARG":
                for text in each.args:
                    self.variables.declare(text)
            case "ENV":
                self._env(each)
            case "WORKDIR":
                self._workdir(each)
            case "RUN":
                self._run(each)
            case "COPY" | "ADD":
                self._copy(each)
            case "SHELL":
                self.shell = each.args
                self._add(each, ops.Shell(shell_commands=each.args))
            case "ENTRYPOINT" | "CMD":
                self._command(each)
            case "ONBUILD":
                message = "`ONBUILD` would run when Modal builds its own next layer: left out"
                hint = "write the instruction into the spec that needs it"
                self._add(each, None, NO_COUNTERPART.at(each.span, message, hint))
            case _:
                self.other_user = self.other_user or each.name == "USER"
                self._as_written(each)

    def finished(self) -> list[Written]:
        """The operations, with what the base has to prepare for the installs."""
        if not self.has_python:
            message = "this base brings no Python, and Modal needs one to run functions"
            hint = 'in the spec: `base: {registry: {image: …, add_python: "3.12"}}`'
            if isinstance(self.written[0].operation, ops.FromScratch):
                hint = "begin with an image that has one, such as `python:3.12-slim`"
            self._begin_with(self.written[0].operation, NO_COUNTERPART.at(self.written[0].span, message, hint))
        self._prepare_apt()
        return self.written

    # ------------------------------------------------------------------------------------------- small parts

    def _add(self, each: Instruction, operation: AnyOperation | None, *todo: Diagnostic) -> Written:
        named = mentioned(each.text) if each.name != "FROM" else set()
        missing = self.variables.without_value(named)
        missing = [name for name in missing if name not in self.unknown or operation is None]
        self.unknown |= set(missing)
        self.written.append(Written(operation, each.span, (*todo, *(no_value(each.span, name) for name in missing))))
        return self.written[-1]

    def _begin_with(self, base: AnyOperation | None, *todo: Diagnostic) -> None:
        first = self.written[0]
        self.written[0] = replace(first, operation=base, todo=(*first.todo, *todo))

    def _as_written(self, each: Instruction, text: str = "", *todo: Diagnostic) -> None:
        """The instruction itself as a step, after the arguments that it uses."""
        text = text or each.text
        named = set(re.findall(r"\$\{?(\w+)", text))
        in_force = self.variables.arguments_in_force()
        uses = {name: value for name, value in in_force if name in named or each.name == "RUN"}
        files = self._unpacked(each) if each.name == "ADD" else {}
        if each.name == "ADD" and not files and copies([text]) and "://" not in text:
            text = re.sub(r"^ADD\b", "COPY", text, flags=re.IGNORECASE)  # Modal sends the files of a `COPY` alone
        lines = (*(f"ARG {name}={_quoted(value)}" for name, value in uses.items()), text)
        local = bool(copies(lines)) and not files
        found_by_modal = (self.context.folder / ".dockerignore").is_file()
        ignore = self.context.ignore if local and self.context.ignore and not found_by_modal else None
        context = self.context.folder if local else None
        step = ops.DockerfileCommands(
            dockerfile_commands=lines, context_dir=context, context_files=files or None, ignore=ignore
        )
        self._add(each, step, *todo)

    def _unpacked(self, each: Instruction) -> dict[str, Path]:
        """The archives that an `ADD` unpacks, which have to be sent by name."""
        named = {word: self.context.folder / word.lstrip("/") for word in each.args[:-1] if _ARCHIVE.search(word)}
        return (
            {word: path for word, path in named.items() if path.is_file()} if len(named) == len(each.args) - 1 else {}
        )

    # ------------------------------------------------------------------------------------------ instructions

    def _from(self, each: Instruction) -> None:
        image, missing = self.variables.expand(each.args[0], globally=True)
        todo = [no_value(each.span, name) for name in sorted(missing)]
        self.unknown |= missing
        platform = self.variables.expand(each.flag("platform") or "linux/amd64", globally=True)[0]
        if not platform.startswith("linux/amd64"):
            message = f"`{platform}`: Modal builds for linux/amd64 alone"
            todo.append(NO_COUNTERPART.at(each.span, message, "name an image for it"))
        if missing:
            self._add(each, None, *todo)
        else:
            self._add(each, ops.FromScratch() if image == "scratch" else ops.FromRegistry(tag=image), *todo)
        self.workdir = "/" if image == "scratch" or _AT_ROOT.fullmatch(image) else None
        self.has_python = not (image == "scratch" or _WITHOUT_PYTHON.fullmatch(image))

    def _env(self, each: Instruction) -> None:
        """All values see what was set before the instruction, those that it sets itself not yet."""
        pairs = dict(zip(each.args[::2], each.args[1::2], strict=True))
        values = {name: self.variables.expand(raw) for name, raw in pairs.items()}
        plain = {name: value for name, (value, missing) in values.items() if not missing}
        expanding = {name: raw for name, raw in pairs.items() if name not in plain}
        if any(mentioned(raw) & pairs.keys() - {name} for name, raw in expanding.items()):
            self._as_written(each)
        else:
            if plain:
                self._add(each, ops.Env(vars=plain))
            for name, raw in expanding.items():
                self._expanding(each, name, raw)
        self.variables.env = {n: v for n, v in self.variables.env.items() if n not in expanding} | plain

    def _expanding(self, each: Instruction, name: str, raw: str) -> None:
        """A variable that refers to one of the base, which the builder alone knows."""
        if self.variables.without_value(self.variables.expand(raw)[1]):
            self._add(each, None)
            return
        for known, value in self.variables.arguments_in_force():
            if re.fullmatch(r"[\w./:+-]*", value):
                raw = re.sub(rf"\$(?:{known}\b|\{{{known}\}})", value, raw)
        quoted = raw if raw.startswith(('"', "'")) or not re.fullmatch(r"[^\s\"'\\]*", raw) else f'"{raw}"'
        self._as_written(each, f"ENV {name}={quoted}")

    def _workdir(self, each: Instruction) -> None:
        path, missing = self.variables.expand(each.args[0])
        if missing or not (path.startswith("/") or self.workdir):
            self.workdir = None
            self._as_written(each)
            return
        self.workdir = posixpath.normpath(posixpath.join(self.workdir or "/", path))
        self._add(each, ops.Workdir(path=self.workdir))

    def _command(self, each: Instruction) -> None:
        words = each.args if each.as_json else (*self.shell, each.rest) if each.rest else ()
        if each.name == "CMD":
            self._forget(ops.Cmd)
            self._add(each, ops.Cmd(cmd=words))
            self.has_command = True
            return
        self._forget(ops.Entrypoint)
        if not self.has_command:  # a new entrypoint takes the command of what it stands on away
            self._forget(ops.Cmd)
        todo = []
        if words and (not each.as_json or _TAKES_NO_COMMAND.fullmatch(words[0])):
            message = "Modal starts its functions through the entrypoint, and this one does not run what it is given"
            hint = 'let it end in `exec "$@"`, or remove it and start the program in a function'
            todo.append(NO_COUNTERPART.at(each.span, message, hint))
        self._add(each, ops.Entrypoint(entrypoint_commands=words), *todo)

    def _forget(self, kind: type[ops.Operation]) -> None:
        """Leave out what is replaced."""
        self.written[:] = [written for written in self.written if not isinstance(written.operation, kind)]

    def _run(self, each: Instruction) -> None:
        idle = ("--mount=type=cache", "--network=default", "--security=sandbox")
        kept = [flag for flag in each.flags if not flag.startswith(idle)]
        if kept or each.as_json or each.heredocs:
            self._as_written(each, "", *_not_mounted(each, kept))
            return
        env = dict(self.variables.arguments_in_force())
        command = Written(ops.RunCommands(commands=(_close_up(each.rest),), env=env or None), each.span)
        plain_shell = self.shell[0].rpartition("/")[2] in ("sh", "bash", "dash", "ash")
        installs = understood(each.rest, {**env, **self.variables.env}, self._file_at) if plain_shell else None
        if installs is None:
            if re.search(r"\bapt(-get)?\s.*\binstall\b", each.rest):
                self.slim.add("--no-install-recommends" in each.rest)
            self._add(each, command.operation)
            return
        quiet = {**env, **self.variables.env}.get("DEBIAN_FRONTEND") == "noninteractive"
        given = {name: value for name, value in env.items() if _READ_BY_PIP.fullmatch(name)}
        added = [self._add(each, _with_env(operation, given)) for operation in installs.operations]
        if any(isinstance(op, ops.AptInstall) for op in installs.operations):
            self.slim.add(installs.slim)
            self.apt.append(_Install(replace(installs, quiet=installs.quiet or quiet), command, added, self.other_user))

    def _file_at(self, name: str) -> Path | None:
        """The file of this machine that was copied to a path of the image, and that no command has touched since."""
        if not name.startswith("/") and self.workdir is None:
            return None
        place = posixpath.normpath(posixpath.join(self.workdir or "/", name))
        for each in reversed(self.written):
            match each.operation:
                case ops.AddLocalFile(local_path=path, remote_path=remote) if remote == place:
                    return path
                case ops.AddLocalDir(local_path=path, remote_path=remote) if place.startswith(f"{remote.rstrip('/')}/"):
                    relative = posixpath.relpath(place, remote)
                    ignored = each.operation.ignore and matcher(each.operation.ignore)(Path(relative))
                    if not ignored and (path / relative).is_file():
                        return path / relative
                case ops.RunCommands(commands=commands) if any(posixpath.basename(place) in c for c in commands):
                    return None
                case ops.DockerfileCommands(dockerfile_commands=lines) if any(
                    posixpath.basename(place) in x for x in lines
                ):
                    return None
                case _:
                    pass
        return None

    def _copy(self, each: Instruction) -> None:
        added = list(self._added(each))
        found = [operation for operation in added if operation is not None]
        if not found or len(found) < len(added):
            self._as_written(each)
        else:
            for operation in found:
                self._add(each, operation)

    def _added(self, each: Instruction) -> Iterator[ops.AddLocalFile | ops.AddLocalDir | None]:
        """What each source of a `COPY` adds; `None` where only the builder can say."""
        if each.heredocs or any(not flag.startswith("--link") for flag in each.flags):
            yield None
            return
        words = [self.variables.expand(word) for word in each.args]
        *sources, to = [word for word, _ in words]
        if any(missing for _, missing in words) or not (to.startswith("/") or self.workdir):
            yield None
            return
        place = posixpath.normpath(posixpath.join(self.workdir or "/", to))
        into = to.endswith(("/", "/.")) or to in (".", "..") or len(sources) > 1 or place in self._folders()
        for source in sources:
            unpacked = each.name == "ADD" and _ARCHIVE.search(source)
            yield (
                None
                if "://" in source or source.startswith("git@") or unpacked
                else self.context.added(source, place, into=into)
            )

    def _folders(self) -> set[str]:
        """Paths of the image that are folders."""
        made = {op.path for op in (w.operation for w in self.written) if isinstance(op, ops.Workdir)}
        made |= {op.remote_path for op in (w.operation for w in self.written) if isinstance(op, ops.AddLocalDir)}
        return made | {
            "/",
            "/tmp",
            "/root",
            "/etc",
            "/usr",
            "/opt",
            "/home",
            "/srv",
            "/var",
            "/usr/local/bin",
            "/usr/bin",
            "/bin",
        }

    def _prepare_apt(self) -> None:
        """Options of apt are given to the whole image where all of its installs have them; else they stay commands."""
        base = self.written[0].operation
        if not isinstance(base, ops.FromRegistry):
            return
        as_commands = [each for each in self.apt if each.installs.slim and (self.slim != {True} or each.other_user)]
        for each in as_commands:
            at = next(i for i, written in enumerate(self.written) if written is each.written[0])
            self.written[at : at + len(each.written)] = [each.command]
        kept = [each.installs for each in self.apt if each not in as_commands]
        setup = [SLIM] if any(installs.slim for installs in kept) else []
        if any(installs.quiet for installs in kept):
            setup.append(QUIET)
            self.written[:] = [_without_frontend(each) for each in self.written]
        self._begin_with(replace(base, setup_dockerfile_commands=tuple(setup)))


def _not_mounted(each: Instruction, flags: Sequence[str]) -> Iterator[Diagnostic]:
    """What of the mounts of a `RUN` is not there on Modal."""
    for flag in flags:
        if re.match(r"--mount=type=(secret|ssh)", flag):
            message = f"`{flag}`: Modal gives secrets to a step as variables, not as files"
            yield NO_COUNTERPART.at(each.span, message, "name a Modal secret under `run: {commands, secrets}`")
        elif re.match(r"--mount=(type=bind|(?!type=))", flag) and "from=" not in flag:
            message = f"`{flag}`: Modal sends the files that a `COPY` names, and no others"
            yield NO_COUNTERPART.at(each.span, message, "copy what it mounts, in a step before")


def _with_env(operation: ops.AnyOperation, env: Mapping[str, str]) -> ops.AnyOperation:
    return replace(operation, env=env) if env and isinstance(operation, ops.Build) else operation


def _without_frontend(written: Written) -> Written:
    """A command whose packages ask nothing, now that nothing in the image does."""
    match written.operation:
        case ops.RunCommands(env=env) as operation if env and env.get("DEBIAN_FRONTEND") == "noninteractive":
            if any("DEBIAN_FRONTEND" in command for command in operation.commands):
                return written
            others = {name: value for name, value in env.items() if name != "DEBIAN_FRONTEND"}
            return replace(written, operation=replace(operation, env=others or None))
        case _:
            return written


_SPACES = re.compile(r"""(\\.|"(?:\\.|[^"\\])*"|'[^']*')|[ \t]{2,}""")


def _close_up(command: str) -> str:
    """A command that was continued over lines, without the indentation of these; quoted text stays as it is."""
    return _SPACES.sub(lambda match: match[1] or " ", command).strip()


def no_value(span: Span, name: str) -> Diagnostic:
    """What is to be said of an argument that only a build gives a value."""
    message = f"`{name}` has no default: it is known only when the image is built"
    return TODO.at(span, message, f"give it: --build-arg {name}=VALUE")


def _quoted(value: str) -> str:
    return '"' + re.sub(r'[\\"$]', r"\\\g<0>", value) + '"'
