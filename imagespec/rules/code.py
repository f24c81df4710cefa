"""IS6xx: the code of apps against the image that it runs on: imports."""

from __future__ import annotations

import posixpath
import re
import sys
from collections.abc import Iterable, Iterator

from imagespec.code.facts import Trouble
from imagespec.code.finder import in_tree
from imagespec.code.packages import GIVEN, STANDARD, given
from imagespec.code.reach import Reach, Wanted
from imagespec.code.tree import HOME, Tree
from imagespec.code.view import view
from imagespec.diagnostic import Add, Edit, Span
from imagespec.image.layers import Image, Installed, Place
from imagespec.lock.modules import packages_for
from imagespec.rules import paths, start
from imagespec.rules.needs import may_bring
from imagespec.rules.rule import Finding, Rule, rule
from imagespec.rules.sources import source_for


@rule("IS601", "error", fixable=True)
def missing_module(image: Image) -> Iterable[Finding]:
    """A module of the project that the code imports and the image does not hold.

    It is on this machine, so the app starts; in the container the import fails, after the build and the start of a GPU.
    Modal ships the file of an app and nothing else of its folder, unless it is run with `modal run -m`. Imports inside
    functions and in `try` are followed too, and so is what `python -m` starts. A module in a folder that is not on
    `sys.path` is as good as missing.

    An app counts as run with `-m` where it says so itself, in its docstring or a comment (`modal run -m package.app`),
    where a `Makefile`, a `justfile`, the `README.md` or a shell script of the root or of `scripts/` does, or where it
    has relative imports. Any other is taken to be run by its path.

    Use instead: the module under `source`: `- package: NAME`.
    """
    for reach in view(image).reaches:
        if reach.app.without_source is not None and reach.app.remote not in reach.tree.files:
            span = reach.app.facts.span(reach.app.without_source)
            added = source_for(reach.app.path.stem, reach.app.path, image, reach.tree)
            yield Finding(span, f"`{reach.app.path.name}` itself is not in the image", added.hint, **added.mending)
        if reach.unseen_code:
            continue
        for wanted in _once(reach.missing):
            if _instead(wanted, reach):
                continue
            if wanted.local is None:
                message = f"there is no module `{wanted.name}`, neither here nor in the image"
                yield Finding(_span(wanted), message)
            elif (folder := reach.tree.folder_of(wanted.name, wanted.local)) is not None:
                message = f"`{wanted.name}` is in the image, in `{folder}`, and not looked for there"
                yield Finding(
                    _span(wanted), message, _by_its_whole_name(wanted, folder), mend=f"env: {{PYTHONPATH: {folder}}}"
                )
            else:
                added = source_for(wanted.name, wanted.local, image, reach.tree)
                hint = added.hint or _as_module(wanted, reach)
                yield Finding(_span(wanted), f"`{wanted.name}` is not in the image", hint, **added.mending)


def _by_its_whole_name(wanted: Wanted, folder: str) -> str:
    """How a module below a folder that is looked in is imported."""
    inside = folder.removeprefix(f"{HOME}/")
    return f"import it as `{inside.replace('/', '.')}.{wanted.name}`" if inside != folder else ""


def _as_module(wanted: Wanted, reach: Reach) -> str:
    """The other way in which a package of the app itself gets there."""
    own = _top(wanted) == reach.app.dotted.partition(".")[0] and not reach.app.module
    return f"`modal run -m {reach.app.dotted}` ships it; `modal run` of the file does not" if own else ""


@rule("IS602", "error")
def missing_package(image: Image) -> Iterable[Finding]:
    """An import that none of the image's packages brings.

    The lock fixes every package of the image, and its wheels tell which modules they bring. Where the code installs
    packages itself while it runs, nothing is said.

    Use instead: the package under `python`, and `imagespec lock`. Where the code can do without it, an import in
    `try: … except ImportError:` says so.
    """
    if _known_whole(image):
        for wanted in _unknown(image):
            yield _lacking(_span(wanted), wanted)


