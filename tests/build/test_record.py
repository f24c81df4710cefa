"""The record: what is written is read again, by whoever asks, whatever happened to the one who wrote."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from imagespec.build.record import Record, Remembered, home
from imagespec.image.made import Made
from tests.build.project import ROOT, until


def test_an_empty_folder_is_left_alone(tmp_path: Path) -> None:
    record = Record(tmp_path / ".imagespec")
    assert record.layer("local", "a") is None
    assert record.build("local", "spec.yaml") is None
    assert not record.passed("local", "a", "true")
    assert list(tmp_path.iterdir()) == []


def test_layers(tmp_path: Path) -> None:
    Record(tmp_path).add_layer("local", "a", "env", 1.5, "here")
    Record(tmp_path).add_layer("local", "a", "env", 2.5, "there")
    layer = Record(tmp_path).layer("local", "a")
    assert layer is not None
    assert (layer.op, layer.seconds, layer.place) == ("env", 2.5, "there")
    assert Record(tmp_path).layer("modal", "a") is None


def test_checks(tmp_path: Path) -> None:
    record = Record(tmp_path)
    record.add_check("local", "a", "import six", "printed")
    assert record.passed("local", "a", "import six")
    assert record.output("local", "a", "import six") == "printed"
    assert not record.passed("local", "b", "import six")
    record.forget_check("local", "a", "import six")
    assert not record.passed("local", "a", "import six")


def test_the_last_build_of_a_spec(tmp_path: Path) -> None:
    record = Record(tmp_path)
    record.add_build("local", "a.yaml", "digest", "key")
    build = record.build("local", "a.yaml")
    assert build is not None
    assert (build.image, build.place) == ("digest", "key")


def layers(*names: str) -> list[Remembered]:
    return [Remembered(Made(name, "env", {"vars": [[name, "1"]]}), 7) for name in names]


def test_what_the_last_build_of_a_spec_was_made_of(tmp_path: Path) -> None:
    record = Record(tmp_path)
    assert record.stack("local", "a.yaml") == ()
    record.add_build("local", "a.yaml", "b", "key", layers("a", "b"))
    assert [each.digest for each in record.stack("local", "a.yaml")] == ["a", "b"]
    record.add_build("local", "a.yaml", "c", "key", layers("a", "c"))
    assert record.stack("local", str(tmp_path / "a.yaml")) == ()
    assert record.stack("modal", "a.yaml") == ()
    assert record.stack("local", os.path.abspath("a.yaml")) == tuple(each.made for each in layers("a", "c"))


def test_a_build_whose_layers_nobody_remembers(tmp_path: Path) -> None:
    record = Record(tmp_path)
    record.add_build("local", "a.yaml", "b", "key", layers("a", "b"))
    record.add_build("local", "a.yaml", "c", "key")
    assert record.build("local", "a.yaml") is not None
    assert record.stack("local", "a.yaml") == ()


def test_experience(tmp_path: Path) -> None:
    record = Record(tmp_path)
    for digest, seconds in (("a", 2.0), ("b", 3.0), ("c", 0.0), ("d", None), ("never made", 9.0)):
        record.add_layer("local", digest, "env", seconds)
    record.add_layer("modal", "a", "env", 5.0)
    record.add_build("local", "a.yaml", "d", "key", layers("a", "b", "c", "d"))
    found = [(each.made.digest, each.seconds, each.bytes) for each in record.experience("local", "env")]
    assert found == [("b", 3.0, 7), ("a", 2.0, 7)]
    assert [each.made.arguments for each in record.experience("modal", "env")] == [{"vars": [["a", "1"]]}]
    assert record.experience("local", "workdir") == []


FIRST_FORMAT = """
CREATE TABLE layer (
    backend TEXT, digest TEXT, op TEXT, seconds REAL, place TEXT, at TEXT DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (backend, digest)
);
CREATE TABLE passed (
    backend TEXT, image TEXT, command TEXT, output TEXT, at TEXT DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (backend, image, command)
);
CREATE TABLE build (
    backend TEXT, spec TEXT, image TEXT, place TEXT, at TEXT DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (backend, spec)
);
INSERT INTO layer (backend, digest, op, seconds, place) VALUES ('local', 'a', 'env', 1.5, 'here');
INSERT INTO build (backend, spec, image, place) VALUES ('local', '/a.yaml', 'a', 'here');
"""


def test_a_record_of_the_version_before(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "record.sqlite") as database:
        database.executescript(FIRST_FORMAT)
    database.close()
    record = Record(tmp_path)
    layer, build = record.layer("local", "a"), record.build("local", "/a.yaml")
    assert layer is not None
    assert build is not None
    assert (layer.seconds, build.image, record.stack("local", "/a.yaml")) == (1.5, "a", ())
    assert record.experience("local", "env") == []
    record.add_build("local", "/a.yaml", "a", "here", layers("a"))
    assert record.stack("local", "/a.yaml") == (layers("a")[0].made,)
    assert [each.seconds for each in record.experience("local", "env")] == [1.5]


def test_the_version_before_builds_in_between(tmp_path: Path) -> None:
    record = Record(tmp_path)
    record.add_build("local", "/a.yaml", "b", "key", layers("a", "b"))
    with sqlite3.connect(record.path) as database:
        database.execute("INSERT OR REPLACE INTO build (backend, spec, image) VALUES ('local', '/a.yaml', 'c')")
    database.close()
    assert record.stack("local", "/a.yaml") == ()


def test_it_stays_out_of_the_repository(tmp_path: Path) -> None:
    Record(tmp_path / ".imagespec").add_layer("local", "a", "env", 0.0)
    assert (tmp_path / ".imagespec" / ".gitignore").read_text() == "*\n"


def test_a_damaged_record_says_so(tmp_path: Path) -> None:
    (tmp_path / "record.sqlite").write_text("no database at all, and long enough to be read as one" * 50)
    with pytest.raises(OSError, match="damaged"):
        Record(tmp_path).layer("local", "a")


def test_writers_at_the_same_time(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from imagespec.build.record import Record\n"
        "for i in range(30): Record(Path(sys.argv[1])).add_layer('local', f'{sys.argv[2]}-{i}', 'env', 0.0)"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(n)], cwd=ROOT) for n in range(4)]
    assert [writer.wait() for writer in writers] == [0, 0, 0, 0]
    assert all(Record(tmp_path).layer("local", f"{n}-{i}") for n in range(4) for i in range(30))


def test_a_writer_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys; from itertools import count; from pathlib import Path; from imagespec.build.record import Record\n"
        "for i in count(): Record(Path(sys.argv[1])).add_layer('local', str(i), 'env', 0.0)"
    )
    for _ in range(5):
        writer = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT)
        until(lambda: Record(tmp_path).layer("local", "5"), "a few entries")
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        Record(tmp_path).add_layer("local", "last", "env", 1.0)
        assert Record(tmp_path).layer("local", "last") is not None
        (tmp_path / "record.sqlite").unlink()
        (tmp_path / "record.sqlite-journal").unlink(missing_ok=True)


BUILDER = """
import sys
from pathlib import Path
from imagespec.build.record import Record, Remembered
from imagespec.image.made import Made
for i in range(int(sys.argv[3])):
    names = [f"{sys.argv[2]}-{i}-{n}" for n in range(20)]
    layers = [Remembered(Made(name, "env", {"vars": [[name, "x" * 500]]})) for name in names]
    for spec in ("shared.yaml", f"{sys.argv[2]}.yaml"):
        Record(Path(sys.argv[1])).add_build("local", spec, names[-1], "", layers)
