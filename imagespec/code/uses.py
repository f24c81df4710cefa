"""An expression of Python -> what it uses of the image: files that it reads, commands that it starts, modules by name.

Known callables only: what any other makes of a text is not known.
"""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from imagespec.code.literals import UNKNOWN, Names, dotted, known, last_name, text_of, words_of


@dataclass(frozen=True, slots=True)
class Read:
    """A file or a folder that is read."""

    path: str


@dataclass(frozen=True, slots=True)
class Looked:
    """A file or a folder of which it is asked whether it is there."""

    path: str


@dataclass(frozen=True, slots=True)
class OnPath:
    """A folder that is put on `sys.path`."""

    path: str


@dataclass(frozen=True, slots=True)
class Run:
    """A command, as words or as text for a shell. `cwd` is where it runs, `None` where nothing says."""

    words: tuple[str, ...] = ()
    shell: str = ""
    cwd: str | None = None


@dataclass(frozen=True, slots=True)
class ByName:
    """A module that is imported by its name."""

    module: str


Use: TypeAlias = Read | Looked | OnPath | Run | ByName

_SUBPROCESS = frozenset({"run", "call", "check_call", "check_output", "Popen"})
_SHELLS = frozenset({"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"})
_EXEC = frozenset({"os.execvp", "os.execv", "os.execvpe", "os.execve"})
_EXEC_LIST = frozenset({"os.execlp", "os.execl", "asyncio.create_subprocess_exec", "create_subprocess_exec"})

_READERS = frozenset(
    {
        *("os.listdir", "os.scandir", "os.walk", "os.stat", "listdir", "glob.glob", "glob.iglob", "Image.open"),
        *("gzip.open", "tarfile.open", "zipfile.ZipFile", "ZipFile", "np.load", "np.loadtxt", "numpy.load"),
        *("torch.load", "pd.read_csv", "pd.read_parquet", "pd.read_json", "pd.read_excel", "pandas.read_csv"),
        *("cv2.imread", "ImageFolder", "DatasetFolder", "datasets.ImageFolder", "datasets.DatasetFolder"),
        *("torchvision.datasets.ImageFolder", "load_from_disk", "OmegaConf.load", "load_file", "joblib.load"),
        *("safetensors.torch.load_file", "shutil.copy", "shutil.copyfile", "shutil.copy2", "shutil.copytree"),
        *("StaticFiles", "Jinja2Templates", "pq.read_table", "pl.read_csv", "pl.read_parquet"),
    }
)
_METHODS = frozenset({"read_text", "read_bytes", "iterdir", "glob", "rglob"})
_LOOKS = frozenset({"os.path.exists", "os.path.isfile", "os.path.isdir", "exists", "isfile", "isdir", "os.access"})
_LOOKING = frozenset({"exists", "is_file", "is_dir"})
_PYTHON = ("python", "python3", "torchrun")


def uses_in(node: ast.expr, names: Names, text: str) -> Iterator[tuple[Use, ast.expr, bool]]:
    """Every use in an expression, with the part of it that says so, and whether that is under a condition. `text` is
    the file."""
    in_calls: set[ast.AST] = set()
    for each, maybe in _parts(node):
        if isinstance(each, ast.Call):
            use = _of_call(each, names, text)
            if use is not None:
                yield use, each.args[0] if each.args and not isinstance(use, Read) else each, maybe
                in_calls.update(each.args)
            yield from ((use, each, maybe) for use in _added(each, names))
        elif isinstance(each, ast.List) and each not in in_calls and len(each.elts) > 1:
            words = words_of(each, names)  # a command that is put together first, and started elsewhere
            if words and words[0] in _PYTHON:
                yield Run(tuple(words)), each, maybe


def _parts(node: ast.expr) -> Iterator[tuple[ast.AST, bool]]:
    """Every part of an expression, the outer ones first, and whether another part decides if it is worked out."""
    waiting: deque[tuple[ast.AST, bool]] = deque([(node, False)])
    while waiting:
        each, maybe = waiting.popleft()
        yield each, maybe
        decided: Sequence[ast.AST] = ()
        if isinstance(each, ast.IfExp):
            decided = (each.body, each.orelse)
        elif isinstance(each, ast.BoolOp):
            decided = each.values[1:]
        waiting.extend((child, maybe or child in decided) for child in ast.iter_child_nodes(each))