@rule("IS603", "note")
def unknown_package(image: Image) -> Iterable[Finding]:
    """An import that no package which the spec names is known to bring, nor any that these need.

    Without a lock, nobody can tell for sure. Where one of the packages is not well known, or takes extras, nothing is
    said: it may need any other.

    Use instead: the package under `python`, with its version; `imagespec lock` then tells for sure.
    """
    if not image.apps or image.complete or image.unfinished or view(image).packages.unseen:
        return
    if not view(image).tree.open:
        for wanted in _unknown(image):
            if may_bring(image, wanted.name):
                continue
            finding = _lacking(_span(wanted), wanted)
            message = f"no package named here is known to bring `{_top(wanted)}`"
            yield Finding(finding.place, message, "`imagespec lock` tells for sure", mend=finding.mend)


def _known_whole(image: Image) -> bool:
    """Whether there are no packages but those that are known."""
    return image.complete and not view(image).packages.unseen


def _unknown(image: Image) -> Iterator[Wanted]:
    """Imports that nothing is known to bring, and nothing around them expects to fail."""
    seen = view(image)
    for reach in seen.reaches:
        if reach.unseen_packages:
            continue
        for wanted in _once(reach.unknown):
            tried = wanted.where.guard is not None or wanted.where.handles is not None
            if not tried and not wanted.where.condition and not seen.packages.perhaps(wanted.name):
                yield wanted


def _lacking(place: Place, wanted: Wanted) -> Finding:
    name = _top(wanted)
    package = packages_for(wanted.name) or name.replace("_", "-").lower()
    return Finding(place, f"no package of the image brings `{name}`", mend=f"python: {{packages: [{package}==…]}}")


def _top(wanted: Wanted) -> str:
    return wanted.name.partition(".")[0]


@rule("IS604", "warning", fixable=True)
def only_needed_by_others(image: Image) -> Iterable[Finding]:
    """An import of a package that is there only because another one needs it.

    The next version of that other package may no longer need it, or need another version.

    Use instead: the package under `python`, with the version that the lock has.
    """
    listed = any(
        isinstance(each.place, tuple) and each.place[:2] == ("python", "packages") for each in image.installed.values()
    )
    for reach in view(image).reaches:
        said: set[tuple[str, str]] = set()
        for wanted in reach.packages:
            named = any(each.place is not None for each in wanted.by)
            expected = wanted.where.guard is not None or wanted.where.condition
            if wanted.by and not named and not expected and (wanted.module.remote, _top(wanted)) not in said:
                said.add((wanted.module.remote, _top(wanted)))
                yield _transitive(image, wanted, wanted.by[0], listed)


def _transitive(image: Image, wanted: Wanted, package: Installed, listed: bool) -> Finding:
    others = sorted(each.name for each in image.installed.values() if package.name in each.needs)
    why = f"only because `{others[0]}` needs it" if others else "only because another package needs it"
    pin = f"{package.name}=={package.version}" if package.version else package.name
    fix: tuple[Edit, ...] = (Add(("python", "packages"), pin),) if listed and package.version else ()
    message = f"`{_top(wanted)}` is in the image {why}"
    return Finding(_span(wanted), message, fix=fix, mend=f"python: {{packages: [{pin}]}}")


@rule("IS609", "warning")
def hidden_failure(image: Image) -> Iterable[Finding]:
    """A `try` that goes on where a module of the project itself is missing.

    The module is part of the project: where it is missing, the image is wrong. What stands in for it, an empty class or
    `None`, fails later, somewhere else, and with another message.

    Use instead: the import without `try`; `check` says whether the image holds the module.
    """
    for reach in view(image).reaches:
        said: set[tuple[str, int]] = set()
        for wanted in (*reach.missing, *reach.first_party):
            guard = wanted.where.guard
            if guard is None or (wanted.module.remote, guard) in said or _has_other(wanted, reach):
                continue
            if _is_own_package(wanted, reach):
                continue
            said.add((wanted.module.remote, guard))
            tried = wanted.module.facts.tries[guard]
            if tried.only_imports and not tried.raises:
                message = f"nobody would notice here that `{wanted.name}` is missing"
                yield Finding(wanted.module.facts.span(tried.at), message, "import it without `try`")


