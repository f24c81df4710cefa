"""Every file of `tests/adopt/pins`, and what is read from it: operations in their order, and findings."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagespec.adopt.pins.files import drafts
from imagespec.adopt.pins.python_version import within
from imagespec.diagnostic import Source, Span
from tests.adopt.steps import text_of, well_placed

HERE = Path(__file__).parent / "pins"
BESIDE = {"nested.txt", "uv/uv.lock", "poetry/poetry.lock", "minimal/reqs.txt", "minimal/.python-version"}
BESIDE |= {"uv-path/uv.lock", "uv-sources/.python-version"}
"""What other files need."""

EVERY = (path.relative_to(HERE).as_posix() for path in HERE.rglob("*") if path.is_file() and path.suffix != ".golden")
CASES = sorted(set(EVERY) - BESIDE)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy, in which projects have their real names: here, the tools of this project would read them."""
    shutil.copytree(HERE, tmp_path / "pins")
    for path in (tmp_path / "pins").glob("*/project.toml"):
        path.rename(path.with_name("pyproject.toml"))
    monkeypatch.chdir(tmp_path / "pins")


@pytest.mark.parametrize("case", CASES)
def test_what_is_read(case: str, update: bool) -> None:
    read = drafts(Path(case.replace("/project.toml", "/pyproject.toml")))
    said, golden = text_of(read), HERE / f"{case}.golden"
    if update:
        golden.write_text(said, encoding="utf-8")
    assert said == golden.read_text(encoding="utf-8")
    well_placed(read)


def test_every_golden_text_has_a_file() -> None:
    golden = {path.relative_to(HERE).as_posix().removesuffix(".golden") for path in HERE.rglob("*.golden")}
    assert golden == set(CASES)


def python_of(case: str, python: str = "") -> tuple[object, list[str]]:
    (draft,) = drafts(Path(case), python=python)
    base = draft.operations[0]  # type: ignore[union-attr]
    return base.operation.python_version, [finding.code for finding in (*base.todo, *base.notes)]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("case", "python", "found"),
    [
        ("requirements.txt", "3.13", ("3.13", [])),
        ("plain/pyproject.toml", "3.13", ("3.13", [])),
        ("plain/pyproject.toml", "3.9", ("3.11", ["IS961", "IS961"])),
        ("conda-range.yml", "3.12", ("3.12", [])),
        ("conda-range.yml", "3.13", ("3.11", ["IS961", "IS961"])),
        ("environment.yml", "3.13", ("3.10.8", ["IS961"])),
        ("cog.yaml", "3.13", ("3.10", ["IS961"])),
        ("cog.yaml", "3.10.4", ("3.10.4", [])),
        ("uv/pyproject.toml", "3.13", ("3.12", ["IS961"])),
        ("minimal/cog.yaml", "3.13", ("3.13", [])),
        ("minimal/cog.yaml", "", ("3.11.4", [])),
    ],
)
def test_the_python_that_is_given_counts_where_the_file_leaves_it_open(
    case: str, python: str, found: tuple[str, list[str]]
) -> None:
    assert python_of(case, python) == found


def test_a_file_beside_chooses_within_the_range() -> None:
    for version, found in (("3.12", ("3.12", [])), ("3.9", ("3.11", ["IS961"])), ("cpython-3.13.1", ("3.13.1", []))):
        Path("plain/.python-version").write_text(f"{version}\n")
        assert python_of("plain/pyproject.toml") == found
    assert python_of("plain/pyproject.toml", "3.14") == ("3.14", [])


def test_a_version_that_is_none_is_said() -> None:
    Path("cog.yaml").write_text("build: {python_version: junk}")
    assert python_of("cog.yaml") == ("3.12", ["IS953"])


@pytest.mark.parametrize(
    ("wanted", "series"),
    [
        (">=3.10", "3.11"),
        ("^3.12", "3.12"),
        ("~3.12", "3.12"),
        ("3.13", "3.13"),
        ("3.13.*", "3.13"),
        (">=3.12.4", "3.12"),
        (">3.11,<3.14", "3.11"),
        ("!=3.11.*", "3.12"),
        ("*", "3.11"),
    ],
)
def test_the_lowest_python_that_a_range_allows(wanted: str, series: str) -> None:
    version, found = within(wanted, Span(Source(Path("x"))))
    one = wanted in ("~3.12", "3.13", "3.13.*")
    assert (version, [finding.code for finding in found]) == (series, [] if one else ["IS961"])


@pytest.mark.parametrize("wanted", ["<3.9", "==2.7", "^4", "latest", ">=3.99"])
def test_a_range_that_allows_none_is_said(wanted: str) -> None:
    series, (finding,) = within(wanted, Span(Source(Path("x"))))
    assert (series, finding.code) == ("3.12", "IS953")


PIECES = [
    *("build:", "dependencies:", "  - pip:", "    - six", "  run:", "- python=3.12", "[project]", "dependencies = ["),
    *("'six'", "]", "-r ", "-e .", "--pre", "six==1", "\\", "\n", "\n  ", ": ", "{", "}", "name: x", "&a", "*a", "\t"),
]  # fmt: skip
TEXTS = st.text(max_size=60) | st.lists(st.sampled_from(PIECES), max_size=25).map("".join)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS)
@pytest.mark.parametrize("name", ["requirements.txt", "environment.yml", "cog.yaml", "pyproject.toml"])
def test_no_text_makes_a_traceback(name: str, text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("any") / name
    path.write_text(text, encoding="utf-8")
    well_placed(drafts(path))


@pytest.mark.parametrize("name", ["requirements.txt", "environment.yml", "cog.yaml", "pyproject.toml", "other"])
@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"\0", b"a\xe9", b"[" * 100_000, b"x" * (2 << 20)])
def test_what_is_no_text_is_said(name: str, data: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    read = drafts(tmp_path / name)
    assert isinstance(read, tuple) or (name, data[:1]) == ("requirements.txt", b"[")
    well_placed(read)


def test_a_file_that_is_not_there_and_one_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "folder.txt").mkdir()
    for name in ("nowhere.txt", "folder.txt"):
        (finding,) = drafts(tmp_path / name)
        assert finding.code == "IS951"  # type: ignore[union-attr]