def _of_call(node: ast.Call, names: Names, text: str) -> Use | None:
    name = dotted(node.func)
    first = node.args[0] if node.args else None
    tail = last_name(node.func)
    if name in ("importlib.import_module", "import_module", "__import__") and len(node.args) == 1:
        module = known(text_of(first, names))
        return ByName(module) if module else None
    if name.startswith("subprocess.") or (name in _SUBPROCESS and "from subprocess import" in text):
        if tail in _SUBPROCESS:
            return _run(node, names)
    if name in _SHELLS or tail == "create_subprocess_shell":
        said = text_of(first, names)
        return Run(shell=said, cwd=_cwd(node, names)) if said else None
    if name in _EXEC and len(node.args) > 1:
        words = words_of(node.args[1], names)
        return Run(tuple(words)) if words else None
    if name in _EXEC_LIST:
        arguments = node.args[1:] if name.startswith("os.") else node.args
        return Run(tuple(text_of(each, names) or UNKNOWN for each in arguments), cwd=_cwd(node, names))
    if name in _LOOKS or tail in _LOOKING:
        on = node.func.value if isinstance(node.func, ast.Attribute) and name not in _LOOKS else first
        asked = known(text_of(on, names))
        return Looked(asked) if asked else None
    path = known(_read(node, name, names))
    return Read(path) if path else None


def _run(node: ast.Call, names: Names) -> Run | None:
    first = node.args[0] if node.args else _keyword(node, "args")
    if first is None:
        return None
    words = words_of(first, names)
    if words is not None:
        return Run(tuple(words), cwd=_cwd(node, names))
    said = text_of(first, names)
    if said is None:
        return None
    shell = _keyword(node, "shell")
    if isinstance(shell, ast.Constant) and shell.value is True:
        return Run(shell=said, cwd=_cwd(node, names))
    return Run((said,), cwd=_cwd(node, names))


def _cwd(node: ast.Call, names: Names) -> str | None:
    given = _keyword(node, "cwd")
    if given is None or (isinstance(given, ast.Constant) and given.value is None):
        return None
    return text_of(given, names) or UNKNOWN


def _keyword(node: ast.Call, name: str) -> ast.expr | None:
    return next((keyword.value for keyword in node.keywords if keyword.arg == name), None)


def _read(node: ast.Call, name: str, names: Names) -> str | None:
    """The path that a call reads; `None` where it reads none, or may write."""
    if name in ("open", "io.open", "codecs.open"):
        mode = node.args[1] if len(node.args) > 1 else _keyword(node, "mode")
        return text_of(node.args[0], names) if node.args and _reads(mode) else None
    if name in _READERS:
        first = node.args[0] if node.args else _keyword(node, "directory") or _keyword(node, "root")
        return text_of(first, names)
    if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Call | ast.BinOp | ast.Name):
        method = node.func.attr
        if method == "open":
            mode = node.args[0] if node.args else _keyword(node, "mode")
            return _path(node.func.value, names) if _reads(mode) else None
        if method in _METHODS:
            return _path(node.func.value, names)
    return None


def _path(node: ast.expr, names: Names) -> str | None:
    """The text of what can be a path, and not a module such as `glob`."""
    return text_of(node, names)


def _reads(mode: ast.expr | None) -> bool:
    if mode is None:
        return True
    return isinstance(mode, ast.Constant) and isinstance(mode.value, str) and not set(mode.value) & set("wax+")


def _added(node: ast.Call, names: Names) -> Iterator[OnPath]:
    """What `sys.path.insert(0, …)` and its like put on the path."""
    match dotted(node.func), node.args:
        case ("sys.path.insert", [_, value]) | ("sys.path.append", [value]) | ("site.addsitedir", [value]):
            values = [value]
        case ("sys.path.extend", [ast.List(elts=values)]):
            pass
        case _:
            return
    yield from _folders(values, names)


def of_assignment(node: ast.Assign | ast.AugAssign, names: Names) -> Iterator[tuple[Use, ast.expr]]:
    """What `sys.path = […] + sys.path` and `sys.path += […]` put on the path."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    if any(dotted(target) in ("sys.path", "") and "sys.path" in ast.unparse(target) for target in targets):
        for each in ast.walk(node.value):
            if isinstance(each, ast.List):
                yield from ((use, node.value) for use in _folders(each.elts, names))


def _folders(values: list[ast.expr], names: Names) -> Iterator[OnPath]:
    for value in values:
        path = known(text_of(value, names))
        if path is not None:
            yield OnPath(path)