def _is_own_package(wanted: Wanted, reach: Reach) -> bool:
    """Whether a module imports from a package that it is in, which is there then, and none of its modules."""
    around = ".".join(wanted.module.packages)
    if not wanted.names or not f"{around}.".startswith(f"{wanted.name}."):
        return False
    parts = wanted.name.split(".")
    every = (in_tree(reach.tree, [*parts, name], reach.tree.search) for name in wanted.names)
    return all(hit is None or hit.lacking is not None for hit in every)


def _has_other(wanted: Wanted, reach: Reach) -> bool:
    """Whether the handler of its `try` imports another module, wherever that is: here, or in the container."""
    every = (*reach.first_party, *reach.packages, *reach.missing, *reach.unknown)
    return any(each.module is wanted.module and each.where.handles == wanted.where.guard for each in every)


def _instead(wanted: Wanted, reach: Reach) -> bool:
    """Whether a `try` imports one module or another of the project, and one of them is in the image."""
    guard, handles = wanted.where.guard, wanted.where.handles
    others = [each for each in (*reach.first_party, *reach.packages) if each.module is wanted.module]
    return any(
        (guard is not None and each.where.handles == guard) or (handles is not None and each.where.guard == handles)
        for each in others
    )


@rule("IS610", "error")
def unreadable(image: Image) -> Iterable[Finding]:
    """A file of an app that Python cannot read, or a relative import that leads out of its package.

    The container fails where it imports the file, after the build.

    Use instead: what the message says. An app with relative imports is part of a package, and is run with
    `modal run -m package.module`.
    """
    for reach in view(image).reaches:
        for module in reach.modules.values():
            trouble = module.facts.trouble
            if trouble is not None and trouble.certain and not _newer_reads(trouble, image):
                yield Finding(trouble.span, trouble.message, trouble.hint)
        for wanted in _once(reach.beyond):
            if wanted.where.guard is None and wanted.where.handles is None:
                yield _beyond(wanted)


def _newer_reads(trouble: Trouble, image: Image) -> bool:
    """Whether the Python of the image may be newer than this one, and read what this one cannot."""
    series = re.match(r"(\d+)\.(\d+)", image.python)
    return trouble.of_version and (series is None or (int(series[1]), int(series[2])) > sys.version_info[:2])


def _beyond(wanted: Wanted) -> Finding:
    if wanted.module.packages:
        package = ".".join(wanted.module.packages)
        return Finding(_span(wanted), f"`{wanted.name}` leads out of the package `{package}`", "import it by its name")
    what = "a script" if wanted.module.script else "no part of a package"
    message = f"a relative import, and `{wanted.module.path.name}` is {what} in the container"
    return Finding(_span(wanted), message, "import it by its name")


@rule("IS611", "warning")
def shadows_standard_library(image: Image) -> Iterable[Finding]:
    """A module of the project with the name of one of Python's own.

    It comes first on `sys.path`: every package that imports Python's module gets this one, and fails in odd ways.

    Use instead: another name.
    """
    if not image.apps:
        return
    said: set[str] = set()
    for index, reach in enumerate(view(image).reaches):
        for remote, path in reach.tree.files.items():
            folder, _, file = remote.rpartition("/")
            name = file.removesuffix(".py")
            if file == "__init__.py":
                folder, _, name = folder.rpartition("/")
            if folder in reach.tree.search and name in sys.stdlib_module_names and remote.endswith(".py"):
                if remote not in said:
                    said.add(remote)
                    layer = reach.tree.brought.get(remote)
                    place: Place = layer.origin if layer is not None else ("apps", index)
                    yield Finding(place, f"`{path.name}` takes the place of Python's own `{name}`", "rename it")


