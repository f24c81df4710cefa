"""The file of a lock: what it says is what was locked, or it is refused at the line where it is not."""

from __future__ import annotations

import dataclasses
import os
import stat
from pathlib import Path

import pytest
import yaml

from imagespec.diagnostic import Diagnostic, Source
from imagespec.lock.lockfile import Base, File, Lock, Package, dump, load, parse, path_of, write

LOCK = Lock(
    inputs="a" * 64,
    requirements=("needed==1.0", "other"),
    python="3.12",
    platform="x86_64-manylinux_2_36",
    uv="0.9.10",
    exclude_newer="2026-02-01T00:00:00Z",
    base=Base("repository/name:tag", f"sha256:{'2' * 64}"),
    packages=(
        Package(
            "needed",
            "1.0",
            requires=("other",),
            imports=("needed", "google.needed"),
            files=(
                File("needed-1.0-py3-none-any.whl", 1000, "3" * 64),
                File("needed-1.0.tar.gz", None, "4" * 64),
            ),
        ),
        Package("other", "2.0", marker="sys_platform == 'linux'", source=f"git+https://git.example/o@{'5' * 40}"),
    ),
)

CHANGES = {
    "version: 1\n": "version: 0\n",
    "a" * 64: "b" * 64,
    'python: "3.12"': 'python: "3.11"',
    "manylinux_2_36": "manylinux_2_28",
    'uv: "0.9.10"': 'uv: "0.9.9"',
    "2026-02-01": "2026-03-01",
    "repository/name:tag": "repository/name:other",
    "2" * 64: "0" * 64,
    "needed==1.0": "needed==1.1",
    'name: "needed"': 'name: "needless"',
    'version: "1.0"': 'version: "1.1"',
    'requires: ["other"]': "requires: []",
    'imports: ["needed", ': "imports: [",
    "3" * 64: "3" * 63 + "4",
    " 1000 ": " 1001 ",
    "needed-1.0-py3-none-any.whl": "needed-1.0-py3-none-win32.whl",
    "'linux'": "'win32'",
    "git.example": "git2.example",
    "5" * 40: "6" * 40,
}
"""Every field of the file, each with another value."""


def parsed(text: str) -> Lock | Diagnostic:
    return parse(Source(Path("specs/one.lock.yaml"), text))


def refused(text: str) -> Diagnostic:
    found = parsed(text)
    assert isinstance(found, Diagnostic)
    return found


def test_written_and_read() -> None:
    text = dump(LOCK)
    assert parsed(text) == LOCK
    assert dump(LOCK) == text
    least = dataclasses.replace(LOCK, exclude_newer="", base=None, packages=(), requirements=())
    assert parsed(dump(least)) == least


def test_a_lock_without_imports_holds() -> None:
    """They are optional: where nothing is known of them, the lock is what it was before there were any."""
    package = Package("other", "2.0", requires=("needed",), files=(File("other-2.0.tar.gz", None, "4" * 64),))
    assert package.digest == "13383cff2914a48f"
    assert package.digest != dataclasses.replace(package, imports=("other",)).digest
    assert "imports" not in dump(dataclasses.replace(LOCK, packages=(package,)))


def test_every_field_is_tried() -> None:
    """Whoever adds a field to a lock adds it to `CHANGES`."""

    def fields(value: object, at: str = "") -> set[str]:
        if isinstance(value, dict):
            return {each for key, inner in value.items() for each in fields(inner, f"{at}.{key}")}
        if isinstance(value, list):
            return {each for inner in value for each in fields(inner, f"{at}[]")}
        return {at}

    text = dump(LOCK)
    touched = set()
    before = yaml.safe_load(text)
    for old, new in CHANGES.items():
        after = yaml.safe_load(text.replace(old, new, 1))
        touched |= {at for at in fields(before) | fields(after) if _at(before, at) != _at(after, at)}
    digests = {".digest", ".packages[].digest"}
    assert fields(before) - digests <= touched


def _at(value: object, route: str) -> object:
    """Everything at a route, through lists."""
    values = [value]
    for step in route.replace("[]", ".[]").split(".")[1:]:
        if step == "[]":
            values = [inner for each in values if isinstance(each, list) for inner in each]
        else:
            values = [each.get(step) for each in values if isinstance(each, dict)]
    return values


@pytest.mark.parametrize("old", CHANGES)
def test_an_edited_field(old: str) -> None:
    text = dump(LOCK)
    assert old in text
    found = refused(text.replace(old, CHANGES[old], 1))
    assert (found.code, found.severity) == ("IS404", "error")


