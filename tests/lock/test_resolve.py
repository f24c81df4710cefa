"""What a lock holds: uv's own answers, from an index on loopback."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
from pathlib import Path

import pytest

from imagespec.lock.lockfile import File, Package
from imagespec.machine.interpreter import find_uv
from tests.build.project import SERIES, until
from tests.lock.index import PURE, Index, Served
from tests.lock.workshop import Workshop

LINUX = "manylinux_2_28_x86_64"
ARM_MAC = "macosx_11_0_arm64"


def file_of(served: Served) -> File:
    return File(served.name, served.size, served.sha256)


# ----------------------------------------------------------------------------------------------- what is in it


def test_every_package_with_every_file(workshop: Workshop, index: Index) -> None:
    torch = index.add("torch", "2.5.1", requires=["filelock>=2"], tags=[f"cp311-cp311-{LINUX}"], size=906_000_000)
    filelock = index.add("filelock", "3.0", sdist=True)
    index.add("filelock", "1.0")
    workshop.spec("one", "python: [Torch == 2.5.1]", base='debian_slim: "3.11"')
    assert workshop.lock() == "specs/one.lock.yaml: written, 2 packages\n"
    lock = workshop.locked()
    assert lock.requirements == ("torch==2.5.1",)
    assert (lock.python, lock.platform) == ("3.11", "x86_64-manylinux_2_36")
    assert lock.packages == (
        Package("filelock", "3.0", files=tuple(map(file_of, filelock)), imports=("filelock",)),
        Package("torch", "2.5.1", requires=("filelock",), files=(file_of(torch[0]),), imports=("torch",)),
    )
    assert "127.0.0.1" not in workshop.path("one").read_text()  # no address: an index can move


def test_for_the_python_and_the_platform_of_the_image(workshop: Workshop, index: Index) -> None:
    """Not for those of the machine that the command runs on."""
    index.add("newer", "2.0", python=">=3.13")
    index.add("newer", "1.0")
    tags = [f"cp310-cp310-{LINUX}", f"cp310-cp310-{ARM_MAC}", f"cp312-cp312-{LINUX}", f"cp38-abi3-{LINUX}"]
    index.add("compiled", "1.0", tags=tags)
    index.add("on-musl", "1.0", tags=["py3-none-musllinux_1_2_x86_64"])
    workshop.spec("old", "python: [newer, compiled]", base='debian_slim: "3.10"')
    workshop.spec("new", "python: [newer]", base='debian_slim: "3.13"')
    workshop.spec("musl", "python: [on-musl]", base='registry: "python:3.12-alpine@sha256:' + "a" * 64 + '"')
    workshop.lock()
    assert workshop.versions("old") == {"compiled": "1.0", "newer": "1.0"}
    assert workshop.versions("new") == {"newer": "2.0"}
    assert (workshop.locked("musl").platform, workshop.versions("musl")) == (
        "x86_64-unknown-linux-musl",
        {"on-musl": "1.0"},
    )
    compiled = workshop.locked("old").package("compiled")
    assert compiled is not None
    # the files that Python 3.10 can use, on whatever platform: a local build may run on another
    assert [file.name for file in compiled.files] == [f"compiled-1.0-{tag}.whl" for tag in (tags[1], tags[0], tags[3])]


def test_packages_that_only_another_platform_needs_are_left_out(workshop: Workshop, index: Index) -> None:
    index.add("app", "1.0", requires=["colorama ; sys_platform == 'win32'", "uvloop ; sys_platform == 'linux'"])
    index.add("colorama", "1.0")
    index.add("uvloop", "1.0")
    index.add("backport", "1.0")
    workshop.spec("one", "python: [app, 'backport ; python_version < \"3.9\"']")
    workshop.lock()
    assert workshop.versions() == {"app": "1.0", "uvloop": "1.0"}
    uvloop = workshop.locked().package("uvloop")
    assert uvloop is not None
    assert uvloop.marker == "sys_platform == 'linux'"  # a local build on another platform leaves it out


def test_a_private_index_with_a_login(workshop: Workshop, index: Index) -> None:
    index.add("public", "1.0")
    with Index(login=("alice", "secret")) as private:
        private.add("inside", "1.0", requires=["public"])
        options = f"index_url: {index.url}, extra_index_url: '{private.url_with_login}'"
        workshop.spec("one", f"python: {{packages: [inside], {options}}}")
        workshop.lock()
        assert workshop.versions() == {"inside": "1.0", "public": "1.0"}
        assert "secret" not in workshop.path("one").read_text()


def test_a_login_that_is_missing(workshop: Workshop) -> None:
    with Index(login=("alice", "secret")) as private:
        private.add("inside", "1.0")
        workshop.spec("one", f"python:\n  index_url: {private.url}\n  packages:\n    - inside\n")
        said = workshop.refused()
    assert "error[IS406]: `inside` cannot be locked" in said
    assert "--> specs/one.yaml:6:7" in said
    assert "401 Unauthorized" in said


def test_an_index_that_knows_html_only(workshop: Workshop) -> None:
    with Index(html=True) as old:
        (served,) = old.add("a", "1.0")
        workshop.spec("one", f"python: {{packages: [a], index_url: '{old.url}'}}")
        workshop.lock()
    (package,) = workshop.locked().packages
    assert package.files == (File(served.name, None, served.sha256),)


def test_an_index_that_knows_no_hashes(workshop: Workshop) -> None:
    """uv either fetches the files to know, or says none."""
    with Index(html=True) as old:
        old.hashes = False
        (served,) = old.add("a", "1.0")
        workshop.spec("one", f"python: {{packages: [a], index_url: '{old.url}'}}")
        code, _, err = workshop.run("lock")
    if code == 0:
        (package,) = workshop.locked().packages
        assert package.files == (File(served.name, None, served.sha256),)
    else:
        assert "error[IS406]: the index gives no sha256 of `a-1.0-py3-none-any.whl`, and a lock holds no file" in err
        assert not workshop.path("one").exists()


def test_prereleases(workshop: Workshop, index: Index) -> None:
    index.add("a", "1.0")
    index.add("a", "2.0rc1")
    workshop.spec("final", "python: [a]")
    workshop.spec("early", "python: {packages: [a], prerelease: true}")
    workshop.lock("final")
    workshop.path("final").rename(workshop.folder / "aside")
    workshop.lock("early")
    assert workshop.versions("early") == {"a": "2.0rc1"}
    workshop.path("early").unlink()
    (workshop.folder / "aside").rename(workshop.path("final"))
    assert workshop.versions("final") == {"a": "1.0"}


def test_requirements_files(workshop: Workshop, index: Index) -> None:
    for name in ("plain", "within"):
        index.add(name, "1.0")
        index.add(name, "2.0")
    workshop.file("requirements.txt", "# what is needed\nplain==1.0  # exactly\n")
    workshop.file("extra/options.txt", "--prefer-binary\nwithin<2\n")
    workshop.spec("one", "python: {requirements: [requirements.txt, extra/options.txt]}")
    workshop.lock()
    assert workshop.versions() == {"plain": "1.0", "within": "1.0"}


def test_a_pyproject(workshop: Workshop, index: Index) -> None:
    index.add("a", "1.0", extras={"fast": ["c"]})
    for name in ("b", "c"):
        index.add(name, "1.0")
    text = '[project]\nname = "p"\nversion = "1"\ndependencies = ["a[fast]"]\noptional-dependencies.dev = ["b"]\n'
    workshop.file("pyproject.toml", text)
    workshop.spec("one", "python: {pyproject: {path: pyproject.toml, extras: [dev]}}")
    workshop.lock()
    assert workshop.versions() == {"a": "1.0", "b": "1.0", "c": "1.0"}


def test_a_uv_project(workshop: Workshop, index: Index) -> None:
    """The versions of its own lock, those of a group with it; the project itself is not installed."""
    for name in ("a", "b"):
        index.add(name, "1.0")
    text = f'[project]\nname = "p"\nversion = "1"\nrequires-python = ">={SERIES}"\ndependencies = ["a"]\n'
    workshop.file("app/pyproject.toml", text + '[dependency-groups]\ntrain = ["b"]\n')
    environ = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
    subprocess.run([find_uv(environ), "lock", "--quiet"], cwd=workshop.folder / "app", env=environ, check=True)
    index.add("a", "2.0")
    workshop.spec("one", "python: {project: {path: app, groups: [train]}}")
    workshop.lock()
    assert workshop.versions() == {"a": "1.0", "b": "1.0"}


def test_the_options_of_a_uv_project(workshop: Workshop, index: Index) -> None:
    for name in ("a", "tests"):
        index.add(name, "1.0", uploaded="2026-01-01T00:00:00Z")
        index.add(name, "2.0", uploaded="2026-02-01T00:00:00Z")
    text = f'[project]\nname = "p"\nversion = "1"\nrequires-python = ">={SERIES}"\ndependencies = ["a"]\n'
    workshop.file("app/pyproject.toml", text + '[dependency-groups]\ndev = ["tests"]\n')
    workshop.spec("one", "python: {project: {path: app}}")
    workshop.lock("--exclude-newer", "2026-01-15")
    assert workshop.versions() == {"a": "1.0", "tests": "1.0"}  # as `uv sync` does
    workshop.spec("one", "python:\n  project: {path: app}\n  options: --no-dev\n")
    assert workshop.run("lock", "--check")[0] == 3
    workshop.lock()
    assert workshop.versions() == {"a": "1.0"}
    workshop.spec("one", "python:\n  project: {path: app}\n  options: --no-such\n")
    said = workshop.refused()
    assert "`--no-such` is no option of uv's that says which versions are taken" in said
    assert "--> specs/one.yaml:5:12" in said


def test_a_wheel_by_its_address(workshop: Workshop, index: Index) -> None:
    (served,) = index.add("wheel", "1.0", requires=["a"])
    index.add("a", "1.0")
    address = index.file_url(served)
    workshop.spec("one", f"python: ['wheel @ {address}']")
    workshop.lock()
    package = workshop.locked().package("wheel")
    assert package is not None
    assert (package.version, package.source, package.requires) == ("1.0", address, ("a",))
    assert [(file.name, file.sha256) for file in package.files] == [(served.name, served.sha256)]


def repository(folder: Path) -> tuple[str, str]:
    """A git repository with a package: its address, and the commit."""
    (folder / "gitted").mkdir(parents=True)
    (folder / "gitted" / "__init__.py").write_text("")
    (folder / "backend.py").write_text(
        "import pathlib, zipfile\n"
        "def get_requires_for_build_wheel(config_settings=None): return []\n"
        "def build_wheel(folder, config_settings=None, metadata_directory=None):\n"
        "    name = 'gitted-1.0-py3-none-any.whl'\n"
        "    info = 'gitted-1.0.dist-info'\n"
        "    with zipfile.ZipFile(pathlib.Path(folder, name), 'w') as wheel:\n"
        "        wheel.writestr('gitted/__init__.py', '')\n"
        "        wheel.writestr(info + '/METADATA', 'Metadata-Version: 2.1\\nName: gitted\\nVersion: 1.0\\n')\n"
        "        wheel.writestr(info + '/WHEEL', 'Wheel-Version: 1.0\\nGenerator: t\\nRoot-Is-Purelib: true\\n'\n"
        "                       'Tag: py3-none-any\\n')\n"
        "        wheel.writestr(info + '/RECORD', '')\n"
        "    return name\n"
    )
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["init", "-q", "-b", "main"], ["add", "."], [*who, "commit", "-q", "-m", "one"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True)
    return f"git+{folder.as_uri()}", commit.stdout.strip()


def test_a_git_reference_is_fixed_by_its_commit(workshop: Workshop) -> None:
    address, commit = repository(workshop.folder / "repository")
    workshop.spec("one", f"python: ['gitted @ {address}@main']")
    workshop.lock()
    (package,) = workshop.locked().packages
    assert (package.name, package.version, package.source) == ("gitted", "1.0", f"{address}@{commit}")
    assert package.files == ()


def test_packages_that_come_as_source_only(workshop: Workshop, index: Index) -> None:
    (served,) = index.add("sources", "1.0", tags=(), sdist=True, requires=["a"])
    index.add("a", "1.0")
    workshop.spec("one", "python: [sources]")
    workshop.lock()
    package = workshop.locked().package("sources")
    assert package == Package("sources", "1.0", requires=("a",), files=(file_of(served),))


def test_exclude_newer(workshop: Workshop, index: Index) -> None:
    index.add("a", "1.0", uploaded="2026-01-01T12:00:00Z")
    index.add("a", "2.0", uploaded="2026-01-31T12:00:00Z")
    index.add("a", "3.0", uploaded="2026-02-01T00:00:01Z")
    workshop.spec("one", "python: [a]")
    workshop.lock("--exclude-newer", "2026-01-31")
    assert (workshop.locked().exclude_newer, workshop.versions()) == ("2026-02-01T00:00:00Z", {"a": "2.0"})
    workshop.spec("one", "python: [a, a>0]")
    workshop.lock()  # holds until another date is given
    assert (workshop.locked().exclude_newer, workshop.versions()) == ("2026-02-01T00:00:00Z", {"a": "2.0"})
    workshop.lock("--exclude-newer", "2026-01-15T00:00:00+02:00")
    assert workshop.versions() == {"a": "1.0"}
    workshop.lock("--upgrade")
    assert (workshop.locked().exclude_newer, workshop.versions()) == ("", {"a": "3.0"})


def test_options_are_split_as_a_shell_does(workshop: Workshop, index: Index) -> None:
    index.add("a", "1.0")
    with Index() as other:
        other.add("b", "1.0")
        workshop.spec("one", f"python: {{packages: [a, b], options: '--extra-index-url \"{other.url}\"'}}")
        workshop.lock()
    assert workshop.versions() == {"a": "1.0", "b": "1.0"}


def test_versions_stay_until_they_must_move(workshop: Workshop, index: Index) -> None:
    for name in ("a", "b", "c"):
        index.add(name, "1.0")
    workshop.spec("one", "python: [a, b]")
    workshop.lock()
    for name in ("a", "b", "c"):
        index.add(name, "2.0")
    workshop.spec("one", "python: [a, b>1, c]")
    assert workshop.lock().splitlines()[1:] == ["  b 1.0 -> 2.0", "  c (new) -> 2.0"]
    assert workshop.versions() == {"a": "1.0", "b": "2.0", "c": "2.0"}
    workshop.spec("two", "python: [a]")
    workshop.lock("two")
    assert workshop.versions("two") == {"a": "1.0"}  # as its neighbour: they share the layer


# ------------------------------------------------------------------------------------------------- what fails


SPEC = "python:\n  packages:\n    - fine==1.0\n    - {}\n"
AT = "--> specs/one.yaml:6:7"


@pytest.fixture
def fine(index: Index) -> Index:
    index.add("fine", "1.0")
    index.add("fine", "2.0")
    return index


def test_pins_that_contradict_each_other(workshop: Workshop, fine: Index) -> None:
    fine.add("needs", "1.0", requires=["fine>=2"])
    workshop.spec("one", SPEC.format("fine<3"))
    workshop.lock()
    workshop.spec("one", SPEC.format("needs==1.0"))
    said = workshop.refused()
    assert "cannot be locked: no solution found when resolving dependencies" in said
    assert "fine>=2" in said
    assert AT in said


def test_a_version_that_does_not_exist(workshop: Workshop, fine: Index) -> None:
    fine.add("other", "1.0")
    workshop.spec("one", SPEC.format("other==9.9"))
    said = workshop.refused()
    assert "error[IS406]: `other==9.9` cannot be locked" in said
    assert "there is no version of other==9.9" in said
    assert AT in said


def test_a_package_that_does_not_exist(workshop: Workshop, fine: Index) -> None:
    workshop.spec("one", SPEC.format("misspelt"))
    said = workshop.refused()
    assert "error[IS406]: `misspelt` cannot be locked" in said
    assert "misspelt was not found in the package registry" in said
    assert AT in said


def test_no_wheel_for_the_platform(workshop: Workshop, fine: Index) -> None:
    fine.add("apple", "1.0", tags=[f"py3-none-{ARM_MAC}"])
    workshop.spec("one", SPEC.format("apple"))
    said = workshop.refused()
    assert "error[IS406]: `apple` cannot be locked" in said
    assert "has no wheels with a matching platform tag" in said
    assert AT in said


def test_a_withdrawn_file(workshop: Workshop, fine: Index) -> None:
    fine.add("broken", "1.0", yanked="it eats data")
    fine.add("broken", "0.9")
    workshop.spec("one", SPEC.format("broken==1.0"))
    code, _, err = workshop.run("lock")
    assert code == 0
    assert "warning[IS407]: `broken==1.0` was withdrawn: it eats data" in err
    assert AT in err
    workshop.spec("one", SPEC.format("broken"))  # who does not ask for it does not get it
    workshop.path("one").unlink()
    workshop.lock()
    assert workshop.versions() == {"broken": "0.9", "fine": "1.0"}


def test_an_index_that_fails(workshop: Workshop, fine: Index) -> None:
    workshop.spec("one", SPEC.format("fine<3"))
    workshop.lock()
    fine.add("other", "1.0")
    fine.answers["other"] = 500
    workshop.spec("one", SPEC.format("other"))
    said = workshop.refused()
    assert "error[IS406]: `other` cannot be looked up" in said
    assert "500 Internal Server Error" in said
    assert AT in said


def test_an_index_that_is_not_there(workshop: Workshop, fine: Index) -> None:
    workshop.spec("one", SPEC.format("other"))
    fine.close()
    said = workshop.refused()
    assert "cannot be looked up" in said
    assert "is the network up, and does the index answer? The lock stays as it was" in said
    assert "--> specs/one.yaml:" in said


@pytest.mark.parametrize("reference", ["/srv/local", "local @ file:///srv/local", "/srv/local-1.0-py3-none-any.whl"])
def test_paths_of_this_machine(workshop: Workshop, fine: Index, reference: str) -> None:
    workshop.spec("one", SPEC.format(f'"{reference}"'))
    said = workshop.refused()
    assert f"`{reference}` is a path on this machine, where no image can get it" in said
    assert AT in said


def test_options_that_cannot_be_split(workshop: Workshop, fine: Index) -> None:
    workshop.spec("one", "python:\n  packages: [fine]\n  options: --extra-index-url 'open\n")
    said = workshop.refused()
    assert "the options `--extra-index-url 'open` cannot be split into words: no closing quotation" in said
    assert "--> specs/one.yaml:5:12" in said


def test_options_that_uv_does_not_have(workshop: Workshop, fine: Index) -> None:
    workshop.spec("one", "python:\n  packages: [fine]\n  options: --prefer-binary\n")
    said = workshop.refused()
    assert "`--prefer-binary` is no option of uv's that says which versions are taken" in said
    assert "--> specs/one.yaml:5:12" in said


def test_a_folder_of_the_image_cannot_be_looked_into(workshop: Workshop, fine: Index) -> None:
    workshop.spec("one", "python:\n  packages: [fine]\n  find_links: ./wheels\n")
    said = workshop.refused()
    assert "the folder `./wheels` is looked for in the image, and cannot be looked into from here" in said
    assert "--> specs/one.yaml:5:15" in said


def test_find_links_to_a_page(workshop: Workshop, fine: Index) -> None:
    (served,) = fine.add("linked", "1.0", tags=[PURE])
    page = f"{fine.url}linked/"
    with Index() as empty:
        workshop.spec("one", f"python: {{packages: [linked], find_links: '{page}', index_url: '{empty.url}'}}")
        workshop.lock()
    (package,) = workshop.locked().packages
    assert [file.sha256 for file in package.files] == [hashlib.sha256(served.content).hexdigest()]


def test_a_python_that_is_not_told(workshop: Workshop, fine: Index) -> None:
    workshop.spec("one", "python: [fine]", base='registry: "ubuntu:24.04@sha256:' + "a" * 64 + '"')
    said = workshop.refused()
    assert "error[IS408]: the base does not say which Python it has" in said
    assert "--> specs/one.yaml:2:" in said


def test_an_interrupt_ends_uv(workshop: Workshop, index: Index) -> None:
    index.add("slow", "1.0")
    index.hanging.add("slow")
    workshop.spec("one", "python: [slow]")
    with workshop.start("lock") as process:
        until(lambda: "/simple/slow/" in index.requests, "the question of uv")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert process.stderr is not None
        assert "interrupted; the lock stays as it was" in process.stderr.read()
    assert workshop.lock_files() == {}
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(workshop.folder / "uv-cache") not in running
    assert f"--index-url={index.url}" not in running


def test_comments_of_a_uv_project_are_nothing(workshop: Workshop, index: Index) -> None:
    index.add("six", "1.0")
    workshop.file("app/pyproject.toml", '[project]\nname = "app"\nversion = "1"\ndependencies = ["six==1.0"]\n')
    workshop.spec("one", "python: {project: {path: app}}")
    workshop.lock()
    text = (workshop.folder / "app" / "pyproject.toml").read_text()
    workshop.file("app/pyproject.toml", text.replace('"1"', '"2"') + "# why\n")
    assert workshop.run("lock", "--check")[0] == 0
    workshop.file("app/pyproject.toml", text.replace("six==1.0", "six>=1.0"))
    assert workshop.run("lock", "--check")[0] == 3


def test_what_a_uv_project_fixes_is_moved_there(workshop: Workshop, index: Index) -> None:
    index.add("six", "1.0")
    index.add("six", "2.0")
    workshop.file("app/pyproject.toml", '[project]\nname = "app"\nversion = "1"\ndependencies = ["six==1.0"]\n')
    workshop.spec("one", "python: {project: {path: app}}")
    workshop.lock()
    assert "six stays at 1.0, though there is 2.0: the uv project needs it" in workshop.lock("--upgrade", "six")


def test_a_uv_project_with_packages_of_its_own_folders(workshop: Workshop) -> None:
    project = (
        '[project]\nname = "app"\nversion = "1"\ndependencies = ["lib"]\n[tool.uv.sources]\nlib = {path = "lib"}\n'
    )
    workshop.file("app/pyproject.toml", project)
    workshop.file("app/lib/pyproject.toml", '[project]\nname = "lib"\nversion = "1"\n')
    workshop.spec("one", "python: {project: {path: app}}")
    said = workshop.refused()
    assert "the project needs packages from folders of this machine, which no image has" in said
    assert "specs/one.yaml:3" in said