@rule("IS612", "error")
def no_such_folder_on_path(image: Image) -> Iterable[Finding]:
    """A folder on `sys.path` that the image does not hold.

    Nothing can be imported from it. Paths of the container are those of `to` under `source`; packages land in `/root`.

    Use instead: the folder that the image holds, or none: `/root` is on the path already.
    """
    for reach in view(image).reaches:
        tree = reach.tree
        if tree.open or reach.unseen_code:
            continue
        for edit in reach.edits:
            if not edit.path.startswith("/") or edit.where.condition or edit.where.caught:
                continue
            if edit.remote in tree.folders or paths.mounted(edit.remote, reach) or _may_be_of_base(edit.remote):
                continue
            if paths.made(image, edit.remote, reach):
                continue
            where = min(tree.brought, key=lambda path: path.count("/"), default=None)
            hint, other = "no code but the app itself is in the image", None
            if where is not None:
                hint, other = f"there is code in another, `{_above_packages(where, tree)}`", tree.brought[where].origin
            yield Finding(edit.span, f"there is no folder `{edit.path}` in the image", hint, other=other)


_EMPTY_IN_BASES = frozenset({"home", "media", "mnt", "opt", "root", "srv"})


def _may_be_of_base(path: str) -> bool:
    """Whether a base may have a folder: it has the one above, and something in it."""
    return paths.of_base(path) and (path.split("/")[1] not in _EMPTY_IN_BASES or path.count("/") < 2)


def _above_packages(path: str, tree: Tree) -> str:
    """The folder from which a file of the image could be imported."""
    folder = posixpath.dirname(path)
    while f"{folder}/__init__.py" in tree.files:
        folder = posixpath.dirname(folder)
    return folder


@rule("IS613", "error")
def check_must_fail(image: Image) -> Iterable[Finding]:
    """A module under `checks: {imports: …}` that nothing in the image brings.

    The build would take its time, and the check then fail.

    Use instead: the module by the name that `import` takes, such as `PIL` of `pillow`; or its package under `python`.
    """
    seen = view(image)
    if not image.checks.imports or not _known_whole(image) or seen.tree.code_elsewhere:
        return
    for index, name in enumerate(image.checks.imports):
        top = name.partition(".")[0]
        if top in STANDARD or given(name, GIVEN) or not all(part.isidentifier() for part in name.split(".")):
            continue
        if in_tree(seen.tree, name.split("."), seen.tree.search) is not None:
            continue
        if seen.packages.bringing(name) is None and not seen.packages.perhaps(name):
            package = packages_for(name) or top.replace("_", "-").lower()
            message = f"nothing in the image brings `{name}`"
            yield Finding(("checks", "imports", index), message, mend=f"python: {{packages: [{package}==…]}}")


@rule("IS614", "note")
def not_looked_at(image: Image) -> Iterable[Finding]:
    """A file of an app that was not looked through: it is too large, nested too deeply, or for a newer Python.

    What it imports and reads was not held against the image. Code is read by the Python that runs imagespec: what a
    newer one has learned since, it takes for mistakes.

    Use instead: data in a file of its own, that is no Python; and imagespec on the Python of the image.
    """
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    for reach in view(image).reaches:
        for module in reach.modules.values():
            trouble = module.facts.trouble
            if trouble is None:
                continue
            if not trouble.certain:
                yield Finding(trouble.span, trouble.message, trouble.hint)
            elif _newer_reads(trouble, image):
                hint = "the Python of the image may know more: run imagespec with the same"
                message = trouble.message.replace("is no Python", f"is no Python {here}")
                yield Finding(trouble.span, message, hint)


def _span(wanted: Wanted) -> Span:
    return wanted.module.facts.span(wanted.at)


def _once(every: Iterable[Wanted]) -> Iterator[Wanted]:
    """The first import of each module in each file."""
    said: set[tuple[str, str]] = set()
    for wanted in sorted(every, key=lambda each: (each.module.remote, each.at)):
        if (wanted.module.remote, wanted.name) not in said:
            said.add((wanted.module.remote, wanted.name))
            yield wanted


RULES: tuple[Rule, ...] = (
    missing_module,
    missing_package,
    unknown_package,
    only_needed_by_others,
    *start.RULES,
    *paths.RULES,
    hidden_failure,
    unreadable,
    shadows_standard_library,
    no_such_folder_on_path,
    check_must_fail,
    not_looked_at,
)