@pytest.mark.parametrize("field", ["name", "version", "marker", "source", "requires", "imports", "files", "digest"])
def test_what_is_said_of_a_package_is_refused_at_it(field: str) -> None:
    other = yaml.safe_load(dump(LOCK))["packages"][0]
    values = {**other, "marker": "x", "source": "y", "name": "z", "version": "9", "requires": [], "digest": "0" * 16}
    values |= {"files": values["files"][:1], "imports": []}
    written = yaml.safe_load(dump(LOCK))
    written["packages"][0][field] = values[field]
    found = refused(yaml.safe_dump(written, sort_keys=False))
    assert found.code == "IS404"
    assert found.message.startswith("the lock was edited by hand: what it says of ")


def test_the_digest_of_the_whole() -> None:
    """Every package is as it was, and yet one is missing; or they have changed places."""
    written = yaml.safe_load(dump(LOCK))
    for packages in (written["packages"][:1], written["packages"][::-1]):
        found = refused(yaml.safe_dump({**written, "packages": packages}, sort_keys=False))
        assert (found.code, found.message) == (
            "IS404",
            "the lock was edited by hand: its head or its list of packages is not what was locked",
        )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('uv: "0.9.10"\n', "", "`uv` is not as imagespec writes it"),
        ('uv: "0.9.10"\n', 'uv: "0.9.10"\nmore: 1\n', "`more` is not as imagespec writes it"),
        ('python: "3.12"', "python: 3.12", "`python` is not as imagespec writes it"),
        ("3" * 64, "3" * 63, "`packages.0.files.0` is not as imagespec writes it"),
        (" needed-1.0-py3", " ../needed-1.0-py3", "`packages.0.files.0` is not as imagespec writes it"),
        ("sha256:22", "md5:22", "`base.digest` is not as imagespec writes it"),
    ],
)
def test_what_imagespec_never_writes(old: str, new: str, said: str) -> None:
    found = refused(dump(LOCK).replace(old, new, 1))
    assert (found.code, found.message) == ("IS404", f"the lock was edited by hand: {said}")


def test_a_merge_conflict() -> None:
    ours, theirs = dump(LOCK), dump(dataclasses.replace(LOCK, uv="0.9.11"))
    line = next(i for i, (a, b) in enumerate(zip(ours.splitlines(), theirs.splitlines(), strict=True)) if a != b)
    a, b = ours.splitlines(), theirs.splitlines()
    merged = [*a[:line], "<<<<<<< HEAD", a[line], "=======", b[line], ">>>>>>> other", *a[line + 1 :]]
    found = refused("\n".join(merged))
    assert (found.code, found.message, found.span.line) == (
        "IS403",
        "git left a merge conflict in the lock",
        line + 1,
    )
    assert found.hint == "lock again: imagespec lock writes it anew"


def test_a_later_format() -> None:
    found = refused(dump(LOCK).replace("version: 1\n", "version: 2\nmore: {than: this knows}\n", 1))
    assert (found.code, found.span.line, found.span.column) == ("IS405", 2, 10)
    assert found.message == "the lock has format 2, of a later imagespec; this one reads 1"


DAMAGED = ["", "a: [", "- a list\n", "\t", "a: &a [*a]\n", "? [a]\n: b\n", "a: 2026-99-99", "a: !!binary é", "a: !b c"]


@pytest.mark.parametrize("text", [*DAMAGED, "version: x", "version: [2]", "version: true"])
def test_what_is_no_lock(text: str) -> None:
    assert refused(text).code in ("IS403", "IS404")


def test_any_cut_is_refused() -> None:
    """A lock that was not written to its end is none."""
    text = dump(LOCK)
    for end in range(len(text) - 1):
        assert isinstance(parsed(text[:end]), Diagnostic)


# ------------------------------------------------------------------------------------------------ the file


def test_none_is_there(tmp_path: Path) -> None:
    assert load(path_of(tmp_path / "one.yaml")) is None
    (tmp_path / "one.lock.yaml").symlink_to("nowhere")
    assert isinstance(load(tmp_path / "one.lock.yaml"), Diagnostic)


def test_permissions_and_links_stay(tmp_path: Path) -> None:
    real, link = tmp_path / "real.lock.yaml", tmp_path / "link.lock.yaml"
    mask = os.umask(0o027)
    try:
        write(real, "one")
    finally:
        os.umask(mask)
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    real.chmod(0o600)
    link.symlink_to(real.name)
    write(link, "two")
    assert (real.read_text(), link.is_symlink(), stat.S_IMODE(real.stat().st_mode)) == ("two", True, 0o600)


def test_what_killed_writers_left_is_swept_up(tmp_path: Path) -> None:
    lock = tmp_path / "one.lock.yaml"
    old, recent = tmp_path / ".one.lock.yaml.abcd1234", tmp_path / ".one.lock.yaml.efgh5678"
    other = tmp_path / ".two.lock.yaml.abcd1234"
    for path in (old, recent, other):
        path.write_text("half")
    for path in (old, other):
        os.utime(path, (0, 0))
    write(lock, "whole")
    assert sorted(tmp_path.iterdir()) == sorted([lock, recent, other])


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file or directory"):
        write(tmp_path / "gone" / "one.lock.yaml", "text")