"""


def builder(folder: Path, name: str, times: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", BUILDER, str(folder), name, str(times)], cwd=ROOT)


def whole(folder: Path, spec: str) -> bool:
    """A build stands in the record with all of its layers, and these are of one build."""
    record, path = Record(folder), str(ROOT / spec)
    stack, build = record.stack("local", path), record.build("local", path)
    of_one = {each.digest.rpartition("-")[0] for each in stack}
    return build is not None and len(stack) == 20 and len(of_one) == 1


def test_builds_at_the_same_time_on_a_record_of_the_version_before(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "record.sqlite") as database:
        database.executescript(FIRST_FORMAT)
    database.close()
    builders = [builder(tmp_path, str(number), 10) for number in range(4)]
    assert [each.wait() for each in builders] == [0, 0, 0, 0]
    assert all(whole(tmp_path, spec) for spec in ("shared.yaml", *(f"{number}.yaml" for number in range(4))))


def test_a_build_that_is_killed_while_it_is_recorded(tmp_path: Path) -> None:
    for number in range(5):
        process = builder(tmp_path, str(number), 100_000)
        until(lambda number=number: Record(tmp_path).build("local", str(ROOT / f"{number}.yaml")), "an entry")
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert whole(tmp_path, "shared.yaml")
        assert whole(tmp_path, f"{number}.yaml")


def test_home_is_beside_the_specs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "specs" / "examples").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert home([tmp_path / "specs" / "a.yaml"]) == tmp_path / ".imagespec"
    assert home([tmp_path / "specs" / "examples" / "a.yaml"]) == tmp_path / ".imagespec"
    assert home([Path("/nowhere.yaml")]) == tmp_path / "elsewhere" / ".imagespec"
